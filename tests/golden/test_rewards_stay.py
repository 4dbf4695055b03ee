"""No change of the code changes a reward: every kind of it against numbers that were written down once."""

import json

import pytest
import torch

from tests.golden.cases import NUMBERS, cases, rewards_of

FROZEN = json.loads(NUMBERS.read_text(encoding="utf-8"))


@pytest.mark.parametrize("name", cases())
def test_a_reward_is_what_it_was(name):
    tolerance = 1e-6 if name.startswith("colour") else 1e-5
    now = rewards_of(name)
    assert now.keys() == FROZEN[name].keys()
    for key, values in now.items():
        torch.testing.assert_close(torch.tensor(values), torch.tensor(FROZEN[name][key]), atol=tolerance, rtol=0)


def test_every_frozen_reward_is_still_asked_for():
    assert set(cases()) == set(FROZEN)

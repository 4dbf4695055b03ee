"""The softmax of the goal over its rivals, against its definition in double precision."""

import math

import numpy as np
import pytest
import torch

from tests.toys import ColourEncoder, unit
from vlmrm import PromptSet, RewardModel, RewardSpec
from vlmrm.rewards.heads.softmax import softmax_over_negatives


@pytest.mark.parametrize("temperature", [0.01, 0.5, 20.0])
def test_softmax_is_its_definition(temperature):
    seen, goal, rivals = unit(20), unit(1, seed=1)[0], unit(3, seed=2)
    rewards = softmax_over_negatives(seen, goal, rivals, temperature=temperature)
    for frame, reward in zip(seen.double(), rewards, strict=True):
        powers = [math.exp(float(frame @ text.double()) / temperature) for text in (goal, *rivals)]
        assert float(reward) == pytest.approx(powers[0] / sum(powers), rel=1e-4, abs=1e-6)


def test_a_goal_among_equals_gets_its_share():
    goal = unit(1)[0]
    rewards = softmax_over_negatives(unit(5, seed=1), goal, goal.expand(3, -1), temperature=0.01)
    torch.testing.assert_close(rewards, torch.full((5,), 0.25))


def test_a_rival_that_is_added_never_raises_the_reward():
    seen, goal, rivals = unit(50), unit(1, seed=1)[0], unit(4, seed=2)
    fewer, more = (softmax_over_negatives(seen, goal, rivals[:k], temperature=0.2) for k in (3, 4))
    assert bool((more < fewer).all())


def test_the_models_own_temperature_counts_where_none_is_given():
    class Colder(ColourEncoder):
        logit_scale = 4.0

    frames = np.random.default_rng(0).integers(0, 256, (5, 8, 8, 3), dtype=np.uint8)

    def scores(encoder, **options):
        spec = RewardSpec(
            encoder="colour", prompts=PromptSet("red", negatives=["green", "blue"]), head="softmax", options=options
        )
        return RewardModel(encoder, spec).score(frames)

    torch.testing.assert_close(scores(Colder()), scores(ColourEncoder(), temperature=0.25))
    assert not torch.allclose(scores(Colder()), scores(ColourEncoder()))

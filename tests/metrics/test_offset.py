"""How much of a reward is offset."""

import numpy as np
import pytest

from vlmrm.errors import SpecError
from vlmrm.metrics import signal_to_offset


def test_it_is_the_deviation_over_the_size_of_the_mean():
    assert signal_to_offset([1.0, 3.0]) == 0.5
    assert signal_to_offset([-1.0, -3.0]) == 0.5


def test_scale_changes_nothing_and_an_offset_does():
    rewards = np.random.default_rng(0).normal(0.2, 0.01, 500)
    assert signal_to_offset(7 * rewards) == pytest.approx(signal_to_offset(rewards))
    assert signal_to_offset(rewards - 0.2) > 20 * signal_to_offset(rewards)


def test_a_constant_reward_has_no_signal_and_a_mean_of_zero_no_offset():
    assert signal_to_offset(np.full(10, 0.3)) == 0.0  # whose mean differs from 0.3 by rounding
    assert signal_to_offset([0.0, 0.0]) == 0.0
    assert signal_to_offset([-1.0, 1.0]) == np.inf


def test_no_rewards_are_refused():
    with pytest.raises(SpecError, match="at least one"):
        signal_to_offset([])
    with pytest.raises(SpecError, match="1 of 2 rewards are NaN"):
        signal_to_offset([0.1, np.inf])

"""What the tuners lower."""

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from vlmrm.fitting.tuning.train import ranking_loss

NUMBERS = st.lists(st.floats(-2, 2, width=32), min_size=2, max_size=6)


def slow(rewards, labels, temperature):
    """Pair by pair."""
    pairs = [
        math.log1p(math.exp((worse - better) / temperature))
        for better, good in zip(rewards, labels, strict=True)
        for worse, bad in zip(rewards, labels, strict=True)
        if good > bad
    ]
    return sum(pairs) / len(pairs)


@given(NUMBERS, st.integers(0, 5), st.sampled_from([0.1, 1.0, 3.0]))
def test_it_is_the_mean_over_all_pairs_of_a_better_and_a_worse_frame(rewards, first, temperature):
    labels = [((index + first) % 3) / 2 for index in range(len(rewards))]  # progress: 0, 0.5 and 1
    loss = ranking_loss(torch.tensor(rewards), torch.tensor(labels), temperature=temperature)
    assert float(loss) == pytest.approx(slow(rewards, labels, temperature), rel=1e-4, abs=1e-6)


def test_it_is_log_2_where_all_rewards_are_the_same_and_near_0_where_better_ones_are_far_higher():
    labels = torch.tensor([1.0, 0.0, 0.5])
    assert float(ranking_loss(torch.zeros(3), labels, temperature=0.1)) == pytest.approx(math.log(2))
    assert float(ranking_loss(20 * labels, labels, temperature=1.0)) < 1e-4
    assert float(ranking_loss(-20 * labels, labels, temperature=1.0)) > 10


def test_the_scale_of_rewards_does_not_matter_beside_the_temperature():
    rewards, labels = torch.tensor([0.3, 0.1, 0.7]), torch.tensor([1.0, 0.0, 0.0])
    small, large = (ranking_loss(scale * rewards, labels, temperature=scale) for scale in (1.0, 50.0))
    torch.testing.assert_close(small, large)
    torch.testing.assert_close(ranking_loss(rewards + 9, labels, temperature=1.0), small)


def test_its_gradient_raises_better_frames_and_lowers_worse_ones():
    rewards = torch.tensor([0.2, 0.5, 0.4], requires_grad=True)
    ranking_loss(rewards, torch.tensor([1.0, 0.5, 0.0]), temperature=0.3).backward()
    best, _, worst = (-rewards.grad).tolist()
    assert best > 0 > worst

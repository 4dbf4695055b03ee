"""Rewards of what a step has gained: sums over an episode, and plans that stay the better ones."""

import pytest
import torch

from tests.toys import random_colours, red_reward
from vlmrm.rewards.features import FrameFeatures
from vlmrm.rewards.over_time.shaping import Shaping
from vlmrm.rewards.stream import episode_rewards


def test_differences_add_up_to_what_the_episode_has_gained():
    reward, frames = red_reward(over_time={"kind": "difference"}), random_colours(16)
    scores = red_reward().score(frames)
    torch.testing.assert_close(reward.score_episode(frames, terminated=True).sum(), scores[-1] - scores[0])


def test_shaping_is_gamma_times_the_next_score_less_the_last_and_adds_up_to_a_constant():
    """With discount 0.9: the sum of 0.9^t F(t) is 0.9^T m(T) - m(0), and where the episode terminates -m(0)."""
    frames = random_colours(16)
    scores = red_reward().score(frames).double()
    for terminated in (False, True):
        paid = (
            red_reward(over_time={"kind": "shaping", "gamma": 0.9})
            .score_episode(frames, terminated=terminated)
            .double()
        )
        last = 0.0 if terminated else 0.9**15 * scores[-1]
        discounted = sum(0.9**t * reward for t, reward in enumerate(paid))
        assert float(discounted) == pytest.approx(float(last - scores[0]), abs=1e-5)
        assert float(paid[3]) == pytest.approx(float(0.9 * scores[4] - scores[3]), abs=1e-6)


def test_shaping_changes_no_optimal_action():
    """Two steps, two actions each: with any potential the better plan stays the better one, here by the same margin."""
    potential = {"start": 0.1, "left": 0.9, "right": 0.0, "end": 0.0}
    plans = {("left",): 1.0, ("right",): 1.5}  # the environment's own discounted return of each plan
    gamma, shaped = 0.9, {}
    for (middle,), own in plans.items():
        scores = torch.tensor([[potential[state]] for state in ("start", middle, "end")])
        shaping = Shaping(lambda seen: seen.embeddings[:, 0], gamma=gamma)
        paid = episode_rewards(shaping, FrameFeatures(embeddings=scores), terminated=True)
        shaped[middle] = own + float(paid[0] + gamma * paid[1])
    assert shaped["right"] - shaped["left"] == pytest.approx(0.5, abs=1e-6)

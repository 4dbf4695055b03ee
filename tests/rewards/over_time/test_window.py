"""The score of the mean of the last frames."""

import pytest
import torch

from tests.toys import random_colours, red_reward


def test_a_window_is_the_head_on_the_mean_of_its_frames():
    reward, frames = red_reward(over_time={"kind": "window", "length": 4}), random_colours(10)
    embeddings = reward.encoder.embed_frames(frames).double()
    for t, paid in enumerate(reward.score_episode(frames), start=1):
        mean = embeddings[max(0, t - 3) : t + 1].mean(dim=0)
        assert float(paid) == pytest.approx(float(mean[0] / mean.norm()), abs=1e-6)


def test_a_mean_over_frames_cannot_tell_their_order():
    """The control for milestones: a window as long as the episode gives every order of its frames the same end."""
    reward = red_reward(over_time={"kind": "window", "length": 6})
    frames = random_colours(6)
    ends = [reward.score_episode(frames[torch.randperm(6)])[-1] for _ in range(4)]
    torch.testing.assert_close(torch.stack(ends), ends[0].expand(4))

"""The score of the mean of the last frames."""

import pytest
import torch

from tests.toys import ColourEncoder
from vlmrm import PromptSet, RewardModel, RewardSpec

GOALS = PromptSet("red", negatives=["green", "blue"])


def model(**changes):
    spec = RewardSpec(**{"encoder": "colour", "prompts": GOALS, "alpha": 0.0} | changes)
    return RewardModel(ColourEncoder(), spec)


def episode(steps, seed=0):
    generator = torch.Generator().manual_seed(seed)
    colours = torch.randint(0, 256, (steps + 1, 1, 1, 3), generator=generator, dtype=torch.uint8)
    return colours.expand(-1, 8, 8, 3).contiguous()


def test_a_window_is_the_head_on_the_mean_of_its_frames():
    reward, frames = model(over_time={"kind": "window", "length": 4}), episode(9)
    embeddings = reward.encoder.embed_frames(frames).double()
    for t, paid in enumerate(reward.score_episode(frames), start=1):
        mean = embeddings[max(0, t - 3) : t + 1].mean(dim=0)
        assert float(paid) == pytest.approx(float(mean[0] / mean.norm()), abs=1e-6)


def test_a_mean_over_frames_cannot_tell_their_order():
    """The control for milestones: a window as long as the episode gives every order of its frames the same end."""
    reward = RewardModel(
        ColourEncoder(),
        RewardSpec(encoder="colour", prompts=GOALS, alpha=0.0, over_time={"kind": "window", "length": 6}),
    )
    frames = episode(5)
    ends = [reward.score_episode(frames[torch.randperm(6)])[-1] for _ in range(4)]
    torch.testing.assert_close(torch.stack(ends), ends[0].expand(4))

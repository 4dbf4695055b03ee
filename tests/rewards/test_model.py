import numpy as np
import pytest
import torch

from tests.toys import ColourEncoder
from vlmrm import PromptSet, RewardModel, RewardSpec
from vlmrm.errors import EncoderError, FrameError, SpecError

RED = RewardSpec(encoder="colour", prompts=PromptSet("red", "grey"), alpha=0.5)


def frames(n, seed=0):
    return np.random.default_rng(seed).integers(0, 256, (n, 8, 8, 3), dtype=np.uint8)


@pytest.fixture
def reward():
    return RewardModel(ColourEncoder(), RED)


def test_score_is_the_head_on_the_embeddings(reward):
    batch = frames(5)
    torch.testing.assert_close(reward.score(batch), reward.head(reward.embed(batch)))


def test_how_frames_are_split_into_batches_never_changes_a_reward(reward):
    batch = frames(10)
    whole = reward.score(batch)
    for size in (1, 3, 7):
        parts = torch.cat([reward.score(batch[i : i + size]) for i in range(0, 10, size)])
        torch.testing.assert_close(parts, whole)


def test_several_sentences_count_as_the_unit_vector_in_their_middle():
    """An earlier system did not bring the mean back to unit length, and at alpha 0 it was no cosine any more."""
    encoder = ColourEncoder()
    prompts = PromptSet(["red", "green"], ["blue", "black"])
    middle = {name: sum(encoder.embed_texts(list(texts)).double()) for name, texts in vars(prompts).items() if texts}
    goal, baseline = (middle[name] / middle[name].norm() for name in ("goal", "baseline"))
    embedded = encoder.embed_frames(torch.from_numpy(frames(20))).double()
    for alpha in (0.0, 0.3, 1.0):
        reward = RewardModel(encoder, RewardSpec(encoder="colour", prompts=prompts, alpha=alpha))
        direction = (goal - baseline) / (goal - baseline).norm()
        matrix = alpha * torch.outer(direction, direction) + (1 - alpha) * torch.eye(len(direction))
        expected = 1 - 0.5 * ((embedded - goal) @ matrix).square().sum(dim=1)
        torch.testing.assert_close(reward.score(frames(20)).double(), expected, atol=1e-6, rtol=0)


def test_several_alphas_share_one_embedding(reward):
    table = reward.score_alphas(frames(4), [0.0, 0.5, 1.0])
    assert table.shape == (3, 4)
    torch.testing.assert_close(table[1], reward.score(frames(4)))


def test_without_a_baseline_only_alpha_zero_can_be_asked_for():
    cosine = RewardModel(ColourEncoder(), RewardSpec(encoder="colour", prompts=PromptSet("red"), alpha=0.0))
    assert cosine.score_alphas(frames(4), [0.0]).shape == (1, 4)
    with pytest.raises(SpecError, match="no baseline"):
        cosine.score_alphas(frames(4), [0.0, 0.5])


@pytest.mark.parametrize("bad", [np.zeros((2, 8, 8)), np.zeros((2, 8, 8, 4), np.uint8), None, []])
def test_what_is_no_frame_is_refused(reward, bad):
    with pytest.raises(FrameError):
        reward.score(bad)


class NanEncoder(ColourEncoder):
    """Gives NaN for frames, as fp16 does where it overflows."""

    def embed_frames(self, frames):
        return super().embed_frames(frames) * float("nan")


def test_nan_from_the_encoder_stops_here_and_not_in_the_policy():
    reward = RewardModel(NanEncoder(), RED)
    with pytest.raises(EncoderError, match="NaN or infinity for 3 of 3"):
        reward.score(frames(3))

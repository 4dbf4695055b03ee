"""Crops of a frame, whose mean is embedded."""

import numpy as np
import pytest
import torch

from tests.contracts.encoder_contract import EncoderContract
from tests.toys import SIZE_PX, ColourEncoder, CountingEnv
from vlmrm import PromptSet, RewardModel, RewardSpec
from vlmrm.encoders.views import ViewEncoder
from vlmrm.errors import SpecError
from vlmrm.wrappers import VLMReward


@pytest.fixture(scope="module")
def encoder():
    return ViewEncoder(ColourEncoder(), scales=[1.0, 0.5], positions="corners")


class TestViews(EncoderContract):
    sentences = ("red", "green", "blue")


def framed(size, *, inside):
    """Black, with a red square of a share of the side in the middle."""
    frame = torch.zeros(1, size, size, 3, dtype=torch.uint8)
    edge = round(size * (1 - inside) / 2)
    frame[:, edge : size - edge, edge : size - edge, 0] = 255
    return frame


def test_one_view_of_the_whole_frame_is_the_encoder_itself():
    frames = torch.randint(0, 256, (5, 20, 30, 3), generator=torch.Generator().manual_seed(0), dtype=torch.uint8)
    torch.testing.assert_close(
        ViewEncoder(ColourEncoder(), scales=[1.0]).embed_frames(frames), ColourEncoder().embed_frames(frames)
    )


def test_the_mean_is_of_the_embeddings_of_the_crops():
    views = ViewEncoder(ColourEncoder(), scales=[1.0, 0.5])
    assert views.size_px == 2 * SIZE_PX
    frame = framed(views.size_px, inside=0.5)
    whole, middle = ColourEncoder().embed_frames(torch.cat([frame])), ColourEncoder().embed_frames(frame[:, 4:12, 4:12])
    expected = torch.nn.functional.normalize(whole + middle, dim=1)
    torch.testing.assert_close(views.embed_frames(frame), expected)
    assert float(middle[0, 0]) == pytest.approx(1)


def test_a_small_thing_in_a_corner_counts_more_where_the_corners_are_looked_at():
    frame = torch.zeros(1, 2 * SIZE_PX, 2 * SIZE_PX, 3, dtype=torch.uint8)
    frame[:, :SIZE_PX, :SIZE_PX, 0] = 255
    centre, corners = (
        float(ViewEncoder(ColourEncoder(), scales=[1.0, 0.5], positions=where).embed_frames(frame)[0, 0])
        for where in ("centre", "corners")
    )
    assert corners > centre > float(ColourEncoder().embed_frames(frame)[0, 0]) - 0.01


@pytest.mark.parametrize(("positions", "views"), [("centre", 3), ("corners", 11)])
def test_views_are_counted_and_the_whole_frame_has_no_corners(positions, views):
    encoder = ColourEncoder()
    several = ViewEncoder(encoder, scales=[1.0, 0.8, 0.5], positions=positions)
    several.embed_frames(framed(16, inside=0.5))
    assert several.views == len(encoder.batches) == views


def test_a_reward_with_views_captures_frames_large_enough_for_the_smallest_crop():
    spec = RewardSpec(encoder="colour", prompts=PromptSet("red"), alpha=0.0, views={"scales": [1.0, 0.4]})
    reward = RewardModel(ColourEncoder(), spec)
    assert RewardSpec.from_dict(spec.to_dict()) == spec
    env = VLMReward(CountingEnv((3,), size=(40, 40)), reward)
    env.reset()
    _, paid, _, _, info = env.step(0)
    assert info["frame"].shape == (20, 20, 3)
    assert paid == pytest.approx(40 / 255, abs=1e-6)  # one colour, so every crop is the same
    standardized = reward.standardize(np.stack([info["frame"], 255 - info["frame"]]))
    assert standardized.encoder.views == 2  # and not crops of crops
    without = reward.with_spec(RewardSpec(encoder="colour", prompts=PromptSet("red"), alpha=0.0))
    assert without.encoder.size_px == SIZE_PX


@pytest.mark.parametrize(
    ("views", "message"),
    [
        ({}, None),
        ({"scales": []}, "scales are sides of crops"),
        ({"scales": [1.0, 1.5]}, "above 0 to 1; got"),
        ({"scales": [0]}, "above 0 to 1; got"),
        ({"scales": [1.0], "positions": "everywhere"}, "unknown positions 'everywhere'"),
        ({"scale": [1.0]}, "views has no option 'scale'. Near: scales"),
        ({"positions": "centre"}, "views needs 'scales'"),
    ],
)
def test_views_that_cannot_be_meant_are_refused(views, message):
    def build():
        spec = RewardSpec(encoder="colour", prompts=PromptSet("red"), alpha=0.0, views=views)
        return RewardModel(ColourEncoder(), spec)

    if message is None:
        assert not isinstance(build().encoder, ViewEncoder)
        return
    with pytest.raises(SpecError, match=message):
        build()

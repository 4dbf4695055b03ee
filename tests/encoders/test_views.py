"""Crops of a frame, whose mean is embedded."""

import copy

import numpy as np
import pytest
import torch
import vlmrm_envs as envs

from tests.contracts.encoder_contract import EncoderContract
from tests.toys import SIZE_PX, ColourEncoder, CountingEnv
from vlmrm import PromptSet, RewardModel, RewardSpec
from vlmrm.encoders import load_encoder
from vlmrm.encoders.open_clip.encoder import OpenClipEncoder
from vlmrm.encoders.towers.attention import attention_map, place_crops
from vlmrm.encoders.views import ViewEncoder
from vlmrm.errors import EncoderError, OutOfDomainWarning, SpecError
from vlmrm.wrappers import VLMReward


@pytest.fixture(scope="module")
def encoder():
    return ViewEncoder(ColourEncoder(), scales=[1.0, 0.5], positions="corners")


class TestViews(EncoderContract):
    sentences = ("red", "green", "blue")

    @pytest.fixture
    def twin(self):
        return ViewEncoder(ColourEncoder(), scales=[1.0, 0.5], positions="corners")


class TestViewsWhereTheEncoderLooks(EncoderContract):
    @pytest.fixture
    def encoder(self, sim_s):
        return ViewEncoder(sim_s, scales=[1.0, 0.5], positions="attention")

    @pytest.fixture
    def twin(self):
        return ViewEncoder(OpenClipEncoder.load("sim-s", device="cpu"), scales=[1.0, 0.5], positions="attention")


@pytest.fixture(scope="module")
def sim_s():
    """Without its guard, to which crops and noise are strange."""
    return OpenClipEncoder.load("sim-s", device="cpu")


@pytest.fixture(scope="module")
def cart_poles():
    return envs.labelled_frames("cartpole/upright", 6, seed=0, size_px=192).frames


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


@pytest.mark.parametrize("scales", [[1.0, 0.5], [0.5], [1, 1.0], [0.7, 1.0, 0.5]])
def test_attentive_views_are_the_mean_of_the_frame_and_of_crops_where_the_encoder_looks(sim_s, cart_poles, scales):
    views = ViewEncoder(sim_s, scales=scales, positions="attention")
    frames = views.preprocessing.resize(cart_poles)
    maps, total = attention_map(sim_s, frames), torch.zeros(6, sim_s.dim)
    for scale in scales:
        side = round(scale * views.size_px)
        for i, (top, left) in enumerate(place_crops(maps, size_px=views.size_px, side_px=side).tolist()):
            total[i] += sim_s.embed_frames(frames[i : i + 1, top : top + side, left : left + side])[0]
    torch.testing.assert_close(
        views.embed_frames(cart_poles), torch.nn.functional.normalize(total, dim=1), atol=1e-5, rtol=0
    )
    assert views.views == len(scales)


def test_attentive_crops_follow_what_moves(sim_s, cart_poles):
    """The cart is somewhere else in each frame, which a crop in the middle would not care for."""
    places = place_crops(attention_map(sim_s, cart_poles), size_px=192, side_px=96)
    assert len({tuple(place) for place in places.tolist()}) > 1


@pytest.mark.parametrize(("scales", "passes"), [([1.0, 0.5], 2), ([0.5], 2), ([1.0, 0.7, 0.5], 3)])
def test_attention_costs_a_pass_only_where_the_whole_frame_is_not_a_view(sim_s, cart_poles, scales, passes):
    seen = []
    counter = sim_s.model.visual.register_forward_hook(lambda _, pixels, __: seen.append(len(pixels[0])))
    ViewEncoder(sim_s, scales=scales, positions="attention").embed_frames(cart_poles)
    counter.remove()
    assert seen == [6] * passes


def test_attentive_crops_of_a_frame_never_depend_on_its_company(sim_s, cart_poles):
    views = ViewEncoder(sim_s, scales=[1.0, 0.6], positions="attention")
    alone = torch.cat([views.embed_frames(one) for one in cart_poles.split(1)])
    torch.testing.assert_close(views.embed_frames(cart_poles), alone, atol=1e-5, rtol=0)


def test_a_reward_takes_attentive_views_from_its_spec():
    prompts = PromptSet("a pole held vertically upright", "a pole on its cart")
    spec = RewardSpec(encoder="sim-s", prompts=prompts, views={"scales": [1.0, 0.5], "positions": "attention"})
    assert RewardSpec.from_dict(spec.to_dict()) == spec
    reward = spec.build("cpu")
    frames = envs.labelled_frames("cartpole/upright", 8, seed=1, size_px=reward.encoder.size_px).frames
    before = copy.deepcopy(frames)
    rewards = reward.score(frames)
    assert rewards.shape == (8,)
    assert float(rewards.std()) > 0.01
    assert torch.equal(frames, before)
    plain = RewardSpec(encoder="sim-s", prompts=prompts, views={"scales": [1.0, 0.5]}).build("cpu").score(frames)
    assert not torch.equal(plain, rewards)


def test_attentive_views_of_an_encoder_without_attention_are_refused_when_they_are_made():
    with pytest.raises(EncoderError, match=r'\'colour\' is not a model of OpenCLIP.*positions="centre" or "corners"'):
        ViewEncoder(ColourEncoder(), scales=[1.0, 0.5], positions="attention")


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


def test_a_crop_of_a_known_scene_is_no_strange_frame():
    """Warnings are errors here; crops of this corner would be taken for another world."""
    frames = envs.labelled_frames("cartpole/upright", 4, seed=0, size_px=160).frames
    encoder = load_encoder("sim-m", device="cpu")
    with pytest.warns(OutOfDomainWarning):
        load_encoder("sim-m", device="cpu").embed_frames(frames[:, :80, :80].contiguous())
    ViewEncoder(encoder, scales=[1.0, 0.5], positions="corners").embed_frames(frames)

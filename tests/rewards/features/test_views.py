"""Crops of a frame, whose mean is scored."""

import copy
import pickle

import numpy as np
import pytest
import torch
import vlmrm_envs as envs

from tests.toys import SIZE_PX, ColourEncoder, CountingEnv
from vlmrm import PromptSet, RewardModel, RewardSpec
from vlmrm.encoders import load_encoder
from vlmrm.encoders.open_clip.encoder import OpenClipEncoder
from vlmrm.encoders.towers.attention import embed_with_attention, place_crops
from vlmrm.errors import EncoderError, OutOfDomainWarning, SpecError
from vlmrm.fitting import standardize
from vlmrm.rewards.features import FeatureExtractor, FrameFeatures
from vlmrm.rewards.features.plain import PlainFeatures
from vlmrm.rewards.features.views import CropFeatures, ViewsOptions
from vlmrm.wrappers import VLMReward


def crops_of(encoder, **options):
    return CropFeatures(encoder, ViewsOptions(**options))


class OtherColours(ColourEncoder):
    fingerprint = "other-colours"


def noise(size_px, n=7):
    generator = torch.Generator().manual_seed(0)
    return torch.randint(0, 256, (n, size_px, size_px, 3), generator=generator, dtype=torch.uint8)


@pytest.fixture(scope="module")
def sim_s():
    """Without a domain, to which noise is strange."""
    encoder = OpenClipEncoder.load("sim-s", device="cpu")
    encoder.domain = None
    return encoder


@pytest.fixture(scope="module")
def cart_poles():
    return envs.labelled_frames("cartpole/upright", 6, seed=0, size_px=192).frames


def framed(size, *, inside):
    """Black, with a red square of a share of the side in the middle."""
    frame = torch.zeros(1, size, size, 3, dtype=torch.uint8)
    edge = round(size * (1 - inside) / 2)
    frame[:, edge : size - edge, edge : size - edge, 0] = 255
    return frame


class TestAsAnExtractor:
    """What encoders must do (`tests.contracts.encoder_contract`), of crops in fixed places and of those that move."""

    @pytest.fixture(params=["corners", "attention"])
    def crops(self, request, sim_s):
        encoder = ColourEncoder() if request.param == "corners" else sim_s
        return crops_of(encoder, scales=[1.0, 0.5], positions=request.param)

    def test_it_has_every_part_of_an_extractor(self, crops):
        assert isinstance(crops, FeatureExtractor)

    def test_frames_become_float32_rows_of_unit_length_on_the_cpu(self, crops):
        seen = crops.read(noise(crops.preprocessing.size_px))
        for rows in (seen.embeddings, seen.extra["crops"]):
            assert (len(rows), rows.dtype, rows.device.type, rows.requires_grad) == (7, torch.float32, "cpu", False)
            torch.testing.assert_close(rows.norm(dim=-1), torch.ones(rows.shape[:-1]), atol=1e-4, rtol=0)
        assert seen.extra["crops"].shape == (7, crops.count, seen.embeddings.shape[1])

    @pytest.mark.parametrize("size", [1, 2, 3])
    def test_the_size_of_the_batch_never_changes_a_frames_row(self, crops, size):
        frames = noise(crops.preprocessing.size_px)
        split = FrameFeatures.join([crops.read(part) for part in frames.split(size)])
        whole = crops.read(frames)
        torch.testing.assert_close(split.embeddings, whole.embeddings, atol=1e-4, rtol=0)
        torch.testing.assert_close(split.extra["crops"], whole.extra["crops"], atol=1e-4, rtol=0)

    def test_the_same_frames_give_the_same_rows_and_rows_keep_their_order(self, crops):
        frames = noise(crops.preprocessing.size_px)
        rows = crops.read(frames).embeddings
        assert torch.equal(crops.read(frames).embeddings, rows)
        torch.testing.assert_close(crops.read(frames.flip(0)).embeddings.flip(0), rows, atol=1e-4, rtol=0)

    def test_a_frame_shrunk_beforehand_has_the_same_row(self, crops):
        frames = noise(2 * crops.preprocessing.size_px, n=2)
        shrunk = crops.preprocessing.resize(frames)
        assert shrunk.shape[1:3] == (crops.preprocessing.size_px,) * 2
        torch.testing.assert_close(crops.read(shrunk).embeddings, crops.read(frames).embeddings, atol=1e-4, rtol=0)

    def test_the_frames_given_stay_as_they_are(self, crops):
        frames = noise(crops.preprocessing.size_px)
        before = frames.clone()
        crops.read(frames)
        assert torch.equal(frames, before)


def test_the_fingerprint_says_encoder_scales_and_positions_and_stays_as_it_is():
    plain, other = {"scales": [1.0, 0.5]}, OtherColours()
    kinds = [plain, {"scales": [1.0, 0.25]}, plain | {"positions": "corners"}]
    marks = [crops_of(ColourEncoder(), **kind).fingerprint for kind in kinds]
    assert len({*marks, crops_of(other, **plain).fingerprint, PlainFeatures(ColourEncoder()).fingerprint}) == 5
    again = crops_of(ColourEncoder(), **plain)
    again.read(noise(16))
    assert again.fingerprint == marks[0]


def test_the_preprocessing_can_be_sent_to_another_process():
    preprocessing = crops_of(ColourEncoder(), scales=[1.0, 0.5]).preprocessing
    assert pickle.loads(pickle.dumps(preprocessing)) == preprocessing


def test_nan_of_one_crop_is_an_error():
    class Nan(ColourEncoder):
        def embed_frames(self, frames):
            return super().embed_frames(frames) * float("nan")

    with pytest.raises(EncoderError, match="NaN or infinity for 4 of 4"):  # two crops of two frames
        crops_of(Nan(), scales=[1.0, 0.5]).read(noise(16, n=2))


def test_one_view_of_the_whole_frame_is_the_encoder_itself():
    frames = torch.randint(0, 256, (5, 20, 30, 3), generator=torch.Generator().manual_seed(0), dtype=torch.uint8)
    seen = crops_of(ColourEncoder(), scales=[1.0]).read(frames)
    torch.testing.assert_close(seen.embeddings, ColourEncoder().embed_frames(frames))
    torch.testing.assert_close(seen.extra["crops"][:, 0], ColourEncoder().embed_frames(frames))


def test_the_mean_is_of_the_embeddings_of_the_crops():
    views = crops_of(ColourEncoder(), scales=[1.0, 0.5])
    assert views.preprocessing.size_px == 2 * SIZE_PX
    frame = framed(2 * SIZE_PX, inside=0.5)
    whole, middle = ColourEncoder().embed_frames(torch.cat([frame])), ColourEncoder().embed_frames(frame[:, 4:12, 4:12])
    expected = torch.nn.functional.normalize(whole + middle, dim=1)
    seen = views.read(frame)
    torch.testing.assert_close(seen.embeddings, expected)
    torch.testing.assert_close(seen.extra["crops"], torch.stack([whole, middle], dim=1))
    assert float(middle[0, 0]) == pytest.approx(1)


def test_a_small_thing_in_a_corner_counts_more_where_the_corners_are_looked_at():
    frame = torch.zeros(1, 2 * SIZE_PX, 2 * SIZE_PX, 3, dtype=torch.uint8)
    frame[:, :SIZE_PX, :SIZE_PX, 0] = 255
    centre, corners = (
        float(crops_of(ColourEncoder(), scales=[1.0, 0.5], positions=where).read(frame).embeddings[0, 0])
        for where in ("centre", "corners")
    )
    assert corners > centre > float(ColourEncoder().embed_frames(frame)[0, 0]) - 0.01


@pytest.mark.parametrize(("positions", "views"), [("centre", 3), ("corners", 11)])
def test_views_are_counted_and_the_whole_frame_has_no_corners(positions, views):
    encoder = ColourEncoder()
    several = crops_of(encoder, scales=[1.0, 0.8, 0.5], positions=positions)
    assert several.read(framed(16, inside=0.5)).extra["crops"].shape == (1, views, 4)
    assert several.count == len(encoder.batches) == views


@pytest.mark.parametrize("scales", [[1.0, 0.5], [0.5], [1, 1.0], [0.7, 1.0, 0.5]])
def test_attentive_views_are_the_mean_of_the_frame_and_of_crops_where_the_encoder_looks(sim_s, cart_poles, scales):
    views = crops_of(sim_s, scales=scales, positions="attention")
    frames = views.preprocessing.resize(cart_poles)
    maps, total = embed_with_attention(sim_s, frames)[1], torch.zeros(6, sim_s.dim)
    for scale in scales:
        side = round(scale * views.preprocessing.size_px)
        places = place_crops(maps, size_px=views.preprocessing.size_px, side_px=side).tolist()
        for i, (top, left) in enumerate(places):
            total[i] += sim_s.embed_frames(frames[i : i + 1, top : top + side, left : left + side])[0]
    seen = views.read(cart_poles)
    torch.testing.assert_close(seen.embeddings, torch.nn.functional.normalize(total, dim=1), atol=1e-5, rtol=0)
    assert seen.extra["crops"].shape == (6, len(scales), sim_s.dim)


def test_attentive_crops_follow_what_moves(sim_s, cart_poles):
    """The cart is somewhere else in each frame, which a crop in the middle would not care for."""
    places = place_crops(embed_with_attention(sim_s, cart_poles)[1], size_px=192, side_px=96)
    assert len({tuple(place) for place in places.tolist()}) > 1


@pytest.mark.parametrize(("scales", "passes"), [([1.0, 0.5], 2), ([0.5], 2), ([1.0, 0.7, 0.5], 3)])
def test_attention_costs_a_pass_only_where_the_whole_frame_is_not_a_view(sim_s, cart_poles, scales, passes):
    seen = []
    counter = sim_s.model.visual.register_forward_hook(lambda _, pixels, __: seen.append(len(pixels[0])))
    crops_of(sim_s, scales=scales, positions="attention").read(cart_poles)
    counter.remove()
    assert seen == [6] * passes


def test_attentive_crops_of_a_frame_never_depend_on_its_company(sim_s, cart_poles):
    views = crops_of(sim_s, scales=[1.0, 0.6], positions="attention")
    alone = FrameFeatures.join([views.read(one) for one in cart_poles.split(1)])
    torch.testing.assert_close(views.read(cart_poles).embeddings, alone.embeddings, atol=1e-5, rtol=0)


def test_a_reward_takes_attentive_views_from_its_spec():
    prompts = PromptSet("a pole held vertically upright", "a pole on its cart")
    spec = RewardSpec(encoder="sim-s", prompts=prompts, views={"scales": [1.0, 0.5], "positions": "attention"})
    assert RewardSpec.from_dict(spec.to_dict()) == spec
    reward = RewardModel.from_spec(spec, device="cpu")
    assert reward.capture.size_px == 2 * reward.encoder.size_px
    frames = envs.labelled_frames("cartpole/upright", 8, seed=1, size_px=reward.capture.size_px).frames
    before = copy.deepcopy(frames)
    rewards = reward.score(frames)
    assert rewards.shape == (8,)
    assert float(rewards.std()) > 0.01
    assert torch.equal(frames, before)
    centred = RewardSpec(encoder="sim-s", prompts=prompts, views={"scales": [1.0, 0.5]})
    assert not torch.equal(reward.with_spec(centred).score(frames), rewards)


def test_attentive_views_of_an_encoder_without_attention_are_refused_when_they_are_made():
    with pytest.raises(EncoderError, match=r'\'colour\' is not a model of OpenCLIP.*positions="centre" or "corners"'):
        crops_of(ColourEncoder(), scales=[1.0, 0.5], positions="attention")


def test_a_reward_with_views_captures_frames_large_enough_for_the_smallest_crop():
    spec = RewardSpec(encoder="colour", prompts=PromptSet("red"), alpha=0.0, views={"scales": [1.0, 0.4]})
    reward = RewardModel(ColourEncoder(), spec)
    assert RewardSpec.from_dict(spec.to_dict()) == spec
    env = VLMReward(CountingEnv((3,), size=(40, 40)), reward)
    env.reset()
    _, paid, _, _, info = env.step(0)
    assert info["frame"].shape == (20, 20, 3)
    assert paid == pytest.approx(40 / 255, abs=1e-6)  # one colour, so every crop is the same
    frames = np.stack([info["frame"], 255 - info["frame"]])
    assert standardize(reward, frames).read(frames).extra["crops"].shape == (2, 2, 4)  # and not crops of crops
    without = reward.with_spec(RewardSpec(encoder="colour", prompts=PromptSet("red"), alpha=0.0))
    assert (reward.capture.size_px, without.capture.size_px) == (20, SIZE_PX)


@pytest.mark.parametrize(
    ("views", "message"),
    [
        ({}, None),
        ({"scales": []}, "scales are sides of crops"),
        ({"scales": [1.0, 1.5]}, "above 0 to 1; got"),
        ({"scales": [0]}, "above 0 to 1; got"),
        ({"scales": [1.0], "positions": "everywhere"}, "unknown views.positions 'everywhere'"),
        ({"scale": [1.0]}, "unknown key views.scale. Near: scales"),
        ({"positions": "centre"}, "views.scales is missing"),
    ],
)
def test_views_that_cannot_be_meant_are_refused(views, message):
    def build():
        spec = RewardSpec(encoder="colour", prompts=PromptSet("red"), alpha=0.0, views=views)
        return RewardModel(ColourEncoder(), spec)

    if message is None:
        assert build().spec.views is None
        return
    with pytest.raises(SpecError, match=message):
        build()


def test_a_crop_of_a_known_scene_is_no_strange_frame():
    """Warnings are errors here; crops of this corner would be taken for another world."""
    frames = envs.labelled_frames("cartpole/upright", 4, seed=0, size_px=160).frames
    encoder = load_encoder("sim-m", device="cpu")
    with pytest.warns(OutOfDomainWarning):
        PlainFeatures(encoder).read(frames[:, :80, :80].contiguous())
    crops_of(encoder, scales=[1.0, 0.5], positions="corners").read(frames)


def test_a_strange_world_of_whole_frames_is_warned_of_with_views_too():
    frames, encoder = noise(192, n=4), load_encoder("sim-s", device="cpu")
    for positions in ("corners", "attention"):
        with pytest.warns(OutOfDomainWarning, match="4 of the last 4 frames look like nothing"):
            crops_of(encoder, scales=[1.0, 0.5], positions=positions).read(frames)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (
            {"over_time": {"kind": "clip"}},
            "views and over_time clip do not go together: clips are made of whole frames",
        ),
        (
            {"uncertainty": {"file": "f", "sha256": "0", "fingerprint": "0"}},
            "views and uncertainty posterior do not go together: the uncertainty of several crops is not known",
        ),
    ],
)
def test_what_crops_cannot_stand_beside_is_refused(changes, message):
    with pytest.raises(SpecError, match=message):
        RewardSpec(encoder="colour", prompts=PromptSet("red"), views={"scales": [1.0, 0.5]}, **changes)

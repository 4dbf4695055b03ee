"""Rewards that know how unsure they are of a frame, with a real encoder and frames of its own world."""

import hashlib
import json
import shutil
from dataclasses import replace

import pytest
import torch
import vlmrm_envs as envs
from torch.nn.functional import normalize

from tests.toys import ColourEncoder
from vlmrm import PromptSet, RewardModel, RewardSpec
from vlmrm.errors import EncoderError, SpecError
from vlmrm.fitting import calibrate, fit, fit_uncertainty, standardize
from vlmrm.metrics.labelled_scores import auroc
from vlmrm.rewards.features.frame_features import FrameFeatures
from vlmrm.rewards.features.posterior import PosteriorFeatures
from vlmrm.rewards.transforms.uncertainty.laplace import ProjectionPosterior

PROMPTS = PromptSet("a pole held vertically upright", "a pole on its cart", ["pole hanging straight down"])


@pytest.fixture(scope="module")
def frames():
    return envs.labelled_frames("cartpole/upright", 80, seed=0, size_px=96).frames


@pytest.fixture(scope="module")
def plain():
    return RewardModel.load("sim-s", PROMPTS, alpha=0.0, device="cpu")


@pytest.fixture(scope="module")
def knowing(plain, frames, tmp_path_factory):
    return fit_uncertainty(plain, frames[::2], tmp_path_factory.mktemp("noise") / "reward.safetensors")


def changed(reward, **changes):
    return RewardModel(reward.encoder, replace(reward.spec, **changes))


def noise(n=20):
    generator = torch.Generator().manual_seed(0)
    return torch.randint(0, 256, (n, 96, 96, 3), generator=generator, dtype=torch.uint8)


def test_it_is_less_sure_of_frames_from_outside_than_of_new_ones_from_inside(knowing, frames):
    inside = frames[1::2]
    for outside in (noise(), 255 - inside, torch.zeros_like(inside)):
        _, std = knowing.score_with_std(torch.cat([inside, outside]))
        shifted = [False] * len(inside) + [True] * len(outside)
        assert auroc(std.numpy(), shifted) >= 0.8


def test_without_kappa_the_reward_is_what_it_was(plain, knowing, frames):
    torch.testing.assert_close(knowing.score(frames), plain.score(frames), atol=1e-5, rtol=0)


def test_kappa_takes_off_standard_deviations(knowing, frames):
    rewards, std = knowing.score_with_std(frames)
    careful = changed(knowing, uncertainty=replace(knowing.spec.uncertainty, kappa=2.0))
    torch.testing.assert_close(careful.score(frames), rewards - 2 * std)
    assert float(std.min()) > 0


def test_the_deviation_of_a_saturated_softmax_is_that_of_sampling(plain, frames, tmp_path):
    """Most of the 40 rewards are below 0.03 or above 0.97; two deviations at most may be off by more than 30 %."""
    reward = fit_uncertainty(changed(plain, head="softmax", options={}), frames[::2], tmp_path / "reward.safetensors")
    seen = reward.read(frames[1::2])
    scores, std = reward.score_with_std(seen)
    assert int(((scores - 0.5).abs() > 0.47).sum()) > 20
    noise = torch.randn(10_000, 1, seen.embeddings.shape[1], generator=torch.Generator().manual_seed(1))
    right = 0
    for rows in torch.arange(40).split(10):
        noisy = seen.embeddings[rows] + seen.extra["variance"][rows].sqrt() * noise
        drawn = reward.score(FrameFeatures(embeddings=normalize(noisy.flatten(0, 1), dim=1))).reshape(10_000, -1)
        right += int(((std[rows] / drawn.std(dim=0) - 1).abs() < 0.3).sum())
    assert right >= 38


def test_how_frames_are_split_into_batches_never_changes_a_deviation(knowing, frames):
    whole = knowing.score_with_std(frames[:9])[1]
    parts = [knowing.score_with_std(frames[i : i + 3])[1] for i in range(0, 9, 3)]
    torch.testing.assert_close(torch.cat(parts), whole, atol=1e-5, rtol=1e-4)


def test_a_scale_divides_the_deviation_as_well(knowing, frames):
    std = knowing.score_with_std(frames)[1]
    scaled = standardize(knowing, frames)
    torch.testing.assert_close(scaled.score_with_std(frames)[1], std / scaled.spec.scaling.divide)


@pytest.mark.parametrize("head", ["softmax", "contrast"])
def test_other_heads_and_corrections_have_a_deviation_too(knowing, frames, head):
    model = changed(knowing, head=head, options={})
    for reward in (model, fit(model, frames[:6], [1, 0, 0, 1, 0, 1])):
        rewards, std = reward.score_with_std(frames[:5])
        assert bool((std > 0).all())
        assert bool(rewards.isfinite().all())


def test_episodes_are_scored_with_it(knowing, frames):
    over = changed(knowing, over_time={"kind": "difference"})
    torch.testing.assert_close(over.score_episode(frames[:6]), knowing.score(frames[:6]).diff(), atol=1e-5, rtol=0)


def test_spec_and_file_can_be_moved_together_and_have_the_same_hash(knowing, frames, tmp_path):
    here, there = tmp_path / "here", tmp_path / "there"
    here.mkdir()
    shutil.copy(knowing.spec.uncertainty.file, here / "reward.safetensors")
    options = replace(knowing.spec.uncertainty, file=str(here / "reward.safetensors"))
    replace(knowing.spec, uncertainty=options).save(here / "reward.json")
    assert json.loads((here / "reward.json").read_text())["uncertainty"]["file"] == "reward.safetensors"
    shutil.move(here, there)
    moved = RewardSpec.load(there / "reward.json")
    assert moved.hash() == knowing.spec.hash()
    again = RewardModel(knowing.encoder, moved)
    torch.testing.assert_close(again.score_with_std(frames)[1], knowing.score_with_std(frames)[1])
    (there / "reward.safetensors").write_bytes(b"something else")
    with pytest.raises(SpecError, match="not the file that the reward was made with"):
        RewardModel(knowing.encoder, moved)
    (there / "reward.safetensors").unlink()
    with pytest.raises(SpecError, match="there is no uncertainty in"):
        RewardModel(knowing.encoder, moved)


def test_what_has_no_uncertainty_says_so(plain, knowing, frames, tmp_path):
    with pytest.raises(SpecError, match="nothing is known of how unsure"):
        plain.score_with_std(frames)
    with pytest.raises(SpecError, match="0 and 1 have no standard deviation"):
        calibrate(knowing, frames).score_with_std(frames)
    with pytest.raises(SpecError, match="kept in a file that ends in"):
        fit_uncertainty(plain, frames, tmp_path / "reward.json")
    toy = RewardModel(ColourEncoder(), RewardSpec(encoder="colour", prompts=PromptSet("red", "grey"), alpha=0.0))
    with pytest.raises(EncoderError, match="not a model of OpenCLIP"):
        fit_uncertainty(toy, frames, tmp_path / "reward.safetensors")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"views": {"scales": [1.0, 0.5]}}, "views and uncertainty posterior do not go together: .*several crops"),
        (
            {"over_time": {"kind": "window", "length": 3}},
            "uncertainty and over_time window do not go together: .*frames",
        ),
        ({"over_time": {"kind": "clip"}}, "uncertainty and over_time clip do not go together: .*frames"),
    ],
)
def test_means_of_frames_have_none(knowing, changes, message):
    with pytest.raises(SpecError, match=message):
        replace(knowing.spec, **changes)


def test_explain_has_a_column_of_deviations_but_not_of_0_and_1(knowing, frames):
    columns = knowing.explain(frames[:5])
    scores, std = knowing.score_with_std(frames[:5])
    assert list(columns) == ["score", "std"]
    torch.testing.assert_close(columns["score"], scores)
    torch.testing.assert_close(columns["std"], std)
    assert list(calibrate(knowing, frames).explain(frames[:5])) == ["score"]


def test_a_posterior_of_other_weights_is_refused(knowing):
    options = replace(knowing.spec.uncertainty, fingerprint="others")
    with pytest.raises(SpecError, match=r"uncertainty was fitted with an encoder of fingerprint others.*Fit it again"):
        RewardModel(knowing.encoder, replace(knowing.spec, uncertainty=options))


def test_the_fingerprint_of_a_reward_says_which_posterior_it_reads_with(plain, knowing, frames, tmp_path):
    assert plain.fingerprint == plain.encoder.fingerprint
    other = fit_uncertainty(plain, frames[1::2], tmp_path / "other.safetensors")
    assert len({plain.fingerprint, knowing.fingerprint, other.fingerprint}) == 3


def test_a_file_of_something_else_is_refused_though_its_digest_is_right(knowing, tmp_path):
    path = tmp_path / "other.safetensors"
    path.write_bytes(b"no safetensors")
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    options = replace(knowing.spec.uncertainty, file=str(path), sha256=digest)
    with pytest.raises(SpecError, match=r"other.safetensors is not a safetensors file"):
        RewardModel(knowing.encoder, replace(knowing.spec, uncertainty=options))


def test_a_posterior_of_another_width_is_refused(knowing, tmp_path):
    small = ProjectionPosterior(torch.eye(3).double(), torch.ones(2).double(), 1.0, 10)
    with pytest.raises(SpecError, match="a map from 3 to 2 numbers, and that of 'sim-s' goes from"):
        PosteriorFeatures(knowing.encoder, small, sha256="0" * 64)

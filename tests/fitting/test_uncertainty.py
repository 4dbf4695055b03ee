"""`fit_uncertainty`: what it writes, what it keeps of a reward, and what it refuses."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch
import vlmrm_envs as envs

from vlmrm import PromptSet, RewardModel, RewardSpec
from vlmrm.errors import SpecError
from vlmrm.fitting import fit_uncertainty

PROMPTS = PromptSet("a pole held vertically upright", "a pole on its cart")


@pytest.fixture(scope="module")
def frames():
    return envs.labelled_frames("cartpole/upright", 20, seed=0, size_px=96).frames


@pytest.fixture(scope="module")
def plain():
    return RewardModel.load("sim-xs", PROMPTS, device="cpu")


def test_the_spec_names_the_file_its_digest_and_the_encoder(plain, frames, tmp_path):
    options = fit_uncertainty(plain, frames, tmp_path / "reward.safetensors", kappa=1.5).spec.uncertainty
    assert Path(options.file) == tmp_path / "reward.safetensors"
    assert (len(options.sha256), options.kappa) == (64, 1.5)
    assert options.fingerprint == plain.encoder.fingerprint
    assert [path.name for path in tmp_path.iterdir()] == ["reward.safetensors"]


def test_the_same_frames_write_the_same_file(plain, frames, tmp_path):
    specs = [fit_uncertainty(plain, frames, tmp_path / f"{name}.safetensors").spec for name in "ab"]
    assert specs[0].uncertainty.sha256 == specs[1].uncertainty.sha256
    assert specs[0].hash() == specs[1].hash()


def test_what_belonged_to_other_scores_is_left_out_and_the_reward_given_stays(plain, frames, tmp_path):
    binary = plain.with_spec(replace(plain.spec, scaling={"divide": 2.0}, threshold=0.1))
    knowing = fit_uncertainty(binary, frames, tmp_path / "reward.safetensors")
    assert (knowing.spec.scaling, knowing.spec.threshold) == (None, None)
    assert binary.spec.threshold == 0.1
    torch.testing.assert_close(knowing.score(frames), plain.score(frames), atol=1e-5, rtol=0)


def test_a_single_sentence_is_refused(plain, frames, tmp_path):
    alone = RewardModel(plain.encoder, RewardSpec(encoder="sim-xs", prompts=PromptSet(PROMPTS.goal)))
    with pytest.raises(SpecError, match="at least two sentences"):
        fit_uncertainty(alone, frames, tmp_path / "reward.safetensors")
    assert list(tmp_path.iterdir()) == []


def test_a_kappa_that_is_no_number_is_refused(plain, frames, tmp_path):
    with pytest.raises(SpecError, match=r"^kappa must be a number; got nan"):
        fit_uncertainty(plain, frames, tmp_path / "reward.safetensors", kappa=float("nan"))

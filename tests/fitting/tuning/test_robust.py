"""FARE: attacked embeddings move less than before, clean ones stay near, and nothing else changes."""

import json

import pytest
import torch

from tests.fitting.tuning.models import FRAMES, bars
from tests.toys import ColourEncoder
from vlmrm.encoders import load_encoder
from vlmrm.encoders.towers.gradients import DifferentiableEncoder
from vlmrm.errors import EncoderError, FrameError, SpecError
from vlmrm.fitting import RobustOptions, tune_robust
from vlmrm.fitting.tuning.robust import distance
from vlmrm.frames.corruptions import corrupt
from vlmrm.frames.pixel_attack import AttackOptions, attack_pixels

QUICK = RobustOptions(steps=12, batch=8, attack_steps=4, learning_rate=1e-3)


def noisy_bars():
    """Bars of many places, half of them with noise, so that there is more to learn than one picture."""
    drawn = bars(range(2, 58, 4))
    return torch.cat([drawn, corrupt(drawn, "noise", 2)])


@pytest.fixture(scope="module")
def small():
    return load_encoder("sim-xs", device="cpu")


@pytest.fixture(scope="module")
def tuned(small, tmp_path_factory):
    out = tmp_path_factory.mktemp("robust") / "tuned"
    return tune_robust(small, noisy_bars(), options=QUICK, out=out)


def moved(encoder, before, frames):
    """By how much an attack of 20 steps, stronger than that of training, moves embeddings from what they were."""
    copied = DifferentiableEncoder(encoder, copied=())
    attacked = attack_pixels(
        frames, lambda levels: distance(copied.embed_levels(levels), before), AttackOptions(budget=4)
    )
    return float(distance(encoder.embed_frames(attacked), before).mean())


def test_attacked_embeddings_move_less_than_before_of_other_frames_too(small, tuned):
    frames = small.preprocessing.resize(bars([5, 15, 27, 39, 51]))
    before = small.embed_frames(frames)
    assert moved(tuned, before, frames) < 0.9 * moved(small, before, frames)


def test_clean_embeddings_stay_nearer_than_attacks_moved_them(small, tuned):
    frames = small.preprocessing.resize(noisy_bars())
    before = small.embed_frames(frames)
    drifted = float(distance(tuned.embed_frames(frames), before).mean())
    assert 0 < drifted < 0.5 * moved(small, before, frames)


def test_sentences_and_the_encoder_that_was_given_stay(small, tuned):
    assert small.fingerprint == load_encoder("sim-xs", device="cpu").fingerprint != tuned.fingerprint
    torch.testing.assert_close(tuned.embed_texts(["a bar"]), small.embed_texts(["a bar"]))
    assert not any(parameter.requires_grad for parameter in tuned.model.parameters())


def test_the_folder_says_how_it_came_about_and_can_be_loaded(tuned):
    folder = tuned.name.removeprefix("local-dir:")
    with open(f"{folder}/tuning.json", encoding="utf-8") as written:
        record = json.load(written)
    assert record["tuned_from"] == "sim-xs"
    assert record["options"]["steps"] == 12
    assert record["moved"]["after"] < record["moved"]["before"]
    assert load_encoder(tuned.name).fingerprint == tuned.fingerprint


def test_it_works_where_gradients_are_switched_off_and_the_seed_decides(small, tmp_path):
    options = RobustOptions(steps=2, batch=4, attack_steps=2, learning_rate=1e-3)
    first = tune_robust(small, noisy_bars(), options=options, out=tmp_path / "first")
    with torch.inference_mode():
        again = tune_robust(small, noisy_bars(), options=options, out=tmp_path / "again")
    torch.testing.assert_close(first.embed_frames(FRAMES), again.embed_frames(FRAMES))


def test_what_cannot_be_tuned_is_refused(small, tmp_path):
    with pytest.raises(EncoderError, match="not a model of OpenCLIP"):
        tune_robust(ColourEncoder(), noisy_bars(), out=tmp_path / "new")
    with pytest.raises(SpecError, match="exists already"):
        tune_robust(small, noisy_bars(), out=tmp_path)
    with pytest.raises(FrameError):
        tune_robust(small, torch.zeros(0, 64, 64, 3, dtype=torch.uint8), out=tmp_path / "new")
    with pytest.raises(SpecError, match="batch must be a whole number"):
        RobustOptions(batch=0)
    with pytest.raises(SpecError, match="budget must be a whole number"):
        RobustOptions(budget=0)
    assert not (tmp_path / "new").exists()

"""Training of a built-in model from drawing to loading, tiny: it can be killed and goes on as if it had not been."""

import sys
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

sys.path.insert(0, str(Path(__file__).parent.parent.parent / "scripts"))

import train_builtin
from builtin_sizes import SIZES

from vlmrm.encoders.cards import WEIGHTS_FILE, ModelCard
from vlmrm.encoders.open_clip import OpenClipEncoder


@pytest.fixture
def config(tmp_path):
    """Two scenes and a handful of steps."""
    return replace(
        SIZES["sim-xs"],
        name="sim-tiny",
        scenes=("pendulum", "hopper"),
        shares={"hopper": 2},
        frames=30,
        pictures=4,
        sentences=5,
        sentence_steps=3,
        steps=4,
        warmup=2,
        work=tmp_path / "work",
        out=tmp_path / "first",
    )


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    monkeypatch.setattr(train_builtin, "SAVE_EVERY", 2)
    monkeypatch.setattr(train_builtin, "DOMAIN_FRAMES", 100)


def test_a_training_that_was_killed_goes_on_to_the_same_weights(config, tmp_path, monkeypatch):
    train_builtin.main(config)
    first = load_file(tmp_path / "first" / "sim-tiny" / WEIGHTS_FILE)

    (config.work / "sim-tiny-checkpoint.pt").unlink()
    again, descend, done = replace(config, out=tmp_path / "again"), train_builtin.descend, []

    def killed_in_the_fourth_step_on_pictures(*arguments):
        done.append(descend(*arguments))
        if len(done) == config.sentence_steps + 3:
            raise KeyboardInterrupt

    monkeypatch.setattr(train_builtin, "descend", killed_in_the_fourth_step_on_pictures)
    with pytest.raises(KeyboardInterrupt):
        train_builtin.main(again)
    monkeypatch.setattr(train_builtin, "descend", descend)
    train_builtin.main(again)
    second = load_file(tmp_path / "again" / "sim-tiny" / WEIGHTS_FILE)
    assert first.keys() == second.keys()
    assert all(torch.equal(first[name], second[name]) for name in first)


def test_what_was_trained_loads_by_the_same_code_as_any_model(config, tmp_path):
    train_builtin.main(config)
    folder = tmp_path / "first" / "sim-tiny"
    card = ModelCard.load(folder)
    assert card.knows == ("Pendulum", "Hopper")
    assert {"pendulum", "hopper", "upright"} <= card.words
    encoder = OpenClipEncoder.load(f"local-dir:{folder}")
    assert (encoder.size_px, encoder.dim) == (64, 128)
    assert encoder.embed_texts(["the pendulum stands upright"]).shape == (1, 128)


def test_a_checkpoint_of_other_settings_is_refused(config):
    train_builtin.main(config)
    with pytest.raises(SystemExit, match="delete it to start anew"):
        train_builtin.main(replace(config, learning_rate=1e-3))

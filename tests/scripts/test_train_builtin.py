"""Training of a built-in model from drawing to loading, tiny: it can be killed and goes on as if it had not been."""

import json
import re
import sys
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

sys.path.insert(0, str(Path(__file__).parent.parent.parent / "scripts"))

import builtin_domain
import train_builtin
from builtin_sizes import SIZES

from vlmrm.encoders.cards import BUILTIN_FOLDER, WEIGHTS_FILE, ModelCard
from vlmrm.encoders.open_clip.encoder import OpenClipEncoder


@pytest.fixture(scope="module")
def config(tmp_path_factory):
    """Of two scenes and a handful of steps; trained already."""
    folder = tmp_path_factory.mktemp("tiny")
    config = replace(
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
        work=folder / "work",
        out=folder / "out",
    )
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(train_builtin, "SAVE_EVERY", 2)
        for name, value in {"RANDOM_FRAMES": 60, "EPISODE_FRAMES": 8, "SWEEP_FRAMES": 4}.items():
            patched.setattr(builtin_domain, name, value)
        train_builtin.main(config)
        yield config


def test_what_was_trained_loads_by_the_same_code_as_any_model(config):
    folder = config.out / "sim-tiny"
    card = ModelCard.load(folder)
    assert card.knows == ("Pendulum", "Hopper")
    assert {"pendulum", "hopper", "upright", "one-legged"} <= card.words
    assert card.words_by_scene.keys() == {"Pendulum", "Hopper"}
    assert "one-legged" in card.words_by_scene["Hopper"] - card.words_by_scene["Pendulum"]
    encoder = OpenClipEncoder.load(f"local-dir:{folder}")
    assert (encoder.size_px, encoder.dim) == (64, 128)
    assert encoder.embed_texts(["the pendulum stands upright"]).shape == (1, 128)


def test_a_checkpoint_of_other_settings_is_refused(config):
    with pytest.raises(SystemExit, match="delete it to start anew"):
        train_builtin.main(replace(config, learning_rate=1e-3))


def test_a_model_to_begin_with_is_taken_from_the_same_folder_or_the_shipped_ones(config, tmp_path):
    assert train_builtin.begun_with(replace(config, start_from="sim-tiny")) == config.out / "sim-tiny"
    assert train_builtin.begun_with(replace(config, start_from="sim-m")) == BUILTIN_FOLDER / "sim-m"
    with pytest.raises(SystemExit, match="sim-h begins with the weights of sim-h-near, which is neither in"):
        train_builtin.begun_with(replace(SIZES["sim-h"], out=tmp_path))


@pytest.mark.parametrize("name", ["sim-xs", "sim-s", "sim-m", "sim-h"])
def test_what_is_shipped_was_trained_with_the_settings_that_the_script_has(name):
    training = json.loads((BUILTIN_FOLDER / name / "card.json").read_text())["training"]
    settings = json.loads(json.dumps(SIZES[name].identity()))
    assert {key: training.get(key) for key in settings} == settings


def test_a_training_that_was_killed_goes_on_to_the_same_weights(config, tmp_path, monkeypatch):
    (config.work / "sim-tiny-checkpoint.pt").unlink()
    again, descend, done = replace(config, out=tmp_path), train_builtin.descend, []

    def killed_in_the_third_step_on_pictures(*arguments):
        done.append(descend(*arguments))
        if len(done) == config.sentence_steps + 3:
            raise KeyboardInterrupt

    monkeypatch.setattr(train_builtin, "descend", killed_in_the_third_step_on_pictures)
    with pytest.raises(KeyboardInterrupt):
        train_builtin.main(again)
    monkeypatch.setattr(train_builtin, "descend", descend)
    train_builtin.main(again)
    first, second = (load_file(out / "sim-tiny" / WEIGHTS_FILE) for out in (config.out, again.out))
    assert first.keys() == second.keys()
    assert all(torch.equal(first[name], second[name]) for name in first)


@pytest.mark.parametrize("name", [name for name in SIZES if (BUILTIN_FOLDER / name).is_dir()])
def test_a_readme_says_how_many_pictures_and_sentences_a_step_had(name):
    training = json.loads((BUILTIN_FOLDER / name / "card.json").read_text())["training"]
    shares = sum(training["shares"].get(scene, 1) for scene in training["scenes"])
    said = re.search(
        r"vision tower on (\d+) pictures, (\d+) sentences", (BUILTIN_FOLDER / name / "README.md").read_text()
    )
    assert said is not None
    assert [int(number) for number in said.groups()] == [shares * training[of] for of in ("pictures", "sentences")]

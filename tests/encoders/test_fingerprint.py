"""A fingerprint says which weights an encoder has, whatever it is called and wherever it lies."""

import json
import os
import shutil

import pytest
import torch
from safetensors.torch import load_file, save_file

from tests.encoders.models import BUILTIN_LIKE, write_model
from tests.toys import ColourEncoder
from vlmrm.encoders import EnsembleEncoder, load_encoder
from vlmrm.encoders import fingerprint as module
from vlmrm.encoders.fingerprint import WeightsFile, digest_model
from vlmrm.encoders.open_clip.encoder import OpenClipEncoder
from vlmrm.encoders.open_clip.save import write_model as save_model
from vlmrm.encoders.towers.gradients import DifferentiableEncoder
from vlmrm.rewards.features.plain import PlainFeatures
from vlmrm.rewards.features.views import CropFeatures, ViewsOptions

WEIGHTS = "open_clip_model.safetensors"


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    """A cache directory of the test's own."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path / "cache" / "vlmrm" / "fingerprints"


@pytest.fixture
def folder(builtin_like_folder, tmp_path):
    """A model folder that a test may change."""
    return shutil.copytree(builtin_like_folder, tmp_path / "model")


@pytest.fixture
def read(monkeypatch):
    """The files whose tensors were read, in order."""
    seen, digest_file = [], module._digest_file

    def watched(path):
        seen.append(path.name)
        return digest_file(path)

    monkeypatch.setattr(module, "_digest_file", watched)
    return seen


def load(folder, **settings):
    return OpenClipEncoder.load(f"local-dir:{folder}", device="cpu", **settings)


def of(folder, **settings):
    return load(folder, **settings).fingerprint


def change_weights(folder, *, by=1.0):
    """Add to one number of the first tensor."""
    weights = load_file(folder / WEIGHTS)
    weights["logit_scale"] = weights["logit_scale"] + by
    save_file(weights, folder / WEIGHTS)


def age(file, seconds=60):
    """Let a file seem to have been changed some time ago."""
    then = file.stat().st_mtime_ns - seconds * 10**9
    os.utime(file, ns=(then, then))


def test_a_copy_in_another_folder_has_the_same_fingerprint(folder, builtin_like):
    assert of(folder) == builtin_like.fingerprint


def test_one_changed_number_changes_the_fingerprint(folder, builtin_like):
    change_weights(folder)
    assert of(folder) != builtin_like.fingerprint


def test_weights_of_torch_and_in_float32_have_the_fingerprint_of_the_half_precision_safetensors(folder):
    first = of(folder)
    weights = {name: tensor.float() for name, tensor in load_file(folder / WEIGHTS).items()}
    (folder / WEIGHTS).unlink()
    for saved in (weights, {"state_dict": {f"module.{name}": tensor for name, tensor in weights.items()}, "epoch": 3}):
        torch.save(saved, folder / "open_clip_pytorch_model.bin")
        assert of(folder) == first


def test_precision_does_not_change_the_fingerprint(folder):
    assert of(folder, precision="bf16") == of(folder, precision="fp32")
    assert load_encoder("random:sim-s", precision="bf16").fingerprint == load_encoder("random:sim-s").fingerprint


def test_the_resize_mode_and_the_architecture_change_the_fingerprint(folder):
    seen = {of(folder, resize_mode=mode) for mode in ("longest", "squash", "shortest")}
    config = folder / "open_clip_config.json"
    values = json.loads(config.read_text())
    values["model_cfg"]["quick_gelu"] = True  # another activation of the same weights
    config.write_text(json.dumps(values))
    assert len(seen | {of(folder)}) == 4


def test_random_weights_are_told_apart_by_seed_and_known_again_by_content(tmp_path):
    first, other = (load_encoder(f"random:sim-s#{seed}") for seed in (1, 2))
    assert first.fingerprint != other.fingerprint
    assert first.fingerprint == load_encoder("random:sim-s#1").fingerprint
    (tmp_path / "saved").mkdir()
    save_model(tmp_path / "saved", first, {})
    assert of(tmp_path / "saved") == first.fingerprint


def test_a_domain_does_not_change_the_fingerprint_and_what_reads_frames_in_another_way_adds_to_it():
    known, plain = load_encoder("sim-s"), OpenClipEncoder.load("sim-s")
    assert known.domain is not None
    plain.domain = None
    assert known.fingerprint == plain.fingerprint
    assert PlainFeatures(known).fingerprint == known.fingerprint
    crops = [ViewsOptions(scales=[0.5]), ViewsOptions(scales=[0.7]), ViewsOptions(scales=[0.5], positions="corners")]
    read_with = {CropFeatures(known, options).fingerprint for options in crops}
    assert len(read_with | {known.fingerprint}) == 4
    assert all(name.startswith(known.fingerprint) for name in read_with)


def test_a_copy_that_is_trained_keeps_the_fingerprint_of_what_it_was_copied_from(builtin_like):
    copied = DifferentiableEncoder(builtin_like)
    copied.model.logit_scale.data += 1
    assert copied.fingerprint == builtin_like.fingerprint


class Other(ColourEncoder):
    name, fingerprint = "other", "other-colours"


def test_an_ensemble_has_the_fingerprint_of_its_members_and_their_weights():
    members = [ColourEncoder(), Other()]
    first = EnsembleEncoder(members, [0.25, 0.75]).fingerprint
    assert EnsembleEncoder(members, [0.25, 0.75]).fingerprint == first
    assert EnsembleEncoder(members, [0.5, 0.5]).fingerprint != first
    assert EnsembleEncoder(members[::-1], [0.25, 0.75]).fingerprint != first


def test_a_model_made_by_hand_is_known_by_the_numbers_in_it(builtin_like):
    made = [
        OpenClipEncoder(builtin_like.model, builtin_like.tokenizer, name=name, runtime=builtin_like.runtime)
        for name in ("one", "two")
    ]
    assert made[0].fingerprint == made[1].fingerprint
    assert made[0].origin.weights_digest(builtin_like.model) == builtin_like.origin.weights.digest()


def test_the_weights_are_read_once_and_their_digest_is_kept(folder, cache, read):
    age(folder / WEIGHTS)
    first = of(folder)
    assert len(list(cache.iterdir())) == 1
    assert [of(folder), of(folder)] == [first, first]
    assert read == [WEIGHTS]


def test_loading_a_model_reads_no_weights_for_a_fingerprint(folder, cache, read):
    """jaxtyping's checks in these tests ask for every part of an encoder, so that only loading is looked at."""
    OpenClipEncoder.load(f"local-dir:{folder}", device="cpu")
    assert read == []
    assert not cache.exists()


def test_a_file_that_changed_is_read_again(folder, read):
    age(folder / WEIGHTS)
    first = of(folder)
    change_weights(folder)
    age(folder / WEIGHTS)  # to the same size, and a time in the past
    assert of(folder) != first
    assert read == [WEIGHTS, WEIGHTS]


def test_a_file_written_a_moment_ago_is_not_kept(folder, cache):
    """It may change again without a new time, where the clock of the file system is coarse."""
    os.utime(folder / WEIGHTS)
    of(folder)
    assert not cache.exists()


@pytest.mark.parametrize("damage", [b"", b"00ff", b"\xff" * 64, b"z" * 64])
def test_a_damaged_cache_does_no_harm(folder, cache, damage):
    age(folder / WEIGHTS)
    first = of(folder)
    (entry,) = cache.iterdir()
    entry.write_bytes(damage)
    assert of(folder) == first
    assert len(entry.read_text()) == 64  # mended


def test_a_cache_that_cannot_be_written_does_no_harm(folder, tmp_path, read):
    age(folder / WEIGHTS)
    (tmp_path / "cache").write_text("a file in the place of the folder")
    assert of(folder) == of(folder)
    assert read == [WEIGHTS, WEIGHTS]


@pytest.mark.parametrize("given", ["", "relative/folder"])
def test_without_a_cache_directory_of_ones_own_it_is_in_the_home_directory(folder, tmp_path, monkeypatch, given):
    monkeypatch.setenv("XDG_CACHE_HOME", given)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    age(folder / WEIGHTS)
    of(folder)
    assert len(list((tmp_path / "home" / ".cache" / "vlmrm" / "fingerprints").iterdir())) == 1


@pytest.mark.parametrize("happens", [change_weights, lambda folder: (folder / WEIGHTS).unlink()])
def test_weights_that_changed_on_disk_after_loading_are_read_from_the_model(folder, builtin_like, happens):
    """The file is another by then; what the encoder computes with is what it has loaded."""
    encoder = load(folder)
    happens(folder)
    assert encoder.fingerprint == builtin_like.fingerprint


def test_a_file_that_changes_while_it_is_read_gives_no_digest(folder, monkeypatch):
    digest_file = module._digest_file

    def disturbed(path):
        found = digest_file(path)
        change_weights(folder)
        return found

    file = WeightsFile.at(folder / WEIGHTS)
    monkeypatch.setattr(module, "_digest_file", disturbed)
    assert file.digest() is None


def test_large_tensors_are_hashed_in_parts(monkeypatch):
    model = torch.nn.Linear(5, 3)
    whole = digest_model(model)
    monkeypatch.setattr(module, "_AT_ONCE", 4)
    assert digest_model(model) == whole


def test_whole_numbers_and_names_count():
    model = torch.nn.BatchNorm1d(2)
    first = digest_model(model)
    model.num_batches_tracked += 1
    assert digest_model(model) != first
    assert digest_model(torch.nn.Sequential(torch.nn.BatchNorm1d(2))) != first


def test_two_seeds_of_one_architecture_differ(tmp_path):
    folders = [write_model(tmp_path / str(seed), BUILTIN_LIKE, seed=seed) for seed in (1, 2)]
    assert of(folders[0]) != of(folders[1])

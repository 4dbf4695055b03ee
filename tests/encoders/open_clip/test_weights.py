import collections
import os
import pickle

import pytest
import torch
from safetensors.torch import load_file, save_file

from tests.encoders.models import SIGLIP_LIKE, write_model
from vlmrm.encoders import load_encoder
from vlmrm.encoders.open_clip.encoder import OpenClipEncoder
from vlmrm.encoders.open_clip.weights import load_weights
from vlmrm.errors import EncoderError


class MakesAFolder:
    """A pickle of this runs code when it is loaded."""

    def __init__(self, path):
        self.path = str(path)

    def __reduce__(self):
        return os.mkdir, (self.path,)


class FailsToLoad:
    """Raises TypeError while it is loaded; after that open_clip would load without restriction."""

    def __reduce__(self):
        return collections.OrderedDict, (5,)


@pytest.fixture
def model(builtin_like_folder):
    return OpenClipEncoder.load(f"random:local-dir:{builtin_like_folder}", device="cpu").model


@pytest.fixture
def weights(builtin_like_folder):
    return load_file(builtin_like_folder / "open_clip_model.safetensors")


def test_a_pickle_that_would_run_code_is_refused_and_runs_none(tmp_path, model):
    folder = tmp_path / "made_by_the_pickle"
    for name, save in (("zip.pt", torch.save), ("bare.bin", lambda o, p: p.write_bytes(pickle.dumps(o)))):
        save({"state_dict": MakesAFolder(folder)}, tmp_path / name)
        with pytest.raises(EncoderError, match="could run code"):
            load_weights(model, tmp_path / name)
        assert not folder.exists()


def test_that_pickle_does_run_code_when_it_is_loaded_carelessly(tmp_path):
    """Or the test above would prove nothing."""
    torch.save(MakesAFolder(tmp_path / "made"), tmp_path / "evil.pt")
    torch.load(tmp_path / "evil.pt", weights_only=False)
    assert (tmp_path / "made").exists()


def test_a_file_that_fails_with_a_type_error_is_not_tried_again_without_restriction(tmp_path, model):
    (tmp_path / "w.pt").write_bytes(pickle.dumps([FailsToLoad(), MakesAFolder(tmp_path / "made")]))
    with pytest.raises(EncoderError):
        load_weights(model, tmp_path / "w.pt")
    assert not (tmp_path / "made").exists()


def test_a_torchscript_archive_is_named_with_the_tag_that_has_the_same_weights(tmp_path, model):
    """OpenAI's own files are of that kind."""
    with pytest.warns(DeprecationWarning, match="torch.jit"):  # it goes out of use
        torch.jit.script(torch.nn.Linear(2, 2)).save(tmp_path / "scripted.pt")
    with pytest.raises(EncoderError, match=r"a TorchScript archive, as openai/CLIP gives out.*e\.g\. ViT-B-32/openai"):
        load_weights(model, tmp_path / "scripted.pt")
    with pytest.raises(EncoderError, match="a TorchScript archive"):
        load_encoder(f"ViT-B-32/{tmp_path / 'scripted.pt'}")


@pytest.mark.parametrize("name", ["w.safetensors", "w.pt", "w.bin"])
def test_weights_in_hugging_faces_form_are_named_with_how_to_load_them(tmp_path, model, name):
    weights = {"vision_model.embeddings.class_embedding": torch.zeros(2), "logit_scale": torch.zeros(1)}
    save_file(weights, tmp_path / name) if name.endswith("safetensors") else torch.save(weights, tmp_path / name)
    with pytest.raises(EncoderError, match=r"in Hugging Face's form.*hf-image:local-dir:FOLDER"):
        load_weights(model, tmp_path / name)


@pytest.mark.parametrize("name", ["w.safetensors", "w.pt", "w.bin"])
@pytest.mark.parametrize("content", [b"", b"no weights at all", bytes(1000)])
def test_a_file_that_is_no_checkpoint_is_an_error(tmp_path, model, name, content):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(EncoderError, match="damaged"):
        load_weights(model, tmp_path / name)


@pytest.mark.parametrize("name", ["w.safetensors", "w.pt"])
def test_a_truncated_checkpoint_is_an_error(tmp_path, model, weights, name):
    path = tmp_path / name
    save_file(weights, path) if name.endswith("safetensors") else torch.save(weights, path)
    path.write_bytes(path.read_bytes()[:-1000])
    with pytest.raises(EncoderError, match="damaged"):
        load_weights(model, path)


@pytest.mark.parametrize("content", [{}, {"state_dict": {}}, {"nothing": torch.zeros(1)}, torch.zeros(3)])
def test_tensors_that_are_no_model_are_an_error(tmp_path, model, content):
    torch.save(content, tmp_path / "w.pt")
    with pytest.raises(EncoderError, match="do not fit"):
        load_weights(model, tmp_path / "w.pt")


def test_weights_of_another_architecture_are_an_error(tmp_path, model):
    other = write_model(tmp_path, SIGLIP_LIKE)
    with pytest.raises(EncoderError, match="do not fit the architecture"):
        load_weights(model, other / "open_clip_model.safetensors")


def test_missing_weights_are_an_error_and_never_left_random(tmp_path, model, weights):
    del weights["visual.proj"]
    save_file(weights, tmp_path / "w.safetensors")
    with pytest.raises(EncoderError, match=r"visual\.proj"):
        load_weights(model, tmp_path / "w.safetensors")


def test_a_pytorch_file_of_tensors_gives_the_same_model_as_safetensors(tmp_path, builtin_like_folder, weights):
    """As training scripts save it: inside state_dict, with the prefix of a distributed model."""
    (tmp_path / "open_clip_config.json").write_text((builtin_like_folder / "open_clip_config.json").read_text())
    saved = {"epoch": 3, "state_dict": {f"module.{name}": tensor for name, tensor in weights.items()}}
    torch.save(saved, tmp_path / "open_clip_pytorch_model.bin")
    a = load_encoder(f"local-dir:{tmp_path}", device="cpu").embed_texts(["a pole"])
    b = load_encoder(f"local-dir:{builtin_like_folder}", device="cpu").embed_texts(["a pole"])
    assert torch.equal(a, b)

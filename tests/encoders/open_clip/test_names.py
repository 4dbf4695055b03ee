import json
import os
import socket
import subprocess
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import huggingface_hub.constants
import pytest
import torch

from tests.encoders.models import BUILTIN_LIKE, write_model
from vlmrm.encoders import cards, hub, import_open_clip, load_encoder
from vlmrm.encoders.open_clip.names import find_source
from vlmrm.errors import EncoderError, OfflineError, UnknownModel

COMMIT = "0" * 40


TAG = {
    "url": "",
    "hf_hub": "somebody/toy/",
    "mean": (0.1, 0.2, 0.3),
    "std": (0.4, 0.5, 0.6),
    "interpolation": "bilinear",
    "resize_mode": "squash",
}


def toy_with_tags(monkeypatch, **tags):
    """An architecture of OpenCLIP called toy."""
    open_clip = import_open_clip()
    monkeypatch.setitem(open_clip.factory._MODEL_CONFIGS, "toy", BUILTIN_LIKE["model_cfg"])
    monkeypatch.setitem(open_clip.pretrained._PRETRAINED, "toy", tags)


def activation_of(encoder):
    return type(encoder.model.visual.transformer.resblocks[0].mlp.gelu).__name__


def put_in_cache(cache, repository, folder):
    """As huggingface_hub leaves a download behind."""
    home = cache / f"models--{repository.replace('/', '--')}"
    (home / "refs").mkdir(parents=True)
    (home / "refs" / "main").write_text(COMMIT)
    snapshot = home / "snapshots" / COMMIT
    snapshot.mkdir(parents=True)
    for file in folder.iterdir():
        (snapshot / file.name).write_bytes(file.read_bytes())


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("sim-x", "Near: .*`vlmrm models` lists"),
        ("cartpole", "no model 'cartpole'"),
        ("ViT-B-23/openai", "Near: ViT-B-32"),
        ("random:ViT-B-99", "Near: ViT-B-32"),
        ("ViT-B-32", r"ViT-B-32/TAG, where TAG is one of openai, .*random:ViT-B-32"),
        ("ViT-B-32/opnai", "no pretrained tag 'opnai'.*nearest tags are openai"),
        ("", "no model ''"),
    ],
)
def test_an_unknown_model_or_tag_is_named_with_its_nearest(name, message):
    with pytest.raises(UnknownModel, match=message):
        find_source(name)


def test_a_mistyped_built_in_model_is_named_with_its_nearest(tmp_path, monkeypatch, builtin_like_folder):
    monkeypatch.setattr(cards, "BUILTIN_FOLDER", builtin_like_folder.parent)
    with pytest.raises(UnknownModel, match="Near: builtin_like"):
        find_source("builtin_lke")


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("ViT-B-32/weights.safetensors", r"no checkpoint at weights\.safetensors"),
        ("ViT-B-32//no/such/file", "no checkpoint at /no/such/file"),
        ("local-dir:/no/such/folder", r"no model folder: it has no open_clip_config\.json"),
        ("random:local-dir:/no/such/folder", "no model folder"),
    ],
)
def test_a_missing_checkpoint_or_folder_is_an_error(name, message):
    with pytest.raises(EncoderError, match=message):
        find_source(name)


@pytest.mark.parametrize("config", ["{", "[]", '{"model_cfg": {"embed_dim": 3}}', '{"model_cfg": null}'])
def test_a_folder_with_a_broken_configuration_is_an_error(tmp_path, config):
    (tmp_path / "open_clip_config.json").write_text(config)
    with pytest.raises(EncoderError, match=r"open_clip_config\.json"):
        find_source(f"local-dir:{tmp_path}")


def test_an_impossible_architecture_is_an_error(tmp_path):
    model = BUILTIN_LIKE["model_cfg"] | {"vision_cfg": {"layers": 2, "width": 65, "head_width": 64, "bogus": 1}}
    (tmp_path / "open_clip_config.json").write_text(json.dumps({"model_cfg": model}))
    with pytest.raises(EncoderError, match="bogus"):
        load_encoder(f"random:local-dir:{tmp_path}", device="cpu")


def test_a_folder_without_weights_is_an_error_and_never_a_random_model(tmp_path):
    (tmp_path / "open_clip_config.json").write_text(json.dumps(BUILTIN_LIKE))
    with pytest.raises(EncoderError, match=r"holds no weights.*random:local-dir"):
        find_source(f"local-dir:{tmp_path}")


def test_a_number_after_a_hash_is_the_seed_of_random_weights():
    assert find_source("random:RN50#7").seed == 7
    assert find_source("random:RN50").seed == 0
    assert find_source("random:RN50").checkpoint is None


@pytest.mark.parametrize("name", ["ViT-B-32/openai", "hf-hub:somebody/model"])
def test_a_download_without_a_network_says_what_works_offline(hub_cache, name):
    started = time.monotonic()
    with pytest.raises(OfflineError, match=r"cannot be reached.*built-in models.*ViT-B-32/openai:weights\.safetensors"):
        find_source(name)
    assert time.monotonic() - started < 5


def test_a_download_with_the_hub_switched_off_is_an_error(hub_cache, monkeypatch):
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", True)
    with pytest.raises(OfflineError, match="HF_HUB_OFFLINE is set"):
        find_source("ViT-B-32/openai")


def test_a_hub_that_never_answers_is_waited_for_only_shortly(hub_cache, monkeypatch):
    monkeypatch.setattr(hub, "PROBE_TIMEOUT_S", 0.3)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        monkeypatch.setattr(huggingface_hub.constants, "ENDPOINT", f"http://127.0.0.1:{silent.getsockname()[1]}")
        started = time.monotonic()
        with pytest.raises(OfflineError, match="timed out"):
            find_source("ViT-B-32/openai")
    assert time.monotonic() - started < 5


def test_a_tokenizer_that_is_not_here_is_an_offline_error(hub_cache):
    """SigLIP's own tokenizer comes from the hub, also where the weights do not."""
    with pytest.raises(OfflineError, match="its tokenizer timm/ViT-B-16-SigLIP"):
        load_encoder("random:ViT-B-16-SigLIP", device="cpu")


def test_a_tag_in_the_cache_loads_offline_with_what_the_tag_was_trained_with(hub_cache, tmp_path, monkeypatch):
    """OpenAI's weights need QuickGELU and are listed under architectures without it; open_clip only warns of that."""
    toy_with_tags(monkeypatch, plain=TAG, quick=TAG | {"quick_gelu": True})
    put_in_cache(hub_cache, "somebody/toy", write_model(tmp_path / "toy", BUILTIN_LIKE))
    plain, quick = load_encoder("toy/plain", device="cpu"), load_encoder("toy/quick", device="cpu")
    assert plain.preprocessing.mean == quick.preprocessing.mean == (0.1, 0.2, 0.3)
    assert plain.preprocessing.resize_mode == "squash"
    assert activation_of(plain) == "GELU"
    assert activation_of(quick) == "QuickGELU"
    assert torch.equal(plain.model.visual.proj, quick.model.visual.proj)


def test_a_checkpoint_file_goes_with_an_architecture(tmp_path, monkeypatch, builtin_like_folder):
    monkeypatch.setitem(import_open_clip().factory._MODEL_CONFIGS, "toy", BUILTIN_LIKE["model_cfg"])
    name = f"toy/{builtin_like_folder}/open_clip_model.safetensors"
    encoder = load_encoder(name, device="cpu")
    same = load_encoder(f"local-dir:{builtin_like_folder}", device="cpu")
    assert encoder.name == name
    assert torch.equal(encoder.embed_texts(["a pole"]), same.embed_texts(["a pole"]))


def test_a_checkpoint_file_takes_what_all_tags_of_its_architecture_agree_on(monkeypatch, builtin_like_folder):
    quick = TAG | {"quick_gelu": True}
    toy_with_tags(monkeypatch, one=quick, two=quick | {"hf_hub": "somebody/else/"})
    encoder = load_encoder(f"toy/{builtin_like_folder}/open_clip_model.safetensors", device="cpu")
    prepared = encoder.preprocessing
    assert (prepared.mean, prepared.std) == (TAG["mean"], TAG["std"])
    assert (prepared.interpolation, prepared.resize_mode) == ("bilinear", "squash")
    assert activation_of(encoder) == "QuickGELU"


@pytest.mark.parametrize(
    "change", [{"mean": (0, 0, 0)}, {"std": (1, 1, 1)}, {"resize_mode": "shortest"}, {"quick_gelu": True}]
)
def test_a_checkpoint_file_says_like_which_tag_it_is_where_the_tags_differ(monkeypatch, builtin_like_folder, change):
    toy_with_tags(monkeypatch, one=TAG, two=TAG | change, three=TAG)
    path = builtin_like_folder / "open_clip_model.safetensors"
    with pytest.raises(EncoderError, match=rf"tags of toy differ: one, three; two.* toy/TAG:{path}.*local-dir:FOLDER"):
        load_encoder(f"toy/{path}", device="cpu")
    encoder = load_encoder(f"toy/two:{path}", device="cpu")
    assert {key: getattr(encoder.preprocessing, key, None) for key in change if key != "quick_gelu"} == {
        key: value for key, value in change.items() if key != "quick_gelu"
    }
    assert activation_of(encoder) == ("QuickGELU" if "quick_gelu" in change else "GELU")
    with pytest.raises(UnknownModel, match=r"no pretrained tag 'tow'.*nearest tags are two"):
        find_source(f"toy/tow:{path}")
    with pytest.raises(EncoderError, match=r"no checkpoint at none\.pt"):
        find_source("toy/two:none.pt")


def test_an_architecture_of_openais_models_names_its_twin_with_their_activation(tmp_path):
    torch.save({}, tmp_path / "w.pt")
    with pytest.raises(EncoderError, match=r"tags of ViT-B-32 differ.*ViT-B-32-quickgelu/.*w\.pt has OpenAI's"):
        find_source(f"ViT-B-32/{tmp_path}/w.pt")
    assert find_source(f"RN50/{tmp_path}/w.pt").trained_with["quick_gelu"]  # as all of its tags
    assert find_source(f"MobileCLIP-S1/{tmp_path}/w.pt").trained_with["mean"] == (0, 0, 0)


def test_a_folder_in_hugging_faces_form_is_named_with_how_to_load_it(tmp_path):
    (tmp_path / "config.json").write_text('{"model_type": "clip"}')
    with pytest.raises(EncoderError, match=rf"in Hugging Face's form: load it as hf-image:local-dir:{tmp_path}"):
        find_source(f"local-dir:{tmp_path}")


class Hub(BaseHTTPRequestHandler):
    """Serves one model as the Hugging Face hub does, and knows no other."""

    files: dict[str, bytes] = {}  # noqa: RUF012  filled once by the test

    def do_HEAD(self):
        self.answer(with_body=False)

    def do_GET(self):
        self.answer(with_body=True)

    def answer(self, *, with_body):
        prefix = "/somebody/toy/resolve/main/"
        content = self.files.get(self.path.removeprefix(prefix)) if self.path.startswith(prefix) else None
        self.send_response(200 if content is not None or self.path == "/" else 404)
        if content is None:
            known = self.path.startswith(prefix)
            self.send_header("X-Error-Code", "EntryNotFound" if known else "RepoNotFound")
        self.send_header("X-Repo-Commit", COMMIT)
        self.send_header("ETag", f'"{len(content or b"")}-{self.path.rpartition("/")[2]}"')
        self.send_header("Content-Length", str(len(content or b"")))
        self.end_headers()
        if with_body and content:
            self.wfile.write(content)

    def log_message(self, *args):
        pass


def test_a_model_is_fetched_from_the_hub_and_an_unknown_one_is_an_error(tmp_path):
    """In a process of its own, since huggingface_hub reads the hub's address when it is imported."""
    folder = write_model(tmp_path / "toy", BUILTIN_LIKE)
    Hub.files = {file.name: file.read_bytes() for file in folder.iterdir()}
    code = (
        "from vlmrm.encoders import load_encoder\n"
        "from vlmrm.errors import UnknownModel\n"
        "print(load_encoder('hf-hub:somebody/toy', device='cpu').preprocessing.fill_color)\n"
        "for name in ('hf-hub:somebody/else', 'hf-hub:three/part/name'):\n"
        "    try: load_encoder(name)\n"
        "    except UnknownModel as error: print(error)\n"
    )
    with ThreadingHTTPServer(("127.0.0.1", 0), Hub) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        address = {"HF_ENDPOINT": f"http://127.0.0.1:{server.server_port}", "HF_HOME": str(tmp_path / "home")}
        ran = subprocess.run(
            [sys.executable, "-c", code],
            env=os.environ | address | {"HF_HUB_OFFLINE": "0", "NO_PROXY": "127.0.0.1"},
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        server.shutdown()
    lines = ran.stdout.splitlines()
    assert lines[:1] == ["127"], ran.stderr
    assert "does not give out 'somebody/else'" in ran.stdout
    assert "'three/part/name' is no repository" in ran.stdout

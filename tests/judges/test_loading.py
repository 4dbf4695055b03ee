"""A judge is read from a folder or the hub's cache, whole and without running code."""

import json
import shutil
import subprocess
import sys

import huggingface_hub.constants
import pytest
import torch
from safetensors.torch import load_file, save_file

from tests.judges.tiny_llava import QUESTION, frames
from vlmrm.errors import EncoderError, MissingExtra, OfflineError, UnknownModel
from vlmrm.judges import YesNoJudge


def test_a_saved_judge_loads_from_its_folder_and_from_the_hubs_cache(judge, folder, hub_cache):
    expected = judge.log_odds(frames())
    local = YesNoJudge.load(f"local-dir:{folder}", QUESTION, device="cpu")
    assert local.name == f"local-dir:{folder}"
    torch.testing.assert_close(local.log_odds(frames()), expected)
    repository = hub_cache / "models--somebody--judge"
    (repository / "refs").mkdir(parents=True)
    (repository / "refs" / "main").write_text("c0ffee")
    shutil.copytree(folder, repository / "snapshots" / "c0ffee")
    torch.testing.assert_close(YesNoJudge.load("somebody/judge", QUESTION, device="cpu").log_odds(frames()), expected)
    (repository / "snapshots" / "c0ffee" / "model.safetensors").unlink()  # a download that was broken off
    with pytest.raises(OfflineError, match="the judge 'somebody/judge' needs a download"):
        YesNoJudge.load("somebody/judge", QUESTION)


@pytest.mark.parametrize("switched_off", [True, False])
def test_a_download_without_a_network_says_what_works_offline(hub_cache, monkeypatch, switched_off):
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", switched_off)
    with pytest.raises(OfflineError, match=r"save_pretrained\(FOLDER\); local-dir:FOLDER then works offline"):
        YesNoJudge.load("somebody/else", QUESTION)


@pytest.mark.parametrize("name", ["sim-s", "a/b/c", "", "some body/judge", "somebody/--judge"])
def test_a_name_that_is_none_is_an_error(hub_cache, name):
    with pytest.raises(UnknownModel, match=r"no judge|no repository of the hub"):
        YesNoJudge.load(name, QUESTION)


def test_a_folder_without_a_model_is_an_error(tmp_path):
    for path in (tmp_path, tmp_path / "nowhere"):
        with pytest.raises(EncoderError, match=r"no model folder: it has no config.json"):
            YesNoJudge.load(f"local-dir:{path}", QUESTION)


def test_pickled_weights_are_not_read(copied):
    torch.save(load_file(copied / "model.safetensors"), copied / "pytorch_model.bin")
    (copied / "model.safetensors").unlink()
    with pytest.raises(EncoderError, match=r"holds no complete weights: model.safetensors"):
        YesNoJudge.load(f"local-dir:{copied}", QUESTION)
    for index in ('{"weight_map": {"a": "model-1.safetensors"}}', "[]", "{"):
        (copied / "model.safetensors.index.json").write_text(index)
        with pytest.raises(EncoderError, match="holds no complete weights"):
            YesNoJudge.load(f"local-dir:{copied}", QUESTION)


def test_weights_that_are_missing_are_not_made_up(copied):
    weights = load_file(copied / "model.safetensors")
    dropped = max(name for name in weights if "lm_head" in name)
    save_file({name: value for name, value in weights.items() if name != dropped}, copied / "model.safetensors")
    with pytest.raises(EncoderError, match=r"lacks 1 of the model's weights, 'lm_head.weight' for one"):
        YesNoJudge.load(f"local-dir:{copied}", QUESTION)


def test_a_folder_that_transformers_cannot_read_is_an_error(copied):
    (copied / "model.safetensors").write_bytes(b"no tensors")
    with pytest.raises(EncoderError, match="cannot load the judge"):
        YesNoJudge.load(f"local-dir:{copied}", QUESTION)
    (copied / "config.json").write_text(json.dumps({"model_type": "bert"}))
    with pytest.raises(EncoderError, match="cannot load the judge"):
        YesNoJudge.load(f"local-dir:{copied}", QUESTION)


def test_code_that_comes_with_a_model_is_not_run(copied):
    ran = copied / "ran"
    (copied / "own.py").write_text(f"open({str(ran)!r}, 'w').close()\nclass Own: ...\nclass OwnConfig: ...")
    own = {"AutoConfig": "own.OwnConfig", "AutoModelForImageTextToText": "own.Own"}
    (copied / "config.json").write_text(json.dumps({"model_type": "own", "auto_map": own}))
    with pytest.raises(EncoderError, match="cannot load the judge"):
        YesNoJudge.load(f"local-dir:{copied}", QUESTION)
    assert not ran.exists()


def test_where_transformers_is_missing_it_says_what_to_install(folder, monkeypatch):
    monkeypatch.setitem(sys.modules, "transformers", None)
    with pytest.raises(MissingExtra, match=r'pip install "vlmrm\[transformers\]"'):
        YesNoJudge.load(f"local-dir:{folder}", QUESTION)


def test_importing_the_package_does_not_import_transformers():
    code = "import sys, vlmrm.judges; sys.exit('transformers' in sys.modules or 'open_clip' in sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)

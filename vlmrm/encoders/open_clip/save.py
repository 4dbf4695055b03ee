"""A tuned model written as a folder in OpenCLIP's own layout, which `load_encoder` reads as ``local-dir:FOLDER``."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file
from torch import Tensor

from vlmrm.atomic import json_text
from vlmrm.encoders.cards import CONFIG_FILE, WEIGHTS_FILE
from vlmrm.encoders.open_clip.encoder import OpenClipEncoder
from vlmrm.encoders.open_clip.names import find_source
from vlmrm.encoders.open_clip.torchvision_mend import import_open_clip

RECORD_FILE = "tuning.json"


def write_model(folder: Path, encoder: OpenClipEncoder, record: Mapping[str, Any]) -> None:
    """Write a model that differs from the one of the encoder's name in its weights alone.

    Args:
        folder: Exists already and is empty.
        encoder: Whose weights are written; its name says what else there is to know.
        record: How the weights came about, as plain values; goes to ``tuning.json``.

    Raises:
        VlmrmError: What the name stands for is not there any more.
    """
    source = find_source(encoder.name)
    model_cfg = import_open_clip().get_model_config(source.config)
    if "quick_gelu" in source.trained_with:
        model_cfg["quick_gelu"] = bool(source.trained_with["quick_gelu"])
    settings = {"model_cfg": model_cfg, "preprocess_cfg": dict(encoder.model.visual.preprocess_cfg)}
    _write_json(folder / CONFIG_FILE, settings)
    weights = {name: _smallest(value) for name, value in encoder.model.state_dict().items()}
    save_file(weights, folder / WEIGHTS_FILE)
    if model_cfg["text_cfg"].get("hf_tokenizer_name"):  # a folder brings such a tokenizer along
        encoder.tokenizer.tokenizer.save_pretrained(folder)
    _write_json(folder / RECORD_FILE, record)


def _smallest(value: Tensor) -> Tensor:
    """In half the bytes where that loses nothing, as it does for what a model in fp16 leaves as it was."""
    value = value.detach().cpu()
    half = value.half() if value.is_floating_point() else value
    return (half if torch.equal(half.to(value.dtype), value) else value).clone(memory_format=torch.contiguous_format)


def _write_json(path: Path, values: Mapping[str, Any]) -> None:
    path.write_text(json_text(values) + "\n", encoding="utf-8")

"""Writes a built-in model's folder in OpenCLIP's own format."""

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

from builtin_sizes import Architecture
from safetensors.torch import save_file
from torch import Tensor


def export(config: Architecture, weights: dict[str, Tensor], card: dict[str, Any]) -> Path:
    """Write the model's folder in OpenCLIP's format, weights in fp16."""
    folder = config.out / config.name
    folder.mkdir(parents=True, exist_ok=True)
    preprocess = asdict(config.preprocessing())
    preprocess.pop("size_px")
    settings = {"model_cfg": config.model(), "preprocess_cfg": preprocess}
    (folder / "open_clip_config.json").write_text(json.dumps(settings, indent=2) + "\n")
    halves = {
        k: (v.half() if v.is_floating_point() else v).contiguous() for k, v in weights.items() if k != "attn_mask"
    }
    save_file(halves, folder / "open_clip_model.safetensors")
    (folder / "card.json").write_text(json.dumps(card, indent=1) + "\n")
    return folder

"""Small models in OpenCLIP's own folder layout, with random weights."""

import json
from pathlib import Path

import torch
from safetensors.torch import save_file

from vlmrm.encoders import import_open_clip

BUILTIN_LIKE = {
    "model_cfg": {
        "embed_dim": 128,
        "vision_cfg": {"image_size": 96, "layers": 4, "width": 128, "head_width": 32, "patch_size": 12},
        "text_cfg": {"context_length": 32, "vocab_size": 49408, "width": 128, "heads": 4, "layers": 2},
    },
    "preprocess_cfg": {
        "mean": [0.5, 0.5, 0.5],
        "std": [0.5, 0.5, 0.5],
        "interpolation": "bicubic",
        "resize_mode": "longest",
        "fill_color": 127,
    },
}
SIGLIP_LIKE = {
    "model_cfg": {
        "embed_dim": 64,
        "init_logit_scale": 2.302585,  # ln 10, as SigLIP starts
        "init_logit_bias": -10.0,
        "custom_text": True,
        "vision_cfg": {"image_size": 32, "layers": 2, "width": 64, "head_width": 32, "patch_size": 8},
        "text_cfg": {
            "context_length": 16,
            "vocab_size": 49408,
            "width": 64,
            "heads": 2,
            "layers": 2,
            "no_causal_mask": True,
            "pool_type": "last",
        },
    },
    "preprocess_cfg": {
        "mean": [0.5, 0.4, 0.3],
        "std": [0.5, 0.25, 0.2],
        "interpolation": "bilinear",
        "resize_mode": "squash",
    },
}
WORDS = ["a", "picture", "red", "green", "blue"]


def write_model(folder: Path, config: dict, *, seed: int = 0) -> Path:
    """A model folder with random fp16 weights."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "open_clip_config.json").write_text(json.dumps(config))
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model = import_open_clip().create_model(f"local-dir:{folder}", load_weights=False)
    weights = {name: tensor.half().contiguous() for name, tensor in model.state_dict().items()}
    save_file(weights, folder / "open_clip_model.safetensors")
    return folder


def write_card(folder: Path, words: list[str]) -> Path:
    """What a built-in model says about itself."""
    card = {"description": "A toy.", "knows": ["red things", "blue things"], "words": words}
    (folder / "card.json").write_text(json.dumps(card))
    return folder


def word_tokenizer(transformers):
    """One token a word; the end has the highest number, as CLIP looks for it."""
    from tokenizers import Tokenizer, models, pre_tokenizers, processors

    start, unknown, end = "<|startoftext|>", "<|unknown|>", "<|endoftext|>"
    numbers = {token: number for number, token in enumerate([start, unknown, *WORDS, end])}
    tokenizer = Tokenizer(models.WordLevel(numbers, unk_token=unknown))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    tokenizer.post_processor = processors.TemplateProcessing(
        single=f"{start} $A {end}", special_tokens=[(start, numbers[start]), (end, numbers[end])]
    )
    return transformers.PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, bos_token=start, eos_token=end, pad_token=end, unk_token=unknown
    )

"""A tiny untrained BLIP and BLIP-2 that write with the words of tab-cap, and say something else of every picture."""

from pathlib import Path
from typing import Any

import torch

from vlmrm.encoders.hugging_face.generative import import_transformers
from vlmrm.rlcf.captions import load_captioner

SIZE_PX, QUERIES = 16, 3
LAYER = {"hidden_size": 16, "intermediate_size": 32, "num_hidden_layers": 1, "num_attention_heads": 2}
TOWER = {**LAYER, "image_size": SIZE_PX, "patch_size": 8}
PAD, END, IMAGE, START, WORDS = 0, 1, 42, 43, 44  # as BLIP's own, the start token is none that the tokenizer knows
OPT = {
    "model_type": "opt", "hidden_size": 16, "ffn_dim": 32, "num_hidden_layers": 1, "num_attention_heads": 2,
    "word_embed_proj_dim": 16, "max_position_embeddings": 64,
}  # fmt: skip
T5 = {"model_type": "t5", "d_model": 16, "d_kv": 8, "d_ff": 32, "num_layers": 1, "num_heads": 2}


def tiny_blip() -> Any:
    transformers = import_transformers("a test")
    said = {
        **LAYER, "vocab_size": WORDS, "encoder_hidden_size": 16, "max_position_embeddings": 64,
        "bos_token_id": START, "sep_token_id": END, "pad_token_id": PAD,
    }  # fmt: skip
    config = transformers.BlipConfig(text_config=said, vision_config=TOWER)
    return _random(transformers.BlipForConditionalGeneration, config)


def tiny_blip2(text: dict[str, Any] = OPT) -> Any:
    transformers = import_transformers("a test")
    special = {
        "vocab_size": WORDS,
        "bos_token_id": END,
        "eos_token_id": END,
        "pad_token_id": PAD,
    }  # OPT begins with </s>
    config = transformers.Blip2Config(
        text_config={**text, **special}, vision_config=TOWER, num_query_tokens=QUERIES, image_token_index=IMAGE,
        qformer_config={**LAYER, "encoder_hidden_size": 16, "vocab_size": WORDS},
    )  # fmt: skip
    return _random(transformers.Blip2ForConditionalGeneration, config)


def processor_of(kind: str) -> Any:
    transformers = import_transformers("a test")
    prepares = transformers.BlipImageProcessor(size={"height": SIZE_PX, "width": SIZE_PX})
    whole = {"blip": transformers.BlipProcessor, "blip-2": transformers.Blip2Processor}[kind]
    return whole(prepares, load_captioner("tab-cap").tokenizer)


def save(kind: str, folder: Path) -> Path:
    {"blip": tiny_blip, "blip-2": tiny_blip2}[kind]().save_pretrained(folder)
    processor_of(kind).save_pretrained(folder)
    return folder


def _random(model: Any, config: Any) -> Any:
    """Weights so large that pictures and words matter."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(1)
        made = model(config)
        for weights in made.parameters():
            if weights.dim() > 1:  # not the scales of layer norms
                torch.nn.init.normal_(weights, std=0.3)
    return made

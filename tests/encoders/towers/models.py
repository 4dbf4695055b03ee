"""What a model consists of, written down so that two moments can be compared; and a text tower of Hugging Face."""

import copy
from importlib import import_module

import torch

from tests.encoders.models import BUILTIN_LIKE, write_model
from vlmrm.encoders import import_open_clip

FRAMES = torch.randint(0, 256, (3, 40, 40, 3), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))
TEXTS = ["a photo of a cart", "a photo of a pole.", "two carts"]
_WORDS = ["[UNK]", "[PAD]", "[CLS]", "[SEP]", "a", "photo", "of", "cart", "pole", "two", "carts"]


def traces(model):
    """Everything of a model that a forward pass can notice: numbers, places, order, classes, flags and hooks."""
    tensors = [*model.named_parameters(), *model.named_buffers()]
    return {
        "tensors": [(name, id(tensor), tensor.data_ptr(), tensor.requires_grad) for name, tensor in tensors],
        "numbers": [
            (name, tensor.detach().reshape(-1).view(torch.uint8).numpy().tobytes()) for name, tensor in tensors
        ],
        "state_dict": list(model.state_dict()),
        "modules": [(name, type(module), module.training) for name, module in model.named_modules()],
        "hooks": [
            (name, key, list(table.values()))
            for name, module in model.named_modules()
            for key, table in vars(module).items()
            if "hooks" in key and isinstance(table, dict)
        ],
    }


def write_hugging_face_model(folder):
    """A ViT beside a tiny BERT with random weights, and a tokenizer of words."""
    import_open_clip()  # mends torchvision, without which transformers has no BERT
    transformers, tokenizers = import_module("transformers"), import_module("tokenizers")
    config = copy.deepcopy(BUILTIN_LIKE)
    config["model_cfg"] |= {
        "custom_text": True,
        "text_cfg": {
            "hf_model_name": str(folder / "bert"),
            "hf_tokenizer_name": str(folder / "bert"),
            "hf_proj_type": "linear",
            "hf_pooler_type": "mean_pooler",
            "context_length": 16,
        },
    }
    sizes = transformers.BertConfig(
        vocab_size=len(_WORDS),
        hidden_size=32,
        num_hidden_layers=2,
        num_attention_heads=2,
        intermediate_size=64,
        pad_token_id=1,
    )
    transformers.BertModel(sizes).save_pretrained(folder / "bert")
    words = tokenizers.Tokenizer(
        tokenizers.models.WordLevel({word: i for i, word in enumerate(_WORDS)}, unk_token="[UNK]")
    )
    words.pre_tokenizer = tokenizers.pre_tokenizers.Whitespace()
    made = transformers.PreTrainedTokenizerFast(tokenizer_object=words, unk_token="[UNK]", pad_token="[PAD]")
    made.save_pretrained(folder / "bert")
    made.save_pretrained(folder)
    return write_model(folder, config)


def seen_and_said(encoder):
    """Embeddings of both towers."""
    with torch.no_grad():
        return torch.cat([encoder.embed_frames(FRAMES), encoder.embed_texts(TEXTS)])


def move(parameters, seed=1):
    """Let parameters become other ones, as an optimiser would."""
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for parameter in parameters:
            parameter += 0.05 * torch.randn(parameter.shape, generator=generator)

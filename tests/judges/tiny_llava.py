"""A tiny untrained LLaVA whose every word is known; `words` begins with `SPECIAL`."""

from importlib import import_module

import torch

from vlmrm.encoders import import_open_clip

import_open_clip()  # before transformers: it mends torchvision
transformers, tokenizers = import_module("transformers"), import_module("tokenizers")

SPECIAL = ["<unk>", "<s>", "</s>", "<pad>", "<image>"]
YES, NO = ["Yes", "yes", "▁Yes", "▁yes"], ["No", "▁no"]  # "▁" is a space; "no" and " No" are not one token here
PROMPT_WORDS = ["USER:", "▁is", "▁the", "▁picture", "▁red?", "▁blue?", "▁BOT:"]
WORDS = [*SPECIAL, *YES, *NO, *PROMPT_WORDS]
TEMPLATE = (
    "<s>USER:{% for part in messages[0]['content'] %}"
    "{{ '<image>' if part['type'] == 'image' else ' ' + part['text'] }}{% endfor %}"
    "{{ ' BOT:' if add_generation_prompt }}"
)
QUESTION, SIZE_PX = "is the picture red?", 16


def tokenizer(words=WORDS):
    words_only = tokenizers.Tokenizer(
        tokenizers.models.WordLevel({word: i for i, word in enumerate(words)}, unk_token="<unk>")
    )
    words_only.pre_tokenizer = tokenizers.pre_tokenizers.Metaspace(prepend_scheme="never")
    words_only.decoder = tokenizers.decoders.Metaspace(prepend_scheme="never")
    words_only.post_processor = tokenizers.processors.TemplateProcessing(single="<s> $A", special_tokens=[("<s>", 1)])
    return transformers.PreTrainedTokenizerFast(
        tokenizer_object=words_only,
        unk_token="<unk>",
        bos_token="<s>",
        eos_token="</s>",
        pad_token="<pad>",
        additional_special_tokens=["<image>"],
    )


def processor(image_processor=None, *, template=TEMPLATE, words=WORDS):
    kind = image_processor or transformers.CLIPImageProcessor
    return transformers.LlavaProcessor(
        image_processor=kind(
            size={"shortest_edge": SIZE_PX}, crop_size={"height": SIZE_PX, "width": SIZE_PX}, do_convert_rgb=True
        ),
        tokenizer=tokenizer(words),
        patch_size=8,
        vision_feature_select_strategy="default",
        num_additional_image_tokens=1,
        chat_template=template,
    )


def tiny_llava(words=WORDS):
    """Weights of words so large that the picture matters, and a dropout that must be switched off."""
    tower = transformers.CLIPVisionConfig(
        hidden_size=16,
        intermediate_size=32,
        num_hidden_layers=2,
        num_attention_heads=2,
        image_size=SIZE_PX,
        patch_size=8,
    )
    text = transformers.LlamaConfig(
        vocab_size=len(words),
        hidden_size=16,
        intermediate_size=32,
        num_hidden_layers=2,
        num_attention_heads=2,
        initializer_range=0.1,
        attention_dropout=0.5,
        pad_token_id=WORDS.index("<pad>"),
    )
    config = transformers.LlavaConfig(
        vision_config=tower,
        text_config=text,
        image_token_index=WORDS.index("<image>"),
        vision_feature_layer=-1,
        vision_feature_select_strategy="default",
    )
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        return transformers.LlavaForConditionalGeneration(config)


def frames(n=3, size=(40, 30), seed=0):
    generator = torch.Generator().manual_seed(seed)
    return torch.randint(0, 256, (n, *size, 3), generator=generator, dtype=torch.uint8)


def smooth_pixels(n=2, size=(24, 20), seed=0):
    generator = torch.Generator().manual_seed(seed)
    coarse = 0.3 + 0.4 * torch.rand(n, 3, 4, 4, generator=generator)
    return torch.nn.functional.interpolate(coarse, size, mode="bilinear").requires_grad_()

#!/usr/bin/env python
"""Train a built-in captioner: a mapper and a small language model on what a built-in encoder sees, in minutes.

    python scripts/train_captioner.py tab-cap       # of the table top: whole captions of what tab-xs sees
    python scripts/train_captioner.py sim-cap       # of the simulated scenes: one thing of what sim-m sees
    python scripts/train_captioner.py tab-cap-one   # never saw a caption of more than one thing; no part of the package

Pictures are embedded once; then mapper and language model learn together to write the sentence of each. The result is a
folder that `vlmrm.rlcf.captions.load_captioner` takes, with a card of how it does on held-out pictures.
"""

import json
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
import tyro
from builtin_learning import Progress, schedule, set_rate
from captioner_scenes import Scenes, Tables, Told
from captioner_sim import Sim
from torch import Tensor, nn

from vlmrm.encoders import load_encoder
from vlmrm.encoders.hugging_face.generative import import_transformers
from vlmrm.rlcf.captions import MapperShape, PrefixCaptioner, save_captioner
from vlmrm.rlcf.captions.files import BUILTIN
from vlmrm.rlcf.captions.protocol import Captions, mean_surprise

HELD_OUT = 99
"""Seed of pictures that no captioner was trained on."""


@dataclass(frozen=True, kw_only=True)
class CaptionerConfig:
    """What decides the weights of a captioner."""

    name: str
    """Its folder."""
    encoder: str
    """What sees pictures."""
    scenes: str
    """What is drawn and said: a name in `SCENES`."""
    pictures: int = 60_000
    """Pictures that are drawn."""
    reading: float = 0.0
    """Weight of sentences about no picture in particular, each read after a picture at random: how else to write."""
    steps: int = 4_000
    """Updates on pictures."""
    batch: int = 128
    """Pictures in each."""
    learning_rate: float = 2e-3
    """Of AdamW, after a warm-up and before a cosine."""
    prefix: int = 8
    """Words that a picture becomes."""
    hidden: int = 512
    """Width of the mapper."""
    width: int = 96
    """Of the language model."""
    layers: int = 2
    """Of the language model."""
    seed: int = 3
    """Of pictures, sentences and first weights."""
    out: Path = BUILTIN
    """Folder that its folder is put into."""

    @property
    def shape(self) -> MapperShape:
        """Of the mapper."""
        return MapperShape(dim=128, width=self.width, prefix=self.prefix, hidden=self.hidden)


SCENES: dict[str, Callable[[], Scenes]] = {"tables": Tables, "things": lambda: Tables(whole=False), "states": Sim}
SIZES = {
    "tab-cap": CaptionerConfig(name="tab-cap", encoder="tab-xs", scenes="tables"),
    "sim-cap": CaptionerConfig(
        name="sim-cap",
        encoder="sim-m",
        scenes="states",
        pictures=12_800,
        steps=2_000,
        prefix=4,
        width=64,
    ),
    "tab-cap-one": CaptionerConfig(
        name="tab-cap-one",
        encoder="tab-xs",
        scenes="things",
        reading=0.3,
        steps=2_500,
        out=Path("runs/captioners"),
    ),
}


def tokenizer_of(sentences: list[str]) -> Any:
    """One token for each word, with the space before it."""
    transformers = import_transformers("a captioner")
    from tokenizers import Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers

    words = sorted({word for sentence in sentences for word in sentence.replace(",", "").replace(":", "").split()})
    known = ["<pad>", "<end>", "<unk>", ",", ":", *(f" {word}" for word in words)]
    reads = Tokenizer(models.WordLevel({word: place for place, word in enumerate(known)}, unk_token="<unk>"))
    reads.normalizer = normalizers.Sequence([normalizers.Lowercase(), normalizers.Prepend(" ")])
    reads.pre_tokenizer = pre_tokenizers.Split(Regex(r" ?[^\s,:]+|[,:]"), "isolated")
    reads.decoder = decoders.Sequence([decoders.Fuse(), decoders.Strip(" ", 1, 0)])
    return transformers.PreTrainedTokenizerFast(
        tokenizer_object=reads, eos_token="<end>", pad_token="<pad>", unk_token="<unk>"
    )


def language_model(config: CaptionerConfig, words: int) -> Any:
    """A small GPT-2."""
    transformers = import_transformers("a captioner")
    plain = transformers.GPT2Config(
        vocab_size=words, n_positions=64, n_embd=config.width, n_layer=config.layers, n_head=4, resid_pdrop=0.0,
        embd_pdrop=0.0, attn_pdrop=0.0, bos_token_id=None, eos_token_id=1, pad_token_id=0,
    )  # fmt: skip
    return transformers.GPT2LMHeadModel(plain)


def learn_pictures(
    config: CaptionerConfig, captioner: PrefixCaptioner, scenes: Scenes, seen: Tensor, told: Told
) -> None:
    """Mapper and language model, from captions of pictures, and from sentences that are not about the one shown."""

    def loss(rng: np.random.Generator) -> Tensor:
        rows = rng.choice(len(seen), config.batch, replace=False)
        learned = surprise(captioner, seen[rows], captioner.tokens_of([told.sentence(int(row), rng) for row in rows]))
        if not config.reading:
            return learned
        others = rng.choice(len(seen), config.batch, replace=False)
        sentences = captioner.tokens_of([scenes.any_sentence(rng) for _ in others])
        return learned + config.reading * surprise(captioner, seen[others], sentences)

    descend(config, "captions", config.steps, captioner.parameters_of(""), loss)


def surprise(captioner: PrefixCaptioner, seen: Tensor, captions: Captions) -> Tensor:
    """Cross-entropy per token, each caption divided by its own length."""
    return mean_surprise(captioner.log_probabilities(seen, captions), captions).mean()


def descend(
    config: CaptionerConfig, what: str, steps: int, parameters: list[nn.Parameter],
    loss_of: Callable[[np.random.Generator], Tensor],
) -> None:  # fmt: skip
    """Some updates; the n-th depends on the seed and n alone."""
    for parameter in parameters:
        parameter.requires_grad_(True)
    optimiser = torch.optim.AdamW(parameters, lr=config.learning_rate, weight_decay=0.01, fused=True)
    progress = Progress(what, 0, steps)
    for step in progress:
        set_rate(optimiser, config.learning_rate * schedule(step, steps, 100))
        loss = loss_of(np.random.default_rng([config.seed, len(what), step]))
        optimiser.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(parameters, 1.0)
        optimiser.step()
        progress.report(step, f"loss {loss.item():.3f}")
    for parameter in parameters:
        parameter.requires_grad_(False)


def main(config: CaptionerConfig) -> None:
    """Draw, embed, train, measure, write."""
    torch.manual_seed(config.seed)
    scenes = SCENES[config.scenes]()
    begun = time.time()
    shown = scenes.draw(config.pictures, config.seed)
    encoder = load_encoder(config.encoder)
    seen = torch.cat([encoder.embed_frames(frames) for frames in shown.frames]).clone()
    tokenizer = tokenizer_of(scenes.every_word())
    captioner = PrefixCaptioner(
        encoder, config.shape.build(), language_model(config, len(tokenizer)), tokenizer, name=config.name
    )
    learn_pictures(config, captioner, scenes, seen, shown.told)
    minutes = (time.time() - begun) / 60
    folder = config.out / config.name
    save_captioner(captioner, folder)
    training = {key: value for key, value in asdict(config).items() if key != "out"}
    card = {
        "description": scenes.description,
        "training": training | {"threads": torch.get_num_threads(), "minutes": round(minutes, 1)},
        "held_out": scenes.measure(captioner, HELD_OUT),
    }
    (folder / "card.json").write_text(json.dumps(card, indent=1) + "\n")
    (folder / "README.md").write_text(readme(config, card), encoding="utf-8")
    print(f"wrote {folder} after {minutes:.1f} minutes; {card['held_out']}")


def readme(config: CaptionerConfig, card: dict[str, Any]) -> str:
    """What the card says, in words."""
    training = card["training"]
    rows = "\n".join(f"| {what.replace('_', ' ')} | {value:.3f} |" for what, value in card["held_out"].items())
    return f"""# {config.name}

{card["description"]}
It sees pictures with `{config.encoder}`; its language model is {config.width} numbers wide and has {config.layers}
layers. It is a model of a very small world, and says something of that world about any picture.

## Training

`python scripts/train_captioner.py {config.name}`: {config.pictures:,} pictures with a sentence each, {config.steps:,}
updates of {config.batch} pictures; seed {config.seed}; {training["minutes"]:.1f} minutes.

## Held-out pictures

| | share |
|---|---|
{rows}
"""


if __name__ == "__main__":
    models = {name: (f"{size.scenes}, seen by {size.encoder}", size) for name, size in SIZES.items()}
    main(tyro.extras.overridable_config_cli(models, description=__doc__))

#!/usr/bin/env python
"""Train a built-in model of the table top: a small CLIP on drawn tables and sentences about them, in minutes.

    python scripts/train_table.py tab-xs      # plain pictures: the policy of the test bed for retrieval and captions
    python scripts/train_table.py tab-m       # larger, on others, in other light, contrast and noise: its reward

Pictures come in pairs of near twins, tables that differ in one fact, so that a model cannot get by with half of them.
First the text tower learns what sentences mean, from the facts alone; then the vision tower learns to see it. The loss
is CLIP's with soft targets: a sentence may be true of several pictures of a batch. The result is a folder in OpenCLIP's
own format under vlmrm/encoders/builtin, with a card of how often it finds a held-out table's caption and picture among
1,000.
"""

import json
import math
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
import tyro
from builtin_batches import CompactVocabulary
from builtin_export import export
from builtin_learning import Muon, Progress, descend, schedule, set_rate, soft_clip_loss
from builtin_sizes import Architecture
from builtin_supervision import StateEncoder
from torch import Tensor
from torch.nn import functional
from vlmrm_envs.table_sentences import table_sentence, table_words
from vlmrm_envs.table_top import Facts, caption, draw_tables, near_twin, random_tables

from vlmrm.encoders import Domain
from vlmrm.encoders.open_clip.encoder import OpenClipEncoder
from vlmrm.encoders.open_clip.torchvision_mend import import_open_clip
from vlmrm.types import Frames

TEACHER_WEIGHT = 20.0
"""Of the likeness to the teacher, beside the contrastive loss."""
HELD_OUT = 99
"""Seed of tables and pictures that no model was trained on."""
HOME, GALLERY = 2_000, 1_000
"""Pictures that decide where a model is at home, and tables of the gallery that it is measured on."""
_FALSE = -20.0  # log-truth
_SCENE = "a table top with three things on it"


@dataclass(frozen=True, kw_only=True)
class TableConfig(Architecture):
    """What decides the weights of a model of the table top."""

    pairs: int = 4_000
    """Pairs of near twins that are drawn."""
    batch: int = 48
    """Pairs in each step, with one sentence for each picture."""
    sentence_steps: int = 2_000
    """Updates of the text tower, which learns from facts."""
    steps: int
    """Updates of the vision tower, which learns from pictures."""
    contrast: tuple[float, float] = (1.0, 1.0)
    """Least and most contrast of training pictures."""
    light: float = 0.0
    """Most that a training picture is lighter or darker, of a range of 2."""
    noise: float = 0.0
    """Most noise of a training picture, as the standard deviation of a range of 2."""


SIZES = {
    "tab-xs": TableConfig(name="tab-xs", size_px=64, width=8, steps=600, seed=1),
    "tab-m": TableConfig(
        name="tab-m", size_px=64, width=16, steps=1_000, seed=2, pairs=8_000, batch=40,
        contrast=(0.25, 1.2), light=0.4, noise=0.25,
    ),
}  # fmt: skip


def twin_pairs(count: int, seed: int) -> Facts:
    """Tables, each followed by a near twin of it."""
    rng = np.random.default_rng([seed, 1])
    tables = random_tables(count, seed=seed)
    return np.stack([tables, np.stack([near_twin(table, rng) for table in tables])], axis=1).reshape(2 * count, -1)


def augment(frames: Frames, config: TableConfig, generator: torch.Generator) -> Tensor:
    """Pixels in other light, contrast and noise."""

    def drawn(low: float, high: float, channels: int) -> Tensor:
        return low + (high - low) * torch.rand(len(frames), channels, 1, 1, generator=generator)

    pixels = config.preprocessing().normalise(frames)
    around = pixels.mean(dim=(1, 2, 3), keepdim=True)
    changed = around + (pixels - around) * drawn(*config.contrast, 1) + drawn(-config.light, config.light, 1)
    noise = torch.randn(pixels.shape, generator=generator) * drawn(0.0, config.noise, 1)
    return (changed + noise).clamp(-1, 1).contiguous(memory_format=torch.channels_last)


class Batch:
    """Some tables with a sentence for each; the n-th batch depends on the seed and n alone."""

    def __init__(self, config: TableConfig, tables: Facts, step: int) -> None:
        rng = np.random.default_rng([config.seed, 2, step])
        first = 2 * rng.choice(len(tables) // 2, config.batch, replace=False)
        rows = np.stack([first, first + 1], axis=1).ravel()
        sentences = [table_sentence(table, rng) for table in tables[rows]]
        self.rows, self.texts = torch.from_numpy(rows), [sentence.text for sentence in sentences]
        true = np.stack([sentence.holds(tables[rows]) for sentence in sentences], axis=1)
        self.truth = torch.from_numpy(np.where(true, 0.0, _FALSE)).float()

    def loss(self, model: Any, seen: Tensor, said: Tensor) -> Tensor:
        """CLIP's, with soft targets."""
        logits = model.logit_scale.exp() * seen @ said.T
        return soft_clip_loss(logits, self.truth, [len(self.rows)], [len(self.texts)])


def learn_sentences(config: TableConfig, model: Any, vocabulary: CompactVocabulary, tables: Facts) -> Tensor:
    """Text tower, from the facts alone; returns the embedding that each table's picture ought to have."""
    facts = one_hot(tables)
    teacher = StateEncoder({"table": facts}, config.embed_dim)
    text = [parameter for name, parameter in model.named_parameters() if not name.startswith("visual.")]
    parameters = [*text, *teacher.parameters()]
    optimiser = torch.optim.AdamW(parameters, lr=config.learning_rate, weight_decay=0.01)
    progress = Progress("sentences", 0, config.sentence_steps)
    for step in progress:
        set_rate(optimiser, config.learning_rate * schedule(step, config.sentence_steps, config.warmup))
        batch = Batch(config, tables, step)
        said = model.encode_text(vocabulary(batch.texts), normalize=True)
        loss = batch.loss(model, teacher({"table": facts[batch.rows]}), said)
        descend(loss, parameters, [optimiser])
        with torch.no_grad():
            model.logit_scale.clamp_(max=math.log(40))
        progress.report(step, f"loss {loss.item():.3f}")
    with torch.no_grad():
        return teacher({"table": facts})


def learn_pictures(
    config: TableConfig, model: Any, vocabulary: CompactVocabulary, tables: Facts, taught: Tensor
) -> None:
    """Vision tower, towards what the sentences say."""
    frames = draw_tables(tables, seed=config.seed, size_px=config.size_px)
    for name, parameter in model.named_parameters():
        parameter.requires_grad_(name.startswith("visual."))
    vision = dict(model.visual.named_parameters())
    matrices = [part for name, part in vision.items() if part.ndim >= 2 and "positional" not in name]
    others = [part for name, part in vision.items() if part.ndim < 2 or "positional" in name]
    halved = bool(torch.cpu.get_capabilities().get("avx512_bf16"))
    muon = Muon(matrices, lr=config.muon_learning_rate, dtype=torch.bfloat16 if halved else torch.float32)
    rates = {muon: config.muon_learning_rate, torch.optim.AdamW(others, weight_decay=0.0): config.learning_rate}
    progress = Progress("pictures", 0, config.steps)
    for step in progress:
        for optimiser, rate in rates.items():
            set_rate(optimiser, rate * schedule(step, config.steps, config.warmup))
        batch = Batch(config, tables, config.sentence_steps + step)
        pixels = augment(frames[batch.rows], config, torch.Generator().manual_seed(step))
        with torch.autocast("cpu", torch.bfloat16, enabled=halved):
            seen = model.encode_image(pixels, normalize=True).float()
            with torch.no_grad():
                said = model.encode_text(vocabulary(batch.texts), normalize=True).float()
        likeness = (seen * taught[batch.rows]).sum(dim=1).mean()
        loss = batch.loss(model, seen, said) + TEACHER_WEIGHT * (1 - likeness)
        descend(loss, [*matrices, *others], list(rates))
        progress.report(step, f"loss {loss.item():.3f}  like the teacher {likeness.item():.3f}")


def one_hot(tables: Facts) -> Tensor:
    """Facts as numbers for a network, (n, f)."""
    columns = torch.from_numpy(tables).T
    return torch.cat([functional.one_hot(column).float() for column in columns], dim=1)


def found_first(encoder: OpenClipEncoder, count: int) -> dict[str, float]:
    """How often a held-out picture's caption is the nearest of many, and the other way; a tenth are near twins."""
    tables = random_tables(count, seed=HELD_OUT, twins=0.1)
    seen = encoder.embed_frames(draw_tables(tables, seed=HELD_OUT, size_px=128))
    cosines = seen @ encoder.embed_texts([caption(table) for table in tables]).T
    right = torch.arange(count)
    return {
        "caption_of_picture": float((cosines.argmax(dim=1) == right).float().mean()),
        "picture_of_caption": float((cosines.argmax(dim=0) == right).float().mean()),
    }


def write_readme(folder: Path) -> None:
    """Say in words what the card of a model says."""
    card = json.loads((folder / "card.json").read_text())
    given, (found,) = card["training"], [card[key] for key in card if key.startswith("found_first")]
    low, high = given["contrast"]
    lines = [
        f"# {folder.name}",
        "",
        card["description"],
        f"It knows {card['knows'][0]}, and {len(card['words'])} English words.",
        "It is a model of a very small world: anything else, in a picture or a sentence, draws an",
        "`OutOfDomainWarning`, and its reward means nothing.",
        "",
        "## Training",
        "",
        f"`python scripts/train_table.py {folder.name}`: {given['pairs']:,} pairs of drawn tables that differ in one",
        "fact, and sentences that say all or some of it, composed of a handful of forms. First",
        f"{given['sentence_steps']:,} steps of the text tower on facts, then {given['steps']:,} of the vision tower on",
        f"{2 * given['batch']} pictures; seed {given['seed']}; {given['minutes']:.0f} minutes on one thread.",
        f"Contrast of the pictures {low:g} to {high:g}, light by up to {given['light']:g} and noise of up to",
        f"{given['noise']:g} of a range of 2.",
        "",
        "## Held-out tables",
        "",
        f"Of {GALLERY:,} tables, a tenth near twins of others, the caption of a picture is found first for",
        f"{100 * found['caption_of_picture']:.1f} %, the picture of a caption for",
        f"{100 * found['picture_of_caption']:.1f} %.",
        "With changed pictures: `experiments/results/rlcf_tables.md`.",
        "",
    ]
    (folder / "README.md").write_text("\n".join(lines), encoding="utf-8")


def main(config: TableConfig) -> None:
    """Draw, train, export, measure."""
    open_clip = import_open_clip()
    torch.manual_seed(config.seed)
    begun = time.time()
    model = open_clip.CLIP(**config.model(), output_dict=False)
    vocabulary = CompactVocabulary(open_clip.SimpleTokenizer(context_length=32), table_words())
    vocabulary.shrink(model)
    model.to(memory_format=torch.channels_last)
    tables = twin_pairs(config.pairs, config.seed)
    taught = learn_sentences(config, model.train(), vocabulary, tables)
    learn_pictures(config, model, vocabulary, tables, taught)
    minutes = (time.time() - begun) / 60
    weights = {name: value.detach() for name, value in model.eval().state_dict().items()}
    training = config.identity() | {"threads": torch.get_num_threads(), "minutes": round(minutes, 1)}
    card = {"description": "A small CLIP of drawn table tops, trained by vlmrm.", "knows": [_SCENE]}
    folder = export(config, vocabulary.grow(weights, 49408), card | {"training": training})
    encoder = OpenClipEncoder.load(f"local-dir:{folder}")
    card |= {"training": training, f"found_first_of_{GALLERY}": found_first(encoder, GALLERY)}
    (folder / "card.json").write_text(json.dumps(card, indent=1) + "\n")
    own = encoder.embed_frames(draw_tables(random_tables(HOME, seed=HELD_OUT + 1), seed=HELD_OUT, size_px=128))
    Domain.fit(own, torch.zeros(len(own), dtype=torch.long), words={_SCENE: sorted(table_words())}).save(folder)
    write_readme(folder)
    for file in folder.iterdir():
        file.chmod(0o644)  # safetensors writes files that only their owner can read
    print(f"wrote {folder} after {minutes:.0f} minutes of training; {card[f'found_first_of_{GALLERY}']}")


if __name__ == "__main__":
    models = {name: (f"{size.size_px} px, width {size.width}", size) for name, size in SIZES.items()}
    main(tyro.extras.overridable_config_cli(models, description=__doc__))

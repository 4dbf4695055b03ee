#!/usr/bin/env python
"""GRPO by TRL beside this library's own loop: the same captioner, reward, pictures and number of updates.

    python scripts/train_captioner.py tab-cap-one
    python experiments/rlcf_caption_trl.py            (about 15 minutes on 1 core; needs the extra trl)

TRL trains causal language models on prompts of tokens. A prefix captioner is one whose first words are made by the
mapper, so each picture gets tokens of its own, which the embedding layer turns into what the mapper makes of it; mapper
and language model both learn through it. Results go to ``experiments/results/rlcf_caption_trl.md``.
"""

import copy
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from rlcf_caption_training import RUNS, START, Gallery, Looked, looked_at, rows_of
from rlcf_tables import RESULTS
from torch import Tensor, nn
from vlmrm_envs.table_top import draw_tables, random_tables

from vlmrm.atomic import whole_file
from vlmrm.encoders import import_open_clip
from vlmrm.rlcf.captions import CaptionTrainer, CaptionTraining, PrefixCaptioner, load_captioner
from vlmrm.rlcf.captions.protocol import Captions
from vlmrm.rlcf.captions.rewarding import CaptionRewards
from vlmrm.rlcf.captions.terms import Shown
from vlmrm.types import Frames

import_open_clip()  # before trl: it mends a torchvision that was built for another torch
from datasets import Dataset  # noqa: E402
from trl import GRPOConfig, GRPOTrainer  # noqa: E402
from trl.trainer.grpo_trainer import add_fused_lm_head  # noqa: E402

WORK = Path("runs") / "rlcf_caption_trl"
UPDATES, PICTURES, DRAWN, SEEDS = 150, 512, 203, (0, 1)
OPTIONS = replace(RUNS["composed"].options, updates=UPDATES, baseline="group", check_every=UPDATES)
"""Of both: advantages are those of GRPO, each term by itself before the weights."""


class WordsOfPictures(nn.Module):
    """An embedding layer that knows pictures: their tokens follow those of words, as many each as the mapper makes.

    Args:
        words: Embedding layer of words.
        mapper: From embeddings of pictures to words.
        seen: Embeddings of the pictures.
    """

    def __init__(self, words: nn.Embedding, mapper: nn.Module, seen: Tensor) -> None:
        super().__init__()
        self.words, self.mapper = words, mapper
        self.register_buffer("seen", seen, persistent=False)

    @property
    def weight(self) -> Any:
        """Of words, which the last layer shares."""
        return self.words.weight

    def forward(self, tokens: Tensor) -> Any:
        """Return a vector for each token."""
        known = self.words.num_embeddings
        of_words = self.words(tokens.clamp(max=known - 1))
        if not bool((tokens >= known).any()):
            return of_words
        shown, places = torch.unique(tokens[tokens >= known] - known, return_inverse=True)
        made = self.mapper(self.seen)  # of all pictures at once: the mapper is small
        flat = made.flatten(0, 1)[shown]
        return of_words.masked_scatter((tokens >= known)[..., None], flat[places])


def as_language_model(captioner: PrefixCaptioner, pictures: Frames) -> tuple[Any, Any, list[str]]:
    """Return a captioner as TRL takes it: a causal model, its tokenizer, and the prompt of each picture."""
    model, tokenizer = copy.deepcopy(captioner.language_model), copy.deepcopy(captioner.tokenizer)
    seen = captioner.see(pictures).clone()
    model.set_input_embeddings(
        WordsOfPictures(model.get_input_embeddings(), copy.deepcopy(captioner.mapper), seen).requires_grad_(True)
    )
    count = captioner.mapper(seen[:1]).shape[1]
    names = [[f"<{place}.{slot}>" for slot in range(count)] for place in range(len(pictures))]
    tokenizer.add_tokens([name for row in names for name in row], special_tokens=True)
    return model.requires_grad_(True), tokenizer, ["".join(row) for row in names]


def as_captioner(model: Any, start: PrefixCaptioner) -> PrefixCaptioner:
    """Return the captioner that a model has become."""
    learned = copy.deepcopy(model)
    words = learned.get_input_embeddings()
    learned.set_input_embeddings(words.words)
    return PrefixCaptioner(start.encoder, words.mapper, learned, start.tokenizer, name="trained by TRL")


def rewards_of(start: PrefixCaptioner, pictures: Frames, options: CaptionTraining) -> list[Any]:
    """Return a function for each term, as TRL calls them: one number for each completion."""

    def function_of(name: str) -> Any:
        rewards = CaptionRewards({name: options.terms[name]}, start)

        def values(completion_ids: Sequence[Sequence[int]], place: Sequence[int], **_: Any) -> list[float]:
            rows = [list(row) for row in completion_ids]
            texts = [start.tokenizer.decode(row, skip_special_tokens=True).strip() for row in rows]
            captions = Captions.of_rows(texts, rows, end=start.end, filler=start.tokenizer.pad_token_id)
            shown = Shown(pictures[list(place[:: options.samples])], captions)
            return rewards.values(shown, update=0)[name].flatten().tolist()

        values.__name__ = name
        return values

    return [function_of(name) for name in options.terms]


def by_trl(start: PrefixCaptioner, pictures: Frames, options: CaptionTraining) -> PrefixCaptioner:
    """Return what TRL's GRPO makes of a captioner."""
    model, tokenizer, prompts = as_language_model(start, pictures)
    before = copy.deepcopy(model).requires_grad_(False)
    config = GRPOConfig(
        output_dir=str(WORK / f"trl-{options.seed}"), max_steps=options.updates, learning_rate=options.learning_rate,
        lr_scheduler_type="constant", weight_decay=0.0, max_grad_norm=options.most_norm,
        per_device_train_batch_size=options.pictures * options.samples, num_generations=options.samples,
        max_completion_length=options.most_tokens, reward_weights=[term.weight for term in options.terms.values()],
        multi_objective_aggregation="normalize_then_sum", beta=0.0, logging_steps=10, save_strategy="no", report_to=[],
        use_cpu=True, bf16=False, disable_tqdm=True, seed=options.seed, gradient_checkpointing=False, top_k=0,
    )  # fmt: skip
    trainer = GRPOTrainer(
        model=model, reward_funcs=rewards_of(start, pictures, options), args=config, processing_class=tokenizer,
        train_dataset=Dataset.from_list([{"prompt": text, "place": place} for place, text in enumerate(prompts)]),
    )  # fmt: skip
    add_fused_lm_head(before, temperature=options.temperature)
    trainer.beta, trainer.ref_model = float(options.kl), before  # by itself it loads one by its name only
    trainer.train()
    return as_captioner(trainer.model, start)


def by_own_loop(start: PrefixCaptioner, pictures: Frames, options: CaptionTraining) -> PrefixCaptioner:
    """Return what this library's loop makes of it."""
    trainer = CaptionTrainer(start, options, pictures, WORK / f"own-{options.seed}")
    trainer.train()
    assert isinstance(trainer.captioner, PrefixCaptioner)
    return trainer.captioner


def main() -> None:
    """Train by both, and write the table."""
    gallery, start = Gallery.drawn(), load_captioner(START)
    assert isinstance(start, PrefixCaptioner)
    pictures = draw_tables(random_tables(PICTURES, seed=DRAWN), seed=DRAWN, size_px=64)
    found, seconds = [looked_at("the start", start.caption(gallery.frames), gallery)], [""]
    for name, train in (("GRPO by TRL", by_trl), ("GRPO by CaptionTrainer", by_own_loop)):
        for seed in SEEDS:
            begun = time.monotonic()
            trained = train(start, pictures, replace(OPTIONS, seed=seed))
            seconds.append(f"{(time.monotonic() - begun) / OPTIONS.updates:.2f}")
            found.append(looked_at(f"{name}, seed {seed}", trained.caption(gallery.frames), gallery))
    write(found, seconds, gallery)


def write(found: Sequence[Looked], seconds: Sequence[str], gallery: Gallery) -> None:
    """The table."""
    rows = [f"{row} {took} |" for row, took in zip(rows_of(found, gallery), seconds, strict=True)]
    text = "\n".join([_HEAD, *rows, ""])
    with whole_file(RESULTS / "rlcf_caption_trl.md") as aside:
        aside.write_text(text, encoding="utf-8")
    print(text)


_HEAD = f"""# GRPO by TRL beside this library's own loop

Made by `python experiments/rlcf_caption_trl.py`: {UPDATES} updates of {OPTIONS.pictures} pictures with
{OPTIONS.samples} captions each, of the same {PICTURES} pictures, from the same captioner, with the same terms and
weights (`rlcf_caption_training.md`, composed), each divided by its own deviation in the group before the sum, the same
divergence from the start, learning rate and longest gradient. Which pictures come when, and chance, differ. Columns as
there; seconds are those of one update, on a machine that did other things as well.

| | facts | gained | found | exact | false things | sentences | repeated | reward | seconds |
|---|---|---|---|---|---|---|---|---|---|"""


if __name__ == "__main__":
    main()

#!/usr/bin/env python
"""How long do CIDEr-D and BLEU of 1,000 captions take, beside the public code of COCO?

    python experiments/caption_metrics_speed.py

Five references each, of 8 to 14 words that are drawn as often as words of English are (Zipf). Both sides are given text
that is tokenised, in turns, and medians are shown. Results go to experiments/results/caption_metrics_speed.md.
"""

import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from statistics import median

import numpy as np
from pycocoevalcap.bleu.bleu import Bleu
from pycocoevalcap.cider.cider import Cider

from vlmrm.atomic import whole_file
from vlmrm.metrics.captions import bleu, cider_d, plain_words

RESULTS = Path(__file__).resolve().parent / "results" / "caption_metrics_speed.md"
PICTURES, REFERENCES, WORDS, ROUNDS = 1_000, 5, 5_000, 7
SECONDS = 2


def sentences(rng: np.random.Generator, count: int) -> list[str]:
    """Texts of random words."""
    shares = 1 / np.arange(1, WORDS + 1)
    drawn = rng.choice(WORDS, p=shares / shares.sum(), size=(count, 14))
    return [" ".join(f"word{one}" for one in row[: rng.integers(8, 15)]) for row in drawn]


def seconds(call: Callable[[], object]) -> float:
    """How long one call takes."""
    started = time.perf_counter()
    call()
    return time.perf_counter() - started


def main() -> None:
    """Measure, and write the page."""
    rng = np.random.default_rng(0)
    captions = sentences(rng, PICTURES)
    references = [sentences(rng, REFERENCES) for _ in range(PICTURES)]
    right, said = dict(enumerate(references)), {place: [one] for place, one in enumerate(captions)}
    calls: dict[str, Callable[[], object]] = {
        "CIDEr-D": partial(cider_d, captions, references, words=str.split),
        "CIDEr-D, with `plain_words`": partial(cider_d, captions, references, words=plain_words),
        "CIDEr-D, public code": partial(Cider().compute_score, right, said),
        "BLEU": partial(bleu, captions, references, words=str.split),
        "BLEU, public code": partial(Bleu(4).compute_score, right, said, verbose=0),
    }
    rounds = [{name: seconds(call) for name, call in calls.items()} for _ in range(ROUNDS)]
    took = {name: median(one[name] for one in rounds) for name in calls}
    reached = "reached" if took["CIDEr-D, with `plain_words`"] < SECONDS else "not reached"
    lines = [
        "# How long metrics of captions take",
        "",
        f"Made by `python experiments/caption_metrics_speed.py`: {PICTURES:,} captions with {REFERENCES} references",
        f"each, medians of {ROUNDS} rounds, one thread.",
        "",
        "| | seconds |",
        "|---|---|",
        *(f"| {name} | {value:.2f} |" for name, value in took.items()),
        "",
        f"- CIDEr-D takes {took['CIDEr-D'] / took['CIDEr-D, public code']:.2f} of the public code's time, BLEU "
        f"{took['BLEU'] / took['BLEU, public code']:.2f}.",
        f"- CIDEr-D in {SECONDS} s: {reached}.",
    ]
    with whole_file(RESULTS) as file:
        file.write_text("\n".join(lines) + "\n")
    print("\n".join(lines))


if __name__ == "__main__":
    main()

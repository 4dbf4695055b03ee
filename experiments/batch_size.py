#!/usr/bin/env python
"""How many frames at a time does an encoder embed fastest on a CPU?

    python experiments/batch_size.py

Batch sizes take turns in one process, on one thread, so that whatever else the machine does slows all of them. Results
go to experiments/results/batch_size.md.
"""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import median

import torch
import tyro

from vlmrm.encoders import load_encoder
from vlmrm.training.threads import cpu_threads

FRAMES = {"sim-xs": 512, "sim-s": 256, "sim-m": 256, "random:RN50": 64, "random:ViT-B-32": 64}
"""How many frames each model embeds in one turn, at the size that it takes."""
LARGEST_DIFFERENCE = 1e-6


@dataclass(frozen=True, kw_only=True)
class Args:
    """Frames per second by the number of frames at a time."""

    sizes: tuple[int, ...] = (16, 32, 64)
    """Frames at a time; the second one is what others are compared with."""
    turns: int = 9
    """How often each is measured, after one turn to warm up."""
    out: Path = Path(__file__).resolve().parent / "results"
    """Folder of the page."""


def speeds(name: str, args: Args) -> dict[int, list[float]]:
    """Return frames per second of each turn, by frames at a time; embeddings may not depend on it."""
    encoder = load_encoder(name, device="cpu")
    runtime, shape = encoder.runtime, (FRAMES[name], encoder.size_px, encoder.size_px, 3)
    frames = torch.randint(0, 256, shape, dtype=torch.uint8, generator=torch.Generator().manual_seed(0))
    found: dict[int, list[float]] = {size: [] for size in args.sizes}
    for _ in range(args.turns + 1):
        embedded = []
        for size in args.sizes:
            encoder.runtime = replace(runtime, batch_size=size)
            start = time.perf_counter()
            embedded.append(encoder.embed_frames(frames))
            found[size].append(len(frames) / (time.perf_counter() - start))
        apart = max(float((one - embedded[0]).abs().max()) for one in embedded)
        if apart > LARGEST_DIFFERENCE:
            raise SystemExit(f"{name}: embeddings differ by {apart:.2g} between batch sizes.")
    return {size: turns[1:] for size, turns in found.items()}


def page(found: Mapping[str, Mapping[int, Sequence[float]]], args: Args) -> str:
    """Return the results as Markdown."""
    usual = args.sizes[1]
    lines = [
        "# Frames at a time on a CPU",
        "",
        f"Made by `python experiments/batch_size.py`: frames/s on one thread, medians of {args.turns} turns in one",
        f"process; in brackets the median ratio to {usual} at a time in the same turn, with its quartiles.",
        "",
        "| model | " + " | ".join(map(str, args.sizes)) + " |",
        "|---|" + "---|" * len(args.sizes),
    ]
    for name, by_size in found.items():
        cells = []
        for size in args.sizes:
            ratios = torch.tensor([one / other for one, other in zip(by_size[size], by_size[usual], strict=True)])
            low, high = ratios.quantile(torch.tensor([0.25, 0.75])).tolist()
            ratio = "" if size == usual else f" ({ratios.median():.2f}, {low:.2f} to {high:.2f})"
            cells.append(f"{median(by_size[size]):,.4g}{ratio}")
        lines.append(f"| `{name}` | {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


def main(args: Args) -> None:
    """Measure all models and write the page."""
    found = {}
    with cpu_threads(1):
        for name in FRAMES:
            found[name] = speeds(name, args)
            print(name, {size: round(median(turns), 1) for size, turns in found[name].items()}, flush=True)
    (args.out / "batch_size.md").write_text(page(found, args), encoding="utf-8")


if __name__ == "__main__":
    main(tyro.cli(Args))

#!/usr/bin/env python
"""How long does a report take, and how much memory? Three models, five alphas, 2,000 frames, all controls.

    python experiments/report_speed.py

Rendering is not counted: frames are made of random pixels as they are asked for. Each number of frames has a process of
its own, whose peak memory is read when it ends. Results go to experiments/results/report_speed.md.
"""

import json
import platform
import resource
import subprocess
import sys
import time
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import numpy as np
import torch
import tyro

from vlmrm.atomic import whole_file
from vlmrm.data import LabelledFrames
from vlmrm.frames.preprocessing import Preprocessing
from vlmrm.prompts import PromptSet
from vlmrm.report import evaluate
from vlmrm.rewards import RewardSpec

RESULTS = Path(__file__).resolve().parent / "results" / "report_speed.md"
MODELS, ALPHAS = ("sim-xs", "sim-s", "sim-m"), (0.0, 0.25, 0.5, 0.75, 1.0)
FRAMES, MORE, AT_ONCE = 2_000, 10_000, 64
SECONDS, GIB = 60, 2.0
THREADS = 2
PROMPTS = PromptSet("a pole held upright on its cart", "a pole and a cart")


@dataclass(frozen=True)
class Noise:
    """Frames of noise, as wide as environments draw them, the same each time; half of them are called goals."""

    count: int
    name = "noise"
    about = "Random pixels."
    task = None
    draws = False

    def batches(self, preprocessing: Preprocessing | None = None) -> Iterator[LabelledFrames]:
        """Make them as they are asked for."""
        for first in range(0, self.count, AT_ONCE):
            n = min(AT_ONCE, self.count - first)
            picture = torch.from_numpy(np.random.default_rng(first).integers(0, 256, (n, 50, 75, 3), np.uint8))
            frames = picture.repeat_interleave(8, dim=1).repeat_interleave(8, dim=2)  # 400 x 600
            numbers = np.arange(first, first + n)
            names = [f"frame {number}" for number in numbers]
            groups = [f"episode {number // 20}" for number in numbers]
            yield LabelledFrames(frames=frames, in_goal=numbers % 2 == 0, names=names, groups=groups)


def measure(count: int) -> dict[str, float]:
    """Report once in this process."""
    torch.set_num_threads(THREADS)
    rewards = {name: RewardSpec(encoder=name, prompts=PROMPTS) for name in MODELS}
    started = time.perf_counter()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that noise is from no scene
        report = evaluate(rewards, Noise(count), alphas=ALPHAS)
        judged = time.perf_counter()
        page = report.html()
    embedded = set(report.scored.embedded.values())
    if embedded != {count} or len(report.entries) != len(MODELS) * len(ALPHAS):
        raise RuntimeError(f"each model must embed each of {count} frames once; got {report.scored.embedded}.")
    return {
        "frames": count,
        "judge_s": judged - started,
        "page_s": time.perf_counter() - judged,
        "page_mb": len(page) / 1e6,
        "peak_gib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20,
    }


def write_results(rows: list[dict[str, float]]) -> None:
    """The table, and whether the aims are reached."""
    first = rows[0]
    whole = first["judge_s"] + first["page_s"]
    lines = [
        "# How long a report takes",
        "",
        f"Made by `python experiments/report_speed.py` on {platform.machine()}, {THREADS} threads, torch "
        f"{torch.__version__}. {len(MODELS)} built-in models, {len(ALPHAS)} alphas each, with all controls, which add",
        "the same architectures with random weights: six models, each of which embeds each frame once. Frames of 400 x",
        "600; rendering is not counted.",
        "",
        "| frames | judged in | page in | size of the page | peak memory |",
        "|---|---|---|---|---|",
    ]
    for row in rows:
        times = f"{row['judge_s']:.1f} s | {row['page_s']:.1f} s"
        lines.append(f"| {row['frames']:,.0f} | {times} | {row['page_mb']:.1f} MB | {row['peak_gib']:.2f} GiB |")
    peak = max(row["peak_gib"] for row in rows)
    lines += [
        "",
        f"- {FRAMES:,} frames in {whole:.0f} s: {'reached' if whole < SECONDS else 'not reached'} (aim: {SECONDS} s).",
        f"- Peak memory {peak:.2f} GiB: {'reached' if peak < GIB else 'not reached'} (aim: {GIB:g} GiB).",
    ]
    with whole_file(RESULTS) as file:
        file.write_text("\n".join(lines) + "\n")
    print("\n".join(lines))


def main(frames: Annotated[int | None, tyro.conf.arg(help_behavior_hint="")] = None) -> None:
    """Measure, and write the page.

    Args:
        frames: Only so many, in this process, printed as JSON.
    """
    if frames is not None:
        print(json.dumps(measure(frames)))
        return
    rows = []
    for count in (FRAMES, MORE):
        done = subprocess.run([sys.executable, __file__, "--frames", str(count)], capture_output=True, check=True)
        rows.append(json.loads(done.stdout.splitlines()[-1]))
    write_results(rows)


if __name__ == "__main__":
    tyro.cli(main, description=__doc__)

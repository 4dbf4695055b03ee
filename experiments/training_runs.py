"""Many training runs of `vlmrm train`, one after the other or side by side, and what came out of them.

A run that has finished is left alone and one that was stopped goes on, so the scripts that use this can be started
again and again.
"""

import json
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any

import imageio.v2 as imageio
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator
from PIL import Image

from vlmrm.agents.metrics import MetricsRow
from vlmrm.agents.run import RunDirectory

Style = tuple[str, str]  # colour, and what the legend says


@dataclass(frozen=True, kw_only=True)
class Run:
    """One training run and what it is for."""

    root: Path
    """Where its folder is made."""
    name: str
    """Of its folder."""
    task: str
    """As `vlmrm train` takes it."""
    kind: str
    """What it shows."""
    seed: int
    """Of the run."""
    target: float
    """Share of successes that counts as learnt."""
    options: list[str] = field(default_factory=list)
    """More of the command line."""
    filmed: bool = False
    """Whether it makes videos."""

    @property
    def folder(self) -> Path:
        """Its run directory."""
        return self.root / self.name

    def summary(self) -> dict[str, Any] | None:
        """What came out; None while it has not finished."""
        path = self.folder / "summary.json"
        return json.loads(path.read_text()) if path.is_file() else None

    def rows(self) -> list[MetricsRow]:
        """Of ``metrics.csv``."""
        return RunDirectory(self.folder).metrics.read()


def carry_out_all(runs: Sequence[Run], jobs: int) -> None:
    """Train whatever has not finished, some at a time, each on one core."""
    if not jobs:
        return
    with ThreadPoolExecutor(jobs) as pool:
        list(pool.map(_carry_out, runs))


def _carry_out(run: Run) -> None:
    if run.summary() is not None:
        return
    run.root.mkdir(parents=True, exist_ok=True)
    command = [str(Path(sys.executable).parent / "vlmrm"), "train"]
    if (run.folder / "config.json").is_file():
        command += ["--resume", str(run.folder)]
    else:
        command += [run.task, "--seed", str(run.seed), "--final-episodes", "100", "--out", str(run.folder)]
        command += ["--success-target", str(run.target), *run.options]
        command += [] if run.filmed else ["--no-videos"]
    log = run.root / f"{run.name}.log"
    with log.open("a") as lines:
        done = subprocess.run(command, stdout=lines, stderr=lines, env=os.environ | {"OMP_NUM_THREADS": "1"})
    result = run.summary()
    print(f"{run.name}: {percent(result['trained']['success']) if result else f'failed, see {log}'}", flush=True)
    if done.returncode == 130:
        raise KeyboardInterrupt


def percent(share: float | None) -> str:
    """Of 100 episodes."""
    return "-" if share is None else f"{round(100 * share)}"


def steps(count: int | None) -> str:
    """For a table."""
    return "never" if count is None else f"{count:,}"


def seeds_table(runs: Sequence[Run], tasks: Sequence[str], seeds: Sequence[int]) -> list[str]:
    """One line per task and seed: the runs of kind ``text`` beside those of kind ``env``."""
    lines = [
        "| task | seed | random policy | own reward | **text reward** | target | steps to target: text | own | ratio |",
        "|" + "---|" * 9,
    ]
    found = {(run.task, run.kind, run.seed): run for run in runs}
    for task in tasks:
        for seed in seeds:
            run = found[task, "text", seed]
            text, own = run.summary(), found[task, "env", seed].summary()
            if text is None:
                lines.append(f"| {task} | {seed} | not run yet |")
                continue
            success = [percent(text["random"]["success"]), percent(own["trained"]["success"] if own else None)]
            success += [f"**{percent(text['trained']['success'])}**", percent(run.target)]
            at, own_at = text["steps_to_success"], own and own["steps_to_success"]
            reached = [f"{steps(at)} of {steps(text['steps'])}", steps(own_at) if own else "-", _ratio(at, own_at)]
            lines.append("| " + " | ".join([task, str(seed), *success, *reached]) + " |")
    return lines


def _ratio(at: int | None, own_at: int | None) -> str:
    if at is None:
        return "text never gets there"
    if own_at is None:
        return "own reward never gets there"
    return f"{at / own_at:.2f}" if own_at else "both at the start"


def draw_success(runs: Sequence[Run], tasks: Sequence[str], styles: Mapping[str, Style], path: Path) -> None:
    """Success over steps: one panel a task, one line a run that has finished.

    Args:
        runs: Of all tasks.
        tasks: One panel each.
        styles: By kind of run; others are left out.
        path: A PNG file.
    """
    figure = Figure(figsize=(4.4 * len(tasks) if len(tasks) > 1 else 5.2, 3.8), layout="constrained")
    FigureCanvasAgg(figure)
    named: dict[str, Any] = {}
    for axes, task in zip(figure.subplots(1, len(tasks), sharey=True, squeeze=False)[0], tasks, strict=True):
        for run in runs:
            if run.task != task or run.kind not in styles or run.summary() is None:
                continue
            colour, label = styles[run.kind]
            points = [(row.step, 100 * row.eval_success) for row in run.rows() if row.eval_success is not None]
            (named[label],) = axes.plot(*zip(*points, strict=True), color=colour, linewidth=1.4, alpha=0.85)
        for target in {run.target for run in runs if run.task == task}:
            axes.axhline(100 * target, color="black", linewidth=0.6, linestyle=":")
        axes.set_title(task)
        axes.set_xlabel("steps")
        axes.xaxis.set_major_locator(MaxNLocator(4))
        axes.grid(color="#e5e5e5", linewidth=0.6)
        axes.spines[["top", "right"]].set_visible(False)
    figure.axes[0].set_ylabel("success of 20 episodes (%)")
    columns = 1 if len(tasks) == 1 else len(named) or 1
    figure.legend(named.values(), named.keys(), loc="outside lower center", ncols=columns, frameon=False)
    figure.savefig(path, dpi=120)


def animate(run: Run, path: Path, *, width_px: int, frames: int | None = None, ms_a_frame: int = 60) -> None:
    """The trained agent's video, small, as a GIF that a page can show.

    Args:
        run: A filmed one that has finished.
        path: A GIF file.
        width_px: Of the pictures.
        frames: How many, from the start; None: all.
        ms_a_frame: How long each is shown.
    """
    with imageio.get_reader(run.folder / "after.mp4") as video:
        pictures = [Image.fromarray(picture) for picture in islice(video, frames)]
    small = [picture.resize((width_px, width_px * picture.height // picture.width)) for picture in pictures]
    small[0].save(path, save_all=True, append_images=small[1:], duration=ms_a_frame, loop=0, optimize=True)


def numbers_of(runs: Sequence[Run]) -> dict[str, Any]:
    """The summaries of what has finished, without paths."""
    return {
        run.name: {k: v for k, v in summary.items() if k not in ("run", "files")}
        for run in runs
        if (summary := run.summary()) is not None
    }

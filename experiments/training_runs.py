"""Many training runs of `vlmrm train`, one after the other or side by side, and what came out of them.

A run that has finished is left alone and one that was stopped goes on, so the scripts that use this can be started
again and again. Results that are no longer up to date (see `training_run`) are marked on the page and made anew.
"""

import json
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import islice
from pathlib import Path
from typing import Any

import imageio.v2 as imageio
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator
from PIL import Image
from training_run import Run

from vlmrm.atomic import whole_file

Style = tuple[str, str]  # colour, and what the legend says
MARK, MARK_SAYS = " †", "†: made with earlier weights, settings or bounds than today's; not yet carried out anew."


def carry_out_all(runs: Sequence[Run], jobs: int) -> None:
    """Train whatever has not finished, is no longer up to date or has no curve; some at a time, each on one core."""
    if not jobs:
        return
    with ThreadPoolExecutor(jobs) as pool:
        list(pool.map(_carry_out, runs))


def _carry_out(run: Run) -> None:
    if run.complete():
        return
    run.root.mkdir(parents=True, exist_ok=True)
    command = [str(Path(sys.executable).parent / "vlmrm"), "train"]
    if (run.folder / "config.json").is_file():
        command += ["--resume", str(run.folder)]
    else:
        command += [run.task, "--seed", str(run.seed), "--final-episodes", "100", "--out", str(run.folder)]
        command += ["--eval-episodes", "20", "--eval-every", str(run.eval_every or run.settings.eval_every)]
        command += ["--success-target", str(run.target), *run.options]
        command += [] if run.filmed else ["--no-videos"]
    log = run.root / f"{run.folder.name}.log"
    with log.open("a") as lines:
        done = subprocess.run(command, stdout=lines, stderr=lines, env=os.environ | {"OMP_NUM_THREADS": "1"})
    result = run.summary() if not done.returncode and run.up_to_date() else None
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
            random = (text or own or {}).get("random", {}).get("success")
            beside = percent(own["trained"]["success"]) + mark(found[task, "env", seed]) if own else "-"
            own_at = own["steps_to_success"] if own else None
            cells = [task, str(seed), percent(random), beside]
            if text:
                at = text["steps_to_success"]
                cells += [f"**{percent(text['trained']['success'])}**{mark(run)}", percent(run.target)]
                cells += [f"{steps(at)} of {steps(text['steps'])}", steps(own_at) if own else "-"]
                cells += [ratio(at, own_at) if own else "-"]
            else:
                cells += ["not run yet", percent(run.target), "-", steps(own_at) if own else "-", "-"]
            lines.append("| " + " | ".join(cells) + " |")
    return lines


def mark(run: Run) -> str:
    """For a result that is not up to date."""
    return "" if run.summary() is None or run.up_to_date() else MARK


def marked(runs: Sequence[Run]) -> list[str]:
    """What the mark means where a run has it, and how many curves a new figure lacks."""
    finished = [result for run in runs if (result := run.summary()) is not None]
    lacking = sum(not result.get("curve") for result in finished)
    lines = [MARK_SAYS] if any(map(mark, runs)) else []
    if 0 < lacking < len(finished):
        lines.append(f"{lacking} of the {len(finished)} runs are not in the figure: their curves were not kept.")
    return ["", *lines] if lines else []


def ratio(at: int | None, own_at: int | None) -> str:
    """Steps to the target on text, in those on the own reward, or why there is no such number."""
    if at is None:
        return "text never gets there" if own_at is not None else "neither gets there"
    if own_at is None:
        return "own reward never gets there"
    if own_at == 0:
        return "both at the start" if at == 0 else "own reward at the start"
    return f"{at / own_at:.2f}"


def draw_success(runs: Sequence[Run], tasks: Sequence[str], styles: Mapping[str, Style], path: Path) -> None:
    """Success over steps: one panel a task, one line a run that has finished, dashed where it is not up to date.

    Args:
        runs: Of all tasks.
        tasks: One panel each, where a run of it has a curve.
        styles: By kind of run; others are left out.
        path: A PNG file; left as it is where no curve was kept.
    """
    curves = {run.name: (run.summary() or {}).get("curve", []) for run in runs}
    tasks = [task for task in tasks if any(curves[run.name] for run in runs if run.task == task)]
    if not tasks:
        return
    figure = Figure(figsize=(4.4 * len(tasks) if len(tasks) > 1 else 5.2, 3.8), layout="constrained")
    FigureCanvasAgg(figure)
    named: dict[str, Any] = {}
    for axes, task in zip(figure.subplots(1, len(tasks), sharey=True, squeeze=False)[0], tasks, strict=True):
        for run in runs:
            points = [(step, 100 * success) for step, success in curves[run.name]]
            if run.task != task or run.kind not in styles or not points:
                continue
            colour, label = styles[run.kind]
            line = "-" if run.up_to_date() else "--"
            (drawn,) = axes.plot(*zip(*points, strict=True), line, color=colour, linewidth=1.4, alpha=0.85)
            named.setdefault(label, drawn)
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
    """The trained agent's video, small, as a GIF that a page can show; left as it is where the run's folder is gone.

    Args:
        run: A filmed one that has finished.
        path: A GIF file.
        width_px: Of the pictures.
        frames: How many, from the start; None: all.
        ms_a_frame: How long each is shown.
    """
    if (run.folder / "after.mp4").is_file():
        write_gif(run.folder / "after.mp4", path, width_px=width_px, frames=frames, ms_a_frame=ms_a_frame)


def write_gif(
    film: Path, path: Path, *, width_px: int, frames: int | None = None, every: int = 1, ms_a_frame: int = 60
) -> None:
    """A video, small, as a GIF that a page can show.

    Args:
        film: The video.
        path: A GIF file.
        width_px: Of the pictures.
        frames: How many of the video's, from the start; None: all.
        every: Of these every so manyth is shown.
        ms_a_frame: How long each is shown.
    """
    with imageio.get_reader(film) as video:
        pictures = [Image.fromarray(picture) for picture in islice(video, 0, frames, every)]
    small = [picture.resize((width_px, width_px * picture.height // picture.width)) for picture in pictures]
    path.parent.mkdir(parents=True, exist_ok=True)
    small[0].save(path, save_all=True, append_images=small[1:], duration=ms_a_frame, loop=0, optimize=True)


def numbers_of(runs: Sequence[Run]) -> dict[str, Any]:
    """The summaries of what has finished."""
    return {run.name: summary for run in runs if (summary := run.summary()) is not None}


def write_page(lines: Sequence[str], numbers: Mapping[str, Any], stem: Path) -> None:
    """The page and its numbers, each whole or not at all.

    Args:
        lines: Of the page.
        numbers: What `numbers_of` gives, perhaps with more.
        stem: Of the two files, without an ending.
    """
    stem.parent.mkdir(parents=True, exist_ok=True)
    for ending, text in ((".md", "\n".join(lines) + "\n"), (".json", json.dumps(numbers, indent=1) + "\n")):
        with whole_file(stem.with_name(stem.name + ending)) as file:
            file.write_text(text)

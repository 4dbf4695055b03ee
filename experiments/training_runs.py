"""Many training runs of `vlmrm train`, one after the other or side by side, and what came out of them.

A run that has finished is left alone and one that was stopped goes on, so the scripts that use this can be started
again and again. What came out is kept in the numbers of the results page, which outlive the runs' folders, with a
digest of what decides it: after a change of the task, the options or a built-in encoder's weights a run is no longer
up to date, is marked on the page, and is carried out anew.
"""

import hashlib
import json
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import MISSING, dataclass, field, fields
from itertools import islice, pairwise
from pathlib import Path
from typing import Any

import imageio.v2 as imageio
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator
from PIL import Image

from vlmrm.agents.metrics import MetricsRow
from vlmrm.agents.run import RunDirectory
from vlmrm.encoders.cards import BUILTIN_FOLDER, WEIGHTS_FILE, builtin_names
from vlmrm.rewards import RewardSpec
from vlmrm.tasks import Task, find_task

Style = tuple[str, str]  # colour, and what the legend says
MARK, MARK_SAYS = " †", "†: made with earlier weights, settings or bounds than today's; not yet carried out anew."


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
    numbers: Path | None = None
    """The page's numbers, by name of the run: they count where its folder is gone."""

    @property
    def folder(self) -> Path:
        """Its run directory."""
        return self.root / self.name

    @property
    def made_with(self) -> Path:
        """The digest that its folder was begun with."""
        return self.root / f"{self.name}.made_with"

    def digest(self) -> str:
        """Of what decides the result, but for chance and the code: task, options, a built-in encoder's weights."""
        task, given = find_task(self.task), dict(pairwise(self.options))
        spec = given.get("--reward")
        if spec == "env":
            encoder = ""
        else:
            encoder = RewardSpec.load(spec).encoder if spec else given.get("--encoder", task.encoder)
        said = {entry.name: getattr(task, entry.name) for entry in fields(task)}
        settings = [f"{name} {value}" for name, value in said.items() if value != _usual(name)]
        parts = [*settings, *(Path(o).read_text() if Path(o).is_file() else o for o in self.options)]
        whole = hashlib.sha256("\n".join(parts).encode())
        if encoder in builtin_names():
            whole.update((BUILTIN_FOLDER / encoder / WEIGHTS_FILE).read_bytes())
        return whole.hexdigest()[:16]

    def summary(self) -> dict[str, Any] | None:
        """What came out, from its folder or the page's numbers; None while it has not finished."""
        if self._in_folder():
            return json.loads((self.folder / "summary.json").read_text()) | {"made_with": self.made_with.read_text()}
        kept = json.loads(self.numbers.read_text()) if self.numbers and self.numbers.is_file() else {}
        return kept.get(self.name)

    def up_to_date(self) -> bool:
        """Whether what came out is of today's task, options and weights."""
        result = self.summary()
        return result is not None and result.get("made_with") == self.digest()

    def curve(self) -> list[tuple[int, float]]:
        """Steps and success of all evaluations."""
        if self._in_folder():
            rows: list[MetricsRow] = RunDirectory(self.folder).metrics.read()
            return [(row.step, row.eval_success) for row in rows if row.eval_success is not None]
        return [(step, success) for step, success in (self.summary() or {}).get("curve", [])]

    def _in_folder(self) -> bool:
        return (self.folder / "summary.json").is_file() and self.made_with.is_file()


def _usual(name: str) -> Any:
    """A task's setting where it does not say, so that a new setting of tasks changes no digest."""
    (entry,) = [entry for entry in fields(Task) if entry.name == name]
    return entry.default_factory() if entry.default_factory is not MISSING else entry.default


def carry_out_all(runs: Sequence[Run], jobs: int) -> None:
    """Train whatever has not finished or is no longer up to date, some at a time, each on one core."""
    if not jobs:
        return
    with ThreadPoolExecutor(jobs) as pool:
        list(pool.map(_carry_out, runs))


def _carry_out(run: Run) -> None:
    if run.up_to_date():
        return
    run.root.mkdir(parents=True, exist_ok=True)
    _move_aside(run)
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
    result = run.summary() if run.up_to_date() else None
    print(f"{run.name}: {percent(result['trained']['success']) if result else f'failed, see {log}'}", flush=True)
    if done.returncode == 130:
        raise KeyboardInterrupt


def _move_aside(run: Run) -> None:
    """Out of the way with a folder that was begun with something else, and remember what this one is begun with."""
    before = run.made_with.read_text() if run.made_with.is_file() else "before"
    if run.folder.is_dir() and before != run.digest():
        run.folder.rename(run.root / f"{run.name}.{before}")
    run.made_with.write_text(run.digest())


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
            lines.append("| " + " | ".join([f"{task}{mark(run)}", str(seed), *success, *reached]) + " |")
    return lines


def mark(run: Run) -> str:
    """For a result that is not up to date."""
    return "" if run.summary() is None or run.up_to_date() else MARK


def marked(runs: Sequence[Run]) -> list[str]:
    """What the mark means, where a run has it."""
    return ["", MARK_SAYS] if any(map(mark, runs)) else []


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
            points = [(step, 100 * success) for step, success in run.curve()]
            if run.task != task or run.kind not in styles or not points:
                continue
            colour, label = styles[run.kind]
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
    """The trained agent's video, small, as a GIF that a page can show; left as it is where the run's folder is gone.

    Args:
        run: A filmed one that has finished.
        path: A GIF file.
        width_px: Of the pictures.
        frames: How many, from the start; None: all.
        ms_a_frame: How long each is shown.
    """
    if not (run.folder / "after.mp4").is_file():
        return
    with imageio.get_reader(run.folder / "after.mp4") as video:
        pictures = [Image.fromarray(picture) for picture in islice(video, frames)]
    small = [picture.resize((width_px, width_px * picture.height // picture.width)) for picture in pictures]
    small[0].save(path, save_all=True, append_images=small[1:], duration=ms_a_frame, loop=0, optimize=True)


def numbers_of(runs: Sequence[Run]) -> dict[str, Any]:
    """The summaries of what has finished, without paths, and with the curve of success."""
    return {
        run.name: {k: v for k, v in summary.items() if k not in ("run", "files")} | {"curve": run.curve()}
        for run in runs
        if (summary := run.summary()) is not None
    }

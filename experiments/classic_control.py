#!/usr/bin/env python
"""Does a sentence train an agent? Three classic-control tasks, three seeds, judged on the simulator's state.

    python experiments/classic_control.py            # all runs, two at a time; about an hour on 2 cores
    python experiments/classic_control.py --jobs 4
    python experiments/classic_control.py --jobs 0   # no runs, only the tables of what is there

Killed or stopped, the same command goes on where it was. For every task and seed there is one run on the text reward
and one of the same algorithm for the same steps on the environment's own reward; then, with seed 0, the opposite goal
in the same scene, and two controls that must fail: a sentence about another scene, and the same encoder with random
weights. Results go to experiments/results/classic_control.{md,json,png}, and one
agent's video to mountain_car.gif.
"""

import json
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import imageio.v3 as imageio
import tyro
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator
from PIL import Image

from vlmrm.agents.metrics import MetricsRow
from vlmrm.agents.run import RunDirectory

HERE = Path(__file__).resolve().parent
RUNS = HERE.parent / "runs" / "classic_control"
RESULTS = HERE / "results"

SEEDS = (0, 1, 2)
TARGETS = {"cartpole/upright": 0.95, "mountain_car/flag": 0.90, "pendulum/upright": 0.90}
OPPOSITES = {
    "cartpole/upright": "cartpole/hanging",
    "mountain_car/flag": "mountain_car/far_left",
    "pendulum/upright": "pendulum/hanging",
}
WRONG = {  # a sentence about another scene, with that scene's baseline
    "cartpole/upright": ("a car at the peak of the mountain, next to the yellow flag", "a car in the mountain"),
    "mountain_car/flag": ("a pendulum hanging straight down, at rest below its pivot", "a pendulum on its pivot"),
    "pendulum/upright": ("a car at the peak of the mountain, next to the yellow flag", "a car in the mountain"),
}

AUTO, WRONG_AUTO = "own reward, automatic entropy", "that sentence about a pendulum, automatic entropy"
AUTOMATIC = ["--hyperparameters", 'ent_coef = "auto", learning_rate = 1e-3']  # SAC's own way, for the car
ON_TOP = ("pole vertically upright on top of the cart", "pole and cart")  # of another scene as well, but it says "top"


@dataclass(frozen=True, kw_only=True)
class Run:
    """One training run and what it is for."""

    name: str
    task: str
    kind: str
    seed: int
    options: list[str] = field(default_factory=list)

    @property
    def folder(self) -> Path:
        """Its run directory."""
        return RUNS / self.name

    def summary(self) -> dict[str, Any] | None:
        """What came out; None while it has not finished."""
        path = self.folder / "summary.json"
        return json.loads(path.read_text()) if path.is_file() else None

    def rows(self) -> list[MetricsRow]:
        """Of ``metrics.csv``."""
        return RunDirectory(self.folder).metrics.read()


def all_runs() -> list[Run]:
    """The most telling first."""
    runs = []
    for seed in SEEDS:
        for task in TARGETS:
            short = task.replace("/", "-")
            runs.append(Run(name=f"{short}-text-{seed}", task=task, kind="text", seed=seed))
            options = ["--reward", "env"]
            runs.append(Run(name=f"{short}-env-{seed}", task=task, kind="env", seed=seed, options=options))
        runs.append(automatic_entropy(seed))
        if seed == 0:
            runs += controls()
    return runs


def automatic_entropy(seed: int) -> Run:
    """The car's own reward with SAC's usual entropy, which suits it better than the task's."""
    options = ["--reward", "env", *AUTOMATIC]
    return Run(name=f"mountain_car-flag-auto-{seed}", task="mountain_car/flag", kind=AUTO, seed=seed, options=options)


def controls() -> list[Run]:
    """Opposite goals, which must be reached, and what must fail."""
    runs = []
    for task, opposite in OPPOSITES.items():
        runs.append(Run(name=f"{opposite.replace('/', '-')}-text-0", task=opposite, kind="opposite", seed=0))
        short, (goal, baseline) = task.replace("/", "-"), WRONG[task]
        options = ["--goal", goal, "--baseline", baseline]
        runs.append(Run(name=f"{short}-wrong-0", task=task, kind="wrong sentence", seed=0, options=options))
        options = ["--encoder", "random:sim-s"]
        runs.append(Run(name=f"{short}-random-0", task=task, kind="random weights", seed=0, options=options))
    goal, baseline = WRONG["mountain_car/flag"]
    options = ["--goal", goal, "--baseline", baseline, *AUTOMATIC]
    runs.append(
        Run(name="mountain_car-flag-wrongauto-0", task="mountain_car/flag", kind=WRONG_AUTO, seed=0, options=options)
    )
    goal, baseline = ON_TOP
    options = ["--goal", goal, "--baseline", baseline]
    runs.append(Run(name="mountain_car-flag-top-0", task="mountain_car/flag", kind=goal, seed=0, options=options))
    return runs


def carry_out(run: Run) -> None:
    """Train, or go on where a stopped run was; a finished one is left alone."""
    if run.summary() is not None:
        return
    command = [str(Path(sys.executable).parent / "vlmrm"), "train"]
    if (run.folder / "config.json").is_file():
        command += ["--resume", str(run.folder)]
    else:
        command += [run.task, "--seed", str(run.seed), "--final-episodes", "100", "--out", str(run.folder)]
        command += ["--success-target", str(TARGETS.get(run.task, 0.9)), *run.options]
        command += [] if run.kind in ("text", "opposite") and run.seed == 0 else ["--no-videos"]
    log = RUNS / f"{run.name}.log"
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


def seeds_table(runs: list[Run]) -> list[str]:
    """One line per task and seed."""
    lines = [
        "| task | seed | random policy | own reward | **text reward** | target | steps to target: text | own | ratio |",
        "|" + "---|" * 9,
    ]
    found = {(run.task, run.kind, run.seed): run.summary() for run in runs}
    for task, target in TARGETS.items():
        for seed in SEEDS:
            text, own = found[task, "text", seed], found[task, "env", seed]
            if text is None:
                lines.append(f"| {task} | {seed} | not run yet |")
                continue
            at, own_at = text["steps_to_success"], own and own["steps_to_success"]
            if at is None:
                ratio = "text never gets there"
            elif own_at is None:
                ratio = "own reward never gets there"
            else:
                ratio = f"{at / own_at:.2f}"
            success = [percent(text["random"]["success"]), percent(own["trained"]["success"] if own else None)]
            success += [f"**{percent(text['trained']['success'])}**", percent(target)]
            reached = [f"{steps(at)} of {steps(text['steps'])}", steps(own_at) if own else "-", ratio]
            lines.append("| " + " | ".join([task, str(seed), *success, *reached]) + " |")
    return lines


def controls_table(runs: list[Run]) -> list[str]:
    """What language steers, and what must fail."""
    lines = ["| task judged | trained on | success of 100 | must |", "|---|---|---|---|"]
    for run in runs:
        if run.kind in ("text", "env", AUTO):
            continue
        result = run.summary()
        success = percent(result["trained"]["success"]) if result else "not run yet"
        said = {"opposite": "its own sentence", "wrong sentence": f"“{WRONG.get(run.task, ('',))[0]}”"}
        must = {"opposite": "reach it", WRONG_AUTO: "(to compare)"}.get(run.kind, "fail")
        lines.append(f"| {run.task} | {said.get(run.kind, run.kind)} | {success} | {must} |")
    return lines


def automatic_text(runs: list[Run]) -> str:
    """Successes of `automatic_entropy`, seed by seed."""
    found = [run.summary() for run in runs if run.kind == AUTO]
    parts = [
        f"{percent(result['trained']['success'])} (target: {steps(result['steps_to_success'])})" if result else "?"
        for result in found
    ]
    return ", ".join(parts)


def draw(runs: list[Run], path: Path) -> None:
    """Success over steps: one panel a task, one line a run."""
    figure = Figure(figsize=(13, 3.8), layout="constrained")
    FigureCanvasAgg(figure)
    styles = {
        "text": ("#1f77b4", "text reward"),
        "env": ("#888888", "environment's own reward"),
        AUTO: ("#c8c8c8", AUTO),
        "wrong sentence": ("#d62728", "wrong sentence"),
        "random weights": ("#ff7f0e", "random weights"),
    }
    named: dict[str, Any] = {}
    for axes, task in zip(figure.subplots(1, len(TARGETS), sharey=True), TARGETS, strict=True):
        for run in runs:
            if run.task != task or run.kind not in styles or run.summary() is None:
                continue
            colour, label = styles[run.kind]
            points = [(row.step, 100 * row.eval_success) for row in run.rows() if row.eval_success is not None]
            (named[label],) = axes.plot(*zip(*points, strict=True), color=colour, linewidth=1.4, alpha=0.85)
        axes.axhline(100 * TARGETS[task], color="black", linewidth=0.6, linestyle=":")
        axes.set_title(task)
        axes.set_xlabel("steps")
        axes.xaxis.set_major_locator(MaxNLocator(5))
        axes.grid(color="#e5e5e5", linewidth=0.6)
        axes.spines[["top", "right"]].set_visible(False)
    figure.axes[0].set_ylabel("success of 20 episodes (%)")
    figure.legend(named.values(), named.keys(), loc="outside lower center", ncols=len(named), frameon=False)
    figure.savefig(path, dpi=120)


def animate(run: Run, path: Path) -> None:
    """The trained agent's video, small, as a GIF that a README can show."""
    video = imageio.imread(run.folder / "after.mp4")
    small = [Image.fromarray(frame).resize((360, 360 * frame.shape[0] // frame.shape[1])) for frame in video[:60]]
    small[0].save(path, save_all=True, append_images=small[1:], duration=70, loop=0, optimize=True)


def write_results(runs: list[Run]) -> None:
    """Tables, figure and numbers of everything that has finished."""
    RESULTS.mkdir(exist_ok=True)
    finished = [run for run in runs if run.summary() is not None]
    lines = [
        "# Classic control from a sentence",
        "",
        "Made by `python experiments/classic_control.py` with the built-in encoder `sim-s`; "
        f"{len(finished)} of {len(runs)} runs have finished.",
        "Success is of 100 episodes after training, judged on the simulator's state by the rule in the task's file;",
        "steps to target are the first of two consecutive evaluations (20 episodes each) at the target. Own reward:",
        "the same algorithm, settings and steps on the environment's own reward.",
        "",
        *seeds_table(runs),
        "",
        "## Language steers, and what must fail",
        "",
        "The same encoder and algorithm with the opposite goal in the same scene, and the same settings with a",
        "sentence about another scene and with the encoder's weights random; seed 0. The opposites' own tasks say what",
        "else they need: the pole that shall hang starts at any angle and has 300 steps of time and 40,000 of",
        "training, since a pole without friction has to be braked by the cart; the car that shall stay on the far left",
        "stays where it arrives, as it does at the flag.",
        "",
        *controls_table(runs),
        "",
        "The car's entropy coefficient is the paper's, 0.1. It was chosen when the pendulum's sentence, on earlier",
        "weights of the encoder and SAC's automatic coefficient, drove the car to the flag; on today's weights it does",
        "not with either (last but one line), so it is not what makes the control fail. On the car's own reward the",
        f"fixed one is a handicap; with the automatic one that reaches {automatic_text(runs)}.",
        "",
        "![success over steps](classic_control.png)",
    ]
    (RESULTS / "classic_control.md").write_text("\n".join(lines) + "\n")
    numbers = {
        run.name: {k: v for k, v in (run.summary() or {}).items() if k not in ("run", "files")} for run in finished
    }
    (RESULTS / "classic_control.json").write_text(json.dumps(numbers, indent=1) + "\n")
    draw(finished, RESULTS / "classic_control.png")
    shown = next(run for run in runs if run.name == "mountain_car-flag-text-0")
    if shown in finished:
        animate(shown, RESULTS / "mountain_car.gif")
    print("\n".join(lines))


def main(jobs: int = 2) -> None:
    """Carry out all runs and write the results.

    Args:
        jobs: Runs at a time, one core each; 0: only write the results of what has finished.
    """
    runs = all_runs()
    RUNS.mkdir(parents=True, exist_ok=True)
    if jobs:
        with ThreadPoolExecutor(jobs) as pool:
            list(pool.map(carry_out, runs))
    write_results(runs)


if __name__ == "__main__":
    tyro.cli(main, description=__doc__)

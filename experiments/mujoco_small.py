#!/usr/bin/env python
"""Do sentences train bodies in MuJoCo? Five small tasks, three seeds, judged on the simulator's state.

    python experiments/mujoco_small.py               # all runs, two at a time; some hours on 2 cores
    python experiments/mujoco_small.py --tasks hopper/stand ant/flipped   # these first; the tables show all
    python experiments/mujoco_small.py --jobs 0      # no runs, only the tables of what is there

Killed or stopped, the same command goes on where it was. For every task and seed there is one run on the text reward
and one of the same algorithm for the same steps on the oracle's reward, 1 for each step inside the success bounds. With
the first seed there are two opposite goals of one arm as well, and controls that must fail: a sentence about another
scene, and the same encoder with random weights. Results go to experiments/results/mujoco_small.{md,json,png}, with one
video a task.
"""

from pathlib import Path

import tyro
from training_run import Run
from training_runs import (
    animate,
    carry_out_all,
    draw_success,
    mark,
    marked,
    numbers_of,
    percent,
    ratio,
    seeds_table,
    write_page,
)

from vlmrm.tasks import find_task

HERE = Path(__file__).resolve().parent
RUNS = HERE.parent / "runs" / "mujoco_small"
RESULTS = HERE / "results"

SEEDS = (0, 1, 2)  # the controls have the first
TARGET, TASKS_TO_REACH, LONGEST_RATIO = 0.9, 3, 2.0
TASKS = ("inverted_pendulum/upright", "hopper/stand", "half_cheetah/on_its_back", "ant/flipped", "reacher/touch")
OPPOSITES = ("reacher/top", "reacher/bottom")
WRONG = ("a car at the peak of the mountain, next to the yellow flag", "a car in the mountain")
STYLES = {
    "text": ("#1f77b4", "text reward"),
    "env": ("#888888", "the oracle's reward"),
    "wrong sentence": ("#d62728", "wrong sentence"),
    "random weights": ("#ff7f0e", "random weights"),
}


def make_run(task: str, kind: str, seed: int, *options: str) -> Run:
    """One run of this experiment."""
    name = f"{task.replace('/', '-')}-{kind.replace(' ', '-')}-{seed}"
    filmed = kind in ("text", "opposite") and seed == 0
    return Run(
        root=RUNS,
        name=name,
        task=task,
        kind=kind,
        seed=seed,
        target=TARGET,
        options=list(options),
        filmed=filmed,
        numbers=RESULTS / "mujoco_small.json",
    )


def all_runs() -> list[Run]:
    """The most telling first."""
    runs = []
    for seed in SEEDS:
        for task in TASKS:
            runs += [make_run(task, "text", seed), make_run(task, "env", seed, "--reward", "env")]
        if seed == SEEDS[0]:
            runs += [make_run(task, "opposite", seed) for task in OPPOSITES]
            for task in TASKS:
                runs.append(make_run(task, "wrong sentence", seed, "--goal", WRONG[0], "--baseline", WRONG[1]))
                runs.append(
                    make_run(task, "random weights", seed, "--encoder", f"random:{find_task(task).reward.encoder}")
                )
    return runs


def controls_table(runs: list[Run]) -> list[str]:
    """What language steers, and what must fail."""
    lines = ["| task judged | trained on | random policy | success of 100 | must |", "|---|---|---|---|---|"]
    said = {"opposite": "its own sentence", "wrong sentence": f"“{WRONG[0]}”"}
    for run in runs:
        if run.kind in ("text", "env"):
            continue
        result = run.summary()
        cells = [percent(result[who]["success"]) if result else "not run yet" for who in ("random", "trained")]
        must = "reach it" if run.kind == "opposite" else "fail"
        lines.append(f"| {run.task}{mark(run)} | {said.get(run.kind, run.kind)} | {' | '.join(cells)} | {must} |")
    return lines


def verdict(runs: list[Run]) -> list[str]:
    """The goals, seed by seed."""
    found = {(run.task, run.kind, run.seed): run.summary() if run.up_to_date() else None for run in runs}
    lines = []
    for seed in SEEDS:
        finished, reached, slow = 0, 0, []
        for task in TASKS:
            text, own = found[task, "text", seed], found[task, "env", seed]
            if text is None or own is None:
                continue
            finished += 1
            reached += text["trained"]["success"] >= TARGET
            at, own_at = text["steps_to_success"], own["steps_to_success"]
            if own_at is not None and (at is None or at > LONGEST_RATIO * own_at):
                slow.append(f"{task} ({ratio(at, own_at)})")
        slower = f"; more than {LONGEST_RATIO:g} times the oracle's steps: {', '.join(slow)}" if slow else ""
        goal = f"{percent(TARGET)} of 100 or more (goal: {TASKS_TO_REACH})"
        lines.append(f"- Seed {seed}: {finished} of {len(TASKS)} tasks finished, {reached} at {goal}{slower}.")
    return lines


def gif_of(task: str) -> Path:
    """Of the agent trained on a task's sentence."""
    return RESULTS / f"{task.split('/')[0]}.gif"


def write_results(runs: list[Run]) -> None:
    """Tables, figure and numbers of everything that has finished."""
    finished = [run for run in runs if run.summary() is not None]
    for run in finished:
        if run.kind == "text" and run.filmed:
            animate(run, gif_of(run.task), width_px=240, frames=60)
    on_text = [run.summary() for run in finished if run.kind == "text" and run.up_to_date()]
    minutes = [result["steps"] / result["steps_per_s"] / 60 for result in on_text]  # whatever paused it
    lasted = f"- On text {min(minutes, default=0):.0f} to {max(minutes, default=0):.0f} minutes a run"
    lines = [
        "# Small MuJoCo tasks from a sentence",
        "",
        "Made by `python experiments/mujoco_small.py` with the built-in encoder that each task names; "
        f"{len(finished)} of {len(runs)} runs have finished.",
        "Success is of 100 episodes after training, judged on the simulator's state by the rule in the task's file;",
        "steps to target are the first of two consecutive evaluations (20 episodes each) at the target. Own reward:",
        "the same algorithm, settings and steps on the oracle's reward, 1 for each step inside the success bounds.",
        "",
        *verdict(runs),
        *([f"{lasted}, some on a shared core, evaluations not counted."] if minutes else []),
        "",
        *seeds_table(runs, TASKS, SEEDS),
        "",
        "## Language steers, and what must fail",
        "",
        "Two opposite goals of one arm, and the same settings with a sentence about another scene and with the",
        f"encoder's weights random; seed {SEEDS[0]}.",
        "",
        *controls_table(runs),
        *marked(runs),
        "",
        "![success over steps](mujoco_small.png)",
        "",
        *(f"![{task}, trained on its sentence]({gif_of(task).name})" for task in TASKS if gif_of(task).is_file()),
    ]
    write_page(lines, numbers_of(runs), RESULTS / "mujoco_small")
    draw_success(runs, TASKS, STYLES, RESULTS / "mujoco_small.png")
    print("\n".join(lines))


def main(jobs: int = 2, tasks: tuple[str, ...] = (*TASKS, *OPPOSITES)) -> None:
    """Carry out the runs and write the results of all that have finished.

    Args:
        jobs: Runs at a time, one core each; 0: none, only write the results.
        tasks: Whose runs are carried out.
    """
    unknown = sorted(set(tasks) - {*TASKS, *OPPOSITES})
    if unknown:
        raise SystemExit(f"unknown: {', '.join(unknown)}. Tasks of this script: {', '.join((*TASKS, *OPPOSITES))}.")
    runs = all_runs()
    try:
        carry_out_all([run for run in runs if run.task in tasks], jobs)
    finally:
        write_results(runs)


if __name__ == "__main__":
    tyro.cli(main, description=__doc__)

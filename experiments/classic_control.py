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
    seeds_table,
    steps,
    write_page,
)

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


STYLES = {
    "text": ("#1f77b4", "text reward"),
    "env": ("#888888", "environment's own reward"),
    AUTO: ("#c8c8c8", AUTO),
    "wrong sentence": ("#d62728", "wrong sentence"),
    "random weights": ("#ff7f0e", "random weights"),
}


def make_run(name: str, task: str, kind: str, seed: int = 0, options: list[str] | None = None) -> Run:
    """One run of this experiment."""
    filmed = kind in ("text", "opposite") and seed == 0
    target = TARGETS.get(task, 0.9)
    return Run(
        root=RUNS,
        name=name,
        task=task,
        kind=kind,
        seed=seed,
        target=target,
        options=options or [],
        filmed=filmed,
        numbers=RESULTS / "classic_control.json",
    )


def all_runs() -> list[Run]:
    """The most telling first."""
    runs = []
    for seed in SEEDS:
        for task in TARGETS:
            short = task.replace("/", "-")
            runs.append(make_run(f"{short}-text-{seed}", task, "text", seed))
            runs.append(make_run(f"{short}-env-{seed}", task, "env", seed, ["--reward", "env"]))
        runs.append(automatic_entropy(seed))
        if seed == 0:
            runs += controls()
    return runs


def automatic_entropy(seed: int) -> Run:
    """The car's own reward with SAC's usual entropy, which suits it better than the task's."""
    options = ["--reward", "env", *AUTOMATIC]
    return make_run(f"mountain_car-flag-auto-{seed}", "mountain_car/flag", AUTO, seed, options)


def controls() -> list[Run]:
    """Opposite goals, which must be reached, and what must fail."""
    runs = []
    for task, opposite in OPPOSITES.items():
        runs.append(make_run(f"{opposite.replace('/', '-')}-text-0", opposite, "opposite"))
        short, (goal, baseline) = task.replace("/", "-"), WRONG[task]
        options = ["--goal", goal, "--baseline", baseline]
        runs.append(make_run(f"{short}-wrong-0", task, "wrong sentence", options=options))
        runs.append(make_run(f"{short}-random-0", task, "random weights", options=["--encoder", "random:sim-s"]))
    goal, baseline = WRONG["mountain_car/flag"]
    options = ["--goal", goal, "--baseline", baseline, *AUTOMATIC]
    runs.append(make_run("mountain_car-flag-wrongauto-0", "mountain_car/flag", WRONG_AUTO, options=options))
    goal, baseline = ON_TOP
    options = ["--goal", goal, "--baseline", baseline]
    runs.append(make_run("mountain_car-flag-top-0", "mountain_car/flag", goal, options=options))
    return runs


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
        lines.append(f"| {run.task}{mark(run)} | {said.get(run.kind, run.kind)} | {success} | {must} |")
    return lines


def automatic_text(runs: list[Run]) -> str:
    """Successes of `automatic_entropy`, seed by seed."""
    found = [run.summary() for run in runs if run.kind == AUTO]
    parts = [
        f"{percent(result['trained']['success'])} (target: {steps(result['steps_to_success'])})" if result else "?"
        for result in found
    ]
    return ", ".join(parts)


def write_results(runs: list[Run]) -> None:
    """Tables, figure and numbers of everything that has finished."""
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
        *seeds_table(runs, list(TARGETS), SEEDS),
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
        "weights of the encoder and SAC's automatic coefficient, drove the car to the flag; on today's weights and the",
        "one seed tried it does not with either (last but one line). On the car's own reward the fixed one is a",
        f"handicap; with the automatic one that reaches {automatic_text(runs)}.",
        *marked(runs),
        "",
        "![success over steps](classic_control.png)",
    ]
    write_page(lines, numbers_of(runs), RESULTS / "classic_control")
    draw_success(runs, list(TARGETS), STYLES, RESULTS / "classic_control.png")
    shown = next(run for run in runs if run.name == "mountain_car-flag-text-0")
    if shown in finished:
        animate(shown, RESULTS / "mountain_car.gif", width_px=360, frames=60, ms_a_frame=70)
    print("\n".join(lines))


def main(jobs: int = 2) -> None:
    """Carry out all runs and write the results.

    Args:
        jobs: Runs at a time, one core each; 0: only write the results of what has finished.
    """
    runs = all_runs()
    try:
        carry_out_all(runs, jobs)
    finally:
        write_results(runs)


if __name__ == "__main__":
    tyro.cli(main, description=__doc__)

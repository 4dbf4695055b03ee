#!/usr/bin/env python
"""The humanoid that kneels, from one sentence: the experiment that this library began with.

    python experiments/humanoid_kneel.py             # as Rocamonde et al. 2024: ViT-bigG-14, 10 million steps; a GPU
    python experiments/humanoid_kneel.py --small     # the built-in sim-m, 300,000 steps; for 2 cores
    python experiments/humanoid_kneel.py --small --steps 100000
    python experiments/humanoid_kneel.py --small --jobs 0     # no runs, only the page of what is there

Killed or stopped, the same command goes on where it was. Beside the run on the text reward there is one of the same
algorithm and steps on the oracle's reward, 1 for each step on its knees; and with --small one that sees the humanoid
from the side and holds leaning backwards and forwards against it (humanoid_kneel_side.toml; humanoid_lean.py shows
why). Success is judged on the joints: on its knees for at least half of an episode's steps. What came out, success or
not, goes to experiments/results/humanoid_kneel{,_small}.{md,json,png,gif}.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import tyro
from chosen_agent import LOOKED_AT, bounds_met_by, bounds_table
from training_run import Run
from training_runs import animate, carry_out_all, draw_success, mark, marked, numbers_of, percent, steps, write_page

from vlmrm.training.run_parts import load_agent

HERE = Path(__file__).resolve().parent
RUNS = HERE.parent / "runs" / "humanoid_kneel"
RESULTS = HERE / "results"
TASK, TARGET = "humanoid/kneeling", 0.9
PAPER_ENCODER = "ViT-bigG-14/laion2b_s39b_b160k"
SIDE = "lookat_m = [0, 0, 1], distance_m = 3.5, azimuth_deg = 90, elevation_deg = -10"  # the paper's, but for azimuth
STYLES = {
    "text": ("#1f77b4", "text reward"),
    "side": ("#2ca02c", "text reward from the side, less both leans"),
    "env": ("#888888", "the oracle's reward"),
}


@dataclass(frozen=True, kw_only=True)
class Args:
    """Which settings, and how far."""

    small: bool = False
    """The built-in model and settings for two cores; else the paper's."""
    steps: int | None = None
    """Instead of the settings' own."""
    seed: int = 0
    """Of all runs."""
    jobs: int = 2
    """Runs at a time, one core each; 0: only write what is there."""


def all_runs(args: Args) -> list[Run]:
    """On the text reward, on the oracle's, and with small settings on a reward that sees the lean."""
    length = ["--steps", str(args.steps)] if args.steps else []
    small = ["--small"] if args.small else []
    options = {
        "text": [*small, *length, *([] if args.small else ["--encoder", PAPER_ENCODER])],
        "env": [*small, *length, "--reward", "env"],
    }
    if args.small:
        options["side"] = [*small, *length, "--camera", SIDE, "--reward", str(HERE / "humanoid_kneel_side.toml")]
    name = "-".join(["small" if args.small else "paper", "{}", str(args.seed), *length[1:]])
    return [
        Run(
            root=RUNS,
            name=name.format(kind),
            task=TASK,
            kind=kind,
            seed=args.seed,
            target=TARGET,
            options=given,
            filmed=kind != "env",
            numbers=RESULTS / f"{stem(args)}.json",
        )
        for kind, given in options.items()
    ]


def stem(args: Args) -> str:
    """Of the names of the results' files."""
    usual = args.steps is None and args.seed == 0
    return "humanoid_kneel" + ("_small" if args.small else "") + ("" if usual else f"_{args.seed}_{args.steps}")


def row(run: Run, result: dict[str, Any]) -> str:
    """Of the table."""
    best = result["best"] or {}
    cells = [
        STYLES[run.kind][1] + mark(run),
        f"{result['steps']:,}",
        percent(result["random"]["success"]),
        f"**{percent(result['trained']['success'])}**",
        f"{result['random']['env_return']:.1f}",
        f"{result['trained']['env_return']:.1f}",
        f"{percent(best.get('success'))} at {steps(best.get('step'))}" if best else "-",
        f"{result['time_s'] / 3600:.1f}",
    ]
    return "| " + " | ".join(cells) + " |"


def bounds_met(run: Run, result: dict[str, Any]) -> dict[str, dict[str, float]]:
    """Of each bound of success: the state's median in the second half of episodes, and how often the bound holds."""
    if "bounds" in result:  # kept with the numbers, of an agent that is gone
        return result["bounds"]
    return bounds_met_by(load_agent(run.folder), TASK)


def write_results(args: Args, runs: list[Run]) -> None:
    """Table, figure, video and numbers of what has finished."""
    RESULTS.mkdir(exist_ok=True)
    name = stem(args)
    finished = [(run, summary) for run in runs if (summary := run.summary()) is not None]
    lines = [
        "# The humanoid that kneels" + (" (small settings)" if args.small else ""),
        "",
        f"Made by `python experiments/humanoid_kneel.py{' --small' if args.small else ''}"
        f"{f' --steps {args.steps}' if args.steps else ''}`, seed {args.seed}; {len(finished)} of {len(runs)} runs",
        "have finished. Success is of 100 episodes, judged on the joints: on both knees, torso upright, for at least",
        "50 of 100 steps. Steps in the goal are the mean of an episode's.",
        "",
        "| trained on | steps | random policy, success | **trained, success** | random, steps in the goal "
        "| trained, steps in the goal | best evaluation (% of 20 episodes) | hours |",
        "|" + "---|" * 8,
        *(row(*pair) for pair in finished),
        *marked(runs),
        "",
        f"![success over steps]({name}.png)",
    ]
    numbers = numbers_of(runs)
    for run, result in finished:
        bounds = bounds_met(run, result)
        numbers[run.name]["bounds"] = bounds
        lines += [
            "",
            f"Trained on {STYLES[run.kind][1]}: what the joints say in the second half of {LOOKED_AT} episodes. "
            "Success asks for all of it at once:",
            "",
            *bounds_table(bounds),
        ]
        if run.filmed:
            gif = f"{name}.gif" if run.kind == "text" else f"{name}_{run.kind}.gif"
            animate(run, RESULTS / gif, width_px=240)
            lines += ["", f"![the agent trained on {STYLES[run.kind][1]}]({gif})"]
    write_page(lines, numbers, RESULTS / name)
    draw_success(runs, [TASK], STYLES, RESULTS / f"{name}.png")
    print("\n".join(lines))


def main(args: Args) -> None:
    """Carry out the runs and write the results."""
    runs = all_runs(args)
    try:
        carry_out_all(runs, args.jobs)
    finally:
        write_results(args, runs)


if __name__ == "__main__":
    main(tyro.cli(Args, description=__doc__))

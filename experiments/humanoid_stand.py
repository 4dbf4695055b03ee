#!/usr/bin/env python
"""Standing from text: a further pose, by a model that saw none of its agents.

    python experiments/humanoid_stand.py                # a run on text and one on the oracle's reward
    python experiments/humanoid_stand.py --kinds text   # one of them
    python experiments/humanoid_stand.py --jobs 0       # no runs, only the page of what is there

`humanoid/standing_up` as it ships: its own sentence, camera and small settings, but that on text the rate of learning
falls to 0 over the last third, as in kneeling.py. What sim-h was trained on holds early agents of the kneeling task,
pushed poses and climbs, and no agent that was to stand. Every 10,000 steps the agent acts in 20 episodes; on text, the
one with the highest text return of them is the one that counts. Killed or stopped, the same command goes on where it
was. Results go to experiments/results/humanoid_stand.{md,json,png} and a video.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import tyro
from chosen_agent import bounds_table, draw_gif, finished_and_stopped
from training_run import Run
from training_runs import carry_out_all, draw_success, percent, write_page

HERE = Path(__file__).resolve().parent
RUNS, RESULTS = HERE.parent / "runs" / "humanoid_stand", HERE / "results"
TASK, TARGET = "humanoid/standing_up", 0.9
STEPS = {"text": 225_000, "env": 150_000}
STYLES = {"text": ("#1f77b4", "text reward"), "env": ("#ff7f0e", "the oracle's reward")}


@dataclass(frozen=True, kw_only=True)
class Args:
    """What is trained."""

    kinds: tuple[str, ...] = ("text", "env")
    """Rewards: `text` or `env`, the oracle's."""
    seeds: tuple[int, ...] = (0,)
    """Of the runs on text; the oracle's reward is trained on with the first."""
    jobs: int = 2
    """Runs at a time, one core each; 0: only write what is there."""


def run_of(kind: str, seed: int) -> Run:
    """One run."""
    judged = ["--eval-drawn", "20", "--best-by", "vlm_return", "--hyperparameters", 'learning_rate = "late_6e-4"']
    judged = judged if kind == "text" else ["--reward", "env"]
    return Run(
        root=RUNS, name=f"{kind}-{seed}", task=TASK, kind=kind, seed=seed, target=TARGET,
        options=["--small", "--steps", str(STEPS[kind]), "--checkpoint-every", "10000", *judged],
        eval_every=10_000, numbers=RESULTS / "humanoid_stand.json",
    )  # fmt: skip


def write_results(runs: list[Run]) -> None:
    """Table, figure, videos and numbers of what has finished, and how far the others came."""
    kept, unfinished = finished_and_stopped(runs, RESULTS / "humanoid_stand.json")
    lines = [
        "# Standing from text",
        "",
        "Made by `python experiments/humanoid_stand.py` with `sim-h`, which was trained on no agent of this task. The",
        "reward is the task's own. Success is of 100 episodes, judged on the joints: both feet on the floor, legs and",
        "torso straight, for at least 50 of 100 steps. On text the agent that counts is that of the evaluation with",
        "the highest text return of 20 episodes, one every 10,000 steps; on the oracle's the most successful one. On",
        f"text the rate of learning falls to 0 over the last third of {STEPS['text']:,} steps; the run was sent on to",
        "them from 150,000, with its success in view (docs/results.md).",
        "",
        "| reward | seed | steps | random policy | **best agent** | at step | steps in the goal | last agent | hours |",
        "|" + "---|" * 9,
    ]
    for name, found in sorted(kept.items(), reverse=True):
        lines.append(row(name, found))
    for name, far in sorted(unfinished.items()):
        kind, seed = name.rsplit("-", 1)
        reached = ", ".join(percent(success) for success in far["successes"])
        lines += ["", f"On {STYLES[kind][1]}, seed {seed}: stopped after {far['step']:,} steps; % of 20: {reached}."]
    lines += ["", "![success over steps](humanoid_stand.png)"]
    for name, found in sorted(kept.items(), reverse=True):
        lines += shown(name, found, next((run for run in runs if run.name == name), None))
    write_page(lines, kept | {"stopped": unfinished}, RESULTS / "humanoid_stand")
    draw_success(runs, [TASK], STYLES, RESULTS / "humanoid_stand.png")
    print("\n".join(lines))


def row(name: str, found: dict[str, Any]) -> str:
    """Of the table."""
    kind, seed = name.rsplit("-", 1)
    best = found.get("chosen", {})
    cells = [
        STYLES[kind][1], seed, f"{found['steps']:,}", percent(found["random"]["success"]),
        f"**{percent(best.get('success'))}**", f"{best.get('step', 0):,}", f"{best.get('steps_in_goal', 0):.1f}",
        percent(found["trained"]["success"]), f"{found['time_s'] / 3600:.1f}",
    ]  # fmt: skip
    return "| " + " | ".join(cells) + " |"


def shown(name: str, found: dict[str, Any], run: Run | None) -> list[str]:
    """What the joints of an agent on text say, and its video."""
    kind, seed = name.rsplit("-", 1)
    if kind != "text" or "chosen" not in found:
        return []
    gif = RESULTS / f"humanoid_stand_{seed}.gif"
    if run is not None and (run.folder / "checkpoints").is_dir():
        draw_gif(run, gif)
    lines = ["", f"Seed {seed}: the joints of the chosen agent in the second half of 20 episodes.", ""]
    lines += bounds_table(found["chosen"]["bounds"])
    return [*lines, "", f"![what the chosen agent does]({gif.name})"] if gif.is_file() else lines


def main(args: Args) -> None:
    """Carry out the runs and write the results."""
    runs = [run_of("text", seed) for seed in args.seeds if "text" in args.kinds]
    runs += [run_of("env", args.seeds[0])] if "env" in args.kinds else []
    try:
        carry_out_all(runs, args.jobs)
    finally:
        write_results(runs)


if __name__ == "__main__":
    main(tyro.cli(Args, description=__doc__))

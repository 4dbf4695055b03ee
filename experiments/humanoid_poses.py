#!/usr/bin/env python
"""Other poses from text, by a model that saw none of their agents.

    python experiments/humanoid_poses.py                # standing: a run on text and one on the oracle's reward
    python experiments/humanoid_poses.py --kinds text   # one of them
    python experiments/humanoid_poses.py --poses arms_raised one_leg --kinds env    # is a pose within reach at all?
    python experiments/humanoid_poses.py --jobs 0       # no runs, only the page of what is there

Each task as it ships: its own sentence, camera and small settings, but that on text the rate of learning falls to 0
over the last third, as in kneeling.py. What sim-h was trained on holds early agents of the kneeling task, pushed poses
and climbs, and no agent of these tasks. Every 10,000 steps the agent acts in 20 episodes; on text, the one with the
highest text return of them is the one that counts. A pose that is not found on the oracle's reward, which pays nothing
outside of the goal, is not trained on text. Killed or stopped, the same command goes on where it was. Results go to
experiments/results/humanoid_poses.{md,json,png} and a video.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import tyro
from chosen_agent import bounds_table, draw_gif, finished_and_stopped
from training_run import Run
from training_runs import carry_out_all, draw_success, mark, marked, percent, write_page

HERE = Path(__file__).resolve().parent
RUNS, RESULTS = HERE.parent / "runs" / "humanoid_poses", HERE / "results"
POSES, TARGET = ("standing_up", "one_leg", "arms_raised"), 0.9
STEPS = {"text": 225_000, "env": 150_000}
LONGER = {("one_leg", "env"): 300_000, ("one_leg", "text"): 300_000}  # balancing takes longer
STYLES = {"text": ("#1f77b4", "text reward"), "env": ("#ff7f0e", "the oracle's reward")}


@dataclass(frozen=True, kw_only=True)
class Args:
    """What is trained."""

    poses: tuple[str, ...] = ("standing_up",)
    """Tasks, without `humanoid/`."""
    kinds: tuple[str, ...] = ("text", "env")
    """Rewards: `text` or `env`, the oracle's."""
    seeds: tuple[int, ...] = (0,)
    """Of the runs on text; the oracle's reward is trained on with the first."""
    jobs: int = 2
    """Runs at a time, one core each; 0: only write what is there."""


def run_of(pose: str, kind: str, seed: int) -> Run:
    """One run."""
    judged = ["--eval-drawn", "20", "--best-by", "vlm_return", "--hyperparameters", 'learning_rate = "late_6e-4"']
    judged = judged if kind == "text" else ["--reward", "env"]
    steps = LONGER.get((pose, kind), STEPS[kind])
    return Run(
        root=RUNS, name=f"{pose}-{kind}-{seed}", task=f"humanoid/{pose}", kind=kind, seed=seed, target=TARGET,
        options=["--small", "--steps", str(steps), "--checkpoint-every", "10000", *judged],
        eval_every=10_000, numbers=RESULTS / "humanoid_poses.json",
    )  # fmt: skip


def write_results(runs: list[Run]) -> None:
    """Table, figure, videos and numbers of what has finished, and how far the others came."""
    kept, unfinished = finished_and_stopped(runs, RESULTS / "humanoid_poses.json")
    by_name = {run.name: run for run in (run_of(*named(name)) for name in kept)}
    lines = [
        "# Other poses from text",
        "",
        "Made by `python experiments/humanoid_poses.py` with `sim-h`, which was trained on no agent of these tasks.",
        "The rewards are the tasks' own. Success is of 100 episodes, judged on the joints: in the goal for at least 50",
        "of 100 steps. On text the agent that counts is that of the evaluation with the highest text return of 20",
        "episodes, one every 10,000 steps; on the oracle's the most successful one. On text the rate of learning",
        f"falls to 0 over the last third of all steps. Standing was sent on to {STEPS['text']:,} of them from 150,000,",
        "and one leg on the oracle's reward to 300,000 from 150,000, both with their success in view",
        f"(docs/results.md). One leg on text was to have {STEPS['text']:,} as well, and was given as many as on the",
        "oracle's reward after 114,800, when it had succeeded in no evaluation. Other poses than standing are trained",
        "where `--poses` names them.",
        "",
        "| pose | reward | seed | steps | random policy | **best agent** | at step | steps in the goal | last agent "
        "| hours |",
        "|" + "---|" * 10,
    ]
    lines += [row(name, kept[name], mark(by_name[name])) for name in sorted(kept, key=in_order)]
    for name, far in sorted(unfinished.items()):
        pose, kind, seed = named(name)
        reached = ", ".join(percent(success) for success in far["successes"])
        lines += [
            "", f"`{pose}` on {STYLES[kind][1]}, seed {seed}: stopped after {far['step']:,} steps; % of 20: {reached}."
        ]  # fmt: skip
    lines += [*marked(list(by_name.values())), "", "![success over steps](humanoid_poses.png)"]
    for name in sorted(kept, key=in_order):
        lines += shown(name, kept[name], by_name[name])
    write_page(lines, kept | {"stopped": unfinished}, RESULTS / "humanoid_poses")
    tasks = [f"humanoid/{pose}" for pose in POSES]
    draw_success(list(by_name.values()), tasks, STYLES, RESULTS / "humanoid_poses.png")
    print("\n".join(lines))


def named(name: str) -> tuple[str, str, int]:
    """Pose, kind and seed of a run."""
    pose, kind, seed = name.rsplit("-", 2)
    return pose, kind, int(seed)


def in_order(name: str) -> tuple[int, str, int]:
    """Poses as they are named above, and text first."""
    pose, kind, seed = named(name)
    return POSES.index(pose), "" if kind == "text" else kind, seed


def row(name: str, found: dict[str, Any], earlier: str) -> str:
    """Of the table."""
    pose, kind, seed = named(name)
    best = found.get("chosen", {})
    cells = [
        f"`{pose}`", STYLES[kind][1], str(seed), f"{found['steps']:,}", percent(found["random"]["success"]),
        f"**{percent(best.get('success'))}**{earlier}", f"{best.get('step', 0):,}",
        f"{best.get('steps_in_goal', 0):.1f}", percent(found["trained"]["success"]), f"{found['time_s'] / 3600:.1f}",
    ]  # fmt: skip
    return "| " + " | ".join(cells) + " |"


def shown(name: str, found: dict[str, Any], run: Run) -> list[str]:
    """What the joints of an agent on text say, and its video."""
    pose, kind, seed = named(name)
    if kind != "text" or "chosen" not in found:
        return []
    gif = RESULTS / f"humanoid_poses_{name}.gif"
    if (run.folder / "checkpoints").is_dir():
        draw_gif(run, gif)
    lines = ["", f"`{pose}`, seed {seed}: the joints of the chosen agent in the second half of 20 episodes.", ""]
    lines += bounds_table(found["chosen"]["bounds"])
    return [*lines, "", f"![what the chosen agent does]({gif.name})"] if gif.is_file() else lines


def main(args: Args) -> None:
    """Carry out the runs and write the results."""
    runs = [run_of(pose, "text", seed) for pose in args.poses for seed in args.seeds if "text" in args.kinds]
    runs += [run_of(pose, "env", args.seeds[0]) for pose in args.poses if "env" in args.kinds]
    try:
        carry_out_all(runs, args.jobs)
    finally:
        write_results(runs)


if __name__ == "__main__":
    main(tyro.cli(Args, description=__doc__))

#!/usr/bin/env python
"""Kneeling from text: trains on ways to reward it, and says what came out, success or not.

    python experiments/kneeling.py                        # three runs, two at a time, one core each
    python experiments/kneeling.py --ways h_soft_side     # some of them; the others keep their numbers
    python experiments/kneeling.py --jobs 0               # no runs, only the page of what is there

kneeling_gate.py says beforehand how far each can be trusted. Killed or stopped, the same command goes on where it was.
SAC goes up and down from one evaluation to the next. Every 10,000 steps the agent acts in 20 episodes; the one with the
highest text return of them is kept (no success is looked at in choosing), and the rate of learning falls at the end.
Success is judged on the joints, in 100 episodes: on its knees for at least half of the steps. Results go to
experiments/results/kneeling.{md,json,png} and one video a way.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import tyro
import vlmrm_envs as envs
from chosen_agent import bounds_table, draw_gif, finished_and_stopped
from kneeling_ways import CAMERAS, TASK, WAYS
from safetensors.torch import load_file, save_file
from training_run import Run
from training_runs import carry_out_all, draw_success, mark, marked, percent, write_page

from vlmrm.agents.make_vec import make_vec
from vlmrm.atomic import whole_file
from vlmrm.training.acting import Policy
from vlmrm.training.algorithms import find_algorithm
from vlmrm.training.make_agent import make_agent
from vlmrm.training.run_parts import load_agent
from vlmrm.wrappers.make_env import MakeEnv

HERE = Path(__file__).resolve().parent
RUNS = HERE.parent / "runs" / "kneeling"
RESULTS = HERE / "results"
TARGET = 0.9
COLOURS = ("#1f77b4", "#ff7f0e", "#2ca02c", "#d62728", "#9467bd")


@dataclass(frozen=True, kw_only=True)
class Args:
    """What is trained."""

    ways: tuple[str, ...] = ("h_eleven_both",)
    """Names in kneeling_ways.py."""
    seeds: tuple[int, ...] = (0, 1, 2)
    """Of the runs of each way."""
    steps: int = 300_000
    """Environment steps of a run; the paper takes 10 million."""
    jobs: int = 2
    """Runs at a time, one core each; 0: only write what is there."""


def run_of(way: str, seed: int, steps: int) -> Run:
    """One run on a way's reward."""
    cameras = WAYS[way].cameras
    seen = [f"{name} = {_table(CAMERAS[name])}" for name in cameras]
    camera = ["--cameras", ", ".join(seen)] if len(cameras) > 1 else ["--camera", seen[0].split(" = ", 1)[1][1:-1]]
    reward = RUNS / "rewards" / f"{way}.json"
    reward.parent.mkdir(parents=True, exist_ok=True)
    WAYS[way].spec().save(reward)
    options = ["--small", "--steps", str(steps), *camera, "--reward", str(reward)]
    options += ["--hyperparameters", 'learning_rate = "late_6e-4"']  # as the task's, and falling at the end
    options += ["--eval-drawn", "20", "--best-by", "vlm_return", "--checkpoint-every", "10000"]
    return Run(
        root=RUNS, name=f"{way}-{seed}", task=TASK, kind=way, seed=seed, target=TARGET, options=options,
        eval_every=10_000, numbers=RESULTS / "kneeling.json",
    )  # fmt: skip


def _table(camera: Any) -> str:
    """A camera as an inline table."""
    point = ", ".join(f"{value:g}" for value in camera.lookat_m)
    angles = f"azimuth_deg = {camera.azimuth_deg:g}, elevation_deg = {camera.elevation_deg:g}"
    return f"{{lookat_m = [{point}], distance_m = {camera.distance_m:g}, {angles}}}"


def write_results(runs: list[Run]) -> None:
    """Table, figure, videos and numbers of what has finished, and how far the others came."""
    kept, unfinished = finished_and_stopped(runs, RESULTS / "kneeling.json")
    by_name = {name: run_of(*named(name), Args.steps) for name in kept}
    lines = [
        "# Kneeling from text",
        "",
        "Made by `python experiments/kneeling.py`. Success is of 100 episodes, judged on the joints: on both knees,",
        "torso upright, for at least 50 of 100 steps. The agent that counts is the one of the evaluation with the",
        "highest text return of 20 episodes, one every 10,000 steps; no success is looked at in choosing it. The rate",
        "of learning is the task's and falls to 0 over the last 100,000 of 300,000 steps; a run of fewer steps ended",
        "before that. How long each was trained was decided with its success in view (docs/results.md). Ways to",
        "reward and what the gate says of them are in [kneeling_gate.md](kneeling_gate.md);",
        "random and oracle's agents in [humanoid_kneel_small.md](humanoid_kneel_small.md): 0 and 100 of 100.",
        "",
        "| way | seed | steps | random policy | **best text return** | at step | steps in the goal | last agent "
        "| most in any evaluation (% of 20) | hours |",
        "|" + "---|" * 10,
    ]
    for name, found in sorted(kept.items()):
        way, seed = named(name)
        best = found.get("chosen", {})
        cells = [
            WAYS[way].says, str(seed), f"{found['steps']:,}", percent(found["random"]["success"]),
            f"**{percent(best.get('success'))}**{mark(by_name[name])}", f"{best.get('step', 0):,}",
            f"{best.get('steps_in_goal', 0):.1f}", percent(found["trained"]["success"]),
            percent(max((success for _, success in found["curve"]), default=None)), f"{found['time_s'] / 3600:.1f}",
        ]  # fmt: skip
        lines.append("| " + " | ".join(cells) + " |")
    for name, far in sorted(unfinished.items()):
        way, seed = named(name)
        reached = ", ".join(percent(success) for success in far["successes"])
        lines += ["", f"{WAYS[way].says}, seed {seed}, was stopped after {far['step']:,} steps; % of 20: {reached}."]
    lines += [*marked(list(by_name.values())), "", "![success over steps](kneeling.png)"]
    for name, found in sorted(kept.items()):
        if "chosen" not in found:
            continue
        way, seed = named(name)
        lines += [
            "",
            f"{WAYS[way].says}, seed {seed}: the joints of the chosen agent in the second half of 20 episodes.",
            "",
            *bounds_table(found["chosen"]["bounds"]),
        ]
        gif, policy = RESULTS / f"kneeling_{name}.gif", RESULTS / f"kneeling_{name}.safetensors"
        run = next((run for run in runs if run.name == name), None)
        if run is not None and (run.folder / "checkpoints").is_dir():
            draw_gif(run, gif)
            with whole_file(policy) as aside:
                save_file(load_agent(run.folder, best=True).policy.actor.state_dict(), aside)
        if policy.is_file():
            lines += ["", f"Its policy is in [{policy.name}]({policy.name}); `kept_policy` in the script loads it."]
        if gif.is_file():
            lines += ["", f"![what the chosen agent does]({gif.name})"]
    write_page(lines, kept | {"stopped": unfinished}, RESULTS / "kneeling")
    ways = dict.fromkeys(named(name)[0] for name in sorted(kept))
    styles = {way: (COLOURS[i % len(COLOURS)], WAYS[way].says) for i, way in enumerate(ways)}
    draw_success(list(by_name.values()), [TASK], styles, RESULTS / "kneeling.png")
    print("\n".join(lines))


def named(name: str) -> tuple[str, int]:
    """Way and seed of a run."""
    way, seed = name.rsplit("-", 1)
    return way, int(seed)


def kept_policy(path: Path) -> Policy:
    """The agent of a page, without what it learnt with: it acts, and cannot be trained on."""
    task = envs.task(TASK)
    settings = task.small or task.train
    algorithm = find_algorithm(settings.algorithm or "SAC")
    venv = make_vec(MakeEnv(task=task, pictures=False), num_envs=1)
    given = {**settings.hyperparameters, "buffer_size": 1}
    agent = make_agent(algorithm, venv, hyperparameters=given, seed=0, device="cpu")
    venv.close()
    agent.policy.actor.load_state_dict(load_file(path))
    return agent


def main(args: Args) -> None:
    """Carry out the runs and write the results."""
    runs = [run_of(way, seed, args.steps) for seed in args.seeds for way in args.ways]
    try:
        carry_out_all(runs, args.jobs)
    finally:
        write_results(runs)


if __name__ == "__main__":
    main(tyro.cli(Args, description=__doc__))

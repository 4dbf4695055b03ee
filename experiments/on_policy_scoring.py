#!/usr/bin/env python
"""Is it faster to score a whole rollout of PPO at once than each step as it happens?

    python experiments/on_policy_scoring.py
    python experiments/on_policy_scoring.py --pieces 1 --encoder sim-s --out /tmp

The same PPO on cartpole/upright is rewarded by `RelabelCallback` and by `VecVLMReward`, for several numbers of
environments side by side. Both draw every step. The two take turns in one process, so that whatever else the machine
does slows both. Results go to experiments/results/on_policy_scoring.{md,json}.
"""

import json
import os
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from statistics import median
from typing import Any

import tyro
from scoring_overhead import clock
from stable_baselines3 import PPO
from stable_baselines3.common.callbacks import BaseCallback

from vlmrm import RewardModel
from vlmrm.agents import RelabelCallback, VecVLMReward
from vlmrm.agents.make_vec import make_vec
from vlmrm.tasks import find_task
from vlmrm.training.run.versions import environment_versions
from vlmrm.training.threads import cpu_threads
from vlmrm.wrappers.make_env import MakeEnv

QUIET = 0.5  # running processes


@dataclass(frozen=True, kw_only=True)
class Args:
    """Frames per second of PPO, scored a whole rollout at once and step by step."""

    encoder: str = "random:ViT-B-32"
    """What scores."""
    num_envs: tuple[int, ...] = (1, 4, 8)
    """Numbers of environments side by side."""
    pieces: int = 3
    """How many pieces of each run are measured, after one to warm up."""
    rollout: int = 32
    """Frames of one piece, which is one rollout of all environments."""
    threads: int = 1
    """Threads of torch."""
    out: Path = Path(__file__).resolve().parent / "results"
    """Folder of the results."""


@dataclass(frozen=True, kw_only=True)
class Piece:
    """One rollout and the training on it."""

    frames_per_s: float
    """Of all that happens: drawing, acting, scoring and learning."""
    scored_per_s: float
    """Of scoring alone."""


@dataclass(frozen=True, kw_only=True)
class Row:
    """What was measured for one number of environments."""

    num_envs: int
    """How many there were."""
    whole: list[Piece]
    """Pieces that were scored as whole rollouts."""
    stepwise: list[Piece]
    """The pieces after them, which were scored step by step."""

    def ratios(self, of: Callable[[Piece], float]) -> list[float]:
        """The one over the other, for each pair of pieces.

        Args:
            of: Reads a speed of a piece.
        """
        return [of(ours) / of(other) for ours, other in zip(self.whole, self.stepwise, strict=True)]


def make_run(args: Args, reward: RewardModel, num_envs: int, *, whole: bool) -> Callable[[], Piece]:
    """An agent; what is returned takes one rollout and learns from it."""
    task = find_task("cartpole/upright")
    venv = make_vec(MakeEnv(task=task, pictures=True, preprocessing=reward.capture), num_envs=num_envs)
    scored = venv if whole else VecVLMReward(venv, reward)
    agent = PPO("MlpPolicy", scored, n_steps=args.rollout // num_envs, batch_size=32, seed=0, device="cpu")
    callbacks: list[BaseCallback] = [RelabelCallback(reward)] if whole else []

    def learn() -> Piece:
        seconds, start = {"scoring": 0.0}, time.perf_counter()
        with clock(RewardModel, "read", seconds, "scoring"):
            agent.learn(args.rollout, callback=callbacks, reset_num_timesteps=False)
        taken = time.perf_counter() - start
        return Piece(frames_per_s=args.rollout / taken, scored_per_s=args.rollout / seconds["scoring"])

    return learn


def measure(args: Args) -> list[Row]:
    """Take turns."""
    reward = RewardModel.from_spec(replace(find_task("cartpole/upright").reward, encoder=args.encoder))
    rows = []
    for num_envs in args.num_envs:
        runs = [make_run(args, reward, num_envs, whole=whole) for whole in (True, False)]
        pieces = [[run() for run in runs] for _ in range(args.pieces + 1)][1:]
        whole, stepwise = ([pair[index] for pair in pieces] for index in (0, 1))
        rows.append(Row(num_envs=num_envs, whole=whole, stepwise=stepwise))
        print(table_row(rows[-1]), flush=True)
    return rows


def table_row(row: Row) -> str:
    """A row of the page's table."""
    cells = [str(row.num_envs)]
    for of in (lambda piece: piece.frames_per_s, lambda piece: piece.scored_per_s):
        ours, other = (median(of(piece) for piece in pieces) for pieces in (row.whole, row.stepwise))
        ratios = row.ratios(of)
        cells += [f"{ours:.1f}", f"{other:.1f}", f"**{median(ratios):.2f}** ({min(ratios):.2f} to {max(ratios):.2f})"]
    return f"| {' | '.join(cells)} |"


def report(args: Args, rows: list[Row], load: float) -> str:
    """The page."""
    pieces = f"{args.pieces} pieces of {args.rollout} frames each"
    lines = [
        "# Whole rollouts of on-policy algorithms",
        "",
        f"Made by `python experiments/on_policy_scoring.py`: PPO on `cartpole/upright` with `{args.encoder}`, rewarded",
        "by `RelabelCallback`, which scores a rollout when it is over, and by `VecVLMReward`, which scores each step.",
        f"Medians of {pieces}, in turn, in one process after one to warm up; ratios of neighbouring",
        "pieces, with the lowest and the highest.",
        "",
        "| environments | whole rollout, frames/s | each step, frames/s | ratio "
        "| scoring alone: whole rollout | each step | ratio |",
        "|---|---|---|---|---|---|---|",
        *map(table_row, rows),
        "",
        f"{args.threads} torch thread(s); {os.cpu_count()} cores; {load:.1f} running processes (mean of the minute "
        "before).",
    ]
    if load > QUIET:
        lines += ["Other jobs used this machine too: absolute numbers are lower than on a quiet one."]
    return "\n".join(lines) + "\n"


def main(args: Args) -> None:
    """Measure and write the results."""
    load = os.getloadavg()[0]
    with cpu_threads(args.threads):
        rows = measure(args)
    found: dict[str, Any] = {
        "args": asdict(args) | {"out": args.out.name},
        "rows": [asdict(row) for row in rows],
        "cores": os.cpu_count(),
        "load_before": load,
        "versions": environment_versions(),
    }
    args.out.mkdir(parents=True, exist_ok=True)
    (args.out / "on_policy_scoring.md").write_text(report(args, rows, load))
    (args.out / "on_policy_scoring.json").write_text(json.dumps(found, indent=1) + "\n")
    print(report(args, rows, load))


if __name__ == "__main__":
    main(tyro.cli(Args, description=__doc__))

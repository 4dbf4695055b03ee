#!/usr/bin/env python
"""What does scoring cost? DQN on cartpole/upright with the text reward, beside the same run that only renders.

    python experiments/scoring_overhead.py
    python experiments/scoring_overhead.py --piece-steps 400 --pairs 2 --out /tmp

Both runs draw every step and shrink it to the encoder's size; one also embeds the frames and rewrites the rewards
(`RelabelCallback`). As in `vlmrm train`, gradient steps use one thread. The runs take turns in one process, so that
whatever else the machine does slows both. Results go to experiments/results/scoring_overhead.{md,json}.
"""

import json
import os
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from statistics import median
from typing import Any

import torch
import tyro
from stable_baselines3 import DQN
from stable_baselines3.common.base_class import BaseAlgorithm
from vlmrm_envs.scenes.cartpole import CartPole

from vlmrm import RewardModel
from vlmrm.agents import RelabelCallback
from vlmrm.agents.make_vec import make_vec
from vlmrm.frames.preprocessing import Preprocessing
from vlmrm.tasks import find_task
from vlmrm.training.algorithms import find_algorithm
from vlmrm.training.make_agent import make_agent
from vlmrm.training.run.versions import environment_versions
from vlmrm.training.threads import LearnOnOneThread, cpu_threads
from vlmrm.wrappers.make_env import MakeEnv

GOAL = 0.5  # of the steps per second without scoring
Parts = dict[str, tuple[type, str]]
PARTS: Parts = {  # where time goes: what to put a clock around
    "draw": (CartPole, "render"),
    "resize": (Preprocessing, "resize"),
    "embed and score": (RewardModel, "read"),
    "gradient steps": (DQN, "train"),
}


@dataclass(frozen=True, kw_only=True)
class Args:
    """Steps per second with and without scoring."""

    encoder: str = "sim-s"
    """What scores."""
    pairs: int = 5
    """How many pieces of each run are measured."""
    piece_steps: int = 3_000
    """Steps of one piece; a multiple of the task's train_freq, 200."""
    warmup_steps: int = 1_600
    """Steps of each run before the first piece; past learning_starts, 1,000."""
    seed: int = 0
    """Of both runs."""
    threads: int | None = None
    """Of torch, for what is not a gradient step; None: as many as torch chooses."""
    out: Path = Path(__file__).resolve().parent / "results"
    """Folder of the results."""


@dataclass(frozen=True, kw_only=True)
class Result:
    """What was measured."""

    args: dict[str, Any]
    """What the script was called with."""
    scored_steps_per_s: list[float]
    """Of each piece, with the text reward."""
    unscored_steps_per_s: list[float]
    """Of the piece after it, without."""
    ratios: list[float]
    """The first over the second."""
    ms_per_step: dict[str, float]
    """Where the time of a scored step goes."""
    threads: int
    """Of torch."""
    cores: int
    """Of the machine."""
    load_before: float
    """Running processes, mean of the minute before."""
    versions: dict[str, Any]
    """Of the packages."""

    @property
    def ratio(self) -> float:
        """The median."""
        return median(self.ratios)


def make_run(args: Args, reward: RewardModel, *, scored: bool) -> Callable[[int], float]:
    """An agent; what is returned trains it on for some steps and says how many it took per second."""
    task = find_task("cartpole/upright")
    venv = make_vec(MakeEnv(task=task, pictures=True, preprocessing=reward.capture), num_envs=1)
    agent: BaseAlgorithm = make_agent(
        find_algorithm(task.train.algorithm), venv, hyperparameters=task.train.hyperparameters, seed=args.seed
    )
    callbacks = [RelabelCallback(reward)] if scored else []

    def learn(steps: int) -> float:
        before, start = agent.num_timesteps, time.perf_counter()
        agent.learn(steps, callback=[*callbacks, LearnOnOneThread()], reset_num_timesteps=False)
        return (agent.num_timesteps - before) / (time.perf_counter() - start)

    return learn


@contextmanager
def clock(owner: type, name: str, seconds: dict[str, float], part: str) -> Iterator[None]:
    """Add the time spent in one method to `seconds[part]`."""
    method = getattr(owner, name)

    def timed(*args: Any, **kwargs: Any) -> Any:
        start = time.perf_counter()
        try:
            return method(*args, **kwargs)
        finally:
            seconds[part] += time.perf_counter() - start

    setattr(owner, name, timed)
    try:
        yield
    finally:
        setattr(owner, name, method)


def where_time_goes(parts_of: Parts, learn: Callable[[], float], steps: int) -> dict[str, float]:
    """Milliseconds of one step by part, and what is left: the policy, Stable-Baselines3's own loop and so on.

    Args:
        parts_of: What to put a clock around.
        learn: Trains for `steps` steps and says how many it took per second.
        steps: How many.
    """
    seconds = dict.fromkeys(parts_of, 0.0)
    with ExitStack() as stack:
        for part, (owner, name) in parts_of.items():
            stack.enter_context(clock(owner, name, seconds, part))
        per_step = 1 / learn()
    if idle := [part for part, total in seconds.items() if not total]:
        raise SystemExit(f"nothing called {', '.join(idle)}: the clock is around a method that is no longer used.")
    parts = {part: total / steps for part, total in seconds.items()}
    parts["everything else"] = per_step - sum(parts.values())
    return {part: 1000 * each for part, each in parts.items()}


def measure(args: Args) -> Result:
    """Take turns, then look inside the scored run once more."""
    load = os.getloadavg()[0]
    task = find_task("cartpole/upright")
    reward = RewardModel.from_spec(replace(task.reward, encoder=args.encoder))
    scored, unscored = make_run(args, reward, scored=True), make_run(args, reward, scored=False)
    for learn in (scored, unscored):
        learn(args.warmup_steps)
    with_score, without = [], []
    for pair in range(args.pairs):
        with_score.append(scored(args.piece_steps))
        without.append(unscored(args.piece_steps))
        print(f"pair {pair}: {with_score[-1]:.0f} / {without[-1]:.0f} = {with_score[-1] / without[-1]:.3f}", flush=True)
    return Result(
        args=asdict(args) | {"out": args.out.name},
        scored_steps_per_s=with_score,
        unscored_steps_per_s=without,
        ratios=[ours / other for ours, other in zip(with_score, without, strict=True)],
        ms_per_step=where_time_goes(PARTS, lambda: scored(args.piece_steps), args.piece_steps),
        threads=torch.get_num_threads(),
        cores=os.cpu_count() or 1,
        load_before=load,
        versions=environment_versions(),
    )


def report(result: Result) -> str:
    """The page."""
    total = sum(result.ms_per_step.values())
    verdict = "reached" if result.ratio >= GOAL else "missed"
    lines = [
        "# What scoring costs",
        "",
        f"Made by `python experiments/scoring_overhead.py`: DQN on `cartpole/upright` with `{result.args['encoder']}`,",
        f"pieces of {result.args['piece_steps']:,} steps that score and that only draw and shrink, in turn, in one",
        f"process after {result.args['warmup_steps']:,} steps of warm-up each.",
        "",
        f"**{result.ratio:.2f}x** the steps per second of the run without scoring: median of {len(result.ratios)}, "
        f"{min(result.ratios):.2f} to {max(result.ratios):.2f}. Goal {GOAL}: {verdict}.",
        "",
        "| pair | scored, steps/s | only drawn, steps/s | ratio |",
        "|---|---|---|---|",
    ]
    rows = zip(result.scored_steps_per_s, result.unscored_steps_per_s, result.ratios, strict=True)
    lines += [f"| {pair} | {ours:.0f} | {other:.0f} | {r:.3f} |" for pair, (ours, other, r) in enumerate(rows, 1)]
    lines += ["", "Where a step of the scored run goes, from one more piece:", ""]
    lines += ["| part | ms | share |", "|---|---|---|"]
    lines += [f"| {part} | {ms:.2f} | {ms / total:.0%} |" for part, ms in result.ms_per_step.items()]
    lines += [
        f"| together | {total:.2f} | 100% |",
        "",
        f"{result.threads} torch thread(s), 1 for gradient steps; {result.cores} cores; "
        f"{result.load_before:.1f} running processes (mean of the minute before).",
    ]
    if result.load_before > 0.5:
        lines += [
            f"Other jobs kept this {result.cores}-core machine busy: absolute numbers are lower than on a quiet one.",
            "Neighbouring pieces suffer alike, but not exactly: torch's threads wait for each other.",
        ]
    return "\n".join(lines) + "\n"


def main(args: Args) -> None:
    """Measure and write the results."""
    with cpu_threads(args.threads):
        result = measure(args)
    args.out.mkdir(parents=True, exist_ok=True)
    (args.out / "scoring_overhead.md").write_text(report(result))
    (args.out / "scoring_overhead.json").write_text(
        json.dumps(asdict(result) | {"ratio": result.ratio}, indent=1) + "\n"
    )
    print(report(result))


if __name__ == "__main__":
    main(tyro.cli(Args, description=__doc__))

#!/usr/bin/env python
"""What does a text reward cost where learning is expensive? SAC on the humanoid, beside plain SAC that draws nothing.

    python experiments/humanoid_overhead.py
    python experiments/humanoid_overhead.py --rollouts 1 --pairs 2 --envs 1 --out /tmp

Both learn to kneel: one from the sentence (pictures in quality ``fast`` at the encoder's size, scored and relabelled
after each rollout of 100 steps), the other on the oracle's reward, without pictures. They take turns in one
process. With one environment there is one update a step; with 32, as in Rocamonde et al. 2024, 100 updates for 3,200
steps, so that drawing weighs more. Results go to experiments/results/humanoid_overhead.{md,json}.
"""

import json
import os
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from statistics import median
from time import perf_counter

import torch
import tyro
from scoring_overhead import Parts, where_time_goes
from stable_baselines3 import SAC
from stable_baselines3.common.base_class import BaseAlgorithm
from stable_baselines3.common.callbacks import BaseCallback
from vlmrm_envs.scenes.humanoid import Humanoid

from vlmrm import RewardModel
from vlmrm.agents import RelabelCallback
from vlmrm.agents.make_vec import make_vec
from vlmrm.tasks import find_task
from vlmrm.training.algorithms import find_algorithm
from vlmrm.training.make_agent import make_agent
from vlmrm.training.run.versions import environment_versions
from vlmrm.training.threads import LearnOnOneThread, cpu_threads, learns_on_one_thread
from vlmrm.wrappers import RenderMujoco
from vlmrm.wrappers.make_env import MakeEnv

GOAL = 0.65  # of plain SAC's steps per second, with one environment
ROLLOUT = 100  # steps of each environment between updates
PARTS: Parts = {  # where time goes: what to put a clock around
    "physics": (Humanoid, "step"),
    "draw": (RenderMujoco, "render"),
    "embed and score": (RewardModel, "read"),
    "gradient steps": (SAC, "train"),
}


@dataclass(frozen=True, kw_only=True)
class Args:
    """Steps per second with the text reward and without."""

    encoder: str = "sim-m"
    """What scores."""
    task: str = "humanoid/kneeling"
    """What is learnt."""
    envs: tuple[int, ...] = (1, 32)
    """How many environments, one measurement each."""
    batch_size: int = 512
    """Of a gradient step; the paper's."""
    pairs: int = 5
    """How many pieces of each run are measured."""
    rollouts: int = 4
    """Of 100 steps of each environment, in one piece."""
    seed: int = 0
    """Of both runs."""
    threads: int | None = None
    """Of torch; None: as many as torch chooses."""
    out: Path = Path(__file__).resolve().parent / "results"
    """Folder of the results."""


@dataclass(frozen=True, kw_only=True)
class Result:
    """With some number of environments."""

    envs: int
    """How many."""
    text_steps_per_s: list[float]
    """Of each piece with the text reward."""
    plain_steps_per_s: list[float]
    """Of the piece after it, of plain SAC."""
    ms_per_step: dict[str, float]
    """Where the time of a step with the text reward goes."""

    @property
    def ratio(self) -> float:
        """The median."""
        return median(text / plain for text, plain in zip(self.text_steps_per_s, self.plain_steps_per_s, strict=True))


def make_run(args: Args, envs: int, reward: RewardModel | None) -> Callable[[int], float]:
    """An agent; what is returned trains it on for some rollouts and says how many steps it took per second."""
    task = find_task(args.task)
    preprocessing = None if reward is None else reward.capture
    venv = make_vec(MakeEnv(task=task, pictures=reward is not None, preprocessing=preprocessing), num_envs=envs)
    hyperparameters = dict(task.train.hyperparameters) | {
        "train_freq": ROLLOUT, "gradient_steps": ROLLOUT, "batch_size": args.batch_size,
        "learning_starts": 0, "buffer_size": 50_000,
    }  # fmt: skip
    agent: BaseAlgorithm = make_agent(
        find_algorithm("SAC"), venv, hyperparameters=hyperparameters, seed=args.seed, device="cpu"
    )
    callbacks: list[BaseCallback] = [] if reward is None else [RelabelCallback(reward)]
    if learns_on_one_thread(agent):
        callbacks.append(LearnOnOneThread())

    def learn(rollouts: int) -> float:
        before, start = agent.num_timesteps, perf_counter()
        steps = rollouts * ROLLOUT * envs
        agent.learn(steps, callback=callbacks, reset_num_timesteps=False)
        return (agent.num_timesteps - before) / (perf_counter() - start)

    return learn


def measure(args: Args, envs: int, reward: RewardModel) -> Result:
    """Take turns, then look inside the text run once more."""
    rollouts = max(1, args.rollouts if envs == 1 else args.rollouts // 2)
    text, plain = make_run(args, envs, reward), make_run(args, envs, None)
    for learn in (text, plain):
        learn(1)  # warm-up
    with_text, without = [], []
    for _ in range(args.pairs):
        with_text.append(text(rollouts))
        without.append(plain(rollouts))
        print(f"{envs} env(s): {with_text[-1]:.0f} / {without[-1]:.0f} = {with_text[-1] / without[-1]:.3f}", flush=True)
    return Result(
        envs=envs,
        text_steps_per_s=with_text,
        plain_steps_per_s=without,
        ms_per_step=where_time_goes(PARTS, lambda: text(rollouts), rollouts * ROLLOUT * envs),
    )


def report(args: Args, results: list[Result], load: float) -> str:
    """The page."""
    lines = [
        "# What a text reward costs the humanoid",
        "",
        f"Made by `python experiments/humanoid_overhead.py`: SAC on `{args.task}` with `{args.encoder}`, batches of",
        f"{args.batch_size}, {ROLLOUT} updates after {ROLLOUT} steps of every environment; in one process, in turn",
        "with plain SAC on the oracle's reward, which draws nothing; both judge every step by the oracle. Pictures in",
        "quality `fast`.",
        "",
        "| environments | updates a step | text, steps/s | plain, steps/s | ratio (median; lowest to highest) |",
        "|---|---|---|---|---|",
    ]
    for result in results:
        ratios = [a / b for a, b in zip(result.text_steps_per_s, result.plain_steps_per_s, strict=True)]
        speeds = f"{median(result.text_steps_per_s):.0f} | {median(result.plain_steps_per_s):.0f}"
        spread = f"{min(ratios):.2f} to {max(ratios):.2f}"
        lines.append(f"| {result.envs} | 1/{result.envs} | {speeds} | **{result.ratio:.2f}x** ({spread}) |")
    single = [result for result in results if result.envs == 1]
    if single:
        verdict = "reached" if single[0].ratio >= GOAL else "missed"
        lines += ["", f"Goal with one environment and one update a step: {GOAL}, {verdict}."]
    lines += ["", "Where the milliseconds of one step with the text reward go:", ""]
    lines += ["| part | " + " | ".join(f"{result.envs} env(s)" for result in results) + " |"]
    lines += ["|---|" + "---|" * len(results)]
    for part in results[0].ms_per_step:
        cells = [
            f"{result.ms_per_step[part]:.2f} ({result.ms_per_step[part] / sum(result.ms_per_step.values()):.0%})"
            for result in results
        ]
        lines.append(f"| {part} | " + " | ".join(cells) + " |")
    lines += [
        "",
        f"{torch.get_num_threads()} torch thread(s); {os.cpu_count()} cores; {load:.1f} running "
        "processes (mean of the minute before).",
    ]
    return "\n".join(lines) + "\n"


def main(args: Args) -> None:
    """Measure and write the results."""
    load = os.getloadavg()[0]
    with cpu_threads(args.threads):
        task = find_task(args.task)
        reward = RewardModel.from_spec(replace(task.reward, encoder=args.encoder))
        results = [measure(args, envs, reward) for envs in args.envs]
        page = report(args, results, load)
    args.out.mkdir(parents=True, exist_ok=True)
    (args.out / "humanoid_overhead.md").write_text(page)
    numbers = {
        "args": asdict(args) | {"out": args.out.name},
        "results": [asdict(result) | {"ratio": result.ratio} for result in results],
        "versions": environment_versions(),
        "load_before": load,
    }
    (args.out / "humanoid_overhead.json").write_text(json.dumps(numbers, indent=1) + "\n")
    print(page)


if __name__ == "__main__":
    main(tyro.cli(Args, description=__doc__))

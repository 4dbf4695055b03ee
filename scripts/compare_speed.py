#!/usr/bin/env python
"""Is scoring as fast as it was at an old commit? Two processes, one for each version of the code, take turns.

    python scripts/compare_speed.py HEAD~10
    python scripts/compare_speed.py HEAD~3 --pairs 15 --seconds 5 --cases sim-s

The new version is the working tree. A pair is four pieces of the same work, of old, new, new and old, so that whatever
else the machine does slows both; each takes about ``--seconds``. The speed is reached if the median of the ratios is at
least 0.98, or if an interval of at most ±0.03 around it holds 0.98. Where others use the machine too, ``--cpu-time``
counts the processor time of the workers instead of the time that passes.

Only what both versions offer is used; what has another name in one of them is looked up in `capture_of`.
"""

import argparse
import json
import os
import subprocess
import sys
import tarfile
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from math import comb
from pathlib import Path
from statistics import median
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
GOAL, WIDEST = 0.98, 0.03
LEVEL = 0.95  # of the interval
FRAMES, ROLLOUT = 64, 200
GOAL_SENTENCE, BASELINE = "pole vertically upright on top of the cart", "pole and cart"


def order_interval(values: list[float]) -> tuple[float, float]:
    """Interval of the median by order statistics: the innermost two values that hold it with `LEVEL`.

    With fewer than 6 values no two do, and the interval is from the lowest to the highest.

    Args:
        values: One or more numbers.

    Example:
        >>> order_interval([0.97, 1.0, 0.95, 0.99, 1.02, 0.98, 1.01, 0.96, 1.03])
        (0.96, 1.02)
    """
    ordered, n = sorted(values), len(values)
    beyond, rank = 1, 0  # of 2 ** n ways to lie around the median, those with at most `rank` values below it
    while rank + 1 < n / 2 and 2 * (beyond + comb(n, rank + 1)) <= (1 - LEVEL) * 2**n:
        rank += 1
        beyond += comb(n, rank)
    return ordered[rank], ordered[n - 1 - rank]


def is_reached(ratios: list[float]) -> bool:
    """Whether the new version is as fast as the old one, as far as these ratios can tell."""
    low, high = order_interval(ratios)
    middle = median(ratios)
    narrow = max(middle - low, high - middle) <= WIDEST
    return middle >= GOAL or (narrow and low <= GOAL <= high)


def capture_of(reward: Any) -> Any:
    """How environments may shrink frames for a reward, by the name that its version has for it."""
    return reward.capture if hasattr(reward, "capture") else reward.capture_preprocessing


def make_reward(encoder: str) -> Any:
    """The same reward in both versions."""
    from vlmrm import PromptSet, RewardModel

    return RewardModel.load(encoder, PromptSet(GOAL_SENTENCE, BASELINE), alpha=0.5)


def score_with(encoder: str, frames: int) -> Callable[[int], int]:
    """Scores frames of 400 x 600, as CartPole draws them.

    Args:
        encoder: Name of the encoder.
        frames: How many frames are scored together.
    """
    import gymnasium as gym
    import numpy as np

    reward = make_reward(encoder)
    env = gym.make("CartPole-v1", render_mode="rgb_array")
    env.reset(seed=0)
    pictures = []
    for angle in np.linspace(0, 1.5, frames):
        env.unwrapped.state = np.array([0.5 - angle / 2, 0, angle, 0])  # type: ignore[attr-defined]
        pictures.append(env.render())
    env.close()
    batch = np.stack(pictures)  # type: ignore[arg-type]

    def score(batches: int) -> int:
        for _ in range(batches):
            reward.score(batch)
        return batches * frames

    return score


def train_dqn() -> Callable[[int], int]:
    """Trains DQN on CartPole, and writes text rewards over its own."""
    import gymnasium as gym
    from stable_baselines3 import DQN

    from vlmrm.agents import RelabelCallback
    from vlmrm.wrappers import CaptureFrame

    reward = make_reward("sim-s")
    env = CaptureFrame(gym.make("CartPole-v1", render_mode="rgb_array"), capture_of(reward))
    settings: dict[str, Any] = {"train_freq": ROLLOUT, "gradient_steps": ROLLOUT, "learning_starts": ROLLOUT}
    agent = DQN("MlpPolicy", env, buffer_size=20_000, batch_size=64, seed=0, device="cpu", **settings)
    callback = RelabelCallback(reward)

    def learn(rollouts: int) -> int:
        before = agent.num_timesteps
        agent.learn(rollouts * ROLLOUT, callback=callback, reset_num_timesteps=False)
        return agent.num_timesteps - before

    return learn


CASES: dict[str, tuple[str, Callable[[], Callable[[int], int]]]] = {
    "sim-s": ("frames/s", lambda: score_with("sim-s", FRAMES)),
    "ViT-B-32": ("frames/s", lambda: score_with("random:ViT-B-32", FRAMES // 4)),
    "dqn": ("steps/s", train_dqn),
}
"""By name: what is counted, and what makes the work; work is asked for a number of pieces and says how much it did."""


def work(threads: int) -> None:
    """A worker: a line of its input names a case, how often and the clock; it answers with units and seconds."""
    import warnings

    import torch

    import vlmrm

    answers = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(2, 1)  # what anybody prints must not be taken for an answer
    warnings.simplefilter("ignore")
    torch.set_num_threads(threads)
    print(json.dumps(str(Path(vlmrm.__file__).resolve().parent.parent)), file=answers)
    ready: dict[str, Callable[[int], int]] = {}
    for line in sys.stdin:
        case, times, cpu_time = json.loads(line)
        if case not in ready:
            ready[case] = CASES[case][1]()
        clock = time.process_time if cpu_time else time.perf_counter
        start = clock()
        done = ready[case](times)
        print(json.dumps([done, clock() - start]), file=answers)


class Worker:
    """A process that works with one version of the code.

    Args:
        tree: Folder that holds the version's ``vlmrm/``.
        threads: Threads of torch.
        cpu_time: Count processor time instead of the time that passes.

    Raises:
        SystemExit: If the process imports vlmrm from elsewhere, or ends.
    """

    def __init__(self, tree: Path, threads: int, *, cpu_time: bool) -> None:
        self.cpu_time = cpu_time
        path = {"PYTHONPATH": f"{tree}{os.pathsep}{tree / 'envs'}", "OMP_NUM_THREADS": str(threads)}
        path |= {"SDL_VIDEODRIVER": "dummy"}  # pygame draws without a display
        command = [sys.executable, __file__, "--worker", str(threads)]
        self.process = subprocess.Popen(
            command, env=os.environ | path, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        imported = self._read()
        if imported != str(tree.resolve()):
            raise SystemExit(f"a worker took vlmrm from {imported} and not from {tree}.")

    def run(self, case: str, times: int) -> tuple[float, float]:
        """What was done, and in how many seconds."""
        stdin: Any = self.process.stdin
        print(json.dumps([case, times, self.cpu_time]), file=stdin, flush=True)
        done, seconds = self._read()
        return done, seconds

    def close(self) -> None:
        """End the process."""
        self.process.communicate()

    def _read(self) -> Any:
        stdout: Any = self.process.stdout
        line = stdout.readline()
        if not line:
            raise SystemExit("a worker has ended; what it said stands above.")
        return json.loads(line)


def compare(old: Worker, new: Worker, case: str, *, pairs: int, seconds: float) -> list[float]:
    """Ratios of the speeds, new over old, of each pair."""
    for worker in (old, new):
        worker.run(case, 2)  # loads what it needs, and is warm
    times = max(round(seconds / old.run(case, 1)[1]), 1)
    new.run(case, 1)
    ratios = []
    for pair in range(pairs):
        done, taken = dict.fromkeys((old, new), 0.0), dict.fromkeys((old, new), 0.0)
        for worker in (old, new, new, old):
            piece = worker.run(case, times)
            done[worker] += piece[0]
            taken[worker] += piece[1]
        before, now = (done[worker] / taken[worker] for worker in (old, new))
        ratios.append(now / before)
        print(f"  {case} {pair + 1}: {now:.1f} / {before:.1f} = {ratios[-1]:.3f}", file=sys.stderr, flush=True)
    return ratios


@contextmanager
def tree_of(commit: str) -> Iterator[Path]:
    """The files of a commit in a temporary folder."""
    with tempfile.TemporaryDirectory() as folder:
        archive = Path(folder) / "files.tar"
        subprocess.run(["git", "-C", str(ROOT), "archive", "-o", str(archive), commit], check=True)
        with tarfile.open(archive) as files:
            files.extractall(Path(folder) / "tree", filter="data")
        yield Path(folder) / "tree"


def main() -> None:
    """Compare and say what came out."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("commit", help="the old version, as git names it")
    parser.add_argument("--pairs", type=int, default=9, help="pairs of each case")
    parser.add_argument("--seconds", type=float, default=2.0, help="length of a piece; a pair has four")
    parser.add_argument("--threads", type=int, default=1, help="threads of torch, the same for both")
    parser.add_argument("--cpu-time", action="store_true", help="count processor time, on a machine that others use")
    parser.add_argument("--cases", nargs="+", choices=list(CASES), default=list(CASES), help="what is compared")
    args = parser.parse_args()
    with tree_of(args.commit) as tree, ExitStack() as stack:
        old, new = (Worker(of, args.threads, cpu_time=args.cpu_time) for of in (tree, ROOT))
        for worker in (old, new):
            stack.callback(worker.close)
        for case in args.cases:
            ratios = compare(old, new, case, pairs=args.pairs, seconds=args.seconds)
            low, high = order_interval(ratios)
            verdict = "reached" if is_reached(ratios) else "missed"
            said = f"median {median(ratios):.3f} ({low:.3f} to {high:.3f}), {len(ratios)} pairs: {verdict}"
            print(f"{case}, {CASES[case][0]}, new over old: {said}", flush=True)


if __name__ == "__main__":
    if sys.argv[1:2] == ["--worker"]:
        work(int(sys.argv[2]))
    else:
        main()

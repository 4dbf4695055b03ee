"""`make_vec`: environments of a task side by side, for Stable-Baselines3."""

import multiprocessing
import signal
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import gymnasium as gym
from stable_baselines3.common.monitor import Monitor
from stable_baselines3.common.vec_env import DummyVecEnv, SubprocVecEnv, VecEnv

from vlmrm.wrappers.make_env import MakeEnv


def make_vec(make_env: MakeEnv, *, num_envs: int, processes: bool = False) -> VecEnv:
    """Environments side by side, for Stable-Baselines3.

    Args:
        make_env: Makes each of them.
        num_envs: How many.
        processes: Each in a process of its own; worth it where drawing or physics is slow and there are cores.
    """
    makers: list[Callable[[], gym.Env[Any, Any]]] = [_Monitored(make_env)] * num_envs
    return SubprocVecEnv(makers) if processes else DummyVecEnv(makers)


@dataclass(frozen=True)
class _Monitored:
    """Adds the episode statistics of Stable-Baselines3."""

    make_env: MakeEnv

    def __call__(self) -> gym.Env[Any, Any]:
        if multiprocessing.parent_process() is not None:
            # Ctrl-C goes to all processes; the main one finishes its step and stores a checkpoint
            signal.signal(signal.SIGINT, signal.SIG_IGN)
        return Monitor(self.make_env())

"""CPU threads of a run: many for scoring pictures, one for learning.

The layers of a small policy are too short to be shared out: two threads wait for each other after every layer. On 2
cores that 8 other processes wanted too, DQN on CartPole ran at 165 steps/s with one thread and at 16 with two, and the
built-in model scored 800 and 42 frames/s. Large batches are worth sharing: SAC's update of 512 steps of a humanoid took
45 ms on one thread and 30 on two, both cores being free.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager

import torch
from stable_baselines3.common.base_class import BaseAlgorithm
from stable_baselines3.common.callbacks import BaseCallback

from vlmrm.training.algorithms import reads

_WORTH_SHARING = 512  # steps in a batch


class LearnOnOneThread(BaseCallback):
    """Gradient steps on one thread, everything else as before; comes after what scores a rollout."""

    def __init__(self) -> None:
        super().__init__()
        self._usual = torch.get_num_threads()

    def _on_step(self) -> bool:
        return True

    def _on_rollout_end(self) -> None:
        torch.set_num_threads(1)

    def _on_rollout_start(self) -> None:
        torch.set_num_threads(self._usual)

    def _on_training_end(self) -> None:
        torch.set_num_threads(self._usual)


def learns_on_one_thread(agent: BaseAlgorithm) -> bool:
    """Whether its gradient steps are too short for several threads: on a CPU, of vectors, in small batches.

    Args:
        agent: Agent of Stable-Baselines3.

    Example:
        >>> from stable_baselines3 import DQN
        >>> learns_on_one_thread(DQN("MlpPolicy", "CartPole-v1", device="cpu"))
        True
    """
    small = getattr(agent, "batch_size", 0) < _WORTH_SHARING
    return small and agent.device.type == "cpu" and reads(agent.observation_space) == "Mlp"


def crowding_note(threads: int) -> str | None:
    """What to tell the user where other programs want the cores too; None: they do not.

    Args:
        threads: How many the run will use.

    Example:
        >>> crowding_note(1) is None
        True
    """
    if threads < 2 or not hasattr(os, "getloadavg"):  # Windows does not say
        return None
    load, cores = os.getloadavg()[0], os.cpu_count() or 1
    if load < cores:
        return None
    return f"other programs keep the {cores} cores busy (load {load:.0f}); --threads 1 may be many times faster."


@contextmanager
def cpu_threads(count: int | None) -> Iterator[None]:
    """Let torch use so many threads inside the block; afterwards as many as before, whatever was set inside.

    Args:
        count: How many; None: as it is.

    Example:
        >>> with cpu_threads(1):
        ...     torch.get_num_threads()
        1
    """
    before = torch.get_num_threads()
    if count is not None:
        torch.set_num_threads(count)
    try:
        yield
    finally:
        torch.set_num_threads(before)

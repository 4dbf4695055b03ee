"""`RolloutStats`: mean rewards and speed of training since the last row of ``metrics.csv``."""

import time
from typing import Any

import numpy as np
from stable_baselines3.common.base_class import BaseAlgorithm


class RolloutStats:
    """Counts rewards as they come in; evaluations between two `restart` calls must be left out by the caller.

    With relabelling the text rewards are known only after a rollout, and are read from the replay buffer then.

    Args:
        relabelled: Whether the text rewards are written into the replay buffer.
    """

    def __init__(self, *, relabelled: bool) -> None:
        self._relabelled = relabelled
        self._rollout_steps = 0
        self.restart()

    def restart(self) -> None:
        """Forget what came before."""
        self._started = time.monotonic()
        self._steps, self._scored = 0, 0
        self._env_sum, self._vlm_sum = 0.0, 0.0

    def add_step(self, rewards: Any, infos: list[dict[str, Any]]) -> None:
        """One step of all environments.

        Args:
            rewards: As the algorithm sees them.
            infos: With ``env_reward`` where the rewards are text rewards.
        """
        self._steps += len(infos)
        self._rollout_steps += 1
        if "env_reward" in infos[0]:
            self._env_sum += sum(info["env_reward"] for info in infos)
            self._vlm_sum += float(np.sum(rewards))
            self._scored += len(infos)
        else:
            self._env_sum += float(np.sum(rewards))

    def end_rollout(self, agent: BaseAlgorithm) -> None:
        """After `RelabelCallback` has written the rewards of a rollout."""
        if self._relabelled:
            buffer: Any = agent.replay_buffer  # type: ignore[attr-defined]
            rows = np.arange(buffer.pos - min(self._rollout_steps, buffer.buffer_size), buffer.pos)
            rewards = buffer.rewards[rows % buffer.buffer_size]
            self._vlm_sum += float(rewards.sum())
            self._scored += rewards.size
        self._rollout_steps = 0

    def means(self) -> dict[str, float]:
        """By the columns of ``metrics.csv``; what was not seen is left out."""
        found: dict[str, float] = {}
        if self._steps:
            found["steps_per_s"] = round(self._steps / max(time.monotonic() - self._started, 1e-9), 2)
            found["train_env_reward"] = self._env_sum / self._steps
        if self._scored:
            found["train_vlm_reward"] = self._vlm_sum / self._scored
        return found

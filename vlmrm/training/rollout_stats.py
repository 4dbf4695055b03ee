"""`RolloutStats`: mean rewards and speed of training since the last row of ``metrics.csv``."""

import time
from typing import Any

import numpy as np

from vlmrm.agents.relabel import RelabelCallback


class RolloutStats:
    """Counts rewards as they come in; evaluations between two `restart` calls must be left out by the caller.

    Text rewards are known only after a rollout.

    Args:
        relabel: Callback that gives text rewards; None: the environment's own are trained on.
    """

    def __init__(self, relabel: RelabelCallback | None) -> None:
        self._relabel = relabel
        self.restart()

    def restart(self) -> None:
        """Forget what came before."""
        self._started = time.monotonic()
        self._steps, self._scored = 0, 0
        self._env_sum, self._vlm_sum = 0.0, 0.0

    def add_step(self, env_rewards: Any) -> None:
        """One step of all environments.

        Args:
            env_rewards: The environments' own rewards.
        """
        self._steps += len(env_rewards)
        self._env_sum += float(np.sum(env_rewards))

    def end_rollout(self) -> None:
        """After `RelabelCallback` has scored a rollout."""
        if self._relabel is not None:
            self._vlm_sum += float(self._relabel.last_rewards.sum())
            self._scored += self._relabel.last_rewards.size

    def means(self) -> dict[str, float]:
        """By the columns of ``metrics.csv``; what was not seen is left out."""
        found: dict[str, float] = {}
        if self._steps:
            found["steps_per_s"] = round(self._steps / max(time.monotonic() - self._started, 1e-9), 2)
            found["train_env_reward"] = self._env_sum / self._steps
        if self._scored:
            found["train_vlm_reward"] = self._vlm_sum / self._scored
        return found

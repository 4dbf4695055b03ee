"""Buffers of Stable-Baselines3 whose rewards are NaN until they are scored, and are scored before anybody uses them.

Samples, saved files, returns and advantages all come from methods of the buffer itself, so that these are the one
place where a reward can be asked for too early. While a buffer is held, its class is one of ours, derived from its own.
"""

from typing import Any, ClassVar, Protocol, runtime_checkable

import numpy as np
from jaxtyping import Float
from stable_baselines3.common.buffers import BaseBuffer, ReplayBuffer, RolloutBuffer

from vlmrm.errors import PairingError


@runtime_checkable
class Scores(Protocol):
    """Knows the rewards of the steps that a buffer stores."""

    def stored(self, token: object, row: int, added: Float[np.ndarray, " e"]) -> None:
        """Take note of where a step was stored.

        Args:
            token: What `take_token` returned at that step.
            row: Row of the buffer.
            added: What the algorithm had added to the step's rewards.
        """

    def flush(self) -> None:
        """Write the rewards of all steps that were stored."""


class HeldBuffer(BaseBuffer):
    """What both kinds of held buffers have in common.

    Inherits from what all buffers inherit from: else Python would not let one become the other.
    """

    plain: ClassVar[type]
    """Class that the buffer has when nobody holds it, and in files."""
    scores: ClassVar[Scores]
    """Who holds it."""

    @staticmethod
    def take_token(step: dict[str, Any]) -> object:
        """An object of a step by which `add` knows the step again.

        Args:
            step: Local variables of the algorithm's loop, as callbacks see them.
        """
        raise NotImplementedError

    def __getstate__(self) -> Any:
        self.scores.flush()
        return super().__getstate__()

    def __reduce_ex__(self, protocol: Any) -> tuple[Any, ...]:
        return object.__new__, (self.plain,), self.__getstate__()  # needs nothing of ours where it is loaded


class _HeldReplay(HeldBuffer, ReplayBuffer):
    @staticmethod
    def take_token(step: dict[str, Any]) -> object:
        return step["infos"]

    def add(self, obs: Any, next_obs: Any, action: Any, reward: Any, done: Any, infos: Any) -> None:
        row = self.pos
        super().add(obs, next_obs, action, reward, done, infos)
        self.rewards[row] = np.nan
        self.scores.stored(infos, row, np.zeros(self.n_envs, np.float32))

    def _get_samples(self, batch_inds: Any, env: Any = None) -> Any:
        self.scores.flush()
        return super()._get_samples(batch_inds, env)


class _HeldRollout(HeldBuffer, RolloutBuffer):
    @staticmethod
    def take_token(step: dict[str, Any]) -> object:
        """Also leaves in the rewards only what the algorithm is about to add at a time limit: gamma V(terminal)."""
        rewards: np.ndarray = step["rewards"]
        if rewards.dtype.kind != "f":
            raise PairingError(
                f"the environments' rewards are whole numbers ({rewards.dtype}), to which Stable-Baselines3 cannot add "
                "the value of a state at a time limit. Return floats: gymnasium.wrappers.TransformReward(env, float)."
            )
        step["rewards"] = rewards.copy()  # callbacks that come later read the environments' own here
        rewards[:] = 0
        return rewards

    def add(self, obs: Any, action: Any, reward: Any, *rest: Any, **more: Any) -> None:
        row = self.pos
        super().add(obs, action, reward, *rest, **more)
        added = self.rewards[row].copy()
        self.rewards[row] = np.nan
        self.scores.stored(reward, row, added)

    def compute_returns_and_advantage(self, last_values: Any, dones: Any) -> None:
        self.scores.flush()
        super().compute_returns_and_advantage(last_values, dones)


def hold(buffer: Any, scores: Scores) -> None:
    """Let the rewards of what a buffer stores from now on be NaN until they are scored.

    Args:
        buffer: A replay or rollout buffer that nobody else holds.
        scores: Who scores.

    Raises:
        PairingError: Somebody else holds it.
    """
    holder = _holder(buffer)
    if holder is not None and holder is not scores:
        raise PairingError("two RelabelCallbacks would reward one agent. Use one, and give it to learn() once.")
    if holder is not None:
        return
    plain, ours = type(buffer), _HeldReplay if isinstance(buffer, ReplayBuffer) else _HeldRollout
    buffer.__class__ = type(plain.__name__, (ours, plain), {"plain": plain, "scores": scores})


def release(buffer: Any) -> None:
    """Score what is stored, and give a buffer its own class back; nothing to do where nobody holds it."""
    holder = _holder(buffer)
    if holder is not None:
        holder.flush()
        buffer.__class__ = buffer.plain


def _holder(buffer: Any) -> Scores | None:
    return buffer.scores if isinstance(buffer, HeldBuffer) else None

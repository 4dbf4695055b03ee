"""`RewardStream`: episodes side by side, rewarded step by step as they happen."""

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from vlmrm.errors import PairingError
from vlmrm.rewards.head import StepHead
from vlmrm.rewards.milestones import Milestones
from vlmrm.types import Rewards


class RewardStream:
    """Keeps what a reward has to remember of each environment's episode.

    Args:
        head: Makes rewards of steps.
        num_envs: How many episodes run side by side.

    Example:
        >>> from vlmrm.rewards.over_time import difference
        >>> stream = RewardStream(difference(lambda embeddings: embeddings[:, 0]), num_envs=2)
        >>> stream.begin(torch.tensor([[0.1], [0.5]]))
        >>> stream.step(torch.tensor([[0.2], [0.5]]), torch.tensor([False, False])).round(decimals=2)
        tensor([0.1000, 0.0000])
    """

    def __init__(self, head: StepHead, num_envs: int) -> None:
        self._head, self._num_envs = head, num_envs
        self._state: Tensor | None = None
        self._begun = torch.zeros(num_envs, dtype=torch.bool)
        self._last = torch.zeros(num_envs)

    def begin(self, measured: Float[Tensor, "e k"], which: Bool[Tensor, " all"] | None = None) -> None:
        """Start new episodes, whatever became of those before.

        Args:
            measured: Of their first frames, as the head's `measure` gives it.
            which: Environments that start; None: all.
        """
        which = self._everyone() if which is None else which
        if not bool(which.any()):
            return
        started = self._head.start(measured)
        state = started.new_zeros(self._num_envs, started.shape[1]) if self._state is None else self._state
        self._state = _with_rows(state, which, started)
        self._begun = self._begun | which

    def step(
        self,
        measured: Float[Tensor, "e k"],
        terminated: Bool[Tensor, " e"],
        which: Bool[Tensor, " all"] | None = None,
    ) -> Rewards:
        """The rewards of one step.

        Args:
            measured: Of the frames after the step, as the head's `measure` gives it.
            terminated: Whose episode it ended other than by a time limit.
            which: Environments that made the step; None: all.

        Raises:
            PairingError: The head looks back, and an episode's first frame was never given.
        """
        which = self._everyone() if which is None else which
        if not self._head.looks_back and self._state is None:
            self.begin(measured.new_zeros(self._num_envs, measured.shape[1]))
        if self._state is None or not bool(self._begun[which].all()):
            raise PairingError(
                "the reward looks back to the first frame of an episode, which was not given. Call reset() before "
                "step(), and put CaptureFrame inside, so that the info of a reset holds its frame."
            )
        state, rewards = self._head.advance(self._state[which], measured, terminated)
        self._state, self._last = _with_rows(self._state, which, state), _with_rows(self._last, which, rewards)
        return rewards

    def __copy__(self) -> "RewardStream":
        """One that goes on from here by itself."""
        other = RewardStream(self._head, self._num_envs)
        other._state, other._begun, other._last = self._state, self._begun, self._last
        return other

    def fired(self) -> Bool[Tensor, " all"]:
        """Whose last step showed the goal: a reward above 0, or for milestones, the last of them reached."""
        if isinstance(self._head, Milestones) and self._state is not None:
            return self._head.reached(self._state)
        return self._last > 0

    def _everyone(self) -> Bool[Tensor, " all"]:
        return torch.ones(self._num_envs, dtype=torch.bool)


def _with_rows(table: Tensor, which: Bool[Tensor, " all"], rows: Tensor) -> Tensor:
    """A copy, so that another stream which shares the table keeps its own."""
    changed = table.clone()
    changed[which] = rows
    return changed

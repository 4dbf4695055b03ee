"""`RewardStream`: episodes side by side, rewarded step by step as they happen."""

import torch
from jaxtyping import Bool
from torch import Tensor

from vlmrm.errors import PairingError
from vlmrm.rewards.features.frame_features import FrameFeatures
from vlmrm.rewards.protocols import OverTime
from vlmrm.rewards.score import require_finite_rewards
from vlmrm.types import Rewards


class RewardStream:
    """Keeps what a reward has to remember of each environment's episode.

    Args:
        over_time: Makes the rewards of steps.
        num_envs: Number of episodes that run side by side.

    Example:
        >>> from vlmrm.rewards.over_time.shaping import difference
        >>> stream = RewardStream(difference(lambda seen: seen.embeddings[:, 0]), num_envs=2)
        >>> stream.begin(FrameFeatures(embeddings=torch.tensor([[0.1], [0.5]])))
        >>> after = FrameFeatures(embeddings=torch.tensor([[0.2], [0.5]]))
        >>> stream.step(after, torch.tensor([False, False])).round(decimals=2)
        tensor([0.1000, 0.0000])
    """

    def __init__(self, over_time: OverTime, num_envs: int) -> None:
        self._over_time, self._num_envs = over_time, num_envs
        self._state: Tensor | None = None
        self._begun = torch.zeros(num_envs, dtype=torch.bool)
        self._last = torch.zeros(num_envs)

    @property
    def needs_history(self) -> bool:
        """Whether it wants the first frames of episodes."""
        return self._over_time.needs_history

    def begin(self, seen: FrameFeatures, which: Bool[Tensor, " all"] | None = None) -> None:
        """Start new episodes, whatever became of those before.

        Args:
            seen: Features of their first frames.
            which: Environments that start; None: all.
        """
        which = self._everyone() if which is None else which
        if not bool(which.any()):
            return
        started = self._over_time.start(seen)
        state = started.new_zeros(self._num_envs, started.shape[1]) if self._state is None else self._state
        self._state = _with_rows(state, which, started)
        self._begun = self._begun | which

    def step(
        self,
        seen: FrameFeatures,
        terminated: Bool[Tensor, " e"],
        which: Bool[Tensor, " all"] | None = None,
    ) -> Rewards:
        """The rewards of one step.

        Args:
            seen: Features of the frames after the step.
            terminated: Whose episode it ended other than by a time limit.
            which: Environments that made the step; None: all.

        Raises:
            PairingError: If the reward looks back, and an episode's first frame was never given.
            SpecError: If a reward is NaN or infinite.
        """
        which = self._everyone() if which is None else which
        if not self.needs_history and self._state is None:
            self._state, self._begun = torch.zeros(self._num_envs, 0), self._everyone()
        if self._state is None or not bool(self._begun[which].all()):
            raise PairingError(
                "the reward looks back to the first frame of an episode, which was not given. Call reset() before "
                "step(), and put CaptureFrame inside, so that the info of a reset holds its frame."
            )
        state, rewards = self._over_time.advance(self._state[which], seen, terminated)
        require_finite_rewards(rewards)
        self._state, self._last = _with_rows(self._state, which, state), _with_rows(self._last, which, rewards)
        return rewards

    def __copy__(self) -> "RewardStream":
        """One that goes on from here by itself."""
        other = RewardStream(self._over_time, self._num_envs)
        other._state, other._begun, other._last = self._state, self._begun, self._last
        return other

    def goal_reached(self) -> Bool[Tensor, " all"]:
        """Whose last step showed the goal: a reward above 0, or for milestones, the last of them reached."""
        if self._state is None:
            return torch.zeros(self._num_envs, dtype=torch.bool)
        return self._over_time.goal_reached(self._state, self._last)

    def _everyone(self) -> Bool[Tensor, " all"]:
        return torch.ones(self._num_envs, dtype=torch.bool)


def _with_rows(table: Tensor, which: Bool[Tensor, " all"], rows: Tensor) -> Tensor:
    """A copy, so that another stream which shares the table keeps its own."""
    changed = table.clone()
    changed[which] = rows
    return changed


def episode_rewards(over_time: OverTime, seen: FrameFeatures, *, terminated: bool) -> Rewards:
    """Rewards of the steps of one episode, one after the other.

    Args:
        over_time: Makes the rewards of steps.
        seen: Features of the first frame and of the frame after each step.
        terminated: Whether the last step ended the episode other than by a time limit.
    """
    state, paid = over_time.start(seen[:1]), []
    for step in range(1, len(seen)):
        ends = torch.tensor([terminated and step == len(seen) - 1])
        state, rewards = over_time.advance(state, seen[step : step + 1], ends)
        paid.append(rewards)
    return require_finite_rewards(torch.cat(paid)) if paid else torch.zeros(0)

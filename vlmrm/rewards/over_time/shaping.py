"""Rewards of what a step has gained: differences and potential-based shaping, over any score m(s) of a frame.

- ``difference``: ``m(s') - m(s)``; an episode's rewards add up to its last score less its first.
- ``shaping``: ``gamma m(s') - m(s)``, with m = 0 where the episode has terminated: added to another reward it changes
  no optimal policy (Ng, Harada and Russell 1999, "Policy invariance under reward transformations", theorem 1).
"""

from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from vlmrm.errors import SpecError
from vlmrm.rewards.features.frame_features import FrameFeatures
from vlmrm.rewards.protocols import Context, OverTime, ScoreFrames, TimeOptions
from vlmrm.types import Rewards
from vlmrm.values import require_above_0


@dataclass(frozen=True, kw_only=True)
class DifferenceOptions(TimeOptions):
    """Options of the kind ``difference``: none."""

    def build(self, context: Context) -> "Shaping":
        """Return what pays for the gain of each step."""
        return difference(context.score)


@dataclass(frozen=True, kw_only=True)
class ShapingOptions(TimeOptions):
    """Options of the kind ``shaping``."""

    gamma: int | float
    """The agent's discount, above 0 and at most 1."""

    def __post_init__(self) -> None:
        require_above_0("gamma", self.gamma)
        if self.gamma > 1:
            raise SpecError(f"gamma is the agent's discount, above 0 and at most 1; got {self.gamma!r}.")

    @property
    def agents_gamma(self) -> float | None:
        """The discount that the agent must have."""
        return float(self.gamma)

    def build(self, context: Context) -> "Shaping":
        """Return potential-based shaping with the score as the potential."""
        return Shaping(context.score, gamma=float(self.gamma))


@dataclass(frozen=True, eq=False)
class Shaping(OverTime):
    """``gamma m(s') - m(s)``, and ``-m(s)`` for a step that terminates; with gamma 1 and `ends_at_zero` off, progress.

    Example:
        >>> shaping = Shaping(lambda seen: seen.embeddings[:, 0], gamma=0.5)
        >>> first, second = (FrameFeatures(embeddings=torch.tensor([[score]])) for score in (0.2, 0.5))
        >>> shaping.advance(shaping.start(first), second, torch.tensor([False]))[1].round(decimals=2)
        tensor([0.0500])
        >>> shaping.advance(shaping.start(first), second, torch.tensor([True]))[1].round(decimals=2)
        tensor([-0.2000])
    """

    score: ScoreFrames
    """Scores the frames; the potential."""
    gamma: float
    """The agent's discount, 0 to 1."""
    ends_at_zero: bool = True
    """Whether the potential of a terminal state is 0, which the theorem asks for."""
    needs_history: bool = True
    """The first frame has a potential."""

    def start(self, seen: FrameFeatures) -> Float[Tensor, "e 1"]:
        """Return the scores of the first frames."""
        return self.score(seen)[:, None]

    def advance(
        self, state: Float[Tensor, "e 1"], seen: FrameFeatures, terminated: Bool[Tensor, " e"]
    ) -> tuple[Float[Tensor, "e 1"], Rewards]:
        """Take one step of several episodes."""
        scores = self.score(seen)
        ended = terminated if self.ends_at_zero else torch.zeros_like(terminated)
        after = torch.where(ended, 0.0, scores)
        return scores[:, None], self.gamma * after - state[:, 0]


def difference(score: ScoreFrames) -> Shaping:
    """What each step has gained, ``m(s') - m(s)``, up to the last one, however the episode ends.

    Args:
        score: Scores the frames.

    Example:
        >>> progress = difference(lambda seen: seen.embeddings[:, 0])
        >>> first, second = (FrameFeatures(embeddings=torch.tensor([[score]])) for score in (0.2, 0.5))
        >>> progress.advance(progress.start(first), second, torch.tensor([True]))[1].round(decimals=2)
        tensor([0.3000])
    """
    return Shaping(score, gamma=1.0, ends_at_zero=False)

"""A step is worth what the frame after it is worth; the way of a spec without ``over_time``."""

from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from vlmrm.rewards.features.frame_features import FrameFeatures
from vlmrm.rewards.protocols import OverTime, ScoreFrames
from vlmrm.types import Rewards


@dataclass(frozen=True, eq=False)
class PlainSteps(OverTime):
    """Scores the frame after each step, and looks back at nothing."""

    score: ScoreFrames
    """Scores the frames."""
    needs_history: bool = False
    """The first frame of an episode is not rewarded, and not looked at."""

    def start(self, seen: FrameFeatures) -> Float[Tensor, "e 0"]:
        """Return no state."""
        return torch.zeros(len(seen), 0)

    def advance(
        self, state: Float[Tensor, "e 0"], seen: FrameFeatures, terminated: Bool[Tensor, " e"]
    ) -> tuple[Float[Tensor, "e 0"], Rewards]:
        """Take one step of several episodes."""
        return state, self.score(seen)

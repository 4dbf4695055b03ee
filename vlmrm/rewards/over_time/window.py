"""``window``: the score of the mean of the last frames' embeddings, as CLIP is asked about videos (ViSTa, 2411.13211).

A mean does not know in which order its frames came; see `milestones` and `clip` for rewards that do.
"""

from dataclasses import dataclass
from typing import ClassVar

import torch
from jaxtyping import Bool, Float
from torch import Tensor
from torch.nn.functional import normalize

from vlmrm.errors import SpecError
from vlmrm.rewards.features.frame_features import FrameFeatures
from vlmrm.rewards.protocols import Context, OverTime, ScoreFrames, TimeOptions
from vlmrm.types import Rewards
from vlmrm.values import require_whole


@dataclass(frozen=True, kw_only=True)
class WindowOptions(TimeOptions):
    """Options of the kind ``window``."""

    scores_frames: ClassVar[bool] = False
    length: int
    """Number of frames, at least 2."""

    def __post_init__(self) -> None:
        require_whole("length", self.length)
        if self.length < 2:
            raise SpecError(f"a window of {self.length} frame is the frame itself; give a length of at least 2.")

    def build(self, context: Context) -> "Window":
        """Return what scores the mean of the last frames."""
        return Window(context.score, length=self.length)


@dataclass(frozen=True, eq=False)
class Window(OverTime):
    """The score of the mean of the last `length` frames' embeddings, brought back to unit length.

    At the start of an episode there are fewer frames to take the mean of; its first frame is one of them.

    Example:
        >>> window = Window(lambda seen: seen.embeddings[:, 0], length=2)
        >>> first, second = (FrameFeatures(embeddings=row[None]) for row in torch.eye(2))
        >>> window.advance(window.start(first), second, torch.tensor([False]))[1].round(decimals=4)
        tensor([0.7071])
    """

    score: ScoreFrames
    """Scores the mean."""
    length: int
    """Number of frames in a window, at least 1."""
    needs_history: bool = True
    """The first frame belongs to the first windows."""

    def start(self, seen: FrameFeatures) -> Float[Tensor, "e w"]:
        """Return the last `length` - 1 embeddings, the oldest first; zeros where there are none yet."""
        kept = seen.embeddings.new_zeros(len(seen), self.length, seen.embeddings.shape[1])
        kept[:, -1] = seen.embeddings
        return kept[:, 1:].flatten(1)

    def advance(
        self, state: Float[Tensor, "e w"], seen: FrameFeatures, terminated: Bool[Tensor, " e"]
    ) -> tuple[Float[Tensor, "e w"], Rewards]:
        """Take one step of several episodes."""
        frames = torch.cat([state, seen.embeddings], dim=1).reshape(len(state), self.length, -1)  # e l d
        mean = FrameFeatures(embeddings=normalize(frames.sum(dim=1), dim=1))
        return frames[:, 1:].flatten(1), self.score(mean)

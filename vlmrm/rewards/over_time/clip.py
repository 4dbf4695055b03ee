"""``clip``: a step is worth what a video encoder sees in the clip that ends with it.

A `window` takes the mean of frame embeddings, which does not know in which order its frames came. A video encoder (see
`vlmrm.encoders.video`) embeds the last T frames as one clip and sees what moved which way::

    reward of step t = score(embed(frame t - (T-1) k, ..., frame t - k, frame t))

with every k-th frame, and the first frame of the episode in place of those before it. CLIP models for video as rewards:
ViSTa (arXiv 2411.13211) asks them about clips as it does here.
"""

from dataclasses import dataclass, replace
from typing import ClassVar

import torch
from jaxtyping import Bool, UInt8
from torch import Tensor

from vlmrm.encoders.encoder import Encoder, require_finite
from vlmrm.encoders.video.x_clip import VideoEncoder
from vlmrm.errors import SpecError
from vlmrm.rewards.features.clips import ClipFeatures
from vlmrm.rewards.features.frame_features import FrameFeatures
from vlmrm.rewards.protocols import Context, OverTime, ScoreFrames, TimeOptions
from vlmrm.tables import require_whole
from vlmrm.types import Rewards


@dataclass(frozen=True, kw_only=True)
class ClipOptions(TimeOptions):
    """Options of the kind ``clip``."""

    scores_frames: ClassVar[bool] = False
    every: int = 1
    """Steps from one frame of the clip to the next, at least 1."""

    def __post_init__(self) -> None:
        require_whole("every", self.every)

    def apply(self, context: Context) -> Context:
        """Return the context with frames read as pixels."""
        return replace(context, extractor=ClipFeatures(require_video(context.encoder)))

    def build(self, context: Context) -> "ClipSteps":
        """Return what scores the clip that ends with each step."""
        return ClipSteps(context.score, require_video(context.encoder), self.every)


def require_video(encoder: Encoder) -> VideoEncoder:
    """The encoder, if it embeds clips.

    Args:
        encoder: Any.

    Raises:
        SpecError: If it embeds single frames only.
    """
    if not isinstance(encoder, VideoEncoder):
        raise SpecError(
            f"a reward of clips needs a video encoder, e.g. 'hf-video:microsoft/xclip-base-patch32' and no views; "
            f"{encoder.name!r} embeds single frames. over_time of kind 'window' takes the mean of those."
        )
    return encoder


@dataclass(frozen=True, eq=False)
class ClipSteps(OverTime):
    """The score of the clip that ends with the frame after the step.

    At the start of an episode, its first frame stands in for those before it.

    Raises:
        SpecError: If `every` is not a whole number of at least 1.
    """

    score: ScoreFrames
    """Scores the embeddings of clips."""
    encoder: VideoEncoder
    """Embeds the clips."""
    every: int = 1
    """Steps from one frame of the clip to the next."""
    needs_history: bool = True
    """The first frame belongs to the first clips."""

    def __post_init__(self) -> None:
        require_whole("every", self.every)

    def start(self, seen: FrameFeatures) -> UInt8[Tensor, "e p"]:
        """Return the first frames, in the place of all that a clip reaches back to."""
        return seen.extra["pixels"].flatten(1).repeat(1, self._reach)

    def advance(
        self, state: UInt8[Tensor, "e p"], seen: FrameFeatures, terminated: Bool[Tensor, " e"]
    ) -> tuple[UInt8[Tensor, "e p"], Rewards]:
        """Take one step of several episodes."""
        pixels = seen.extra["pixels"]
        frames = torch.cat([state, pixels.flatten(1)], dim=1).reshape(len(pixels), self._reach + 1, *pixels.shape[1:])
        clips = frames[:, :: self.every]  # e t s s 3
        rows = require_finite(self.encoder, self.encoder.embed_clips(clips))
        return frames[:, 1:].flatten(1), self.score(FrameFeatures(embeddings=rows))

    @property
    def _reach(self) -> int:
        """Steps from the first frame of a clip to its last."""
        return (self.encoder.clip_frames - 1) * self.every

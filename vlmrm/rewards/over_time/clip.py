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
from vlmrm.encoders.video.video_encoder import VideoEncoder
from vlmrm.errors import FrameError, SpecError
from vlmrm.rewards.features.clips import ClipFeatures
from vlmrm.rewards.features.frame_features import FrameFeatures
from vlmrm.rewards.protocols import Context, OverTime, ScoreFrames, TimeOptions
from vlmrm.types import Rewards
from vlmrm.values import require_whole

_AT_ONCE = 32  # clips that an encoder is given; 8 frames of 224 x 224 of each are 39 MB


@dataclass(frozen=True, kw_only=True)
class ClipOptions(TimeOptions):
    """Options of the kind ``clip``."""

    scores_frames: ClassVar[bool] = False
    sees_motion: ClassVar[bool] = True
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
        return _pixels(seen).flatten(1).repeat(1, self._reach)

    def advance(
        self, state: UInt8[Tensor, "e p"], seen: FrameFeatures, terminated: Bool[Tensor, " e"]
    ) -> tuple[UInt8[Tensor, "e p"], Rewards]:
        """Take one step of several episodes."""
        pixels = _pixels(seen)
        frames = torch.cat([state, pixels.flatten(1)], dim=1).reshape(len(pixels), self._reach + 1, *pixels.shape[1:])
        clips = [part for part in torch.split(frames[:, :: self.every], _AT_ONCE) if len(part)]  # e t s s 3
        rows = torch.cat([torch.zeros(0, self.encoder.dim), *(self.encoder.embed_clips(part) for part in clips)])
        seen = FrameFeatures(embeddings=require_finite(self.encoder, rows))
        return frames[:, 1:].flatten(1), self.score(seen)

    @property
    def _reach(self) -> int:
        """Steps from the first frame of a clip to its last."""
        return (self.encoder.clip_frames - 1) * self.every


def _pixels(seen: FrameFeatures) -> UInt8[Tensor, "n s s 3"]:
    if "pixels" not in seen.extra:
        raise FrameError(
            "a reward of clips is made of the pixels of frames, and these features have none: another reward read "
            "them. Give what read(frames) of this reward returns."
        )
    return seen.extra["pixels"]

"""`ClipSteps`: a step is worth what a video encoder sees in the clip that ends with it.

A `Window` takes the mean of frame embeddings, which does not know in which order its frames came. A video encoder (see
`vlmrm.encoders.video.x_clip`) embeds the last T frames as one clip and sees what moved which way::

    reward of step t = head(embed(frame t - (T-1) k, ..., frame t - k, frame t))

with every k-th frame, and the first frame of the episode in place of those before it. CLIP models for video as rewards:
ViSTa (arXiv 2411.13211) asks them about clips as it does here.

A clip's embedding cannot be made from those of its frames, so that what is measured of a frame are its pixels, at the
encoder's size, as a row. They are kept as halves: these hold 0 to 255 exactly, and are floats to whoever passes rows
on, at half the memory of float32. A frame of 224 x 224 takes 0.3 MB; 8 frames of one environment take 2.4 MB.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import torch
from jaxtyping import Bool, Float, Float16, UInt8
from torch import Tensor

from vlmrm.encoders.encoder import Encoder, finite
from vlmrm.encoders.video.x_clip import VideoEncoder
from vlmrm.errors import FrameError, SpecError
from vlmrm.frames import as_frames
from vlmrm.rewards.checks import require_whole
from vlmrm.rewards.head import Head
from vlmrm.types import Embeddings, Rewards

_CLIPS_AT_ONCE = 32  # clips of 8 frames of 224 x 224, which are built of 77 MB of rows


def require_video(encoder: Encoder) -> VideoEncoder:
    """The encoder, if it embeds clips.

    Args:
        encoder: Any.

    Raises:
        SpecError: It embeds single frames only.
    """
    if not isinstance(encoder, VideoEncoder):
        raise SpecError(
            f"a reward of clips needs a video encoder, e.g. 'hf-video:microsoft/xclip-base-patch32' and no views; "
            f"{encoder.name!r} embeds single frames. over_time of kind 'window' takes the mean of those."
        )
    return encoder


def pixel_rows(encoder: Encoder, frames: Any) -> Float16[Tensor, "n k"]:
    """What `ClipSteps` measures of frames: their pixels at the encoder's size.

    Args:
        encoder: Whose resize is meant.
        frames: uint8 RGB (n, h, w, 3) or one (h, w, 3); array, tensor, or a sequence of frames of one size.

    Returns:
        One row of 0 to 255 per frame.

    Raises:
        FrameError: The frames are not what is said above.

    Example:
        >>> from vlmrm.encoders import load_encoder
        >>> encoder = load_encoder("sim-s")  # 96 x 96
        >>> pixel_rows(encoder, torch.full((2, 50, 50, 3), 255, dtype=torch.uint8))[:, -1]
        tensor([255., 255.], dtype=torch.float16)
    """
    return encoder.preprocessing.resize(as_frames(frames)).flatten(1).half()


@dataclass(frozen=True, eq=False)
class ClipSteps:
    """The head on the embedding of the clip that ends with the frame after the step.

    At the start of an episode, its first frame stands in for those before it.

    Raises:
        SpecError: `every` is no whole number of at least 1.

    Example:
        >>> encoder = load_encoder("hf-video:microsoft/xclip-base-patch32")  # doctest: +SKIP
        >>> clips = ClipSteps(ProjectionHead(goal, None, 0.0), encoder, every=2)  # doctest: +SKIP
        >>> clips.rewards(clips.measure(pixel_rows(encoder, frames)), terminated=False).shape  # doctest: +SKIP
        torch.Size([99])
    """

    head: Head
    """Scores the clips."""
    encoder: VideoEncoder
    """Embeds them."""
    every: int = 1
    """Steps from one frame of a clip to the next."""
    looks_back: bool = True
    """The first frame belongs to the first clips."""

    def __post_init__(self) -> None:
        require_whole("every", self.every)

    def measure(self, embeddings: Float[Tensor, "n k"] | UInt8[Tensor, "n k"]) -> Float16[Tensor, "n k"]:
        """The pixels themselves.

        Args:
            embeddings: Rows of pixels, as `pixel_rows` makes them.

        Raises:
            FrameError: They are no frames of the encoder's size.
        """
        side = self.encoder.size_px
        if embeddings.shape[1] != side * side * 3:
            raise FrameError(
                f"clips are made of rows of {side} x {side} x 3 pixels; got rows of {embeddings.shape[1]}. "
                "pixel_rows(encoder, frames) makes them."
            )
        return embeddings.half()

    def rewards(self, measured: Float[Tensor, "n k"], *, terminated: bool) -> Float[Tensor, " n-1"]:
        """Of the steps of one episode; its clips are built a few at a time."""
        steps, back = torch.arange(1, len(measured)), torch.arange(self._reach, -1, -self.every)
        shown = (steps[:, None] - back).clamp(min=0)  # t l
        return self._of_clips(measured[part] for part in torch.split(shown, _CLIPS_AT_ONCE) if len(part))

    def start(self, measured: Float[Tensor, "e k"]) -> Float[Tensor, "e s"]:
        """The first frames, in the place of all that a clip reaches back to."""
        return measured.repeat(1, self._reach)

    def advance(
        self, state: Float[Tensor, "e s"], measured: Float[Tensor, "e k"], terminated: Bool[Tensor, " e"]
    ) -> tuple[Float[Tensor, "e s"], Rewards]:
        """One step of several episodes."""
        seen = torch.cat([state, measured], dim=1)
        clips = seen.reshape(len(seen), self._reach + 1, measured.shape[1])[:, :: self.every]  # e l k
        return seen[:, measured.shape[1] :], self._of_clips(
            part for part in torch.split(clips, _CLIPS_AT_ONCE) if len(part)
        )

    @property
    def _reach(self) -> int:
        """Steps from the first frame of a clip to its last."""
        return (self.encoder.clip_frames - 1) * self.every

    def _of_clips(self, parts: Iterable[Float[Tensor, "m l k"]]) -> Rewards:
        rewards = [self.head(self._embed(part)) for part in parts]
        return torch.cat(rewards) if rewards else torch.zeros(0)

    def _embed(self, rows: Float[Tensor, "m l k"]) -> Embeddings:
        side = self.encoder.size_px
        clips = rows.to(torch.uint8).reshape(*rows.shape[:2], side, side, 3)
        return finite(self.encoder, self.encoder.embed_clips(clips))

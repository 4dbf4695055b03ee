"""`VideoEncoder`: an encoder that sees clips."""

from typing import Protocol, runtime_checkable

from jaxtyping import UInt8
from torch import Tensor

from vlmrm.encoders.encoder import Encoder
from vlmrm.types import Embeddings


@runtime_checkable
class VideoEncoder(Encoder, Protocol):
    """An encoder of clips; `embed_frames` embeds each frame as a clip that stands still."""

    @property
    def clip_frames(self) -> int:
        """Frames of a clip."""

    def embed_clips(self, clips: UInt8[Tensor, "n t h w 3"]) -> Embeddings:
        """Unit-length float32 embeddings on the CPU, one row per clip.

        Args:
            clips: RGB; any height and width; as many frames as the model takes, in order, the oldest first.
        """

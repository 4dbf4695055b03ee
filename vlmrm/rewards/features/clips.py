"""`ClipFeatures`: the pixels of frames, from which clips are put together later."""

import torch

from vlmrm.encoders.encoder import Encoder
from vlmrm.rewards.features.frame_features import FrameFeatures
from vlmrm.types import Frames


class ClipFeatures:
    """Reads frames as their pixels at the encoder's size: a clip's embedding cannot be made from those of its frames.

    A frame of 224 x 224 takes 0.15 MB; 8 frames of one environment take 1.2 MB.

    Args:
        encoder: The video encoder, whose resize is meant.
    """

    def __init__(self, encoder: Encoder) -> None:
        self._encoder = encoder

    @property
    def fingerprint(self) -> str:
        """Which preprocessing it reads with."""
        return f"{self._encoder.fingerprint}-pixels"

    def read(self, frames: Frames) -> FrameFeatures:
        """Return the pixels in "pixels", uint8 (n s s 3), and embeddings of width 0."""
        pixels = self._encoder.preprocessing.resize(frames)
        return FrameFeatures(embeddings=torch.zeros(len(pixels), 0), extra={"pixels": pixels})

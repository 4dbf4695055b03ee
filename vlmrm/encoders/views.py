"""`ViewEncoder`: a frame is embedded as the mean of several crops of it.

What matters may be small in the picture, and an encoder sees a small square: crops at several scales show it larger,
and their mean is steadier than one look. Frames are captured larger than the encoder's size, so that the smallest crop
still has as many pixels as the encoder takes. Each view costs as much as a frame.
"""

import math
from collections.abc import Sequence
from dataclasses import replace

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn.functional import normalize

from vlmrm.encoders.encoder import Encoder
from vlmrm.encoders.preprocessing import Preprocessing
from vlmrm.errors import SpecError
from vlmrm.types import Embeddings, Frames

POSITIONS = ("centre", "corners")


class ViewEncoder:
    """An encoder whose frames are seen in several crops.

    Args:
        encoder: Sees each crop.
        scales: Sides of the square crops, as shares of the frame's, above 0 to 1.
        positions: ``centre``: one crop of each scale, in the middle; ``corners``: those in the four corners as well.

    Raises:
        SpecError: There is no scale, one is impossible, or there are no such positions.

    Example:
        >>> from vlmrm.encoders import load_encoder
        >>> views = ViewEncoder(load_encoder("sim-s"), scales=[1.0, 0.5])
        >>> views.size_px, views.views
        (192, 2)
    """

    def __init__(self, encoder: Encoder, *, scales: Sequence[int | float], positions: str = "centre") -> None:
        if not scales or not all(0 < scale <= 1 for scale in scales):
            raise SpecError(f"scales are sides of crops as shares of the frame's, above 0 to 1; got {list(scales)}.")
        if positions not in POSITIONS:
            raise SpecError(f"unknown positions {positions!r} of views. Known: {', '.join(POSITIONS)}.")
        self.encoder = encoder
        """Sees each crop."""
        self._preprocessing = replace(encoder.preprocessing, size_px=math.ceil(encoder.size_px / min(scales)))
        self._boxes = [box for scale in scales for box in _boxes(self.size_px, scale, corners=positions == "corners")]

    @property
    def views(self) -> int:
        """Crops of each frame."""
        return len(self._boxes)

    @property
    def name(self) -> str:
        """As the encoder's."""
        return self.encoder.name

    @property
    def dim(self) -> int:
        """As the encoder's."""
        return self.encoder.dim

    @property
    def size_px(self) -> int:
        """Side of the frames that crops are cut from."""
        return self._preprocessing.size_px

    @property
    def preprocessing(self) -> Preprocessing:
        """The encoder's, for larger frames."""
        return self._preprocessing

    @property
    def logit_scale(self) -> float:
        """As the encoder's."""
        return self.encoder.logit_scale

    @property
    def logit_bias(self) -> float:
        """As the encoder's."""
        return self.encoder.logit_bias

    def embed_frames(self, frames: Frames) -> Embeddings:
        """Mean of the crops' embeddings, brought back to unit length."""
        frames = self._preprocessing.resize(frames)
        total = torch.zeros(len(frames), self.dim)
        for top, left, side in self._boxes:  # one view at a time: all at once would be a copy of every crop
            crops = frames[:, top : top + side, left : left + side].contiguous()
            total += self.encoder.embed_frames(self.encoder.preprocessing.resize(crops))
        return normalize(total, dim=1)

    def embed_texts(self, texts: list[str]) -> Float[Tensor, "k d"]:
        """As the encoder's."""
        return self.encoder.embed_texts(texts)


def _boxes(size_px: int, scale: float, *, corners: bool) -> list[tuple[int, int, int]]:
    """Top, left and side of the crops of one scale."""
    side = max(round(scale * size_px), 1)
    last, middle = size_px - side, (size_px - side) // 2
    places = [(middle, middle)]
    if corners and last:
        places += [(top, left) for top in (0, last) for left in (0, last)]
    return [(top, left, side) for top, left in places]

"""`ViewEncoder`: a frame is embedded as the mean of several crops of it.

What matters may be small in the picture, and an encoder sees a small square: crops at several scales show it larger,
and their mean is steadier than one look. Frames are captured larger than the encoder's size, so that the smallest crop
still has as many pixels as the encoder takes. Each view costs as much as a frame.

Crops lie in fixed places, or where the encoder's own attention to the whole frame says that something is
(`vlmrm.encoders.towers.attention`, which names the paper). That attention comes with the embedding of the whole frame:
it is free where 1.0 is among the scales, and costs as much as one more view where it is not.
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import replace

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn.functional import normalize

from vlmrm.encoders.domain import DomainGuard
from vlmrm.encoders.encoder import Encoder
from vlmrm.encoders.towers.attention import embed_with_attention, place_crops, require_attention
from vlmrm.errors import SpecError
from vlmrm.frames.preprocessing import Preprocessing
from vlmrm.types import Embeddings, Frames

POSITIONS = ("centre", "corners", "attention")


class ViewEncoder:
    """An encoder whose frames are seen in several crops.

    Args:
        encoder: Sees each crop.
        scales: Sides of the square crops, as shares of the frame's, above 0 to 1.
        positions: ``centre``: one crop of each scale, in the middle; ``corners``: those in the four corners as well;
            ``attention``: one crop of each scale, in each frame where the encoder looks most.

    Raises:
        SpecError: There is no scale, one is impossible, or there are no such positions.
        EncoderError: Crops are to follow the attention, and that of this encoder cannot be read.

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
        sides = [max(round(scale * self.size_px), 1) for scale in scales]
        self._sides_to_place = sides if positions == "attention" else []
        if self._sides_to_place:
            require_attention(encoder)
        self._boxes = [box for side in sides for box in _boxes(self.size_px, side, corners=positions == "corners")]

    @property
    def views(self) -> int:
        """Crops of each frame."""
        return len(self._boxes)

    @property
    def name(self) -> str:
        """As the encoder's."""
        return self.encoder.name

    @property
    def fingerprint(self) -> str:
        """As the encoder's."""
        return self.encoder.fingerprint

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
        total = torch.zeros(len(frames), self.dim)
        for rows in self._views_of(frames):
            total += rows
        return normalize(total, dim=1)

    def embed_views(self, frames: Frames) -> Float[Tensor, "n v d"]:
        """Each crop's own embedding."""
        return torch.stack(list(self._views_of(frames)), dim=1)

    def embed_texts(self, texts: list[str]) -> Float[Tensor, "k d"]:
        """As the encoder's."""
        return self.encoder.embed_texts(texts)

    def _views_of(self, frames: Frames) -> Iterator[Embeddings]:
        frames = self._preprocessing.resize(frames)
        return self._placed_views(frames) if self._sides_to_place else self._fixed_views(frames)

    def _fixed_views(self, frames: Frames) -> Iterator[Embeddings]:
        """One view at a time: all at once would be a copy of every crop."""
        for top, left, side in self._boxes:
            yield self._embed(frames[:, top : top + side, left : left + side].contiguous(), whole=side == self.size_px)

    def _placed_views(self, frames: Frames) -> Iterator[Embeddings]:
        whole, attention = embed_with_attention(self.encoder, self.encoder.preprocessing.resize(frames))
        for side in self._sides_to_place:
            if side == self.size_px:
                yield whole
                continue
            places = place_crops(attention, size_px=self.size_px, side_px=side).tolist()
            crops = [frames[i, top : top + side, left : left + side] for i, (top, left) in enumerate(places)]
            yield self._embed(torch.stack(crops), whole=False)

    def _embed(self, crops: Frames, *, whole: bool) -> Embeddings:
        """Only whole frames are held against the model's domain: every crop is strange to a guard."""
        small = self.encoder.preprocessing.resize(crops)
        if isinstance(self.encoder, DomainGuard) and not whole:
            return self.encoder.encoder.embed_frames(small)
        return self.encoder.embed_frames(small)


def _boxes(size_px: int, side: int, *, corners: bool) -> list[tuple[int, int, int]]:
    """Top, left and side of the crops of one scale."""
    last, middle = size_px - side, (size_px - side) // 2
    places = [(middle, middle)]
    if corners and last:
        places += [(top, left) for top in (0, last) for left in (0, last)]
    return [(top, left, side) for top, left in places]

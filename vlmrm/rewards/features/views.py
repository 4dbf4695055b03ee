"""``views`` of a spec: several crops of each frame, whose mean is scored.

What matters may be small in the picture, and an encoder sees a small square: crops at several scales show it larger,
and their mean is steadier than one look. Frames are captured larger than the encoder's size, so that the smallest crop
still has as many pixels as the encoder takes. Each crop costs as much as a frame.

Crops lie in fixed places, or where the encoder's own attention to the whole frame says that something is
(`vlmrm.encoders.towers.attention`, which names the paper). That attention comes with the embedding of the whole frame:
it is free where 1.0 is among the scales, and costs as much as one more crop where it is not.
"""

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import ClassVar

import torch
from torch.nn.functional import normalize

from vlmrm.encoders.domain_watch import DomainWatch
from vlmrm.encoders.encoder import Encoder, require_finite
from vlmrm.encoders.towers.attention import embed_with_attention, place_crops, require_attention
from vlmrm.errors import SpecError
from vlmrm.rewards.features.frame_features import FrameFeatures
from vlmrm.rewards.protocols import Context
from vlmrm.rewards.transforms.options import TransformOptions
from vlmrm.types import Embeddings, Frames
from vlmrm.values import plain_number, require_choice

POSITIONS = ("centre", "corners", "attention")


@dataclass(frozen=True, kw_only=True)
class ViewsOptions(TransformOptions):
    """Options of ``views``."""

    refuses: ClassVar[Mapping[str, str]] = {
        "head:cocoop": "its words were learned for whole frames",
        "uncertainty:posterior": "the uncertainty of several crops is not known",
        "over_time:clip": "clips are made of whole frames",
    }
    passes_gradients: ClassVar[bool] = False
    scales: Sequence[int | float]
    """Sides of the square crops as shares of the frame's side, above 0 to 1."""
    positions: str = "centre"
    """Places of the crops: ``centre``: one of each scale, in the middle; ``corners``: those in the four corners as
    well; ``attention``: one of each scale, in each frame where the encoder looks most."""

    def __post_init__(self) -> None:
        given = tuple(map(plain_number, self.scales)) if isinstance(self.scales, Iterable) else ()
        if not given or not all(isinstance(scale, int | float) and 0 < scale <= 1 for scale in given):
            raise SpecError(f"scales are sides of crops as shares of the frame's, above 0 to 1; got {self.scales!r}.")
        require_choice("positions", self.positions, POSITIONS)
        object.__setattr__(self, "scales", given)

    @property
    def several(self) -> bool:
        """Whether there is more than one crop of each frame."""
        return len(self.scales) > 1 or (self.positions == "corners" and self.scales[0] < 1)

    def apply(self, context: Context) -> Context:
        """Return the context with frames read in crops."""
        crops = CropFeatures(context.encoder, self, context.watch)
        return replace(context, embedder=crops, extractor=crops)


class CropFeatures:
    """Reads each frame as several crops and their mean.

    Args:
        encoder: The encoder of each crop.
        options: Scales and positions.
        watch: What warns of strange frames; None: one of its own.

    Raises:
        EncoderError: If crops are to follow the attention, and that of this encoder cannot be read.

    Example:
        >>> from vlmrm.encoders import load_encoder
        >>> crops = CropFeatures(load_encoder("sim-s"), ViewsOptions(scales=[1.0, 0.5]))
        >>> crops.preprocessing.size_px, crops.count
        (192, 2)
    """

    def __init__(self, encoder: Encoder, options: ViewsOptions, watch: DomainWatch | None = None) -> None:
        self._encoder, self._options, self._watch = encoder, options, watch or DomainWatch(encoder)
        self.preprocessing = replace(encoder.preprocessing, size_px=math.ceil(encoder.size_px / min(options.scales)))
        """The encoder's own, for the larger frames that crops are cut from."""
        side_px = self.preprocessing.size_px
        sides = [max(round(scale * side_px), 1) for scale in options.scales]
        self._sides_to_place = sides if options.positions == "attention" else []
        if self._sides_to_place:
            require_attention(encoder)
        corners = options.positions == "corners"
        self._boxes = [box for side in sides for box in _boxes(side_px, side, corners=corners)]

    @property
    def count(self) -> int:
        """Number of crops of each frame."""
        return len(self._boxes)

    @property
    def fingerprint(self) -> str:
        """Which weights, preprocessing and crops it reads with."""
        scales = ",".join(f"{scale:g}" for scale in self._options.scales)
        return f"{self._encoder.fingerprint}-views-{scales}-{self._options.positions}"

    def read(self, frames: Frames) -> FrameFeatures:
        """Return the unit-length mean of the crops' embeddings, and each crop's own in "crops" (n v d)."""
        frames = self.preprocessing.resize(frames)
        crops = torch.stack(list(self._placed(frames) if self._sides_to_place else self._fixed(frames)), dim=1)
        crops = require_finite(self._encoder, crops.flatten(0, 1)).reshape(crops.shape)
        return FrameFeatures(embeddings=normalize(crops.sum(dim=1), dim=1), extra={"crops": crops})

    def _fixed(self, frames: Frames) -> Iterator[Embeddings]:
        """One crop at a time: all at once would be a copy of every crop."""
        for top, left, side in self._boxes:
            crops = frames[:, top : top + side, left : left + side].contiguous()
            rows = self._embed(crops)
            if side == self.preprocessing.size_px:
                self._watch.see(rows)  # only whole frames: every crop is strange to the model
            yield rows

    def _placed(self, frames: Frames) -> Iterator[Embeddings]:
        whole, attention = embed_with_attention(self._encoder, self._encoder.preprocessing.resize(frames))
        self._watch.see(whole)
        side_px = self.preprocessing.size_px
        for side in self._sides_to_place:
            if side == side_px:
                yield whole
                continue
            places = place_crops(attention, size_px=side_px, side_px=side).tolist()
            crops = [frames[i, top : top + side, left : left + side] for i, (top, left) in enumerate(places)]
            yield self._embed(torch.stack(crops))

    def _embed(self, crops: Frames) -> Embeddings:
        return self._encoder.embed_frames(self._encoder.preprocessing.resize(crops))


def _boxes(size_px: int, side: int, *, corners: bool) -> list[tuple[int, int, int]]:
    """Top, left and side of the crops of one scale."""
    last, middle = size_px - side, (size_px - side) // 2
    places = [(middle, middle)]
    if corners and last:
        places += [(top, left) for top in (0, last) for left in (0, last)]
    return [(top, left, side) for top, left in places]

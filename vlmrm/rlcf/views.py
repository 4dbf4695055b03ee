"""Views of a picture: crops and mirror images that a model is shown beside the whole picture (TPT, arXiv 2209.07511).

Views are cut from the full picture, so that a model with a larger input sees more of each crop, not the same pixels
enlarged. Their chance comes from a seed and the picture's own bytes: the same picture has the same views in any order.
"""

import hashlib
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from jaxtyping import Float, Int, UInt8
from torch import Tensor
from torch.nn.functional import interpolate

from vlmrm.errors import SpecError
from vlmrm.frames.preprocessing import Preprocessing
from vlmrm.types import Frames

_RATIO = (3 / 4, 4 / 3)  # of width to height
_TRIES = 10  # as torchvision's RandomResizedCrop


@dataclass(frozen=True, kw_only=True)
class ViewOptions:
    """How many views, which parts they show, and how many of them are used.

    Raises:
        SpecError: A value is impossible.
    """

    count: int = 64
    """Number of views, of which the first is the whole picture."""
    keep: int | float = 0.1
    """Share of the views that is used: the most confident ones, at least one."""
    smallest: int | float = 0.08
    """Least share of the picture's area that a crop shows; 1: the crops are whole pictures."""
    flip: bool = True
    """Whether half of the crops are mirrored. Not where a class says left or right."""

    def __post_init__(self) -> None:
        if self.count < 1 or not 0 < self.keep <= 1 or not 0 < self.smallest <= 1:
            raise SpecError(f"views need count >= 1, keep and smallest above 0 and at most 1; got {self}.")

    @property
    def kept(self) -> int:
        """Number of views that are used."""
        return max(1, int(self.count * self.keep))


@dataclass(frozen=True)
class Box:
    """A part of a picture, in pixels."""

    top: int
    """First row of the part."""
    left: int
    """First column of the part."""
    height: int
    """Number of rows."""
    width: int
    """Number of columns."""
    flipped: bool
    """Whether it is mirrored."""


WHOLE = Box(0, 0, 0, 0, flipped=False)
"""Stands for all of a query that is no picture."""


def random_of(seed: int, *what: bytes) -> torch.Generator:
    """Return a source of chance that depends on a seed and on some bytes, and on nothing else.

    Args:
        seed: Any whole number.
        *what: Bytes of a picture, say.
    """
    digest = hashlib.sha256(str(seed).encode())
    for part in what:
        digest.update(part)
    return torch.Generator().manual_seed(int.from_bytes(digest.digest()[:7], "big"))


def picture_bytes(picture: Frames) -> bytes:
    """Return what tells a picture from others, for `random_of`."""
    return picture.contiguous().numpy().tobytes() + str(tuple(picture.shape)).encode()


def draw_boxes(picture: Frames, options: ViewOptions, seed: int) -> list[Box]:
    """Return the parts of a picture that its views show; the first is the whole picture.

    Crops are drawn as torchvision's `RandomResizedCrop` does: an area and a ratio of width to height from 3/4 to 4/3.

    Args:
        picture: One RGB picture.
        options: How many views, and of what.
        seed: Decides the crops, together with the picture.

    Example:
        >>> boxes = draw_boxes(torch.zeros(1, 40, 60, 3, dtype=torch.uint8), ViewOptions(count=3), seed=0)
        >>> boxes[0]
        Box(top=0, left=0, height=40, width=60, flipped=False)
    """
    height, width = picture.shape[1:3]
    random = random_of(seed, picture_bytes(picture))
    return [Box(0, 0, height, width, False)] + [_crop(height, width, options, random) for _ in range(options.count - 1)]


def _crop(height: int, width: int, options: ViewOptions, random: torch.Generator) -> Box:
    def between(low: int | float, high: int | float) -> float:
        return low + (high - low) * float(torch.rand((), generator=random))

    flipped = options.flip and between(0, 1) < 0.5
    for _ in range(_TRIES):
        area = height * width * between(options.smallest, 1)
        ratio = math.exp(between(*map(math.log, _RATIO)))
        wide, high = round(math.sqrt(area * ratio)), round(math.sqrt(area / ratio))
        if 0 < wide <= width and 0 < high <= height:
            top, left = int(between(0, height - high + 1)), int(between(0, width - wide + 1))
            return Box(top, left, high, wide, flipped)
    side = min(height, width)
    return Box((height - side) // 2, (width - side) // 2, side, side, flipped)


def cut(picture: Frames, boxes: Sequence[Box], preprocessing: Preprocessing) -> UInt8[Tensor, "v s s 3"]:
    """Return parts of a picture in the size that a model takes; the whole picture is resized in the model's own way.

    Args:
        picture: One RGB picture at full size.
        boxes: Parts of it.
        preprocessing: That of the model.
    """
    side = preprocessing.size_px
    views = []
    for box in boxes:
        part = picture[:, box.top : box.top + box.height, box.left : box.left + box.width]
        if part.shape[1:3] == picture.shape[1:3]:
            view = preprocessing.resize(part)
        else:
            colours_first = part.movedim(-1, 1)
            view = interpolate(colours_first, (side, side), mode=preprocessing.interpolation, antialias=True)
            view = view.movedim(1, -1)
        views.append(view.flip(2) if box.flipped else view)
    return torch.cat(views).contiguous()


def entropies(logits: Float[Tensor, "v k"]) -> Float[Tensor, " v"]:
    """Return the entropy of each row's softmax, in nats."""
    log_chances = logits.log_softmax(dim=1)
    return -(log_chances.exp() * log_chances).sum(dim=1)


def most_confident(logits: Float[Tensor, "v k"], count: int) -> Int[Tensor, " r"]:
    """Return the views of lowest entropy, the lowest first; of equal ones the first.

    Example:
        >>> most_confident(torch.tensor([[1.0, 1.0], [9.0, 0.0], [5.0, 0.0]]), 2)
        tensor([1, 2])
    """
    return entropies(logits).sort(stable=True).indices[:count]


def query_bytes(query: Any) -> bytes:
    """Return what tells a query from others, as the seed of its own chance.

    Example:
        >>> query_bytes(["a pole"])
        b'a pole'
    """
    if isinstance(query, list):
        return "\0".join(query).encode()
    return picture_bytes(query)


def query_key(query: Any) -> str:
    """Return a short name of a query."""
    return hashlib.sha256(query_bytes(query)).hexdigest()

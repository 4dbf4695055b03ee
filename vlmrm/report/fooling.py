"""Frames where a reward and the labels disagree most, kept while all frames go by."""

import heapq
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import count
from typing import Any

import numpy as np
from jaxtyping import Float, UInt8
from PIL import Image

from vlmrm.data.labelled import LabelledFrames

_SHOWN = 6  # pictures a row on the page
_KEPT = 4 * _SHOWN  # of these the first of each group are shown
_LARGEST, _SMALL_PX = 2**20, 480  # bytes of a picture that is kept as it is; side of a larger one


@dataclass(frozen=True, kw_only=True, eq=False)
class Shown:
    """A frame that is worth a look."""

    picture: UInt8[np.ndarray, "h w 3"]
    """The frame as the reward's model sees it; for a function as it is, or smaller where it is large."""
    name: str
    """Name of the frame."""
    score: float
    """Score that the reward gives it."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Fooling:
    """Where a reward and the labels disagree most."""

    paid: Sequence[Shown]
    """Frames outside of the goal with the highest scores."""
    missed: Sequence[Shown]
    """Frames in the goal with the lowest scores."""


@dataclass(eq=False)
class Extremes:
    """The highest-scored frames outside of the goal and the lowest-scored ones inside, of all that have gone by."""

    _paid: list[Any] = field(default_factory=list)
    _missed: list[Any] = field(default_factory=list)

    def add(self, batch: LabelledFrames, scores: Float[np.ndarray, " n"], first: int) -> None:
        """Look at one batch, whose first frame has this number."""
        for heap, sign, which in ((self._paid, 1, ~batch.in_goal), (self._missed, -1, batch.in_goal)):
            rows = np.flatnonzero(which & np.isfinite(scores))
            order: Any = np.argsort(-sign * scores[rows], kind="stable")[:_KEPT]
            for row in rows[order]:
                entry = sign * float(scores[row]), -(first + int(row))
                if len(heap) == _KEPT and entry <= heap[0][0]:
                    break
                group = batch.groups[row] if batch.groups else batch.names[row]
                picture = _kept(batch.frames[row].numpy())
                shown = Shown(picture=picture, name=batch.names[row], score=float(scores[row]))
                heapq.heappush(heap, (entry, group, shown))
                if len(heap) > _KEPT:
                    heapq.heappop(heap)

    def fooling(self) -> Fooling:
        """The first of each group, then others."""
        return Fooling(paid=_spread(self._paid), missed=_spread(self._missed))


def _kept(picture: UInt8[np.ndarray, "h w 3"]) -> UInt8[np.ndarray, "h2 w2 3"]:
    """A copy; of a large picture a small one, since some dozens are kept of each reward."""
    if picture.nbytes <= _LARGEST:
        return picture.copy()
    image = Image.fromarray(picture)
    image.thumbnail((_SMALL_PX, _SMALL_PX))
    return np.array(image)


def _spread(heap: Sequence[Any]) -> list[Shown]:
    ordered = sorted(heap, key=lambda kept: kept[0], reverse=True)
    place: Counter[str] = Counter()
    ranked = []
    for number, (_, group, shown) in zip(count(), ordered, strict=False):
        ranked.append((place[group], number, shown))
        place[group] += 1
    return [shown for _, _, shown in sorted(ranked, key=lambda one: one[:2])[:_SHOWN]]

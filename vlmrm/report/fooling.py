"""Frames where a reward and the labels disagree most, kept while all frames go by."""

import heapq
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from itertools import count
from typing import Any

import numpy as np
import torch
from jaxtyping import Float, UInt8
from PIL import Image

from vlmrm.data.labelled import LabelledFrames
from vlmrm.report.look_alikes import LookAlike, LookAlikes
from vlmrm.types import Embeddings

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
    look_alike: LookAlike | None = None
    """The frame of the other label that looks most like it to the reward's model. None: it has no embeddings."""


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

    def add(
        self, batch: LabelledFrames, scores: Float[np.ndarray, " n"], embeddings: Embeddings | None, first: int
    ) -> None:
        """Look at one batch.

        Args:
            batch: The frames as the model sees them.
            scores: Score of each.
            embeddings: What the model made of each. None: nothing that could be compared.
            first: Number of the first frame among all.
        """
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
                vector = None if embeddings is None else embeddings[row].clone()
                heapq.heappush(heap, (entry, group, shown, vector))
                if len(heap) > _KEPT:
                    heapq.heappop(heap)

    def fooling(self, known: LookAlikes | None) -> Fooling:
        """The first of each group, then others, each with the frame of the other label that looks most like it.

        Args:
            known: All frames by how they look to the model. None: it has no embeddings.
        """
        return Fooling(
            paid=[_beside(shown, vector, known, in_goal=True) for shown, vector in _spread(self._paid)],
            missed=[_beside(shown, vector, known, in_goal=False) for shown, vector in _spread(self._missed)],
        )


def _beside(shown: Shown, vector: torch.Tensor | None, known: LookAlikes | None, *, in_goal: bool) -> Shown:
    if vector is None or known is None:
        return shown
    return replace(shown, look_alike=known.of(vector, in_goal=in_goal))


def _kept(picture: UInt8[np.ndarray, "h w 3"]) -> UInt8[np.ndarray, "h2 w2 3"]:
    """A copy; of a large picture a small one, since some dozens are kept of each reward."""
    if picture.nbytes <= _LARGEST:
        return picture.copy()
    image = Image.fromarray(picture)
    image.thumbnail((_SMALL_PX, _SMALL_PX))
    return np.array(image)


def _spread(heap: Sequence[Any]) -> list[tuple[Shown, torch.Tensor | None]]:
    ordered = sorted(heap, key=lambda kept: kept[0], reverse=True)
    place: Counter[str] = Counter()
    ranked = []
    for number, (_, group, shown, vector) in zip(count(), ordered, strict=False):
        ranked.append((place[group], number, (shown, vector)))
        place[group] += 1
    return [kept for _, _, kept in sorted(ranked, key=lambda one: one[:2])[:_SHOWN]]

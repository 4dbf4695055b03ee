"""Queries with the right answers to each: pictures with their classes or captions, or texts with their pictures."""

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from operator import index
from typing import Any, Protocol, TypeAlias, runtime_checkable

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from vlmrm.errors import FrameError
from vlmrm.frames.batch import as_frames
from vlmrm.types import Frames

_LOOKED_AT = 16  # pictures in a digest

Labels: TypeAlias = Sequence[tuple[int, ...]]
"""The indices of the right answers to each query, at least one."""


@runtime_checkable
class Asked(Protocol):
    """Queries, one after the other: pictures at full size, as a tensor of frames has them, or texts."""

    def __len__(self) -> int: ...

    def __getitem__(self, place: Any, /) -> Any: ...


def embed_each(embed: Callable[[Frames], Float[Tensor, "n ..."]], pictures: Asked) -> Float[Tensor, "m ..."]:
    """Return the embeddings of pictures, or what else is made of them; their sizes may differ. One row for each.

    Args:
        embed: Embeds frames of one size.
        pictures: Pictures at full size, one by one or as frames.
    """
    if isinstance(pictures, torch.Tensor):
        return embed(pictures)
    return torch.cat([embed(as_frames(pictures[place])) for place in range(len(pictures))])


@dataclass(frozen=True, eq=False)
class Labelled:
    """Queries and their right answers; another process can be given them."""

    queries: Asked
    """Pictures at full size, or texts."""
    labels: Any
    """The index of the right answer to each, or several where several are right."""

    @property
    def digest(self) -> str:
        """Short hash of labels and queries, which tells kept answers of others apart; see `short_hash`."""
        return short_hash(self.queries, str(_as_tuples(self.labels)))


def short_hash(several: Asked, also: str = "") -> str:
    """Return a short hash of texts, or of some of several pictures, as to read all takes as long as to answer them.

    Args:
        several: Pictures at full size, or texts.
        also: What else is to be told apart.
    """
    digest = hashlib.sha256(f"{len(several)} {also}".encode())
    step = 1 if isinstance(several[0], str) else max(len(several) // _LOOKED_AT, 1)
    for place in range(0, len(several), step):
        digest.update(np.asarray(several[place]).tobytes())
    return digest.hexdigest()[:16]


def checked_labels(queries: Asked, labels: Any, answers: int) -> Labels:
    """Return labels, several of each query.

    Args:
        queries: The queries.
        labels: One whole number for each, or several.
        answers: Number of answers.

    Raises:
        FrameError: They do not fit the queries or the answers.
    """
    right = _as_tuples(labels)
    if not len(right) or len(right) != len(queries):
        raise FrameError(f"each query has its label; got {len(queries)} queries and {len(right)} labels.")
    for place, several in enumerate(right):
        wrong = [one for one in several if not 0 <= one < answers]
        if wrong or not several:
            raise FrameError(
                f"a label is the index of an answer, 0 to {answers - 1}; query {place} has {wrong or 'none'}."
            )
    return right


def _as_tuples(labels: Any) -> list[tuple[int, ...]]:
    try:
        return [tuple(map(index, one)) if np.ndim(one) else (index(one),) for one in labels]
    except TypeError as error:
        raise FrameError(f"labels are whole numbers, or lists of them: {error}.") from error

"""Pictures with the right class of each."""

import hashlib
from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

import numpy as np
from jaxtyping import Int

from vlmrm.errors import FrameError

_LOOKED_AT = 16  # pictures in a digest


@runtime_checkable
class Pictures(Protocol):
    """Pictures at full size, one after the other; their sizes may differ. A tensor of frames is such."""

    def __len__(self) -> int: ...

    def __getitem__(self, place: int, /) -> Any: ...


@dataclass(frozen=True, eq=False)
class LabelledPictures:
    """Pictures and their classes; another process can be given them."""

    pictures: Pictures
    """Pictures at full size."""
    labels: Int[np.ndarray, " n"]
    """The index of the right class of each."""

    @property
    def digest(self) -> str:
        """Short hash of the labels and of some of the pictures, which tells kept answers of others apart."""
        digest = hashlib.sha256(np.asarray(self.labels, dtype=np.int64).tobytes())
        for place in range(0, len(self.pictures), max(len(self.pictures) // _LOOKED_AT, 1)):
            digest.update(np.asarray(self.pictures[place]).tobytes())
        return digest.hexdigest()[:16]


def checked_labels(pictures: Pictures, labels: Any, classes: int) -> Int[np.ndarray, " n"]:
    """Return labels as an array.

    Raises:
        FrameError: They do not fit the pictures or the classes.
    """
    right = np.asarray(labels)
    if not len(right) or len(right) != len(pictures):
        raise FrameError(f"each picture has one label; got {len(pictures)} pictures and {len(right)} labels.")
    if right.dtype.kind not in "iu" or right.min() < 0 or right.max() >= classes:
        raise FrameError(f"a label is the index of a class, 0 to {classes - 1}; got {right.min()} to {right.max()}.")
    return right

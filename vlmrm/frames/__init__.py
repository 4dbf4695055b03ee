"""Frames: what a picture is, and how a model wants it.

- `as_frames`: anything array-like as one checked batch of uint8 RGB frames.
- `Preprocessing`: the resize and the normalisation that a model was trained with.
"""

from vlmrm.frames.batch import as_frames
from vlmrm.frames.preprocessing import Preprocessing

__all__ = ["Preprocessing", "as_frames"]

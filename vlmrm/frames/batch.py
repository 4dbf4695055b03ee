"""The border where pictures come in: anything array-like becomes one checked batch of frames."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from vlmrm.errors import FrameError
from vlmrm.types import Frames

ONE_SIZE = "CaptureFrame(env, reward.capture) makes those of all environments one size."
"""What to do about environments that draw in different sizes."""


def as_frames(pictures: Any) -> Frames:
    """One batch of frames from what environments and image libraries return.

    Args:
        pictures: One frame (h, w, 3) or a batch (n, h, w, 3), uint8 RGB: a NumPy array, a tensor, or a sequence of
            frames of one size.

    Returns:
        The batch as a CPU tensor (n, h, w, 3); shares memory with the input where it can.

    Raises:
        FrameError: The values are not uint8, the last axis is not RGB, the batch is empty, or the sizes differ. The
            message says what to do.

    Example:
        >>> as_frames(np.zeros((400, 600, 3), np.uint8)).shape
        torch.Size([1, 400, 600, 3])
    """
    if pictures is None:
        raise FrameError('no frame: the environment rendered nothing. Make it with render_mode="rgb_array".')
    batch = _as_array(pictures)
    shape = batch.shape
    if batch.dtype != np.uint8:
        raise FrameError(
            f"frames must be uint8, 0..255; got {batch.dtype} of shape {shape}{_range(batch)}. {_to_uint8(batch)}"
        )
    if batch.ndim == 3:
        batch = batch[None]
    if batch.ndim != 4 or batch.shape[-1] != 3:
        raise FrameError(f"frames must be RGB of shape (n, h, w, 3) or (h, w, 3); got {shape}.{_to_rgb(shape)}")
    if 0 in batch.shape:
        raise FrameError(f"frames must not be empty; got shape {batch.shape}.")
    return torch.from_numpy(_writable(batch))


def require_one_size(shapes: Sequence[tuple[int, ...]]) -> None:
    """Refuse frames of different sizes.

    Args:
        shapes: Shape of each frame, or of each environment's.

    Raises:
        FrameError: If they differ; the message has the first frame of each size.
    """
    first = {shape: shapes.index(shape) for shape in dict.fromkeys(shapes)}
    if len(first) > 1:
        found = ", ".join(f"{shape} (number {index})" for shape, index in first.items())
        raise FrameError(
            f"frames that are scored together must have one size; got {found}. {ONE_SIZE} Pictures of your own can be "
            "scored one by one."
        )


def _as_array(pictures: Any) -> Any:
    """As a NumPy array; a ragged sequence is refused here, where its sizes can still be named."""
    if isinstance(pictures, Tensor):
        return pictures.detach().cpu().numpy()
    if isinstance(pictures, list | tuple):
        if not pictures:
            raise FrameError("frames must not be empty; got an empty sequence.")
        require_one_size([np.shape(picture) for picture in pictures])
    return np.asarray(pictures)


def _range(batch: Any) -> str:
    return f", from {batch.min():g} to {batch.max():g}" if batch.dtype.kind in "iuf" and batch.size else ""


def _to_uint8(batch: Any) -> str:
    """What to do with pictures of another type, by their values."""
    if batch.dtype.kind == "b":
        return "For black and white use frames.astype('uint8') * 255."
    if batch.dtype.kind not in "iuf" or not batch.size:
        return "Use arrays of numbers, as np.asarray makes of a PIL picture."
    low, high = batch.min(), batch.max()
    if low >= 0 and high <= 1 and batch.dtype.kind == "f":
        return "For floats in 0..1 use (frames * 255).round().astype('uint8')."
    if low >= -1 and high <= 1:
        return "For floats in -1..1 use ((frames + 1) * 127.5).round().astype('uint8')."
    if low >= 0 and high <= 255:
        return "For numbers in 0..255 use frames.astype('uint8')."
    return "Bring them to 0..255, whatever black and white are here, and use astype('uint8')."


def _to_rgb(shape: tuple[int, ...]) -> str:
    """What to do with pictures of another layout; nothing where that cannot be told."""
    first = 1 if len(shape) == 4 else 0
    if len(shape) == 2:
        return " For a grey picture use np.repeat(frame[..., None], 3, axis=-1)."
    if len(shape) in (3, 4) and shape[-1] == 1:
        return " For grey pictures use np.repeat(frames, 3, axis=-1)."
    if len(shape) in (3, 4) and shape[-1] == 4:
        return " For RGBA use frames[..., :3]."
    if len(shape) in (3, 4) and shape[first] == 3:
        return f" For channels first use np.moveaxis(frames, {first}, -1)."
    return ""


def _writable(batch: Any) -> Any:
    """Copy read-only and negatively strided memory (`render()[::-1]`), which torch warns about."""
    return batch if batch.flags.writeable and all(s >= 0 for s in batch.strides) else batch.copy()

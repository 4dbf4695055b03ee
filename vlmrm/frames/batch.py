"""The border where pictures come in: anything array-like becomes one checked batch of frames."""

from typing import Any

import numpy as np
import torch
from torch import Tensor

from vlmrm.errors import FrameError
from vlmrm.types import Frames


def as_frames(pictures: Any) -> Frames:
    """One batch of frames from what environments and image libraries return.

    Args:
        pictures: One frame (h, w, 3) or a batch (n, h, w, 3), uint8 RGB: a NumPy array, a tensor, or a sequence of
            frames of one size.

    Returns:
        The batch as a CPU tensor (n, h, w, 3); shares memory with the input where it can.

    Raises:
        FrameError: The values are not uint8, the last axis is not RGB, the batch is empty, or the sizes differ.

    Example:
        >>> as_frames(np.zeros((400, 600, 3), np.uint8)).shape
        torch.Size([1, 400, 600, 3])
    """
    if pictures is None:
        raise FrameError('no frame: the environment rendered nothing. Make it with render_mode="rgb_array".')
    batch = _as_array(pictures)
    if batch.dtype != np.uint8:
        raise FrameError(
            f"frames must be uint8, 0..255; got {batch.dtype}. For floats in 0..1 use (frames * 255).astype('uint8')."
        )
    if batch.ndim == 3:
        batch = batch[None]
    if batch.ndim != 4 or batch.shape[-1] != 3:
        raise FrameError(f"frames must be RGB of shape (n, h, w, 3) or (h, w, 3); got {batch.shape}.")
    if 0 in batch.shape:
        raise FrameError(f"frames must not be empty; got shape {batch.shape}.")
    return torch.from_numpy(_writable(batch))


def _as_array(pictures: Any) -> Any:
    """As a NumPy array; a ragged sequence is refused here, where its sizes can still be named."""
    if isinstance(pictures, Tensor):
        return pictures.detach().cpu().numpy()
    if isinstance(pictures, list | tuple):
        if not pictures:
            raise FrameError("frames must not be empty; got an empty sequence.")
        sizes = {np.shape(picture) for picture in pictures}
        if len(sizes) > 1:
            raise FrameError(f"frames of one batch must have one size; got {sorted(sizes)}. Score them one by one.")
    return np.asarray(pictures)


def _writable(batch: Any) -> Any:
    """Copy read-only and negatively strided memory (`render()[::-1]`), which torch warns about."""
    return batch if batch.flags.writeable and all(s >= 0 for s in batch.strides) else batch.copy()

"""Pictures of one moment side by side in one frame: cut apart, and put together.

One frame is what buffers, videos, labels and vector environments carry already, so that several cameras change none
of them.
"""

from collections.abc import Sequence

import torch
from jaxtyping import Shaped, UInt8
from torch import Tensor

from vlmrm.errors import FrameError
from vlmrm.types import Frames, Pictures


def cut_apart(frames: Pictures, count: int) -> list[Shaped[Tensor, "n h w1 3"]]:
    """Return the pictures of frames, from left to right; they share the frames' memory.

    Args:
        frames: RGB frames, or their levels, whose width `count` divides.
        count: Number of pictures in a frame, at least 1.

    Raises:
        FrameError: If the width cannot be divided so, or the frames are square, which those of one picture are.

    Example:
        >>> left, right = cut_apart(torch.zeros(5, 8, 16, 3, dtype=torch.uint8), 2)
        >>> left.shape, right.shape
        (torch.Size([5, 8, 8, 3]), torch.Size([5, 8, 8, 3]))
    """
    height, width = frames.shape[1:3]
    if count == 1:
        return [frames]
    if width % count or height == width:
        why = f"are square ({height}x{width}), as of one camera" if height == width else f"are {width} pixels wide"
        raise FrameError(
            f"the reward reads {count} pictures side by side in each frame, and these frames {why}. Put {count} "
            "pictures of one size side by side, as RenderMujoco(env, cameras={...}) draws them, or leave cameras out "
            "of the reward's spec."
        )
    return list(torch.split(frames, width // count, dim=2))


def put_together(pictures: Sequence[Frames]) -> UInt8[Tensor, "n h w2 3"]:
    """Return frames with the pictures side by side.

    Args:
        pictures: Pictures of one size, from left to right; as many of each.

    Example:
        >>> put_together([torch.zeros(5, 8, 8, 3, dtype=torch.uint8)] * 2).shape
        torch.Size([5, 8, 16, 3])
    """
    return pictures[0] if len(pictures) == 1 else torch.cat(list(pictures), dim=2)

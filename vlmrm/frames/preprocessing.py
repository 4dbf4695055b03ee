"""`Preprocessing`: how one model wants its pictures, as plain values.

Resizing follows OpenCLIP's own transform (PIL), but on a whole batch of uint8 tensors at once.
"""

import functools
import logging
from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch
from jaxtyping import Float, UInt8
from torch import Tensor
from torch.nn.functional import interpolate, pad

from vlmrm.errors import EncoderError, near_matches
from vlmrm.frames.side_by_side import cut_apart, put_together
from vlmrm.types import Frames, Levels, Pixels

_LOG = logging.getLogger(__name__)
_CROP_WORTH_A_WARNING = 0.2  # share of the frame
RESIZE_MODES = ("shortest", "longest", "squash")
_INTERPOLATIONS = ("bicubic", "bilinear")


@dataclass(frozen=True, kw_only=True)
class Preprocessing:
    """The resize and the normalisation that a model was trained with.

    Small and picklable, so that environments in other processes can shrink their own frames. A frame that is resized
    twice is the same as one resized once.

    Raises:
        EncoderError: A value is impossible.

    Example:
        >>> plain = Preprocessing(size_px=224, mean=(0.5, 0.5, 0.5), std=(0.5, 0.5, 0.5))
        >>> plain.resize(torch.zeros(2, 400, 600, 3, dtype=torch.uint8)).shape
        torch.Size([2, 224, 224, 3])
        >>> plain.normalise(torch.full((1, 224, 224, 3), 255, dtype=torch.uint8))[0, :, 0, 0]
        tensor([1., 1., 1.])
    """

    size_px: int
    """Side of the square picture the vision tower takes."""
    mean: Sequence[float]
    """Mean of red, green and blue, in 0..1; kept as a tuple."""
    std: Sequence[float]
    """Deviation of red, green and blue, in 0..1; kept as a tuple."""
    resize_mode: str = "shortest"
    """``shortest`` fits the shorter side and crops the longer, ``longest`` fits the longer side and pads the shorter,
    ``squash`` fits both and distorts."""
    interpolation: str = "bicubic"
    """``bicubic`` or ``bilinear``, both with antialias."""
    fill_color: int = 0
    """Grey value of the padding of ``longest``, 0..255."""
    side_by_side: int = 1
    """Number of pictures that lie side by side in a frame, each of which is resized by itself. No model decides it."""

    def __post_init__(self) -> None:
        for name in ("mean", "std"):
            values = tuple(float(value) for value in getattr(self, name))  # JSON hands over lists
            if len(values) != 3:
                raise EncoderError(f"preprocessing needs three values of {name}, one per colour; got {values}.")
            object.__setattr__(self, name, values)
        if min(self.size_px, self.side_by_side) < 1 or min(self.std) <= 0 or not 0 <= self.fill_color <= 255:
            raise EncoderError(
                f"preprocessing needs size_px > 0, std > 0, fill_color in 0..255 and side_by_side > 0; got {self}."
            )
        for name, known in (("resize_mode", RESIZE_MODES), ("interpolation", _INTERPOLATIONS)):
            value = getattr(self, name)
            if value not in known:
                raise EncoderError(f"unknown {name} {value!r}. Near: {near_matches(value, known)}.")

    def resize(self, frames: Frames) -> UInt8[Tensor, "n s w2 3"]:
        """Shrink or enlarge to the model's square; a frame that has this size already passes unchanged.

        Logs a warning, once per frame shape, where more than a fifth of the frame would be cut away.

        Args:
            frames: RGB frames of any one size.

        Returns:
            The same frames, ``size_px`` high and wide; of pictures side by side, as many times as wide.

        Raises:
            FrameError: If the frames are not so many pictures side by side.
        """
        if self.side_by_side > 1:
            each = replace(self, side_by_side=1)
            return put_together([each.resize(pictures) for pictures in cut_apart(frames, self.side_by_side)])
        height, width = frames.shape[1:3]
        if (height, width) == (self.size_px, self.size_px):
            return frames
        share = self.cropped_share(height, width)
        if share > _CROP_WORTH_A_WARNING:
            _warn_of_crop(height, width, round(100 * share))
        return self._fitted(frames)

    def resize_levels(self, levels: Levels) -> Float[Tensor, "n s s 3"]:
        """What `resize` does, without rounding to bytes, so that gradients pass.

        Args:
            levels: 0 to 255, of pictures of any one size.

        Returns:
            Levels of the same pictures, ``size_px`` high and wide; at edges they may be some levels off those of
            `resize`, which rounds and cuts off half-way as well.
        """
        return self._fitted(levels).clamp(0, 255)

    def _fitted(self, frames: Tensor) -> Tensor:
        """The pictures at the model's size, in the type that they have."""
        height, width = frames.shape[1:3]
        pictures = frames.movedim(-1, 1)  # n 3 h w, channels last in memory: torch's fast uint8 path
        target = self._target(height, width)
        if target != (height, width):
            pictures = interpolate(pictures, target, mode=self.interpolation, antialias=True)
        return self._to_square(pictures).movedim(1, -1).contiguous()  # n h w 3

    def normalise(self, frames: Frames | Levels) -> Pixels:
        """What the vision tower takes: 0..1, then minus `mean`, divided by `std`.

        Args:
            frames: Resized frames, or their levels, which gradients then reach; any device.

        Returns:
            float32, channels first, on the same device.
        """
        pixels = frames.movedim(-1, 1).float()  # n 3 h w
        mean = torch.tensor(self.mean, device=frames.device)[:, None, None] * 255
        std = torch.tensor(self.std, device=frames.device)[:, None, None] * 255
        return (pixels - mean) / std

    def cropped_share(self, height: int, width: int) -> float:
        """How much of a frame the centre crop of ``shortest`` cuts away, 0 to 1.

        Example:
            >>> clip = Preprocessing(size_px=224, mean=(0.5, 0.5, 0.5), std=(0.5, 0.5, 0.5))
            >>> round(clip.cropped_share(400, 600), 3)
            0.333
        """
        return 1 - min(height, width) / max(height, width) if self.resize_mode == "shortest" else 0.0

    def _target(self, height: int, width: int) -> tuple[int, int]:
        """Size before cropping or padding, rounded as by OpenCLIP's transforms: down for one, nearest for the other."""
        size = self.size_px
        if self.resize_mode == "squash":
            return size, size
        if self.resize_mode == "shortest":
            short = min(height, width)
            return int(size * height / short), int(size * width / short)
        ratio = max(height, width) / size
        return max(1, round(height / ratio)), max(1, round(width / ratio))

    def _to_square(self, pictures: torch.Tensor) -> torch.Tensor:
        """Crop or pad n 3 h w around the centre; an odd pixel of padding goes to the right and the bottom."""
        size = self.size_px
        height, width = pictures.shape[2:]
        top, left = round((height - size) / 2), round((width - size) / 2)
        if height >= size and width >= size:
            return pictures[:, :, top : top + size, left : left + size]
        above, before = (size - height) // 2, (size - width) // 2
        borders = (before, size - width - before, above, size - height - above)
        return pad(pictures, borders, value=self.fill_color)


@functools.cache
def _warn_of_crop(height: int, width: int, percent: int) -> None:
    """Cached, so that it speaks once for each shape."""
    _LOG.warning(
        "the model's centre crop cuts %d %% off frames of %dx%d (height x width), and the reward cannot see what lies "
        'there. resize_mode="longest" keeps the whole frame and pads it; resize_mode="squash" distorts it.',
        percent,
        height,
        width,
    )

"""Pictures changed in ways that say something about a reward, beside the corruptions of `vlmrm.frames.corruptions`.

All take uint8 RGB frames of one size and return new ones of the same size.
"""

from collections.abc import Callable, Mapping
from functools import partial

import numpy as np
import torch
from jaxtyping import Float, UInt8
from PIL import Image, ImageDraw, ImageFont
from torch import Tensor
from torch.nn.functional import interpolate

from vlmrm.frames.corruptions import corrupt
from vlmrm.types import Frames

_SMALLEST_FONT_PX = 9  # below it letters are no letters
ChangeFrames = Callable[[Frames], Frames]
"""Makes other pictures of some."""


def mirror(frames: Frames) -> Frames:
    """Return the pictures with left and right exchanged.

    Example:
        >>> frames = torch.tensor([[[[1, 1, 1], [2, 2, 2]]]], dtype=torch.uint8)
        >>> mirror(frames)[0, 0, :, 0].tolist()
        [2, 1]
    """
    return frames.flip(2)


def upside_down(frames: Frames) -> Frames:
    """Return the pictures turned by 180 degrees.

    Example:
        >>> frames = torch.tensor([[[[1, 1, 1], [2, 2, 2]]]], dtype=torch.uint8)
        >>> upside_down(frames)[0, 0, :, 0].tolist()
        [2, 1]
    """
    return frames.flip((1, 2))


def brighten(frames: Frames, factor: float) -> Frames:
    """Return the pictures so many times as bright; what is white stays white."""
    return _rounded(frames.float() * factor)


def tint(frames: Frames, gains: tuple[float, float, float]) -> Frames:
    """Return the pictures with red, green and blue each so many times as bright, as of another camera."""
    return _rounded(frames.float() * torch.tensor(gains))


def crop(frames: Frames, kept: float) -> Frames:
    """Return the middle of the pictures, so large a share of each side, at the size of the whole."""
    height, width = frames.shape[1:3]
    tall, wide = max(1, round(kept * height)), max(1, round(kept * width))
    top, left = (height - tall) // 2, (width - wide) // 2
    middle = frames[:, top : top + tall, left : left + wide].movedim(-1, 1).float()
    return _rounded(interpolate(middle, (height, width), mode="bilinear", antialias=True).movedim(1, -1))


def shift(frames: Frames, share: float) -> Frames:
    """Return the pictures moved to the right by a share of their width, the border drawn out."""
    width = frames.shape[2]
    columns = (torch.arange(width) - round(share * width)).clamp(0, width - 1)
    return frames[:, :, columns].clone()


def write(frames: Frames, sentence: str, *, at_top: bool = False) -> Frames:
    """Return the pictures with a sentence written into them, black on a white strip.

    Args:
        frames: RGB frames of any one size.
        sentence: What to write, on as many lines as it takes.
        at_top: Whether the strip is at the top, else at the bottom.

    Example:
        >>> written = write(torch.zeros(1, 64, 64, 3, dtype=torch.uint8), "a red car")
        >>> bool((written[0, :32] == 0).all()), bool((written[0, 32:] > 200).any())
        (True, True)
    """
    height, width = frames.shape[1:3]
    strip = Image.new("RGB", (width, min(height, strip_height_px(sentence, width))), "white")
    drawing = ImageDraw.Draw(strip)
    for number, line in enumerate(_broken(sentence, width)):
        place = (2, number * _line_px(width))
        drawing.text(place, line, fill="black", font=ImageFont.load_default(size=_font_px(width)))
    written = frames.clone()
    rows = slice(0, strip.height) if at_top else slice(height - strip.height, height)
    written[:, rows] = torch.from_numpy(np.array(strip))
    return written


def strip_height_px(sentence: str, width_px: int) -> int:
    """Return how high a strip is that `write` puts a sentence on, in pictures of a width.

    Example:
        >>> strip_height_px("a red car", 128)
        13
    """
    return _line_px(width_px) * len(_broken(sentence, width_px)) + 2


def _line_px(width_px: int) -> int:
    return round(1.25 * _font_px(width_px))


def _broken(sentence: str, width_px: int) -> list[str]:
    """The words of a sentence on lines that fit."""
    length_of = ImageFont.load_default(size=_font_px(width_px)).getlength
    lines = [""]
    for word in sentence.split():
        longer = f"{lines[-1]} {word}".strip()
        if length_of(longer) <= width_px - 4 or not lines[-1]:
            lines[-1] = longer
        else:
            lines.append(word)
    return lines


def is_emptier_at_top(frames: Frames) -> bool:
    """Return whether the upper third of the pictures shows less than the lower third: whether their rows vary less.

    Example:
        >>> frames = torch.zeros(1, 9, 9, 3, dtype=torch.uint8)
        >>> frames[:, 8, 4] = 255
        >>> is_emptier_at_top(frames)
        True
    """
    third = frames.shape[1] // 3
    vary = frames.float().std(dim=2, correction=0).mean(dim=(0, 2))  # of each row
    return bool(vary[:third].mean() <= vary[len(vary) - third :].mean())


def _font_px(width_px: int) -> int:
    return max(_SMALLEST_FONT_PX, width_px // 14)


def blank_pictures(frames: Frames, *, seed: int) -> Mapping[str, UInt8[Tensor, "1 h w 3"]]:
    """Return pictures that show nothing, of the size of some frames, by what they are.

    Args:
        frames: RGB frames of any one size, at least one.
        seed: Decides the noise.
    """
    shape = frames.shape[1:]
    noise = torch.randint(0, 256, shape, dtype=torch.uint8, generator=torch.Generator().manual_seed(seed))
    mean = frames.float().mean(dim=(0, 1, 2)).round().to(torch.uint8)
    return {
        "black": torch.zeros(1, *shape, dtype=torch.uint8),
        "white": torch.full((1, *shape), 255, dtype=torch.uint8),
        "grey": torch.full((1, *shape), 128, dtype=torch.uint8),
        "the mean colour of all frames": mean.expand(1, *shape).clone(),
        "noise": noise[None],
    }


def _rounded(pictures: Float[Tensor, "n h w 3"]) -> Frames:
    return pictures.round().clamp(0, 255).to(torch.uint8)


def corruption(kind: str, severity: int = 3) -> ChangeFrames:
    """Return a corruption of `vlmrm.frames.corruptions` as a change.

    Args:
        kind: Its name.
        severity: 1 (hardly) to 5 (much); 3 leaves large things plain to see.
    """
    return partial(corrupt, kind=kind, severity=severity)

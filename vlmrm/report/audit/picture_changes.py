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


def write(frames: Frames, sentence: str) -> Frames:
    """Return the pictures with a sentence written into them, black on a white strip at the bottom.

    Args:
        frames: RGB frames of any one size.
        sentence: What to write, on as many lines as it takes.

    Example:
        >>> written = write(torch.zeros(1, 64, 64, 3, dtype=torch.uint8), "a red car")
        >>> bool((written[0, :32] == 0).all()), bool((written[0, 32:] > 200).any())
        (True, True)
    """
    height, width = frames.shape[1:3]
    font_px = max(_SMALLEST_FONT_PX, width // 14)
    font = ImageFont.load_default(size=font_px)
    lines = _broken(sentence, font.getlength, width - 4)
    line_px = round(1.25 * font_px)
    strip = Image.new("RGB", (width, min(height, line_px * len(lines) + 2)), "white")
    drawing = ImageDraw.Draw(strip)
    for number, line in enumerate(lines):
        drawing.text((2, number * line_px), line, fill="black", font=font)
    written = frames.clone()
    written[:, height - strip.height :] = torch.from_numpy(np.array(strip))
    return written


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


def _broken(sentence: str, length_of: Callable[[str], float], width_px: int) -> list[str]:
    """The words of a sentence on lines that fit."""
    lines = [""]
    for word in sentence.split():
        longer = f"{lines[-1]} {word}".strip()
        if length_of(longer) <= width_px or not lines[-1]:
            lines[-1] = longer
        else:
            lines.append(word)
    return lines


def _rounded(pictures: Float[Tensor, "n h w 3"]) -> Frames:
    return pictures.round().clamp(0, 255).to(torch.uint8)


def corruption(kind: str, severity: int = 3) -> ChangeFrames:
    """Return a corruption of `vlmrm.frames.corruptions` as a change.

    Args:
        kind: Its name.
        severity: 1 (hardly) to 5 (much); 3 leaves large things plain to see.
    """
    return partial(corrupt, kind=kind, severity=severity)

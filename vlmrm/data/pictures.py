"""Picture files as frames: 8 bits of red, green and blue, whatever they were stored as.

- Grey, palette, CMYK and other pictures of 8 bits are converted to RGB.
- Grey pictures of 16 bits are scaled, so that 65535 is white.
- Transparent pixels are laid over white, and a warning is logged; the colour that hides under them is nobody's.
- An animation, and a TIFF of several pages, has as many frames as pictures.
- Floats and whole numbers of 32 bits are refused: nothing says which of them is white.
- A photograph that the camera turned is turned back.
"""

import logging
import struct
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from jaxtyping import UInt8
from PIL import Image, ImageOps, ImageSequence

from vlmrm.errors import FrameError

_LOG = logging.getLogger(__name__)
_SEVERAL = frozenset({"GIF", "PNG", "WEBP", "TIFF"})  # the second picture in a JPEG is a preview or a map of depth
_SIXTEEN_BITS = frozenset({"PNG", "PPM"})  # of which Pillow makes 32 bits
_TRANSPARENT = frozenset({"RGBA", "LA", "PA", "RGBa", "La"})

_BROKEN = (  # Pillow's readers raise whatever a damaged file makes them stumble over
    OSError,
    SyntaxError,
    ValueError,
    TypeError,
    LookupError,
    ArithmeticError,
    AttributeError,
    EOFError,
    struct.error,
    Image.DecompressionBombError,
)


def read_pictures(path: Path) -> Iterator[UInt8[np.ndarray, "h w 3"]]:
    """The pictures in a file, one after the other; of an animation as they are shown.

    Args:
        path: Any file that Pillow reads.

    Raises:
        FrameError: It cannot be read, or holds numbers of which nothing says what is white.
    """
    try:
        with Image.open(path) as opened:
            pictures = ImageSequence.Iterator(opened) if opened.format in _SEVERAL else [opened]
            seen_through = False
            for picture in pictures:
                frame, transparent = _rgb(picture, path, opened.format)
                if transparent and not seen_through:
                    _LOG.warning("%s is transparent in places; white is put behind it.", path)
                seen_through = seen_through or transparent
                yield frame
    except _BROKEN as error:
        raise FrameError(f"{path} cannot be read as a picture: {error}") from error


def count_pictures(path: Path) -> int:
    """How many pictures `read_pictures` gives.

    Raises:
        FrameError: It cannot be read.
    """
    try:
        with Image.open(path) as opened:
            return int(getattr(opened, "n_frames", 1)) if opened.format in _SEVERAL else 1
    except _BROKEN as error:
        raise FrameError(f"{path} cannot be read as a picture: {error}") from error


def _rgb(stored: Image.Image, path: Path, kind: str | None) -> tuple[UInt8[np.ndarray, "h w 3"], bool]:
    """The picture upright, and whether one sees through it."""
    picture = ImageOps.exif_transpose(stored)
    if picture.mode.startswith("I;16") or (picture.mode == "I" and kind in _SIXTEEN_BITS):
        grey = np.rint(np.asarray(picture).astype(np.float32) / 257).astype(np.uint8)  # 65535 / 255
        return np.repeat(grey[..., None], 3, axis=-1), False
    if picture.mode in ("I", "F"):
        numbers = "floats" if picture.mode == "F" else "whole numbers of 32 bits"
        raise FrameError(f"{path} holds {numbers}, and nothing says which of them is white. Save it with 8 bits.")
    if picture.mode not in _TRANSPARENT and "transparency" not in picture.info:
        return np.array(picture.convert("RGB")), False
    layered = picture.convert("RGBA")
    transparent = bool(np.asarray(layered.getchannel("A")).min() < 255)
    white = Image.new("RGBA", layered.size, "white")
    return np.array(Image.alpha_composite(white, layered).convert("RGB")), transparent

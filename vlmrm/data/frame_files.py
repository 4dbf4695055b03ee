"""Frames from files: pictures, folders of pictures, videos and ``.npy`` arrays."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import imageio.v2 as imageio
import numpy as np
from PIL import Image, ImageOps, UnidentifiedImageError

from vlmrm.errors import FrameError
from vlmrm.frames import as_frames
from vlmrm.types import Frames

PICTURES = frozenset({".png", ".jpg", ".jpeg", ".bmp", ".webp", ".ppm", ".tif", ".tiff"})
VIDEOS = frozenset({".mp4", ".avi", ".mov", ".mkv", ".webm", ".gif"})
_AT_ONCE = 256  # frames of a video or of a folder in memory


@dataclass(frozen=True, kw_only=True, eq=False)
class FrameBatch:
    """Some frames of one size, and where each comes from."""

    names: tuple[str, ...]
    """File, and after ``#`` the number of the frame in it."""
    frames: Frames
    """Frames of one size, one for each name."""


def read_frames(path: str | Path) -> Iterator[FrameBatch]:
    """The frames in a file or a folder, batch by batch and in order.

    Args:
        path: A picture, a folder with pictures (in the order of their names), a video, or a ``.npy`` file with uint8
            RGB of shape (h, w, 3) or (n, h, w, 3).

    Yields:
        Batches of frames of one size.

    Raises:
        FrameError: It is none of these, holds no frame, or cannot be read.

    Example:
        >>> import tempfile
        >>> file = Path(tempfile.mkdtemp()) / "two.npy"
        >>> np.save(file, np.zeros((2, 4, 4, 3), np.uint8))
        >>> [batch.frames.shape for batch in read_frames(file)]
        [torch.Size([2, 4, 4, 3])]
    """
    path = Path(path)
    if not path.exists():
        raise FrameError(f"there is no file or folder {path}.")
    yield from _reader(path)(path)


def _reader(path: Path) -> Callable[[Path], Iterator[FrameBatch]]:
    if path.is_dir():
        return _folder
    suffix = path.suffix.lower()
    for suffixes, reader in ((PICTURES, _picture), (VIDEOS, _video), ({".npy"}, _array)):
        if suffix in suffixes:
            return reader
    raise FrameError(
        f"{path} is no picture ({', '.join(sorted(PICTURES))}), video ({', '.join(sorted(VIDEOS))}), .npy or folder."
    )


def _picture(path: Path) -> Iterator[FrameBatch]:
    yield FrameBatch(names=(str(path),), frames=as_frames(_open_picture(path)))


def _folder(path: Path) -> Iterator[FrameBatch]:
    files = sorted(file for file in path.iterdir() if file.suffix.lower() in PICTURES)
    if not files:
        raise FrameError(f"the folder {path} holds no picture ({', '.join(sorted(PICTURES))}).")
    names: list[str] = []
    frames: list[np.ndarray] = []
    for file in files:
        frame = _open_picture(file)
        if frames and (frame.shape != frames[0].shape or len(frames) == _AT_ONCE):
            yield FrameBatch(names=tuple(names), frames=as_frames(frames))
            names, frames = [], []
        names.append(str(file))
        frames.append(frame)
    yield FrameBatch(names=tuple(names), frames=as_frames(frames))


def _video(path: Path) -> Iterator[FrameBatch]:
    frames: list[np.ndarray] = []
    first = 0
    try:
        with imageio.get_reader(path) as opened:
            reader: Any = opened
            for picture in reader:
                frames.append(np.asarray(picture)[..., :3])
                if len(frames) == _AT_ONCE:
                    yield _numbered(path, first, frames)
                    first, frames = first + len(frames), []
    except (OSError, ValueError, RuntimeError, SyntaxError) as error:
        raise FrameError(f"{path} cannot be read as a video: {error}") from error
    if frames:
        yield _numbered(path, first, frames)
    elif first == 0:
        raise FrameError(f"{path} holds no frame.")


def _array(path: Path) -> Iterator[FrameBatch]:
    try:
        frames = as_frames(np.load(path, allow_pickle=False))
    except (OSError, ValueError, EOFError) as error:
        raise FrameError(f"{path} cannot be read as an array: {error}") from error
    for first in range(0, len(frames), _AT_ONCE):
        part = frames[first : first + _AT_ONCE]
        yield FrameBatch(names=tuple(f"{path}#{first + i}" for i in range(len(part))), frames=part)


def _numbered(path: Path, first: int, frames: list[np.ndarray]) -> FrameBatch:
    return FrameBatch(names=tuple(f"{path}#{first + i}" for i in range(len(frames))), frames=as_frames(frames))


def _open_picture(path: Path) -> np.ndarray:
    try:
        with Image.open(path) as picture:
            return np.array(ImageOps.exif_transpose(picture).convert("RGB"))  # cameras store turned pictures
    except (OSError, UnidentifiedImageError, Image.DecompressionBombError) as error:
        raise FrameError(f"{path} cannot be read as a picture: {error}") from error

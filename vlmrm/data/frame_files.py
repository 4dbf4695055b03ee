"""Frames from files: pictures, folders of pictures, videos and ``.npy`` arrays.

However long a video or a folder is, there are only a few of its frames in memory: `read_frames` gives batches of 64 MiB
or of 256 frames, whichever is less.
"""

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from tokenize import TokenError
from typing import Any, TypeAlias

import imageio.v2 as imageio
import numpy as np
from jaxtyping import UInt8

from vlmrm.data.pictures import count_pictures, read_pictures
from vlmrm.errors import FrameError
from vlmrm.frames import as_frames
from vlmrm.types import Frames

PICTURES = frozenset({".png", ".jpg", ".jpeg", ".bmp", ".webp", ".ppm", ".tif", ".tiff"})
ANIMATIONS = frozenset({".gif", ".apng"})
VIDEOS = frozenset({".mp4", ".avi", ".mov", ".mkv", ".webm"})
Picture: TypeAlias = UInt8[np.ndarray, "h w 3"]
_BROKEN = (OSError, ValueError, EOFError, SyntaxError, TokenError)  # the header of an array is an expression
_NUMBERS = re.compile(r"(\D*)(\d*)")
_AT_ONCE, _BYTES_AT_ONCE = 256, 2**26  # of a video or of a folder in a batch; several copies of one are in memory


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
        path: A picture or an animation (see `vlmrm.data.pictures`), a folder with pictures, a video, or a ``.npy`` file
            with uint8 RGB of shape (h, w, 3) or (n, h, w, 3). Of a folder the names decide the order, and the numbers
            in them count as numbers: 2.png comes before 10.png.

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


def read_files(paths: Iterable[Path], keep: Callable[[str], bool] | None = None) -> Iterator[FrameBatch]:
    """The frames in several files, in batches that may hold frames of more than one.

    Args:
        paths: As `read_frames` takes them.
        keep: Whether to give a frame, by its name. None: all.

    Yields:
        Batches of frames of one size.

    Raises:
        FrameError: As `read_frames`.
    """
    return _batches(
        (name, frame.numpy())
        for path in paths
        for batch in read_frames(path)
        for name, frame in zip(batch.names, batch.frames, strict=True)
        if keep is None or keep(name)
    )


def picture_files(folder: Path) -> list[Path]:
    """The pictures in a folder, in the order of `read_frames`; none of its own folders are looked into."""
    return sorted((file for file in folder.iterdir() if file.suffix.lower() in PICTURES), key=natural_order)


def count_frames(file: Path) -> int | None:
    """Return the number of frames in a file. None: it is a video, which would have to be read for that.

    Raises:
        FrameError: It cannot be read.
    """
    if file.suffix.lower() in VIDEOS:
        return None
    if file.suffix.lower() != ".npy":
        return count_pictures(file)
    stored = _stored(file)
    return len(stored) if stored.ndim == 4 else 1


def frame_rate(file: Path) -> float | None:
    """Return the frames per second that a video is said to have. None: it is no video, or does not say.

    Raises:
        FrameError: It cannot be read.
    """
    if file.suffix.lower() not in VIDEOS:
        return None
    try:
        with imageio.get_reader(file) as opened:
            reader: Any = opened
            rate_fps = float(reader.get_meta_data().get("fps") or 0)
    except (OSError, ValueError, RuntimeError, SyntaxError) as error:
        raise FrameError(f"{file} cannot be read as a video: {error}") from error
    return rate_fps if 0 < rate_fps < float("inf") else None


def natural_order(path: Path) -> tuple[tuple[tuple[tuple[str, int], ...], str], ...]:
    """A key that orders files as a person would: 2 before 10, and the files of a folder together.

    Example:
        >>> [path.name for path in sorted([Path("a/10.png"), Path("a/2.png")], key=natural_order)]
        ['2.png', '10.png']
    """
    return tuple(
        (tuple((text, int(digits or -1)) for text, digits in _NUMBERS.findall(part)), part) for part in path.parts
    )


def frames_at_once(frame_bytes: int) -> int:
    """Return how many frames of so many bytes a batch may hold."""
    return max(min(_AT_ONCE, _BYTES_AT_ONCE // max(frame_bytes, 1)), 1)


def _reader(path: Path) -> Callable[[Path], Iterator[FrameBatch]]:
    if path.is_dir():
        return _folder
    suffix = path.suffix.lower()
    for suffixes, reader in ((PICTURES | ANIMATIONS, _picture), (VIDEOS, _video), ({".npy"}, _array)):
        if suffix in suffixes:
            return reader
    pictures, videos = ", ".join(sorted(PICTURES | ANIMATIONS)), ", ".join(sorted(VIDEOS))
    raise FrameError(f"{path} is no picture ({pictures}), video ({videos}), .npy or folder.")


def _picture(path: Path) -> Iterator[FrameBatch]:
    return _batches(_named(path))


def _folder(path: Path) -> Iterator[FrameBatch]:
    files = picture_files(path)
    if not files:
        raise FrameError(f"the folder {path} holds no picture ({', '.join(sorted(PICTURES))}).")
    return _batches(frame for file in files for frame in _named(file))


def _video(path: Path) -> Iterator[FrameBatch]:
    yield from _batches(_numbered(path, _decoded(path)))


def _array(path: Path) -> Iterator[FrameBatch]:
    stored = _stored(path)
    pictures = stored if stored.ndim == 4 and len(stored) else [stored]
    return _batches(_numbered(path, (_frame(path, picture) for picture in pictures)))


def _stored(path: Path) -> Any:
    """The array in a file, which stays on the disk."""
    try:
        return np.load(path, mmap_mode="r", allow_pickle=False)
    except _BROKEN as error:
        raise FrameError(f"{path} cannot be read as an array: {error}") from error


def _frame(path: Path, stored: Any) -> Picture:
    """One picture of an array, as it was stored."""
    try:
        return as_frames(np.array(stored))[0].numpy()
    except FrameError as error:
        raise FrameError(f"{path}: {error}") from error


def _batches(frames: Iterable[tuple[str, Picture]]) -> Iterator[FrameBatch]:
    """Frames of one size together, as many as memory should hold."""
    names: list[str] = []
    kept: list[Picture] = []
    for name, frame in frames:
        if kept and (frame.shape != kept[0].shape or len(kept) == frames_at_once(frame.nbytes)):
            yield FrameBatch(names=tuple(names), frames=as_frames(kept))
            names, kept = [], []
        names.append(name)
        kept.append(frame)
    if kept:
        yield FrameBatch(names=tuple(names), frames=as_frames(kept))


def _decoded(path: Path) -> Iterator[Picture]:
    """The pictures of a video; at least one."""
    empty = True
    try:
        with imageio.get_reader(path) as opened:
            reader: Any = opened
            for picture in reader:
                empty = False
                yield np.asarray(picture)
    except (OSError, ValueError, RuntimeError, SyntaxError) as error:
        raise FrameError(f"{path} cannot be read as a video: {error}") from error
    if empty:
        raise FrameError(f"{path} holds no frame.")


def _named(path: Path) -> Iterator[tuple[str, Picture]]:
    """The pictures of a file; of several each has a number."""
    if count_pictures(path) > 1:
        return _numbered(path, read_pictures(path))
    return ((str(path), picture) for picture in read_pictures(path))


def _numbered(path: Path, pictures: Iterable[Picture]) -> Iterator[tuple[str, Picture]]:
    return ((f"{path}#{number}", picture) for number, picture in enumerate(pictures))

"""`StoredFrames`: the frames to label, as small pictures on the disk, and what is known of each in memory.

A frame takes some 30 kB of the disk and the numbers of one embedding in memory, so that there may be many thousands.
"""

import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from jaxtyping import Float
from PIL import Image

from vlmrm.data.frame_files import FrameBatch, read_frames
from vlmrm.errors import FrameError, SpecError
from vlmrm.rewards.model import RewardModel
from vlmrm.rewards.transforms.uncertainty.disagreement import DisagreementOptions

LONGEST_SIDE_PX = 512
_THUMBNAIL_PX = 8
_QUALITY = 90  # of JPEG; no artefacts that a person would see
Progress = Callable[[int, int | None], None]
"""Told how many frames have been read so far, and of how many; None: a video does not say."""


@dataclass(frozen=True, kw_only=True, eq=False)
class StoredFrames:
    """Frames that `store_frames` has read."""

    names: Sequence[str]
    """Name of each frame, as a `LabelTable` has it."""
    folder: Path
    """Folder of the pictures; each is called by the index of its frame."""
    embeddings: Float[np.ndarray, "n d"]
    """Embeddings of the reward's encoder, or thumbnails of 8 x 8 pixels where there is none."""
    scores: Float[np.ndarray, " n"] | None
    """Score of each frame before any threshold. None: there is no reward."""
    disagreement: Float[np.ndarray, " n"] | None
    """Standard deviation of the score of each frame. None: the reward has one sentence, or does not know it."""

    def __len__(self) -> int:
        return len(self.names)

    def picture(self, index: int) -> bytes:
        """Return one frame as a JPEG file."""
        return _file(self.folder, index).read_bytes()


def store_frames(
    paths: Sequence[str | Path], folder: Path, *, reward: RewardModel | None = None, progress: Progress | None = None
) -> StoredFrames:
    """Read frames, and write small pictures of them.

    Args:
        paths: Pictures, folders of pictures, videos and ``.npy`` files. A frame that is named twice is read once.
        folder: An empty folder for the pictures.
        reward: Embeds and scores the frames. None: thumbnails tell which frames look alike.
        progress: Told of every batch.

    Raises:
        FrameError: If no path is given, or one holds no frame or cannot be read.
    """
    if not paths:
        raise FrameError("no frames were given to label: name pictures, folders of pictures, videos or .npy files.")
    root = folder_of(paths)
    names: dict[str, None] = {}
    rows: list[list[Any]] = []
    for batch in _new_batches(paths, root, names):
        first = len(names) - len(batch.names)
        pictures = [Image.fromarray(frame) for frame in batch.frames.numpy()]
        for index, picture in enumerate(pictures, start=first):
            _write(picture, _file(folder, index))
        rows.append(_known(reward, batch, pictures))
        if progress is not None:
            progress(len(names), None)
    embeddings, scores, disagreement = zip(*rows, strict=True)
    return StoredFrames(
        names=list(names),
        folder=folder,
        embeddings=np.concatenate(embeddings),
        scores=_joined(scores),
        disagreement=_joined(disagreement),
    )


def folder_of(paths: Sequence[str | Path]) -> Path:
    """Return the folder that names of frames are relative to: the one folder given, or the deepest that holds all.

    Args:
        paths: At least one file or folder.

    Example:
        >>> folder_of(["runs/a.mp4", "runs/old/b.mp4"]).name
        'runs'
    """
    folders = [Path(path) if Path(path).is_dir() else Path(path).parent for path in paths]
    return Path(os.path.commonpath([os.path.abspath(folder) for folder in folders]))


def _new_batches(paths: Sequence[str | Path], root: Path, names: dict[str, None]) -> Iterator[FrameBatch]:
    """Batches with the names of the table, without the frames that came before; adds each name to `names`."""
    for path in paths:
        for batch in read_frames(path):
            relative = [Path(os.path.relpath(name, root)).as_posix() for name in batch.names]
            new = [place for place, name in enumerate(relative) if name not in names]
            if new:
                kept = tuple(relative[place] for place in new)
                names.update(dict.fromkeys(kept))
                yield FrameBatch(names=kept, frames=batch.frames[new])


def _file(folder: Path, index: int) -> Path:
    return folder / f"{index}.jpg"


def _write(picture: Image.Image, file: Path) -> None:
    small = picture.copy()
    small.thumbnail((LONGEST_SIDE_PX, LONGEST_SIDE_PX))
    small.save(file, "JPEG", quality=_QUALITY, subsampling=0)


def _known(reward: RewardModel | None, batch: FrameBatch, pictures: Sequence[Image.Image]) -> list[Any]:
    """Embeddings or thumbnails, scores and disagreement of a batch."""
    if reward is None:
        return [_thumbnails(pictures), None, None]
    seen = reward.read(batch.frames)
    columns = reward.explain(seen)
    embeddings = seen.embeddings.float().cpu().numpy() if seen.embeddings.shape[1] else _thumbnails(pictures)
    return [embeddings, *(_column(columns.get(name)) for name in ("score", "std"))]


def _joined(parts: Sequence[Any]) -> Float[np.ndarray, " n"] | None:
    return None if parts[0] is None else np.concatenate(parts)


def _column(values: torch.Tensor | None) -> Float[np.ndarray, " n"] | None:
    return None if values is None else values.double().cpu().numpy()


def _thumbnails(pictures: Sequence[Image.Image]) -> Float[np.ndarray, "n d"]:
    size = (_THUMBNAIL_PX, _THUMBNAIL_PX)
    small = [np.asarray(picture.resize(size, Image.Resampling.BOX)) for picture in pictures]
    return np.stack(small).reshape(len(small), -1).astype(np.float32) / 255


def with_disagreement(reward: RewardModel) -> RewardModel:
    """Return the reward without its threshold, and with the disagreement of its goal sentences if it has several.

    Args:
        reward: The reward as it is used.
    """
    spec = reward.spec.before("threshold")
    if spec.uncertainty is None:
        try:
            spec = replace(spec, uncertainty=DisagreementOptions(ensemble="prompts"))
        except SpecError:  # one sentence, or a head whose scores are not those of sentences: the spec knows which
            return reward.with_spec(spec)
    return reward.with_spec(spec)

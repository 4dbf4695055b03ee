"""Labels of a round's frames as people leave them: with names spelt as paths, or of other frames."""

import os
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from vlmrm.data.label_table import LabelTable
from vlmrm.data.named import named
from vlmrm.errors import FrameError


def read_labels_of(path: Path, frames: Path, names: Sequence[str], *, where: str) -> LabelTable:
    """Return the labels of a round, each of one of its frames.

    A name may be spelt as a path to the frame from the folder of the frames, or from the root.

    Args:
        path: File of the labels.
        frames: Folder of the frames.
        names: Names of their files.
        where: Names the round.

    Raises:
        FrameError: The table cannot be read, or a row of it names no frame of the round.
    """
    given, known = LabelTable.read(path).labels, set(names)
    labels = tuple(replace(label, frame=_relative(frames, label.frame)) for label in given)
    strangers = [as_given.frame for as_given, label in zip(given, labels, strict=True) if label.frame not in known]
    if strangers:
        raise FrameError(
            f"{path} labels what is not a frame of {where}: {named(dict.fromkeys(strangers))}. Names are those of the "
            f"files in {frames}, as 000.png. Mend these rows, or delete them."
        )
    try:
        return LabelTable(labels=labels)
    except FrameError as error:
        raise FrameError(f"{path}: {error}") from error


def set_aside(path: Path) -> Path | None:
    """Give labels of other frames another name, so that they do not count and are not lost.

    Args:
        path: File of the labels.

    Returns:
        Where they lie now. None: there are none.
    """
    if not path.exists():
        return None
    aside, count = path.with_stem(f"{path.stem}-of-other-frames"), 1
    while aside.exists():
        count += 1
        aside = path.with_stem(f"{path.stem}-of-other-frames-{count}")
    return path.rename(aside)


def _relative(folder: Path, name: str) -> str:
    """The plain path of a file from its folder: 000.png of ./000.png, and of the whole path."""
    root = os.path.abspath(folder)
    return os.path.relpath(os.path.join(root, name.strip()), root)

"""Pictures of classes on disk: a folder for each class, or one folder with a table."""

import csv
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Int

from vlmrm.data.frame_files import picture_files
from vlmrm.data.named import named
from vlmrm.data.pictures import read_pictures
from vlmrm.errors import FrameError
from vlmrm.plain_files import read_text
from vlmrm.types import Frames

_COLUMNS = ("frame", "class")


@dataclass(frozen=True)
class PictureFiles:
    """Pictures that are read when they are asked for; their sizes may differ."""

    paths: tuple[Path, ...]
    """Files of the pictures, in order."""

    @classmethod
    def of_folder(cls, folder: str | Path) -> "PictureFiles":
        """Return the pictures of a folder, in the order of their names.

        Raises:
            FrameError: There is no such folder, or no picture in it.
        """
        if not Path(folder).is_dir():
            raise FrameError(f"{folder} is no folder. Give the one with the pictures.")
        found = picture_files(Path(folder))
        if not found:
            raise FrameError(f"{folder} has no pictures.")
        return cls(tuple(found))

    def at(self, places: Sequence[int]) -> "PictureFiles":
        """Return some of them, in the given order."""
        return PictureFiles(tuple(self.paths[place] for place in places))

    @property
    def names(self) -> list[str]:
        """Name of each, with its folder."""
        return ["/".join(path.parts[-2:]) for path in self.paths]

    def __len__(self) -> int:
        return len(self.paths)

    def __getitem__(self, place: int, /) -> Frames:
        return torch.from_numpy(next(read_pictures(self.paths[place])).copy())[None]


@dataclass(frozen=True, eq=False)
class ClassifiedPictures:
    """Pictures with the name of each one's class."""

    pictures: PictureFiles | Frames
    """Pictures, read when they are asked for, or there already."""
    classes: tuple[str, ...]
    """Names of the classes."""
    labels: Int[np.ndarray, " n"]
    """Index into the classes, for each picture."""
    names: Sequence[str] = ()
    """Name of each picture. Empty: they have none."""

    @classmethod
    def read(
        cls, folder: str | Path, *, table: str | Path | None = None, classes: Sequence[str] = ()
    ) -> "ClassifiedPictures":
        """Return the pictures of a folder.

        Args:
            folder: One folder of pictures for each class, named like it; or, with a table, the pictures themselves.
            table: CSV file with the columns ``frame`` and ``class``; frames are paths in the folder.
            classes: Names of the classes, in the order wanted; some may have no picture. Empty: those that there are,
                in the order of the alphabet. Labels go by name, so that no order is assumed.

        Raises:
            FrameError: There is no such folder, table or picture, or a class is not among the names.
        """
        folder = Path(folder)
        if not folder.is_dir():
            raise FrameError(f"{folder} is no folder. Give one with a folder of pictures for each class.")
        found = _from_folders(folder) if table is None else _from_table(folder, Path(table))
        known = tuple(classes) or tuple(sorted({name for _, name in found}))
        strange = sorted({name for _, name in found} - set(known))
        if strange:
            raise FrameError(
                f"{named(strange)} of {folder if table is None else table} are not among the {len(known)} classes "
                "given: names must be the same to the letter."
            )
        place = {name: index for index, name in enumerate(known)}
        labels = np.array([place[name] for _, name in found])
        files = PictureFiles(tuple(path for path, _ in found))
        return cls(files, known, labels, files.names)

    def sample(self, per_class: int, *, seed: int = 0) -> "ClassifiedPictures":
        """Return some pictures of each class, in the order they have here.

        Args:
            per_class: How many; of a class that has fewer, all. Those of a smaller number are among those of a larger.
            seed: Decides which, for each class by itself.

        Raises:
            FrameError: It is less than one, or the seed less than 0.
        """
        if per_class < 1:
            raise FrameError(f"a sample has at least one picture of each class; got {per_class}.")
        if seed < 0:
            raise FrameError(f"the seed is a whole number from 0; got {seed}.")
        chosen = [
            np.random.default_rng([seed, label]).permutation(np.flatnonzero(self.labels == label))[:per_class]
            for label in np.unique(self.labels).tolist()
        ]
        kept = np.sort(np.concatenate(chosen)).tolist()
        if isinstance(self.pictures, torch.Tensor):
            pictures: PictureFiles | Frames = self.pictures[kept]
        else:
            pictures = PictureFiles(tuple(self.pictures.paths[place] for place in kept))
        names = [self.names[place] for place in kept] if self.names else ()
        return ClassifiedPictures(pictures, self.classes, self.labels[kept], names)


def read_classes(path: str | Path, *, what: str = "the name of one class") -> tuple[str, ...]:
    """Return the names of classes in a file, one on each line.

    Args:
        path: Text file.
        what: What is on each line, for errors.

    Raises:
        FrameError: It cannot be read, or holds none.
    """
    try:
        names = tuple(line.strip() for line in read_text(Path(path)).splitlines() if line.strip())
    except (OSError, UnicodeDecodeError) as error:
        raise FrameError(f"{path} cannot be read: {error}. It has {what} on each line.") from error
    if not names:
        raise FrameError(f"{path} is empty. It has {what} on each line.")
    return names


def _from_folders(folder: Path) -> list[tuple[Path, str]]:
    found = [
        (file, inner.name) for inner in sorted(folder.iterdir()) if inner.is_dir() for file in picture_files(inner)
    ]
    if not found:
        raise FrameError(
            f"{folder} has no folder with pictures, named like a class. For pictures that lie together give a table, a "
            "CSV file with the columns frame and class."
        )
    return found


def _from_table(folder: Path, table: Path) -> list[tuple[Path, str]]:
    try:
        with table.open(encoding="utf-8-sig", newline="") as file:
            rows = list(csv.DictReader(file))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise FrameError(f"{table} cannot be read: {error}.") from error
    if not rows or any(column not in rows[0] for column in _COLUMNS):
        raise FrameError(f"{table} has to have the columns {' and '.join(_COLUMNS)}, and one row for each picture.")
    found = [(folder / (row["frame"] or ""), (row["class"] or "").strip()) for row in rows]
    missing = [path.name for path, _ in found if not path.is_file()]
    if missing:
        raise FrameError(f"{table} names {len(missing)} pictures that are not in {folder}: {named(missing)}.")
    unnamed = [path.name for path, name in found if not name]
    if unnamed:
        raise FrameError(f"{table} names no class for {named(unnamed)}.")
    return found

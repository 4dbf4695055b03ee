"""Labelled frames from files.

- `LabelledFolder`: a folder, or one file of frames, and a table of labels.
- `TwoFolders`: files that show the goal, and files that do not.
"""

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np

from vlmrm.data.frame_files import FrameBatch, count_frames, frame_rate, natural_order, picture_files, read_files
from vlmrm.data.label_table import Label, LabelTable
from vlmrm.data.labelled import LabelledFrames
from vlmrm.data.labelled_video import PIECE_S
from vlmrm.data.named import named
from vlmrm.errors import FrameError
from vlmrm.frames.preprocessing import Preprocessing


@dataclass(frozen=True, kw_only=True, eq=False)
class LabelledFolder:
    """A folder of pictures and other files of frames, or one such file, with a table of labels.

    Frames without a label, and frames on which raters disagree, are left out and counted. The frames come in the order
    of their names, whatever the order of the table.

    Neighbours in a video are nearly one picture. Where the table tells no groups and labels frames of a video, those of
    5 seconds, by its frame rate, count as one group; so do those of one array or animation, which have no times.

    Raises:
        FrameError: If the table cannot be read or has no label on which its raters agree, it has two names for one
            frame, or a file that it names is not there.
    """

    frames: str | Path
    """Folder that the names in the table are relative to, or a file in that folder. A name such as ``up/001.png`` is
    in a folder of this folder."""
    labels: str | Path
    """Path of the CSV file; see `LabelTable`."""
    task = None
    draws = False

    def __post_init__(self) -> None:
        if not self._given.exists():
            raise FrameError(f"there is no file or folder {self.frames}.")
        if not self._labelled:
            raise FrameError(
                f"{self.labels} labels nothing: it has {len(self._table.labels)} rows, and raters disagree on "
                f"{len(self._table.disputed)} frames."
            )

    @property
    def name(self) -> str:
        """Name of the folder or file."""
        return self._given.resolve().name

    @property
    def count(self) -> int:
        """Number of frames with a label."""
        return len(self._labelled)

    @property
    def goals(self) -> int:
        """Number of frames in the goal."""
        return sum(label.in_goal for label in self._labelled.values())

    @cached_property
    def about(self) -> str:
        """What the frames are, who labelled them, and which are left out."""
        raters = " and ".join(rater for rater in self._table.raters if rater)
        by = f" by {raters}" if raters else ""
        notes = [f"{self.count:,} frames of {self.name}, labelled in {Path(self.labels).name}{by}."]
        if self._table.disputed:
            notes.append(f"Left out, since raters disagree: {len(self._table.disputed):,}.")
        unlabelled = self._count_unlabelled()
        if unlabelled != 0:
            notes.append(f"Left out without a label: {'the rest of a video' if unlabelled is None else unlabelled}.")
        return " ".join(notes)

    def batches(self, preprocessing: Preprocessing | None = None) -> Iterator[LabelledFrames]:
        """Yield the labelled frames in the order of their names.

        Args:
            preprocessing: Not used: frames are given as they are.

        Raises:
            FrameError: If a file cannot be read, or does not hold a frame that the table labels.
        """
        wanted = dict(self._labelled)
        files = sorted({self._places[label.frame].file for label in wanted.values()}, key=natural_order)
        for batch in read_files(files, keep=self._labelled.__contains__):
            yield self._with_labels(batch, [wanted.pop(name) for name in batch.names])
        if wanted:
            raise FrameError(
                f"{self.labels} labels frames that their files do not hold: "
                f"{named([label.frame for label in wanted.values()])}. In a file with several frames they are called "
                "FILE#0, FILE#1 and so on; the frame of a picture is called as the file."
            )

    @property
    def _given(self) -> Path:
        return Path(self.frames)

    @cached_property
    def _table(self) -> LabelTable:
        return LabelTable.read(self.labels)

    @cached_property
    def _places(self) -> dict[str, "_Place"]:
        """Where each frame of the table is, by its name in the table."""
        places: dict[str, _Place] = {}
        missing: list[str] = []
        names: dict[str, str] = {}
        for frame in dict.fromkeys(label.frame for label in self._table.labels):
            place = _find(self._given, frame)
            if place is None:
                missing.append(frame)
            elif names.setdefault(place.name, frame) != frame:
                raise FrameError(f"{self.labels} has two names of one frame: {names[place.name]} and {frame}.")
            else:
                places[frame] = place
        if missing:
            raise FrameError(
                f"{self.labels} labels frames that are not in {self.frames}: {named(missing)}. Names are relative to "
                f"{_folder(self._given)}."
            )
        return places

    @cached_property
    def _labelled(self) -> dict[str, Label]:
        """Labels by the names that `read_frames` gives the frames."""
        return {self._places[label.frame].name: label for label in self._table.agreed().labels}

    def _with_labels(self, batch: FrameBatch, labels: Sequence[Label]) -> LabelledFrames:
        steps = [label.step for label in labels if label.step is not None]
        return LabelledFrames(
            frames=batch.frames,
            in_goal=np.array([label.in_goal for label in labels]),
            names=[label.frame for label in labels],
            groups=[self._groups[label.frame] for label in labels] if self._groups else (),
            steps=np.array(steps) if steps else None,
            states={name: np.array([label.states[name] for label in labels]) for name in labels[0].states},
        )

    @cached_property
    def _groups(self) -> dict[str, str]:
        """Group of each labelled frame by its name in the table; empty: these are pictures of which nothing is told."""
        labels = list(self._labelled.values())
        if labels[0].group:
            return {label.frame: label.group for label in labels}
        places = {label.frame: self._places[label.frame] for label in labels}
        numbered = {place.file for place in places.values() if place.number is not None}
        rates_fps = {file: frame_rate(file) for file in numbered}
        return {frame: _piece(frame, place, rates_fps.get(place.file)) for frame, place in places.items() if numbered}

    def _count_unlabelled(self) -> int | None:
        """Number of frames, in these files and in pictures beside them, without a label. None: one is a video."""
        files = {place.file for place in self._places.values()}
        folders = {self._given, *(file.parent for file in files)} if self._given.is_dir() else set()
        beside = {file for folder in folders for file in picture_files(folder)}
        counts = [_count(file) for file in sorted(files | beside)]
        known = [count for count in counts if count is not None]
        return max(sum(known) - len(self._places), 0) if len(known) == len(counts) else None


@dataclass(frozen=True, kw_only=True)
class _Place:
    """Where a frame is."""

    file: Path
    """File that holds it."""
    name: str
    """Name that `read_frames` gives it."""
    number: int | None
    """Number of the frame in its file. None: the file is one picture."""


def _folder(given: Path) -> Path:
    """The folder that names are relative to."""
    return given if given.is_dir() else given.parent


def _find(given: Path, frame: str) -> _Place | None:
    """The place of a frame in a folder or in a file of it. None: there is no such file."""
    root = os.path.abspath(_folder(given))
    absolute = os.path.abspath(os.path.join(root, frame))
    if os.path.commonpath([root, absolute]) != root:
        return None
    relative = os.path.relpath(absolute, root)
    before, sign, number = relative.rpartition("#")
    for text, suffix in ((relative, ""), (before, sign + number)):
        file = _folder(given) / text
        if text and file.is_file() and (file == given or given.is_dir()):
            which = int(number) if suffix and number.isdecimal() else None
            return _Place(file=file, name=f"{file}{suffix}", number=which)
    return None


def _count(file: Path) -> int | None:
    try:
        return count_frames(file)
    except FrameError:  # one that has no label is never read
        return 0


def _piece(frame: str, place: _Place, rate_fps: float | None) -> str:
    """Group of a frame of which the table tells none: some seconds of its video, or else its file."""
    if place.number is None:
        return frame
    file = os.path.normpath(frame.rpartition("#")[0])
    if rate_fps is None:
        return file
    every = max(round(PIECE_S * rate_fps), 1)
    return f"{file} from {PIECE_S * (place.number // every):g} s"


@dataclass(frozen=True, kw_only=True, eq=False)
class TwoFolders:
    """Frames that show the goal and frames that do not, each from any number of files and folders.

    The frames of one file, such as a video, count as one group, and each picture as one of its own.

    Raises:
        FrameError: If no file is given, one does not exist, or one is given twice.
    """

    success: tuple[str | Path, ...] = ()
    """Pictures, folders of pictures, videos and ``.npy`` files, all of whose frames show the goal."""
    failure: tuple[str | Path, ...] = ()
    """The same for frames that do not."""
    task = None
    draws = False
    count = None

    def __post_init__(self) -> None:
        paths = [Path(path) for path in (*self.success, *self.failure)]
        if not paths:
            raise FrameError("no frames were given, neither of success nor of failure.")
        missing = [str(path) for path in paths if not path.exists()]
        if missing:
            raise FrameError(f"there is no file or folder {named(missing)}.")
        files = [os.path.abspath(file) for path in paths for file in _files_of(path)]
        twice = sorted({file for file in files if files.count(file) > 1}) if len(set(files)) < len(files) else []
        if twice:
            raise FrameError(f"frames count once, as success or as failure; given twice: {named(twice)}.")

    @property
    def name(self) -> str:
        """Names of the first file or folder of each kind."""
        return " and ".join(
            named([Path(path).resolve().name for path in paths], at_most=1) for paths in self._given if paths
        )

    @property
    def about(self) -> str:
        """Which files show the goal."""
        success, failure = (named([str(path) for path in paths]) if paths else "none" for paths in self._given)
        return f"All frames of these files, in the goal: {success}; not in the goal: {failure}."

    def batches(self, preprocessing: Preprocessing | None = None) -> Iterator[LabelledFrames]:
        """Yield the frames of success, then those of failure.

        Args:
            preprocessing: Not used: frames are given as they are.

        Raises:
            FrameError: If a file cannot be read.
        """
        for paths, in_goal in zip(self._given, (True, False), strict=True):
            files = [file for path in paths for file in _files_of(Path(path))]
            plain = set(map(str, files))
            for batch in read_files(files):
                yield LabelledFrames(
                    frames=batch.frames,
                    in_goal=np.full(len(batch.names), in_goal),
                    names=batch.names,
                    groups=[name if name in plain else name.rpartition("#")[0] for name in batch.names],
                )

    @property
    def _given(self) -> tuple[tuple[str | Path, ...], tuple[str | Path, ...]]:
        return self.success, self.failure


def _files_of(path: Path) -> list[Path]:
    """The pictures of a folder, or the file itself."""
    return (picture_files(path) or [path]) if path.is_dir() else [path]

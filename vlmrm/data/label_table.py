"""`LabelTable`: a CSV file with what people, or a simulator, say of each frame.

    frame,in_goal,group,step,rater,angle_deg
    up/001.png,1,episode 1,0,anna,3.5

``frame`` is a name as `read_frames` gives it, relative to the folder of the frames: a file, and after ``#`` the number
of the frame in it. ``in_goal`` is 1 or 0 (true, false, yes, no). ``group`` (episode, video or view), ``step`` and
``rater`` may be left out; every other column is a variable of the state, in numbers. A column has a value in every row;
only ``rater`` may be empty. See `vlmrm.data.csv_files` for separators and encoding.

Several raters may label one frame, each once. Where they disagree nobody knows whether the frame shows the goal: it is
left out when the labels are used, and counted.
"""

import csv
import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Literal

from vlmrm.atomic import whole_file
from vlmrm.data.csv_files import CsvRow, read_csv, read_number, read_whole
from vlmrm.errors import FrameError

_NEEDED = ("frame", "in_goal")
_KNOWN = ("frame", "in_goal", "group", "step", "rater")
_WORDS = {"1": True, "true": True, "yes": True, "0": False, "false": False, "no": False}


@dataclass(frozen=True, kw_only=True)
class Label:
    """What one rater says of one frame, and what is known of the frame."""

    frame: str
    """Name of the frame."""
    in_goal: bool
    """Whether it shows the goal."""
    group: str = ""
    """Episode, video or view that the frame is from. Empty: not known."""
    step: int | None = None
    """Place of the frame in its episode, from 0. None: not known."""
    rater: str = ""
    """Name of the person, or of whatever else labelled it. Empty: not told."""
    states: Mapping[str, float] = field(default_factory=dict)
    """Variables of the state, by name."""


@dataclass(frozen=True, kw_only=True)
class LabelTable:
    """Labels of frames by any number of raters.

    Raises:
        FrameError: If a rater has labelled a frame twice, rows do not have the same columns, raters' rows of one frame
            differ in more than the label, or a value cannot be written as CSV.

    Example:
        >>> table = LabelTable().with_label("up/001.png", True, "anna").with_label("up/001.png", False, "ben")
        >>> table.raters, table.disputed, table.agreed().labels
        (('anna', 'ben'), ('up/001.png',), ())
    """

    labels: tuple[Label, ...] = ()
    """One row for each label."""

    def __post_init__(self) -> None:
        known: dict[str, Label] = {}
        raters: set[tuple[str, str]] = set()
        for label in self.labels:
            if (label.frame, label.rater) in raters:
                raise FrameError(_twice(label))
            raters.add((label.frame, label.rater))
            _require_alike(self.labels[0], label)
            _require_same_facts(known.setdefault(label.frame, label), label)

    @property
    def raters(self) -> tuple[str, ...]:
        """Names of the raters, in the order of their first labels."""
        return tuple(dict.fromkeys(label.rater for label in self.labels))

    @property
    def disputed(self) -> tuple[str, ...]:
        """Names of the frames on which raters disagree."""
        said: dict[str, set[bool]] = {}
        for label in self.labels:
            said.setdefault(label.frame, set()).add(label.in_goal)
        return tuple(frame for frame, labels in said.items() if len(labels) > 1)

    def agreed(self) -> "LabelTable":
        """Return one label, without a rater, of each frame on which nobody disagrees."""
        disputed = set(self.disputed)
        kept = {label.frame: label for label in self.labels if label.frame not in disputed}
        return LabelTable(labels=tuple(replace(label, rater="") for label in kept.values()))

    def with_label(self, frame: str, in_goal: bool, rater: str = "") -> "LabelTable":
        """Return the table with a label that takes the place of the same rater's earlier one.

        What other rows tell of the frame, such as its group, is told in the new row as well.

        Args:
            frame: Name of the frame.
            in_goal: Whether it shows the goal.
            rater: Name of the rater.

        Raises:
            FrameError: If rows tell a group, a step or a state, and no row tells those of this frame.
        """
        rows = {(label.frame, label.rater): label for label in self.labels}
        like = rows.get((frame, rater)) or next((label for label in self.labels if label.frame == frame), None)
        new = Label(frame=frame, in_goal=in_goal) if like is None else replace(like, in_goal=in_goal)
        rows[frame, rater] = replace(new, rater=rater)
        return LabelTable(labels=tuple(rows.values()))

    def without(self, frame: str, rater: str = "") -> "LabelTable":
        """Return the table without one label; the same table if there is no such label.

        Args:
            frame: Name of the frame.
            rater: Name of the rater.
        """
        kept = tuple(label for label in self.labels if (label.frame, label.rater) != (frame, rater))
        return LabelTable(labels=kept)

    @classmethod
    def read(cls, path: str | Path) -> "LabelTable":
        """Read a CSV file.

        Args:
            path: Path of the file.

        Raises:
            FrameError: If the file cannot be read, a column is missing, or a value is impossible; the message has the
                line.
        """
        file = read_csv(Path(path))
        file.require(_NEEDED)
        lines: dict[tuple[str, str], str] = {}
        labels = []
        for row in file.rows:
            label = _read_label(row)
            earlier = lines.setdefault((label.frame, label.rater), row.where)
            if earlier != row.where:
                raise FrameError(f"{row.where}: {_twice(label)} The other label is in {earlier.rpartition(', ')[2]}.")
            labels.append(label)
        try:
            return cls(labels=tuple(labels))
        except FrameError as error:
            raise FrameError(f"{path}: {error}") from error

    def write(self, path: str | Path) -> None:
        """Write a CSV file, which `read` reads as the same table. Columns of which nothing is known are left out.

        Args:
            path: Path of the file, which is whole or not there.

        Raises:
            FrameError: If a name cannot be written as UTF-8.
        """
        states = list(self.labels[0].states) if self.labels else []
        has = {
            "group": any(label.group for label in self.labels),
            "step": any(label.step is not None for label in self.labels),
            "rater": any(label.rater for label in self.labels),
        }
        columns = [name for name in _KNOWN if has.get(name, True)]
        with whole_file(Path(path)) as unfinished, unfinished.open("w", encoding="utf-8", newline="") as file:
            writer = csv.writer(file, lineterminator="\n", quoting=self._quoting())
            writer.writerow([*columns, *states])
            for label in self.labels:
                cells = [int(label.in_goal) if name == "in_goal" else getattr(label, name) for name in columns]
                try:
                    writer.writerow([*cells, *(repr(label.states[name]) for name in states)])
                except UnicodeEncodeError as error:
                    raise FrameError(f"the name {label.frame!r} is not UTF-8. Rename the file.") from error

    def _quoting(self) -> Literal[0, 1]:
        """Which cells to put in quotes; Python 3.11 leaves a carriage return without, which ends the line then."""
        texts = [text for label in self.labels for text in (label.frame, label.group, label.rater, *label.states)]
        return csv.QUOTE_ALL if any("\r" in text for text in texts) else csv.QUOTE_MINIMAL


def _read_label(row: CsvRow) -> Label:
    cells = row.cells
    if not cells["frame"]:
        raise FrameError(f"{row.where}: frame is empty. Every row names a frame.")
    if not cells.get("group", "-"):
        raise FrameError(f"{row.where}: group is empty. Give every row a group, or leave the column out.")
    return Label(
        frame=cells["frame"],
        in_goal=_read_in_goal(row),
        group=cells.get("group", ""),
        step=read_whole(row.where, "step", cells["step"]) if "step" in cells else None,
        rater=cells.get("rater", ""),
        states={name: read_number(row.where, name, text) for name, text in cells.items() if name not in _KNOWN},
    )


def _read_in_goal(row: CsvRow) -> bool:
    said = row.cells["in_goal"].strip()
    if said.lower() not in _WORDS:
        raise FrameError(
            f"{row.where}: in_goal must be 1 or 0 (true, false, yes, no); got {said!r} for {row.cells['frame']}. Leave "
            "out the row of a frame that has no label."
        )
    return _WORDS[said.lower()]


def _twice(label: Label) -> str:
    by = f"rater {label.rater!r}" if label.rater else "nobody by name"
    return f"{label.frame} is labelled twice by {by}. Keep one label of each rater."


def _require_alike(first: Label, label: Label) -> None:
    """Every row tells the same of its frame, as the rows of a CSV file do."""
    columns = [
        {*one.states, *(["group"] if one.group else []), *(["step"] if one.step is not None else [])}
        for one in (first, label)
    ]
    missing = sorted(columns[0] ^ columns[1])
    if missing:
        frame = (first if missing[0] in columns[1] else label).frame
        raise FrameError(
            f"other rows tell {missing[0]}, and the row of {frame!r} does not. A column has a value in every row."
        )
    for name, value in label.states.items():
        if not math.isfinite(value) or name in _KNOWN or name != name.strip() or not name:
            raise FrameError(
                f"a state is a finite number with a name of its own; got {name!r}: {value} for {label.frame}."
            )
    if not label.frame:
        raise FrameError("the name of a frame is empty.")


def _require_same_facts(first: Label, label: Label) -> None:
    told = (first.group, first.step, first.states), (label.group, label.step, label.states)
    if told[0] != told[1]:
        raise FrameError(f"two rows of {label.frame} differ in group, step or states: {told[0]} and {told[1]}.")

"""`read_csv`: the rows of a CSV file, each with the number of its line for messages.

- The first line has the names of the columns; they are separated by a comma, a semicolon or a tab, whichever splits
  that line into the most columns.
- The text is UTF-8, with or without the mark that Excel puts before it.
- Rows without any text are left out. One with more or fewer cells than there are columns is refused.
"""

import csv
import io
import math
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from vlmrm.errors import FrameError, near_matches

_DELIMITERS = ",;\t"


@dataclass(frozen=True, kw_only=True)
class CsvRow:
    """One row of a CSV file."""

    where: str
    """File and line, for messages."""
    cells: Mapping[str, str]
    """Text of each cell, by the name of its column."""


@dataclass(frozen=True, kw_only=True)
class CsvFile:
    """What a CSV file holds."""

    path: Path
    """Path of the file."""
    columns: Sequence[str]
    """Names of the columns."""
    rows: Sequence[CsvRow]
    """Rows below the first line."""

    def require(self, needed: Sequence[str]) -> None:
        """Refuse a file without some columns.

        Args:
            needed: Names of the columns.

        Raises:
            FrameError: If one is missing; the message has the nearest that is there.
        """
        missing = [name for name in needed if name not in self.columns]
        if missing:
            others = [name for name in self.columns if name not in needed]
            raise FrameError(
                f"{self.path}, line 1: there is no column {missing[0]}. Near: {near_matches(missing[0], others)}. The "
                f"first line must name the columns {' and '.join(needed)}."
            )


def read_csv(path: Path) -> CsvFile:
    """Read a CSV file.

    Args:
        path: Path of the file.

    Raises:
        FrameError: If it cannot be read, is not UTF-8, has no first line, names a column twice or not at all, or a row
            has another number of cells.
    """
    try:
        text = path.read_bytes().decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise FrameError(f"{path} is not UTF-8: {error}. Save it as a CSV file in UTF-8.") from error
    except OSError as error:
        raise FrameError(f"{path} cannot be read: {error}") from error
    columns: list[str] = []
    rows: list[CsvRow] = []
    for where, cells in _lines(path, text):
        if not columns:
            columns = _columns(where, cells)
        elif len(cells) != len(columns):
            raise FrameError(f"{where}: there are {len(cells)} cells for {len(columns)} columns.")
        else:
            rows.append(CsvRow(where=where, cells=dict(zip(columns, cells, strict=True))))
    if not columns:
        raise FrameError(f"{path} is empty. The first line of a CSV file has the names of the columns.")
    return CsvFile(path=path, columns=columns, rows=rows)


def read_number(where: str, name: str, text: str) -> float:
    """Return the number in a cell.

    Args:
        where: File and line, for messages.
        name: Column of the cell.
        text: What the cell holds.

    Raises:
        FrameError: If it is not a finite number.

    Example:
        >>> read_number("labels.csv, line 2", "angle_deg", " 3.5")
        3.5
    """
    try:
        number = math.nan if "_" in text else float(text)  # Python reads 1_0 as 10
    except ValueError:
        number = math.nan
    if not math.isfinite(number):
        raise FrameError(f"{where}: {name} must be a finite number, such as -3.5; got {text!r}.")
    return number


def read_whole(where: str, name: str, text: str) -> int:
    """Return the whole number in a cell.

    Args:
        where: File and line, for messages.
        name: Column of the cell.
        text: What the cell holds; 3.0 counts as 3.

    Raises:
        FrameError: If it is not a whole number of at least 0.
    """
    digits = text.strip().removesuffix(".0")
    if not (digits.isascii() and digits.isdigit() and len(digits) <= 15):
        raise FrameError(f"{where}: {name} must be a whole number of at least 0; got {text!r}.")
    return int(digits)


def _lines(path: Path, text: str) -> Iterator[tuple[str, list[str]]]:
    """File and line, and the cells, of each row that is not empty."""
    line = 1
    try:
        reader = csv.reader(io.StringIO(text, newline=""), delimiter=_delimiter(text), strict=True)
        for cells in reader:
            line = reader.line_num
            if any(cells):
                yield f"{path}, line {line}", cells
    except csv.Error as error:
        raise FrameError(f"{path} cannot be read as CSV after line {line}: {error}") from error


def _delimiter(text: str) -> str:
    first = next((line for line in re.split("[\r\n]", text) if line.strip()), "")
    return max(_DELIMITERS, key=lambda sign: len(next(csv.reader([first], delimiter=sign), [])))


def _columns(where: str, cells: Sequence[str]) -> list[str]:
    names = [cell.strip() for cell in cells]
    twice = sorted({name for name in names if names.count(name) > 1 or not name})
    if twice:
        raise FrameError(f"{where}: every column needs a name of its own; got {', '.join(map(repr, names))}.")
    return names

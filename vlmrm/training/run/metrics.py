"""``metrics.csv``: the numbers of a run over its steps, appended row by row."""

import csv
from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from vlmrm.atomic import whole_file
from vlmrm.errors import RunError


@dataclass(frozen=True, kw_only=True)
class MetricsRow:
    """One row; empty cells were not measured at that step."""

    step: int
    """Environment steps so far, over all environments."""
    time_s: float
    """Wall time spent training and evaluating so far, over all parts of a resumed run."""
    steps_per_s: float | None = None
    """Training steps per second since the row before, evaluations not counted."""
    frames_per_s: float | None = None
    """Frames scored per second of scoring."""
    train_vlm_reward: float | None = None
    """Mean text reward per training step since the row before."""
    train_env_reward: float | None = None
    """Mean of the environment's own reward per training step since the row before."""
    train_success: float | None = None
    """Share of the last 100 training episodes, with their exploration, that succeeded."""
    eval_success: float | None = None
    """Share of the evaluation episodes that succeeded by the simulator's state."""
    eval_vlm_reward: float | None = None
    """Mean text reward per step of the evaluation episodes that were drawn."""
    eval_second_reward: float | None = None
    """Mean per step of a second reward, on which nothing is trained, in the same episodes."""
    eval_env_return: float | None = None
    """Mean sum of the environment's own rewards in an evaluation episode."""
    eval_episode_steps: float | None = None
    """Mean length of an evaluation episode."""


_LATER = frozenset({"eval_second_reward"})  # columns that files of earlier versions lack
_COLUMNS = [entry.name for entry in fields(MetricsRow)]


class MetricsFile:
    """Writes and reads ``metrics.csv``.

    Args:
        path: Path of the file, which is made when the first row is added.

    Example:
        >>> import tempfile
        >>> metrics = MetricsFile(Path(tempfile.mkdtemp()) / "metrics.csv")
        >>> metrics.add(MetricsRow(step=100, time_s=1.5, eval_success=0.25))
        >>> [(row.step, row.eval_success) for row in metrics.read()]
        [(100, 0.25)]
    """

    def __init__(self, path: Path) -> None:
        self.path = path

    def add(self, row: MetricsRow) -> None:
        """Append one row."""
        new = not self.path.exists()
        with self.path.open("a", encoding="utf-8", newline="") as file:
            writer = csv.writer(file)
            if new:
                writer.writerow(_COLUMNS)
            writer.writerow(_cells(row))

    def read(self) -> list[MetricsRow]:
        """All rows in order; a last line that a crash has cut off is left out.

        Raises:
            RunError: The file is not of this kind.
        """
        if not self.path.exists():
            return []
        text = self.path.read_text(encoding="utf-8")
        whole_lines = text[: text.rfind("\n") + 1].splitlines()
        rows = list(csv.DictReader(whole_lines))
        try:
            return [_row(row) for row in rows]
        except (KeyError, TypeError, ValueError) as error:
            raise RunError(f"{self.path} is damaged: {type(error).__name__}: {error}") from error

    def keep_until(self, step: int) -> list[MetricsRow]:
        """Drop the rows of steps that will be taken again, and return those that stay."""
        if not self.path.exists():
            return []
        kept = [row for row in self.read() if row.step <= step]
        with whole_file(self.path) as unfinished, unfinished.open("w", encoding="utf-8", newline="") as file:
            writer = csv.writer(file)
            writer.writerow(_COLUMNS)
            writer.writerows(_cells(row) for row in kept)
        return kept


def _cells(row: MetricsRow) -> list[Any]:
    values = (getattr(row, name) for name in _COLUMNS)
    return ["" if value is None else value for value in values]


def _row(cells: Mapping[str, str]) -> MetricsRow:
    there = [name for name in _COLUMNS if name in cells or name not in _LATER]
    numbers: dict[str, Any] = {name: float(cells[name]) if cells[name] else None for name in there}
    return MetricsRow(**numbers | {"step": int(cells["step"]), "time_s": float(cells["time_s"])})

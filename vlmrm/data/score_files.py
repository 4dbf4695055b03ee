"""`read_scores`: scores that something else gave the frames, from a file.

- CSV: see `vlmrm.data.csv_files`.
- JSON: a list of records, ``[{"frame": "a.png", "score": 0.5}]``; columns, ``{"frame": ["a.png"], "score": [0.5]}``; or
  what ``vlmrm score --json`` prints.
- Parquet, with pyarrow.

The columns are ``frame``, a name as `read_frames` gives it, or ``episode`` and ``step``; and ``score`` or ``reward``.
Others are not looked at.
"""

import importlib
import math
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, TypeAlias

from vlmrm.data.csv_files import read_csv, read_whole
from vlmrm.data.scores import Key, Scores
from vlmrm.errors import FrameError, MissingExtra, near_matches
from vlmrm.plain_files import read_json

_Row: TypeAlias = tuple[str, Mapping[str, Any]]
"""Where a row is, for messages, and its values."""
_KEYS, _VALUES = ("frame", "episode", "step"), ("score", "reward")


def read_scores(path: str | Path) -> Scores:
    """Read a file of scores.

    Args:
        path: Path of a .csv, .json or .parquet file.

    Raises:
        FrameError: If the file cannot be read, a column is missing, a frame has two scores, or a score is not a finite
            number; the message has the line or row.
        MissingExtra: If it is a .parquet file, and pyarrow is not installed.

    Example:
        >>> import tempfile
        >>> file = Path(tempfile.mkdtemp()) / "other.json"
        >>> _ = file.write_text('[{"frame": "a.png", "score": 0.5}]')
        >>> read_scores(file)
        Scores(name='other', by_key={'a.png': 0.5})
    """
    path = Path(path)
    readers = {".csv": _csv, ".json": _json, ".parquet": _parquet}
    if path.suffix.lower() not in readers:
        raise FrameError(f"scores are in a file that ends in {', '.join(readers)}; got {path}.")
    if not path.is_file():
        raise FrameError(f"there is no file {path}.")
    by_key: dict[Key, float] = {}
    for where, values in readers[path.suffix.lower()](path):
        key = _key(where, values)
        if key in by_key:
            raise FrameError(f"{where}: a second score of {_said(key)}. Keep one.")
        by_key[key] = _score(where, key, values)
    if not by_key:
        raise FrameError(f"{path} holds no score.")
    return Scores(name=path.stem, by_key=by_key)


def _csv(path: Path) -> Iterator[_Row]:
    file = read_csv(path)
    _require_columns(str(path), file.columns)
    for row in file.rows:
        yield row.where, row.cells


def _json(path: Path) -> Iterator[_Row]:
    try:
        read = read_json(path)
    except (OSError, ValueError) as error:
        raise FrameError(f"{path} cannot be read as JSON: {error}") from error
    for number, record in enumerate(_records(path, read)):
        where = f"{path}, row {number}"
        if not isinstance(record, Mapping):
            raise FrameError(f"{where}: a row is a table with frame and score; got {record!r}.")
        values = _of_vlmrm_score(where, record) if isinstance(record.get("rewards"), Mapping) else record
        _require_columns(where, values)
        yield where, values


def _records(path: Path, read: Any) -> Iterable[Any]:
    """Rows of whatever form the JSON has."""
    if isinstance(read, Mapping) and isinstance(read.get("frames"), list):
        return list(read["frames"])
    if isinstance(read, Mapping) and read and all(isinstance(column, list) for column in read.values()):
        lengths = {name: len(column) for name, column in read.items()}
        if len(set(lengths.values())) > 1:
            raise FrameError(f"{path}: columns have one value per row; got {lengths}.")
        return [dict(zip(read, row, strict=True)) for row in zip(*read.values(), strict=True)]
    if isinstance(read, list):
        return read
    raise FrameError(
        f'{path} holds no scores. Write a list of records, [{{"frame": "a.png", "score": 0.5}}], or a list for each '
        "column."
    )


def _of_vlmrm_score(where: str, record: Mapping[str, Any]) -> Mapping[str, Any]:
    """A row of ``vlmrm score --json``, whose rewards are the columns of one score, or a score for each alpha."""
    rewards = record["rewards"]
    if "score" in rewards:
        return {**record, "score": rewards["score"]}
    if len(rewards) != 1:
        raise FrameError(f"{where}: there are scores for the alphas {', '.join(rewards)}. Score with one alpha.")
    return {**record, "score": next(iter(rewards.values()))}


def _parquet(path: Path) -> Iterator[_Row]:
    try:
        parquet = importlib.import_module("pyarrow.parquet")
        arrow = importlib.import_module("pyarrow")
    except ImportError as error:
        raise MissingExtra('.parquet files need pyarrow: pip install "vlmrm[parquet]"') from error
    try:
        with parquet.ParquetFile(path) as file:
            columns = [name for name in file.schema_arrow.names if name in (*_KEYS, *_VALUES)]
            _require_columns(str(path), file.schema_arrow.names)
            first = 0
            for batch in file.iter_batches(columns=columns):
                for number, values in enumerate(batch.to_pylist(), start=first):
                    yield f"{path}, row {number}", values
                first += batch.num_rows
    except (OSError, arrow.ArrowException) as error:
        raise FrameError(f"{path} cannot be read as Parquet: {error}") from error


def _require_columns(where: str, columns: Iterable[str]) -> None:
    names = set(columns)
    others = names - {*_KEYS, *_VALUES}
    if "frame" not in names and not {"episode", "step"} <= names:
        near = near_matches("frame", others)
        raise FrameError(f"{where}: nothing tells the frame of a score. Near: {near}. Name it in a column frame.")
    if names >= set(_VALUES):
        raise FrameError(f"{where}: there are both score and reward. Leave one out.")
    if not names & set(_VALUES):
        raise FrameError(f"{where}: there is no column score. Near: {near_matches('score', others)}.")


def _key(where: str, values: Mapping[str, Any]) -> Key:
    if "frame" in values:
        frame = values["frame"]
        if not isinstance(frame, str) or not frame:
            raise FrameError(f"{where}: frame must be the name of a frame; got {frame!r}.")
        return frame
    episode, step = values["episode"], values["step"]
    if isinstance(episode, bool) or not isinstance(episode, int | str) or episode == "":
        raise FrameError(f"{where}: episode must be a name or a whole number; got {episode!r}.")
    return str(episode), read_whole(where, "step", str(step))


def _score(where: str, key: Key, values: Mapping[str, Any]) -> float:
    given = values[next(name for name in _VALUES if name in values)]
    number = math.nan
    if isinstance(given, int | float | str) and not isinstance(given, bool) and "_" not in str(given):
        try:
            number = float(given)
        except (ValueError, OverflowError):
            number = math.nan
    if not math.isfinite(number):
        raise FrameError(f"{where}: the score of {_said(key)} must be a finite number; got {given!r}.")
    return number


def _said(key: Key) -> str:
    return key if isinstance(key, str) else f"episode {key[0]}, step {key[1]}"

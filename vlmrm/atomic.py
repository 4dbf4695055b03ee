"""Files and folders that appear whole or not at all, so that a crash never leaves half of one under its name."""

import json
import math
import os
import secrets
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from vlmrm.values import plain_number

_UNFINISHED, _DOOMED = ".unfinished-", ".doomed-"


@contextmanager
def whole_file(path: Path) -> Iterator[Path]:
    """A name beside `path` to write to; when the block ends without an error it takes the place of `path`.

    The name keeps the suffix, by which image and video libraries choose their format, and is one of its own for each
    writer: of several that write the same file at a time the last one stays.

    Example:
        >>> import tempfile
        >>> path = Path(tempfile.mkdtemp()) / "notes.txt"
        >>> with whole_file(path) as unfinished:
        ...     _ = unfinished.write_text("all of it")
        ...     path.exists()
        False
        >>> path.read_text()
        'all of it'
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_name(f"{_UNFINISHED}{secrets.token_hex(4)}-{path.name}")
    try:
        yield unfinished
        _to_disk(unfinished)
        os.replace(unfinished, path)
    finally:
        unfinished.unlink(missing_ok=True)


def write_json(path: Path, values: Any) -> None:
    """Write a JSON file that is whole or not there."""
    with whole_file(path) as unfinished:
        unfinished.write_text(json_text(values) + "\n", encoding="utf-8")


def json_text(values: Any, *, ascii_only: bool = False) -> str:
    """Plain values as JSON; NaN and infinity, which JSON does not know, are null, and NumPy's numbers are Python's.

    Args:
        values: Tables, lists, texts and numbers.
        ascii_only: Write other characters as escapes, for terminals that cannot show them.

    Example:
        >>> print(json_text([1.5, float("nan")]))
        [
          1.5,
          null
        ]
    """
    return json.dumps(_finite(values), indent=2, ensure_ascii=ascii_only, allow_nan=False)


def _finite(values: Any) -> Any:
    if isinstance(values, Mapping):
        return {key: _finite(value) for key, value in values.items()}
    if isinstance(values, list | tuple):
        return [_finite(value) for value in values]
    value = plain_number(values)
    return None if isinstance(value, float) and not math.isfinite(value) else value


@contextmanager
def whole_folder(path: Path) -> Iterator[Path]:
    """The same for a folder of files."""
    unfinished = path.with_name(f"{_UNFINISHED}{secrets.token_hex(4)}-{path.name}")
    unfinished.mkdir(parents=True)
    try:
        yield unfinished
        usual = unfinished.stat().st_mode & 0o666  # safetensors writes files that only their owner can read
        for file in unfinished.iterdir():
            if file.is_file():
                file.chmod(usual)
                _to_disk(file)
        if path.exists():
            remove_folder(path)
        os.replace(unfinished, path)
    finally:
        shutil.rmtree(unfinished, ignore_errors=True)


def remove_folder(path: Path) -> None:
    """Delete a folder so that a crash in between leaves nothing under its name."""
    doomed = path.with_name(f"{_DOOMED}{secrets.token_hex(4)}-{path.name}")
    os.replace(path, doomed)
    shutil.rmtree(doomed, ignore_errors=True)


def remove_unfinished(folder: Path) -> None:
    """Delete what a crash has left half-written in a folder."""
    for path in [*folder.glob(f"{_UNFINISHED}*"), *folder.glob(f"{_DOOMED}*")]:
        if path.is_dir():
            shutil.rmtree(path, ignore_errors=True)
        else:
            path.unlink(missing_ok=True)


def _to_disk(file: Path) -> None:
    """A rename may reach the disk before the contents do, and a power cut then leaves an empty file."""
    with file.open("rb") as handle:
        os.fsync(handle.fileno())

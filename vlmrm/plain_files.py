"""Text, and values from JSON and TOML, read in one way everywhere: whatever cannot be meant is a ValueError."""

import json
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any


def read_text(path: Path) -> str:
    """Return what a file of text in UTF-8 holds, without the byte order mark that editors of Windows put before it.

    Raises:
        OSError: If it cannot be opened.
        ValueError: If it is not UTF-8.
    """
    return path.read_text(encoding="utf-8-sig")


def read_json(path: Path) -> Any:
    """Return the values of a JSON file.

    Raises:
        OSError: If it cannot be opened.
        ValueError: As `parse_json` does.
    """
    return parse_json(read_text(path))


def parse_json(text: str) -> Any:
    """Return the values that a text holds.

    Raises:
        ValueError: If it is not JSON, a table has a key twice, or its tables are nested too deeply to be read.

    Example:
        >>> parse_json('{"alpha": 0.5, "alpha": 1}')
        Traceback (most recent call last):
        ValueError: the key 'alpha' stands twice in one table
    """
    return _parse(lambda said: json.loads(said, object_pairs_hook=_table), text)


def parse_toml(text: str) -> dict[str, Any]:
    """Return the table that a text holds.

    Raises:
        ValueError: If it is not TOML, or its tables are nested too deeply to be read.
    """
    table: dict[str, Any] = _parse(tomllib.loads, text)
    return table


def _parse(parse: Callable[[str], Any], text: str) -> Any:
    try:
        return parse(text)
    except RecursionError as error:
        raise ValueError("its tables or lists are nested too deeply") from error


def _table(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    table = dict(pairs)
    if len(table) < len(pairs):
        keys = [key for key, _ in pairs]
        raise ValueError(f"the key {next(key for key in keys if keys.count(key) > 1)!r} stands twice in one table")
    return table

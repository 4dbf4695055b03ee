"""Paths in the table of a spec: in a file they are relative to it, everywhere else absolute.

A reward and what lies beside it can so be moved together, and a run goes on from any folder.
"""

import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from vlmrm.encoders.paths import with_paths

_NAMES = (("encoder",), ("judge", "model"))  # keys of models that may be named by a path
_FILES = (("uncertainty", "file"),)  # keys of files, each beside a digest of what it holds


def paths_from(said: Mapping[str, Any], folder: Path) -> dict[str, Any]:
    """Return the table of a file with paths that hold anywhere on this machine.

    Args:
        said: Table of a spec, as it stands in a file.
        folder: Folder of the file.

    Example:
        >>> paths_from({"encoder": "local-dir:tuned", "judge": {"model": "a/b"}}, Path("/rewards"))
        {'encoder': 'local-dir:/rewards/tuned', 'judge': {'model': 'a/b'}}
    """
    return _with_paths(said, lambda path: _absolute(path, folder))


def paths_to(said: Mapping[str, Any], folder: Path) -> dict[str, Any]:
    """Return the table as it is written to a file; what lies beneath the file's folder is named relative to it.

    Args:
        said: Table of a spec.
        folder: Folder of the file.
    """
    root = folder.resolve()

    def written(path: str) -> str:
        full = Path(_absolute(path, Path()))
        return str(full.relative_to(root)) if full.is_relative_to(root) else str(full)

    return _with_paths(said, written)


def paths_moved(said: Mapping[str, Any], before: Path, now: Path) -> dict[str, Any]:
    """Return the table with the paths of what was moved together with the folder of its file; see `moved_with`.

    Args:
        said: Table of a spec, as it stands in a file.
        before: Folder of the file when it was written.
        now: Folder that it lies in now.
    """
    return _with_paths(said, lambda path: moved_with(path, before, now))


def moved_with(path: str, before: Path, now: Path) -> str:
    """Return where something lies that may have been moved together with a folder, or else has stayed.

    Args:
        path: Where it lay; one that is relative stays as it is.
        before: Where the folder lay then.
        now: Where it lies now.

    Example:
        >>> moved_with("/runs/nowhere", Path("/runs/b"), Path("/moved/b"))  # nothing is at /moved/nowhere
        '/runs/nowhere'
    """
    if not os.path.isabs(path):
        return path
    beside = os.path.normpath(now / os.path.relpath(path, before))
    return beside if os.path.exists(beside) else path


def file_or_model(said: str, change: Callable[[str], str]) -> str:
    """Return the file of a reward, or the name of a model, with other paths in it.

    Args:
        said: A ``.toml`` or ``.json`` file, or what `vlmrm.encoders.load_encoder` takes.
        change: Takes a path and returns the one to write in its place.

    Example:
        >>> [file_or_model(said, "/rewards/{}".format) for said in ("blue.toml", "local-dir:tuned", "sim-m")]
        ['/rewards/blue.toml', 'local-dir:/rewards/tuned', 'sim-m']
    """
    return change(said) if said.endswith((".toml", ".json")) else with_paths(said, change)


def without_paths(said: Mapping[str, Any]) -> dict[str, Any]:
    """Return the table with the names of folders only, wherever they lie, and without files: their digests remain."""
    found = _with_paths(said, os.path.basename)
    for table, key in _FILES:
        if isinstance(found.get(table), Mapping):
            found[table] = {name: value for name, value in found[table].items() if name != key}
    return found


def _absolute(path: str, folder: Path) -> str:
    """Links are followed up to the last part, so that the same folder has one path."""
    try:
        full = folder / Path(path).expanduser()
        return str(full.parent.resolve() / full.name)
    except (OSError, ValueError, RuntimeError):  # no path at all, which its reader says with more detail
        return path


def _with_paths(said: Mapping[str, Any], change: Callable[[str], str]) -> dict[str, Any]:
    """The table with every path in it changed; values of a wrong kind stay for the reader of the table to refuse."""

    def named(value: Any) -> Any:
        return with_paths(value, change) if isinstance(value, str) else value

    def plain(value: Any) -> Any:
        return change(value) if isinstance(value, str) else value

    found: dict[str, Any] = dict(said)
    for keys in (*_NAMES, *_FILES):
        found = _changed(found, keys, plain if keys in _FILES else named)
    parts = found["options"].get("parts") if isinstance(found.get("options"), Mapping) else None
    if isinstance(parts, list | tuple):
        members = [_changed(part, ("member",), named) for part in parts]
        found["options"] = {**found["options"], "parts": members}
    return found


def _changed(table: Any, keys: tuple[str, ...], change: Callable[[Any], Any]) -> Any:
    """A copy of a table, with what stands under a key of a key changed, where it is there."""
    if not keys:
        return change(table)
    if not isinstance(table, Mapping) or keys[0] not in table:
        return table
    return {**table, keys[0]: _changed(table[keys[0]], keys[1:], change)}

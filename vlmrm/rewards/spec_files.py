"""A reward spec as a file, and the hash of what it says."""

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from vlmrm.atomic import write_json
from vlmrm.errors import SpecError
from vlmrm.plain_files import parse_json, parse_toml, read_text
from vlmrm.rewards.spec_paths import paths_from, paths_to, without_paths
from vlmrm.values import require_finite_numbers

_OF_OTHERS = {
    "env_id": "the file of a task. vlmrm.tasks.find_task reads it; its table [reward], in a file of its own, is a "
    "reward.",
    "reward": "what `vlmrm search camera` writes, cameras beside a reward. Put what reward holds into a file of its "
    "own; camera and cameras belong in a task's file, or to --camera and --cameras of `vlmrm train`.",
}
"""What a file is that is taken for a reward, by a key that no reward has."""


def read_spec_file(path: str | Path) -> dict[str, Any]:
    """Return the table of a ``.toml`` or ``.json`` file; paths in it are relative to the file.

    Raises:
        SpecError: If there is no such file, it holds no table, or it is a task's or one of cameras.
    """
    path = Path(path)
    if not path.is_file():
        raise SpecError(f"no reward spec at {path}. It is a TOML or JSON file with encoder, prompts and alpha.")
    try:
        text = read_text(path)
        values = parse_toml(text) if path.suffix == ".toml" else parse_json(text)
    except (OSError, ValueError) as error:
        raise SpecError(f"{path} is neither TOML nor JSON: {error}") from error
    if not isinstance(values, dict):
        raise SpecError(f"{path} must hold a table of keys; got {type(values).__name__}.")
    for key, other in _OF_OTHERS.items():
        if key in values:
            raise SpecError(f"{path} is not a reward: it has {key}, and looks like {other}")
    return paths_from(values, path.parent)


def write_spec_file(said: Mapping[str, Any], path: str | Path) -> None:
    """Write a table as a ``.json`` file; a crash leaves no half of one.

    Args:
        said: Table of a spec.
        path: File to write; what lies in its folder is named relative to that, so that both can be moved together.

    Raises:
        SpecError: If the name does not end in ``.json``, or a number is NaN or infinite.
    """
    path = Path(path)
    if path.suffix != ".json":
        raise SpecError(f"a reward spec is written as JSON, to a file that ends in .json; got {path}.")
    table = paths_to(said, path.parent)
    require_finite_numbers("", table)
    write_json(path, table)


def hash_of(said: Mapping[str, Any]) -> str:
    """Return 16 hex digits of a table; 2 and 2.0 are the same number, and the place of a file or folder does not count.

    Example:
        >>> hash_of({"alpha": 1}) == hash_of({"alpha": 1.0})
        True
    """
    canonical = json.dumps(_with_floats(without_paths(said)), sort_keys=True, ensure_ascii=True, separators=(",", ":"))
    return hashlib.sha256(canonical.encode()).hexdigest()[:16]


def _with_floats(value: Any) -> Any:
    """The value with every whole number as a float, as which JSON writes it the same."""
    if isinstance(value, dict):
        return {key: _with_floats(entry) for key, entry in value.items()}
    if isinstance(value, list):
        return [_with_floats(entry) for entry in value]
    return float(value) if isinstance(value, int) and not isinstance(value, bool) else value

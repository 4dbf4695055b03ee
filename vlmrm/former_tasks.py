"""Task files and configurations of the form that had no [reward] table: refused, with what to write instead.

- `refuse_former_task`: a task file with ``encoder``, ``prompts``, ``alpha`` or ``offset`` at its top, or with
  ``train.offset``.
- `refuse_former_run`: the ``config.json`` of a run whose configuration had no groups.
"""

import json
from collections.abc import Mapping
from typing import Any

from vlmrm.errors import SpecError
from vlmrm.rewards.former_specs import scaling_less
from vlmrm.rewards.spec import RewardSpec
from vlmrm.tables import write_table

_MOVED = ("encoder", "alpha", "prompts")


def refuse_former_task(values: Mapping[str, Any]) -> None:
    """Refuse the values of a task file of the former form.

    Args:
        values: Contents of the file.

    Raises:
        SpecError: It is of that form; the message has the [reward] table to write instead, with the values given.
    """
    moved = [key for key in _MOVED if key in values]
    tables = {"offset": values, "train.offset": values.get("train"), "small.offset": values.get("small")}
    offsets = {
        path: float(table["offset"])
        for path, table in tables.items()
        if isinstance(table, Mapping) and _is_number(table.get("offset"))
    }
    if not moved and not offsets:
        return
    if len(set(offsets.values())) > 1:
        said = " and ".join(f"{key} = {offset:g}" for key, offset in offsets.items())
        raise SpecError(f"{said} differ, and a task has one reward. Make a task file of each.")
    reward = {"encoder": "sim-s"} | dict(values.get("reward", {})) | {key: values[key] for key in moved}
    table = {key: value for key, value in reward.items() if key in {*values.get("reward", {}), *moved}}
    for key, offset in offsets.items():
        try:
            table["scaling"] = _scaling(reward, offset)
        except SpecError as error:
            raise SpecError(f"{key}: {error}") from error
    raise SpecError(
        f"these keys of a task have moved to its [reward] table: {', '.join([*moved, *offsets])}. Write instead:\n\n"
        f"{_as_toml('reward', table)}"
    )


def refuse_former_run(values: Mapping[str, Any]) -> None:
    """Refuse the contents of a ``config.json`` that an earlier version wrote.

    Args:
        values: Contents of the file.

    Raises:
        SpecError: It is of that form; where it took an offset off, the message has the scaling that does so now.
    """
    train = values.get("train")
    if "config" in values or not isinstance(train, Mapping):
        return
    said = "an earlier version began this run, with another form of configuration, so that it cannot go on. Begin a new"
    if not train.get("offset") or not isinstance(values.get("spec"), Mapping):
        raise SpecError(f"{said} run.")
    offset = float(train["offset"])
    table = _as_toml("reward.scaling", _scaling(values["spec"], offset))
    raise SpecError(f"{said} one; its offset of {offset:g} is this table now:\n\n{table}")


def _scaling(reward: Mapping[str, Any], offset: float) -> dict[str, Any]:
    return write_table(scaling_less(RewardSpec.from_dict(reward).to_dict(), offset))


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _as_toml(name: str, table: Mapping[str, Any]) -> str:
    """A table of TOML; sentences and numbers are written as in JSON."""
    tables = {key: value for key, value in table.items() if isinstance(value, Mapping)}
    lines = [f"{key} = {json.dumps(value, ensure_ascii=False)}" for key, value in table.items() if key not in tables]
    blocks = ["\n".join([f"[{name}]", *lines])] if lines or not tables else []
    return "\n\n".join([*blocks, *(_as_toml(f"{name}.{key}", value) for key, value in tables.items())])

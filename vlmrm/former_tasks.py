"""Task files and configurations of the form that had no [reward] table: refused, with what to write instead.

- `refuse_former_task`: a task file with ``encoder``, ``prompts`` or ``alpha`` at its top, or with ``train.offset``.
- `refuse_former_run`: the ``config.json`` of a run whose configuration had no groups.
- `take_off`: the reward that pays what another one pays less a constant.
"""

import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from vlmrm.errors import SpecError
from vlmrm.rewards.spec import RewardSpec
from vlmrm.rewards.transforms.scaling import ScalingOptions

_MOVED = ("encoder", "alpha", "prompts")
_NO_EQUAL = {
    "threshold": "its rewards are 0 and 1, made after scaling",
    "difference": "a difference of two scores has no constant part",
    "shaping": "gamma times a score less the one before has its constant part from the scores",
    "milestones": "they are paid by their own shares, not by a score",
}


def refuse_former_task(values: Mapping[str, Any]) -> None:
    """Refuse the values of a task file of the former form.

    Args:
        values: Contents of the file.

    Raises:
        SpecError: It is of that form; the message has the [reward] table to write instead, with the values given.
    """
    moved = [key for key in _MOVED if key in values]
    offsets = {
        f"{name}.offset": float(table["offset"])
        for name in ("train", "small")
        if isinstance(table := values.get(name), Mapping) and _is_number(table.get("offset"))
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
            table["scaling"] = take_off(RewardSpec.from_dict(reward), offset).to_dict()["scaling"]
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
    scaling = take_off(RewardSpec.from_dict(values["spec"]), offset).to_dict()["scaling"]
    raise SpecError(f"{said} one; its offset of {offset:g} is this table now:\n\n{_as_toml('reward.scaling', scaling)}")


def take_off(spec: RewardSpec, offset: float) -> RewardSpec:
    """The reward that pays what another one pays less a constant, by its scaling.

    Args:
        spec: Reward to change.
        offset: Constant that is taken off each reward, after everything else.

    Raises:
        SpecError: No scaling does that, since something else comes after it.

    Example:
        >>> spec = RewardSpec.from_dict({"encoder": "sim-s", "prompts": {"goal": "a"}, "scaling": {"divide": 0.5}})
        >>> take_off(spec, 0.6).to_dict()["scaling"]["subtract"]
        0.3
    """
    said = spec.to_dict()
    words = [said.get("head"), (said.get("over_time") or {}).get("kind")]
    words += [] if said.get("threshold") is None else ["threshold"]
    for word, reason in _NO_EQUAL.items():
        if word in words:
            raise SpecError(
                f"an offset of {offset:g} cannot be had beside {word}: {reason}, so that no scaling is equal to it. "
                "Leave one of them out."
            )
    return replace(spec, scaling=(spec.scaling or ScalingOptions()).less(offset))


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _as_toml(name: str, table: Mapping[str, Any]) -> str:
    """A table of TOML; sentences and numbers are written as in JSON."""
    tables = {key: value for key, value in table.items() if isinstance(value, Mapping)}
    lines = [f"{key} = {json.dumps(value, ensure_ascii=False)}" for key, value in table.items() if key not in tables]
    blocks = ["\n".join([f"[{name}]", *lines])] if lines or not tables else []
    return "\n\n".join([*blocks, *(_as_toml(f"{name}.{key}", value) for key, value in tables.items())])

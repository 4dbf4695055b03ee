"""Specs of a form that has changed: refused, with what to write instead.

- `refuse_former_spec`: a spec with sentences outside ``prompts``, ``milestones`` as its head or ``offset``.
- `scaling_less`: the scaling that takes a constant off, as an offset did.
"""

import json
from collections.abc import Mapping
from typing import Any

from vlmrm.errors import SpecError
from vlmrm.rewards.transforms.scaling import ScalingOptions
from vlmrm.tables import join, read_table, write_table
from vlmrm.values import require_number

_NO_EQUAL = {
    "threshold": "its rewards are 0 and 1, made after scaling",
    "difference": "a difference of two scores has no constant part",
    "shaping": "gamma times a score less the one before has its constant part from the scores",
    "milestones": "they are paid by their own shares, not by a score",
}


def refuse_former_spec(values: Any, where: str) -> None:
    """Refuse a table of a former form, and spell out today's.

    Args:
        values: The table.
        where: Path of the table, for messages.

    Raises:
        SpecError: If it is of such a form.
    """
    if not isinstance(values, Mapping):
        return
    for key in ("goal", "baseline", "negatives"):
        if key in values:
            raise SpecError(
                f"{join(where, key)} belongs in the table prompts of a reward spec: prompts = {{ {key} = ... }}."
            )
    if values.get("head") == "milestones":
        options = {"kind": "milestones", **(values.get("options") or {})}
        options |= {"threshold": values["threshold"]} if values.get("threshold") is not None else {}
        raise SpecError(
            f"milestones are a kind of over_time now, and their threshold is one of its options. Write "
            f"{join(where, 'over_time')} = {_inline(options)} instead of head, options and threshold."
        )
    if "offset" in values:
        refused = f"{join(where, 'offset')} is not a word of a spec"
        try:
            require_number("offset", values["offset"])
            scaling = write_table(scaling_less(values, values["offset"]))
        except SpecError as error:
            raise SpecError(f"{refused}. {error}") from error
        raise SpecError(f"{refused}. Write {join(where, 'scaling')} = {_inline(scaling)}, which takes the same off.")


def scaling_less(said: Mapping[str, Any], offset: float) -> ScalingOptions:
    """The scaling of the reward that pays what another one pays less a constant.

    Args:
        said: Table of the other one; its head, scaling, threshold and over_time are looked at.
        offset: Constant that is taken off each reward, after everything else.

    Raises:
        SpecError: No scaling does that, since something else comes after it; or the scaling or the offset is none.

    Example:
        >>> scaling_less({"scaling": {"divide": 0.5}}, 0.6).subtract
        0.3
    """
    scaling, over_time = (said.get(word) or {} for word in ("scaling", "over_time"))
    words = [said.get("head"), over_time.get("kind") if isinstance(over_time, Mapping) else over_time]
    words += [] if said.get("threshold") is None else ["threshold"]
    for word, reason in _NO_EQUAL.items():
        if word in words:
            raise SpecError(
                f"an offset of {offset} cannot be had beside {word}: {reason}, so that no scaling is equal to it. "
                "Leave one of them out."
            )
    return read_table(ScalingOptions, scaling, where="scaling").less(offset)


def _inline(table: Mapping[str, Any]) -> str:
    """A table of TOML in one line; sentences and numbers are written as in JSON."""
    return f"{{ {', '.join(f'{key} = {json.dumps(value, ensure_ascii=False)}' for key, value in table.items())} }}"

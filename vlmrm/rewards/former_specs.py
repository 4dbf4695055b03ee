"""Specs of a form that has changed: refused, with what to write instead."""

from collections.abc import Mapping
from typing import Any

from vlmrm.errors import SpecError
from vlmrm.tables import join


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
        options = {**(values.get("options") or {})}
        options |= {"threshold": values["threshold"]} if values.get("threshold") is not None else {}
        said = ", ".join(f"{key} = {value}" for key, value in {"kind": '"milestones"', **options}.items())
        raise SpecError(
            f"milestones are a kind of over_time now, and their threshold is one of its options. Write "
            f"{join(where, 'over_time')} = {{ {said} }} instead of head, options and threshold."
        )
    if "offset" in values:
        raise SpecError(
            f"{join(where, 'offset')} is not a word of a spec. Write {join(where, 'scaling')} = {{ subtract = "
            f"{values['offset']} }}; beside a divide, subtract is larger by divide times the offset."
        )

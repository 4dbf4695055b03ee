"""Options from the tables of a spec: unknown, missing and impossible ones are refused with the key's name."""

import math
from collections.abc import Collection, Mapping
from dataclasses import MISSING, fields
from typing import Any

from vlmrm.errors import SpecError, near_matches


def make_options(record: type[Any], name: str, given: Mapping[str, Any]) -> Any:
    """A record of options from a table.

    Args:
        record: Frozen dataclass, whose fields are the keys.
        name: Whose options they are, for messages.
        given: The table.

    Raises:
        SpecError: A key is unknown or missing, or the record refuses a value.
    """
    known = {field.name: field for field in fields(record)}
    for key in given:
        if not known:
            raise SpecError(f"{name} has no options; got {key!r}.")
        if key not in known:
            raise SpecError(f"{name} has no option {key!r}. Near: {near_matches(key, list(known))}.")
    for key, field in known.items():
        if field.default is MISSING and key not in given:
            raise SpecError(f"{name} needs {key!r}; its options are {', '.join(known)}.")
    return record(**given)


def require_kind(name: str, key: str, given: Mapping[str, Any], kinds: Collection[str]) -> str:
    """Which of several records a table asks for.

    Args:
        name: Of the table, for messages.
        key: Whose value says which.
        given: The table.
        kinds: Those there are.

    Raises:
        SpecError: The key is missing, or there is no such kind.
    """
    if key not in given:
        raise SpecError(f"{name} needs a {key}: {', '.join(kinds)}. Got {dict(given)}.")
    if given[key] not in kinds:
        raise SpecError(f"unknown {key} {given[key]!r} in {name}. Near: {near_matches(str(given[key]), list(kinds))}.")
    return str(given[key])


def require_number(name: str, value: Any) -> None:
    """Refuse what is no finite number.

    Raises:
        SpecError: It is none.
    """
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise SpecError(f"{name} must be a number; got {value!r}.")


def require_above_0(name: str, value: Any) -> None:
    """Refuse what is no number above 0.

    Raises:
        SpecError: It is none.
    """
    require_number(name, value)
    if value <= 0:
        raise SpecError(f"{name} must be above 0; got {value!r}.")


def require_whole(name: str, value: Any) -> None:
    """Refuse what is no whole number of at least 1.

    Raises:
        SpecError: It is none.
    """
    if isinstance(value, bool) or not isinstance(value, int) or value < 1:
        raise SpecError(f"{name} must be a whole number of at least 1; got {value!r}.")

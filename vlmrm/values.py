"""Checks of single values of a record, each with the name of the value in its message."""

import math
from collections.abc import Collection, Mapping
from numbers import Integral, Real
from typing import Any

from vlmrm.errors import SpecError, near_matches

_LARGEST, _SMALLEST = 3.4e38, 1.2e-38  # of float32, with which rewards are computed


def is_number(value: Any) -> bool:
    """Whether a value is a finite number, which true is not, although Python takes it for 1.

    Numbers of other kinds, as NumPy's, are numbers too.

    Example:
        >>> from fractions import Fraction
        >>> [is_number(value) for value in (2, 0.5, Fraction(1, 2), True, "2", float("inf"))]
        [True, True, True, False, False, False]
    """
    value = plain_number(value)
    return isinstance(value, int | float) and not isinstance(value, bool) and abs(value) <= _LARGEST


def plain_number(value: Any) -> Any:
    """A number of another kind, as NumPy's, as Python's own, which files can hold; all else as it is.

    Example:
        >>> import numpy as np
        >>> plain_number(np.float32(0.5)), plain_number(np.int64(2)), plain_number("2")
        (0.5, 2, '2')
    """
    if type(value) in (int, float, bool) or not isinstance(value, Real):
        return value
    return int(value) if isinstance(value, Integral) else float(value)


def require_number(name: str, value: Any) -> None:
    """Refuse a value that is not a finite number, or is too large for rewards, which are computed in float32.

    Raises:
        SpecError: If `value` is not such a number.
    """
    if is_number(value):
        return
    number = plain_number(value)
    if isinstance(number, int | float) and abs(number) < math.inf and not isinstance(number, bool):
        raise SpecError(f"{name} must be a number from -{_LARGEST} to {_LARGEST}, which rewards are computed with.")
    raise SpecError(f"{name} must be a number; got {value!r}.")


def require_above_0(name: str, value: Any) -> None:
    """Refuse a value that is not a number above 0.

    Raises:
        SpecError: If `value` is not a finite number above 0.
    """
    require_number(name, value)
    if value < _SMALLEST:
        least = f", by at least {_SMALLEST}, or rewards would be infinite" if value > 0 else ""
        raise SpecError(f"{name} must be above 0{least}; got {value!r}.")


def require_finite_numbers(name: str, value: Any) -> None:
    """Refuse NaN, infinity and what is no plain value anywhere in what a JSON file will hold.

    Raises:
        SpecError: If there is one; the message has its path.
    """
    if isinstance(value, Mapping):
        for key, entry in value.items():
            require_finite_numbers(f"{name}.{key}" if name else str(key), entry)
    elif isinstance(value, list | tuple):
        for entry in value:
            require_finite_numbers(name, entry)
    elif isinstance(value, float) and not math.isfinite(value):
        raise SpecError(f"{name} must be a finite number, since it is kept as JSON; got {value!r}. 1e9 may do instead.")
    elif value is not None and not isinstance(value, str | int | float):
        raise SpecError(f"{name} is kept as JSON: numbers, texts, lists and tables; got {value!r}.")


def require_share(name: str, value: Any) -> None:
    """Refuse a value that is not a number from 0 to 1.

    Raises:
        SpecError: If `value` is not a number, or lies outside.
    """
    require_number(name, value)
    if not 0 <= value <= 1:
        raise SpecError(f"{name} must lie in 0 to 1; got {value!r}.")


def require_whole(name: str, value: Any, *, at_least: int = 1) -> None:
    """Refuse a value that is not a whole number, or too small.

    Raises:
        SpecError: If `value` is not a whole number of at least `at_least`.
    """
    if isinstance(value, bool) or not isinstance(value, int) or value < at_least:
        raise SpecError(f"{name} must be a whole number of at least {at_least}; got {value!r}.")


def require_choice(name: str, value: Any, known: Collection[str]) -> None:
    """Refuse a word that is not one of those known.

    Raises:
        SpecError: If `value` is not among them; the message has the nearest.
    """
    if value not in known:
        raise SpecError(f"unknown {name} {value!r}. Near: {near_matches(str(value), list(known))}.")


def read_names(values: Any, where: str) -> tuple[str, ...]:
    """One name or several as a tuple.

    Args:
        values: A text, or a list of texts.
        where: Path of the key, for messages.

    Raises:
        SpecError: If one is not a text.
    """
    names = (values,) if isinstance(values, str) else values
    if not isinstance(names, list | tuple) or not all(isinstance(name, str) for name in names):
        raise SpecError(f"{where} must be a name or a list of names; got {values!r}.")
    return tuple(names)

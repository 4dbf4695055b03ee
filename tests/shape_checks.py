"""Checks of annotations while tests run: shapes by jaxtyping where there are arrays, types by beartype everywhere.

jaxtyping's import hook wraps every function of the package so that sizes with one name are the same in all arguments
and results of a call. That takes most of a short function's time, to prepare for arrays, and most functions have none:
a step of an environment passes through a hundred of them. Those are wrapped by beartype alone, which checks the same
types.
"""

import functools
import inspect
import types
import typing
from collections.abc import Callable
from typing import Any

import jaxtyping
from beartype import beartype

_shape_checked = jaxtyping.jaxtyped


def spare_functions_without_arrays() -> None:
    """Make jaxtyping's hook leave what has no arrays to beartype; for modules that are imported from now on."""
    jaxtyping.jaxtyped = _checked


def _checked(fn: Any = None, *, typechecker: Any) -> Any:
    """As `jaxtyping.jaxtyped`."""
    if fn is None:
        return functools.partial(_checked, typechecker=typechecker)
    if not isinstance(fn, types.FunctionType):
        return _shape_checked(fn, typechecker=typechecker)
    hints = {name: _resolved(hint, fn.__globals__) for name, hint in fn.__annotations__.items()}
    if any(map(_has_arrays, hints.values())):
        return _shape_checked(fn, typechecker=typechecker)
    return _type_checked(fn, hints)


def _type_checked(fn: types.FunctionType, hints: dict[str, Any]) -> Callable[..., Any]:
    """The function, which beartype checks by these hints and everybody else reads as it was written."""
    copied = types.FunctionType(fn.__code__, fn.__globals__, fn.__name__, fn.__defaults__, fn.__closure__)
    copied.__kwdefaults__, copied.__annotations__, copied.__qualname__ = fn.__kwdefaults__, hints, fn.__qualname__
    copied.__module__ = fn.__module__
    return functools.wraps(fn)(beartype(copied))


def _resolved(hint: Any, names: dict[str, Any]) -> Any:
    """The hint with its names looked up; anything will do where one is not known at run time, as for jaxtyping."""

    def takes(value: Any) -> None: ...

    takes.__annotations__ = {"value": hint}
    try:
        return typing.get_type_hints(takes, names, include_extras=True)["value"]
    except Exception:  # whatever a name that is for type checkers alone leads to
        return Any


def _has_arrays(hint: Any) -> bool:
    if inspect.isclass(hint) and issubclass(hint, jaxtyping.AbstractArray):
        return True
    parts = typing.get_args(hint)
    return any(map(_has_arrays, (part for whole in parts for part in (whole if isinstance(whole, list) else [whole]))))

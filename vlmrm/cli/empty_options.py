"""An option that takes one value or several, given none: it would be read as if it had not been given."""

from collections.abc import Iterator, Sequence
from dataclasses import fields, is_dataclass
from typing import Annotated, Any, get_args, get_origin, get_type_hints

from vlmrm.errors import SpecError


def refuse_empty_options(command: type[Any], given: Sequence[str]) -> None:
    """Refuse an option of a command that is followed by none of the values that it takes.

    Args:
        command: Dataclass of the command's options, with those of its own commands within.
        given: The arguments.

    Raises:
        SpecError: There is one; the message has its name.

    Example:
        >>> from vlmrm.cli.audit_arguments import Audit
        >>> refuse_empty_options(Audit, ["audit", "cartpole/upright", "--probes", "--seed", "3"])
        Traceback (most recent call last):
        vlmrm.errors.SpecError: --probes is followed by no value. Name at least one, or leave the option out.
    """
    several = set(_of_several(command))
    for option, after in zip(given, [*given[1:], "--"], strict=True):
        name = option.removeprefix("--").rpartition(".")[2].replace("-", "_")
        if option.startswith("--") and after.startswith("--") and name in several:
            raise SpecError(f"{option} is followed by no value. Name at least one, or leave the option out.")


def _of_several(record: type[Any]) -> Iterator[str]:
    """Names of fields that take any number of values, and hold none where they are left out."""
    hints = get_type_hints(record)
    for field in fields(record):
        for kind in _kinds(hints[field.name]):
            if get_origin(kind) is tuple and field.default == ():
                yield field.name
            elif isinstance(kind, type) and is_dataclass(kind):
                yield from _of_several(kind)


def _kinds(hint: Any) -> Iterator[Any]:
    """The types that a field may have."""
    if get_origin(hint) is Annotated:
        yield from _kinds(get_args(hint)[0])
    elif get_origin(hint) is tuple or not get_args(hint):
        yield hint
    else:
        for option in get_args(hint):
            yield from _kinds(option)

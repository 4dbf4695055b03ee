"""Tables become records, in one way for specs, tasks, prompts, cameras and configurations.

- `read_table`: a record from a table; unknown, missing and impossible values are refused with the key's full path. A
  number is finite, and true is not one.
- `read_fields`: the same for the fields of a record that is made in Python.
- `read_kind`: the same where one key of the table says which record it is.
- `write_table`: the table of a record again.
"""

import types
from collections.abc import Mapping, Sequence
from dataclasses import MISSING, Field, fields, is_dataclass
from functools import cache
from numbers import Real
from typing import TYPE_CHECKING, Annotated, Any, TypeVar, Union, get_args, get_origin, get_type_hints

from vlmrm.errors import SpecError, VlmrmError, near_matches
from vlmrm.values import plain_number, require_number

Record = TypeVar("Record")
_UNKNOWN = "unknown key "
_LISTS = ((list, tuple), "a list")
_KINDS: Mapping[Any, tuple[tuple[type, ...], str]] = {
    str: ((str,), "a text"),
    bool: ((bool,), "true or false"),
    int: ((int,), "a whole number"),
    float: ((Real,), "a number"),
    Mapping: ((Mapping,), "a table"),
    Sequence: _LISTS,
    list: _LISTS,
    tuple: _LISTS,
    type(None): ((), "left out"),
}
"""What a value of a field may be in a file, by the kind in the field's type, and how to say so."""

if TYPE_CHECKING:
    OrTable = Annotated[Record, "or its table"]
    OrNone = Annotated[Record, "or None, where it is left out"]
else:

    class OrTable:
        """Type of a field that holds a record, and may be given its table: checkers of types see the record."""

        def __class_getitem__(cls, record: Any) -> Any:
            """Return what the field may be given."""
            return record | Mapping[str, Any]

    class OrNone:
        """Type of a field that is filled in where None is given: checkers of types see what it is then."""

        def __class_getitem__(cls, value: Any) -> Any:
            """Return what the field may be given."""
            return value | None


def read_table(record: type[Record], values: Any, *, where: str = "", error: type[VlmrmError] = SpecError) -> Record:
    """A record from a table, whose tables become the records that its fields ask for.

    Args:
        record: Frozen dataclass; its fields are the keys. A field whose type is a dataclass (or that or None) takes a
            table; one with ``read`` in its metadata is read by that function of the value and its path, unless the
            value is a record already. ``example`` in it is what a message shows where the key is missing.
        values: The table, or the record, which is returned as it is.
        where: Path of the table, for messages; empty for the whole of a file.
        error: Class of the error.

    Raises:
        VlmrmError: The values are not a table, a key is unknown or missing, or the record refuses a value. Of the class
            `error`, or of whatever class the record raises.

    Example:
        >>> from vlmrm.rendering import Camera
        >>> read_table(Camera, {"track": "torso", "distance_m": 3.0}, where="camera").track
        'torso'
        >>> read_table(Camera, {"distance": 3.0}, where="camera")
        Traceback (most recent call last):
        vlmrm.errors.SpecError: unknown key camera.distance. Near: distance_m.
    """
    if isinstance(values, record):
        return values
    if not isinstance(values, Mapping):
        raise error(f"{where or 'this'} must be a table of keys and values; got {values!r}.")
    known = {field.name: field for field in fields(record) if field.init}  # type: ignore[arg-type]
    for key in values:
        if key not in known:
            _refuse_unknown(str(key), list(known), where, error)
    for key, field in known.items():
        if field.default is MISSING and field.default_factory is MISSING and key not in values:
            said = f"{join(where, key)} is missing; the keys of {where or 'this table'} are {', '.join(known)}."
            example = field.metadata.get("example")
            raise error(said if example is None else f"{said} Add it, as in: {example}.")
    given = {key: _read_field(record, known[key], value, join(where, key), error) for key, value in values.items()}
    try:
        return record(**given)
    except VlmrmError as refused:
        raise type(refused)(_with_path(str(refused), where, list(known))) from refused


def read_kind(
    kinds: Mapping[str, type[Any]], values: Any, *, key: str, where: str, error: type[VlmrmError] = SpecError
) -> Any:
    """A record from a table that says itself which record it is.

    Args:
        kinds: Records by the value of `key`.
        values: The table.
        key: Key of the table whose value says which.
        where: Path of the table, for messages.
        error: Class of the error.

    Raises:
        VlmrmError: The key is missing, there is no such kind, or as in `read_table`.
    """
    if not isinstance(values, Mapping):
        raise error(f"{where} must be a table of keys and values; got {values!r}.")
    if key not in values:
        raise error(f"{join(where, key)} is missing: one of {', '.join(kinds)}. Got {dict(values)}.")
    named = values[key]
    if named not in list(kinds):  # a list or table as the name cannot be looked up
        raise error(f"unknown {join(where, key)} {named!r}. Near: {near_matches(str(named), list(kinds))}.")
    rest = {name: value for name, value in values.items() if name != key}
    return read_table(kinds[named], rest, where=where, error=error)


def read_fields(record: Any) -> None:
    """Put records in the place of the tables that a frozen record was given, as `read_table` does.

    For its ``__post_init__``: a table is then as good as the record, wherever one is made.

    Raises:
        VlmrmError: As `read_table` does.
    """
    for field in fields(record):
        value = _read_field(type(record), field, getattr(record, field.name), field.name, SpecError)
        object.__setattr__(record, field.name, value)


def write_table(record: Any) -> dict[str, Any]:
    """The table of a record as plain values, for JSON and TOML; what has its default is left out.

    Example:
        >>> from vlmrm.rendering import Camera
        >>> write_table(Camera(track="torso", distance_m=3.0))
        {'track': 'torso', 'distance_m': 3.0}
    """
    said: dict[str, Any] = {}
    for field in fields(record):
        value = getattr(record, field.name)
        if field.init and not _is_default(field, value):
            written = field.metadata.get("write", plain)(value)
            said |= {} if written == {} else {field.name: written}
    return said


def plain(value: Any) -> Any:
    """A value as JSON holds it: records are tables, tuples are lists, and numbers are Python's own."""
    if is_dataclass(value) and not isinstance(value, type):
        return write_table(value)
    if isinstance(value, Mapping):
        return {key: plain(entry) for key, entry in value.items()}
    if isinstance(value, list | tuple):
        return [plain(entry) for entry in value]
    return plain_number(value)


def join(where: str, key: str) -> str:
    """The path of a key in a table.

    Example:
        >>> join("reward.over_time", "gamma")
        'reward.over_time.gamma'
    """
    return f"{where}.{key}" if where else key


def _read_field(record: type[Any], field: Field[Any], value: Any, path: str, error: type[VlmrmError]) -> Any:
    reader = field.metadata.get("read")
    table: type[Any] | None = _table_type(record, field.name)  # type: ignore[arg-type]  # classes can be hashed
    hint: Any = _hint(record, field.name)  # type: ignore[arg-type]
    if table is not None and (isinstance(value, table) or (value is None and type(None) in _options(hint))):
        return value
    if reader is not None:
        return reader(value, path)
    if table is not None:
        return read_table(table, value, where=path, error=error)
    _require_kind(hint, value, path)
    return plain_number(value)


@cache
def _hint(record: type[Any], name: str) -> Any:
    return get_type_hints(record)[name]


@cache
def _table_type(record: type[Any], name: str) -> type[Any] | None:
    """The dataclass that a field holds, alone or beside None."""
    options = _options(_hint(record, name))  # type: ignore[arg-type]
    return next((option for option in options if isinstance(option, type) and is_dataclass(option)), None)


def _options(hint: Any) -> Sequence[Any]:
    """The types that a value may have."""
    return get_args(hint) if get_origin(hint) in (Union, types.UnionType) else (hint,)


def _require_kind(hint: Any, value: Any, path: str) -> None:
    """Refuse a value, or an entry of a list or table, of another kind than a field takes; numbers are finite."""
    options = _options(hint)
    kinds = {get_origin(option) or option for option in options}
    if not kinds <= _KINDS.keys() or (value is None and type(None) in kinds):
        return
    if {int, float} & kinds and kinds <= {int, float, type(None)}:
        require_number(path, value)
    if not isinstance(value, tuple(known for kind in kinds for known in _KINDS[kind][0])):
        said = " or ".join(sorted({_KINDS[kind][1] for kind in kinds}))
        raise SpecError(f"{path} must be {said}; got {value!r}.")
    for kind in map(get_args, options):
        if isinstance(value, list | tuple) and kind:
            for index, entry in enumerate(value):
                _require_kind(kind[0], entry, f"{path}[{index}]")
        elif isinstance(value, Mapping) and len(kind) == 2:
            for key, entry in value.items():
                _require_kind(kind[1], entry, join(path, key))


def _is_default(field: Field[Any], value: Any) -> bool:
    default = field.default_factory() if field.default_factory is not MISSING else field.default
    return default is not MISSING and bool(value == default)


def _refuse_unknown(key: str, known: list[str], where: str, error: type[VlmrmError]) -> None:
    if not known:
        raise error(f"{where} has no options; got {key!r}.")
    raise error(f"{_UNKNOWN}{join(where, key)}. Near: {near_matches(key, known)}.")


def _with_path(message: str, where: str, known: list[str]) -> str:
    """The message of a record, with the path of the table in front of the key that it begins with."""
    said = message.removeprefix(_UNKNOWN).removeprefix("unknown ")
    if not where or said.startswith(where):
        return message
    begins = said.split(" ", 1)[0].split(".", 1)[0].strip("'\"")
    lead = message.removesuffix(said)
    return f"{lead}{where}.{said}" if begins in known else f"{where}: {message}"

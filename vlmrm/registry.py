"""`Registry`: what a name in a spec may stand for, entries of other packages included."""

from collections.abc import Callable, Iterator, Mapping
from functools import cache
from importlib import import_module
from importlib.metadata import EntryPoint, entry_points
from operator import attrgetter
from typing import Any, Generic, TypeVar

from vlmrm.errors import SpecError, near_matches

Entry = TypeVar("Entry")


class Registry(Mapping[str, Entry], Generic[Entry]):
    """Records, or other entries, by the names that a spec may give, each loaded when it is first named.

    Other packages add theirs through an entry-point group: ``name = "module:Entry"``.

    Args:
        what: What the names are names of, for messages.
        group: Entry-point group of other packages.
        rows: ``module:Entry`` by name.
        check: Told the name and the entry of another package's; raises SpecError where it cannot be used. None: any
            entry will do.

    Example:
        >>> heads = Registry("head", "vlmrm.heads", {"softmax": "vlmrm.rewards.heads.softmax:SoftmaxOptions"})
        >>> heads["softmax"].__name__
        'SoftmaxOptions'
    """

    def __init__(
        self, what: str, group: str, rows: Mapping[str, str], *, check: Callable[[str, object], None] | None = None
    ) -> None:
        self._what, self._group, self._rows, self._check = what, group, rows, check

    def __getitem__(self, name: str) -> Entry:
        """The entry of this name.

        Raises:
            KeyError: There is none.
            SpecError: Two packages offer one of this name, or the one that is named cannot be loaded.
        """
        offered = [point for point in _entry_points(self._group) if point.name == name]
        if len(offered) + (name in self._rows) > 1:
            ours = [self._rows[name]] if name in self._rows else []
            places = [*ours, *sorted(point.value for point in offered)]
            raise SpecError(f"{self._what} {name!r} is offered by more than one package: {', '.join(places)}.")
        if name in self._rows:
            module, _, attribute = self._rows[name].partition(":")
            return attrgetter(attribute)(import_module(module))  # type: ignore[no-any-return]
        if not offered:
            raise KeyError(name)
        try:
            entry = offered[0].load()
        except (ImportError, AttributeError) as error:
            raise SpecError(f"{self._what} {name!r} of {offered[0].value!r} cannot be loaded: {error}") from error
        if self._check is not None:
            self._check(name, entry)
        return entry  # type: ignore[no-any-return]

    def __iter__(self) -> Iterator[str]:
        return iter(dict.fromkeys([*self._rows, *(point.name for point in _entry_points(self._group))]))

    def __len__(self) -> int:
        return len(list(iter(self)))

    def __contains__(self, name: object) -> bool:
        return name in list(iter(self))

    def named(self, name: Any) -> Entry:
        """The entry of this name.

        Raises:
            SpecError: There is none; the message has the nearest.
        """
        if not isinstance(name, str) or name not in self:
            raise SpecError(f"unknown {self._what} {name!r}. Near: {near_matches(str(name), list(self))}.")
        return self[name]

    def name_of(self, record: type[Any]) -> str:
        """The name of a record's class.

        Raises:
            SpecError: No name stands for it.
        """
        points = _entry_points(self._group)
        place = f"{record.__module__}:{record.__qualname__}"
        for name, said in [*self._rows.items(), *((point.name, point.value) for point in points)]:
            if said == place:
                return name
        for point in points:  # its package may name it by another module, which re-exports it
            if self[point.name] is record:
                return point.name
        raise SpecError(f"{record.__qualname__} is not registered as a {self._what}; see the group {self._group}.")


@cache
def _entry_points(group: str) -> tuple[EntryPoint, ...]:
    return tuple(entry_points(group=group))

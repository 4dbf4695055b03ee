"""Whole sentences about scenes, written by hand: how people word a state who have not read the grammar.

They stand in ``scenes/sayings``, a TOML file for each scene and one for all rods::

    things = ["mast", "stick"]               # more nouns for what moves
    places = ["trolley"]                     # and for what it is on or fixed to
    plain = ["a {t} and its {p}"]            # say nothing of the state
    [concepts]
    "stands upright" = ["a {t} at twelve o'clock", "upright, without any lean"]

A concept is known by its first phrase. ``{t}`` and ``{p}`` are the thing and the place; a sentence may name neither.
"""

import tomllib
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

from vlmrm.errors import SpecError, near_matches

FOLDER = Path(__file__).parent / "scenes" / "sayings"
"""Where the files of this package are."""


@dataclass(frozen=True, kw_only=True)
class Sayings:
    """What the files of a scene hold."""

    things: tuple[str, ...] = ()
    """More nouns for what moves."""
    places: tuple[str, ...] = ()
    """More nouns for what it stands on or is fixed to."""
    plain: tuple[str, ...] = ()
    """Sentences that say nothing of the state."""
    concepts: dict[str, tuple[str, ...]] = field(default_factory=dict)
    """Sentences by the first phrase of the concept that they express."""


@cache
def load_sayings(files: tuple[Path, ...]) -> Sayings:
    """Read the sentences of a scene from its files, one after the other.

    Raises:
        SpecError: A file has another key.

    Example:
        >>> said = load_sayings((FOLDER / "rods.toml", FOLDER / "pendulum.toml"))
        >>> len(said.concepts["stands upright"]) > 100
        True
    """
    parts: dict[str, list[str]] = {"things": [], "places": [], "plain": []}
    concepts: dict[str, list[str]] = {}
    for file in files:
        table = tomllib.loads(file.read_text(encoding="utf-8"))
        for key, sentences in table.pop("concepts", {}).items():
            concepts.setdefault(key, []).extend(sentences)
        for key, values in table.items():
            if key not in parts:
                known = [*parts, "concepts"]
                raise SpecError(f"{file}: there is no key {key!r}. Near: {near_matches(key, known)}.")
            parts[key].extend(values)
    return Sayings(
        **{key: _once(values) for key, values in parts.items()},
        concepts={key: _once(sentences) for key, sentences in concepts.items()},
    )


def _once(values: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(values))

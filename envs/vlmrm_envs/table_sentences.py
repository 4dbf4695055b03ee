"""Sentences about tables, whole and in part, with the tables that each is true of; what `tab-xs` and `tab-m` learn.

>>> import numpy as np
>>> from vlmrm_envs.table_top import random_tables
>>> tables = random_tables(3, seed=0)
>>> sentence = table_sentence(tables[0], np.random.default_rng(1))
>>> sentence.holds(tables)
array([ True, False, False])
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
from jaxtyping import Bool, Int

from vlmrm_envs.table_top import CLOTHS, COLOURS, SHAPES, SIZES, THINGS, Facts, Table, caption, thing_phrase

_UNSAID = -1
_WHOLE = (
    "{0}, {1} and {2} on a {cloth} cloth", "on a {cloth} cloth: {0}, {1} and {2}", "{0}, {1}, {2}, {cloth} cloth",
    "a {cloth} cloth with {0}, {1} and {2} on it", "from left to right, {0}, {1} and {2} on a {cloth} cloth",
    "{0} on the left, {1} in the middle and {2} on the right of a {cloth} cloth",
)  # fmt: skip
_THREE = ("{0}, {1} and {2}", "from left to right, {0}, {1} and {2}", "a picture of {0}, {1} and {2}")
_TWO = ("{0} and {1}", "{0} left of {1}", "a picture of {0} and {1}")
_ONE = ("{0}", "there is {0}", "{0} on a table", "a picture of {0}")
FORMS = (*_WHOLE, *_THREE, *_TWO, *_ONE)
"""Forms of the sentences: things by number from left to right, and the colour of the cloth."""


@dataclass(frozen=True, eq=False)
class TableSentence:
    """A sentence, and what it says."""

    text: str
    """The sentence."""
    said: Int[np.ndarray, "a 10"]
    """Facts of the tables that it is true of, -1 where it leaves them open; it holds where one of the rows fits."""

    def holds(self, tables: Facts) -> Bool[np.ndarray, " n"]:
        """Return of which tables it is true."""
        fits = (self.said[:, None] == _UNSAID) | (self.said[:, None] == tables)
        true: Bool[np.ndarray, " n"] = fits.all(axis=2).any(axis=0)
        return true


def whole_sentence(table: Table) -> TableSentence:
    """Return the caption of a table."""
    return TableSentence(caption(table), table[None])


def table_sentence(table: Table, rng: np.random.Generator) -> TableSentence:
    """Return a sentence that is true of a table: all of it in some wording, or a part.

    Args:
        table: The table.
        rng: Decides which sentence.
    """
    chance = rng.random()
    if chance < 0.4:
        return whole_sentence(table)
    size = bool(rng.random() < 0.8)
    phrases = [thing_phrase(table, place, size=size) for place in range(THINGS)]
    if chance < 0.7:
        text = _one_of(_WHOLE, rng).format(*phrases, cloth=list(CLOTHS)[table[-1]])
        return TableSentence(text, _facts(table, range(THINGS), size=size, cloth=True))
    count = 3 if chance < 0.82 else 2 if chance < 0.92 else 1
    shown = sorted(rng.permutation(THINGS)[:count].tolist())
    text = _one_of({1: _ONE, 2: _TWO, 3: _THREE}[count], rng).format(*(phrases[place] for place in shown))
    places = combinations(range(THINGS), count)
    rows = [_facts(_moved(table, shown, to), to, size=size, cloth=False) for to in places]
    return TableSentence(text, np.concatenate(rows))


def _one_of(forms: Sequence[str], rng: np.random.Generator) -> str:
    return forms[int(rng.integers(len(forms)))]


def _moved(table: Table, shown: Sequence[int], to: Sequence[int]) -> Table:
    """The facts of some things in other places."""
    moved = table.copy()
    for one, other in zip(shown, to, strict=True):
        moved[3 * other : 3 * other + 3] = table[3 * one : 3 * one + 3]
    return moved


def _facts(table: Table, places: Sequence[int], *, size: bool, cloth: bool) -> Int[np.ndarray, "1 10"]:
    said = np.full(len(table), _UNSAID)
    for place in places:
        said[3 * place : 3 * place + 3] = table[3 * place : 3 * place + 3]
        if not size:
            said[3 * place] = _UNSAID
    if cloth:
        said[-1] = table[-1]
    return said[None]


def table_words() -> set[str]:
    """Return every word of the sentences."""
    plain = [word.strip(",:") for word in " ".join(FORMS).split() if "{" not in word]
    return {*plain, "a", "an", *SIZES, *COLOURS, *SHAPES, *CLOTHS}

"""An exact judge of captions of the table top: which facts they state, which of them are right, what is not there.

>>> from vlmrm_envs.table_top import caption, random_tables
>>> table = random_tables(2, seed=0)[0]
>>> caption(table)
'a big purple triangle, a big purple star and a big white triangle on a turquoise cloth'
>>> judged = judge_caption("a big purple triangle and a small red star", table)
>>> judged.right, judged.wrong, judged.false_objects, judged.in_grammar
(4, 2, 1, True)
"""

import csv
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import chain, combinations, repeat
from pathlib import Path

import numpy as np

from vlmrm.data.caption_judge import JudgedCaption, Mark
from vlmrm.errors import FrameError
from vlmrm_envs.table_sentences import FORMS
from vlmrm_envs.table_top import CLOTHS, COLOURS, SHAPES, SIZES, THINGS, Facts, Table

_WORDS = (tuple(SIZES), tuple(COLOURS), tuple(SHAPES))
_SIZE, _COLOUR, _SHAPE, _CLOTH = ("|".join(words) for words in (*_WORDS, CLOTHS))
_THING = re.compile(rf"(?:\b({_SIZE})\s+)?(?:\b({_COLOUR})\s+)?\b({_SHAPE})\b", re.IGNORECASE | re.ASCII)
_SPREAD = re.compile(rf"\b({_CLOTH})\s+cloth\b", re.IGNORECASE | re.ASCII)
_PHRASE = rf"(?:an (?=[aeiou])|a (?![aeiou]))(?:(?:{_SIZE}) )?(?:{_COLOUR}) (?:{_SHAPE})"
_SENTENCE = re.compile("|".join(form.format(*[_PHRASE] * THINGS, cloth=f"(?:{_CLOTH})") for form in FORMS))


@dataclass(frozen=True)
class SaidWord:
    """A word of a caption that states a fact."""

    start: int
    """Place of its first letter in the caption."""
    end: int
    """Place behind its last letter."""
    kind: int
    """Which fact of a thing it states: 0 its size, 1 its colour, 2 its shape. Of a cloth: 0, its colour."""
    value: int
    """Index of the word among the sizes, colours, shapes or cloths."""


@dataclass(frozen=True)
class SaidTable:
    """What a caption says of a table."""

    things: tuple[tuple[SaidWord, ...], ...]
    """What is said of each thing that is named, from left to right."""
    cloths: tuple[SaidWord, ...]
    """Colours of the cloth that are named; a sentence names at most one."""


class TableJudge:
    """Judges captions of tables; a `vlmrm.data.caption_judge.CaptionJudge`.

    Args:
        tables: What lies on the table of each picture.
    """

    facts = len(_WORDS) * THINGS + 1
    """Number of facts of each picture."""

    def __init__(self, tables: Facts) -> None:
        self._tables = tables

    @classmethod
    def read(cls, path: Path, names: Sequence[str]) -> "TableJudge":
        """Return the judge of pictures whose whole captions a table holds.

        Args:
            path: CSV file with the columns ``frame`` and ``caption``, of which the captions that say all count.
            names: Pictures, by the last part of their names, in the order of the judge's places.

        Raises:
            FrameError: The file cannot be read, or a picture has no caption that says all of its table.
        """
        try:
            with path.open(newline="", encoding="utf-8") as file:
                rows = [(row["frame"], row["caption"]) for row in csv.DictReader(file)]
        except (OSError, UnicodeDecodeError, KeyError, csv.Error) as error:
            raise FrameError(f"{path} is no table with the columns frame and caption: {error}.") from error
        known = {Path(name).name: table for name, text in rows if (table := table_of(text)) is not None}
        missing = [name for name in names if Path(name).name not in known]
        if missing:
            raise FrameError(f"{path} has no caption that says all of {missing[0]}, and of {len(missing) - 1} others.")
        return cls(np.stack([known[Path(name).name] for name in names]))

    def judge(self, place: int, caption: str) -> JudgedCaption:
        """Return what a caption of one of the tables says rightly and wrongly.

        Args:
            place: Which table, from 0.
            caption: The caption.

        Raises:
            FrameError: There is no such table.
        """
        if not 0 <= place < len(self._tables):
            raise FrameError(f"there are {len(self._tables)} tables, counted from 0; got the place {place}.")
        return judge_caption(caption, self._tables[place])


def judge_caption(text: str, table: Table) -> JudgedCaption:
    """Return what a caption of a table says rightly and wrongly, whether or not it is a sentence.

    The first three things that are named are the left, the middle and the right one. Fewer may be any of them in this
    order: those of which most of what is said is right. Whatever is said of further things and cloths is wrong. A named
    thing is there if a thing of the table has all that is said of it; they are paired wherever they lie, each at most
    once.

    Args:
        text: The caption.
        table: What is true.
    """
    said = read(text)
    ways = combinations(range(THINGS), min(len(said.things), THINGS))
    things = max(
        (_marks(said.things, places, table) for places in ways), key=lambda marks: sum(mark.right for mark in marks)
    )
    marks = sorted(things + _marks([(word,) for word in said.cloths], (THINGS,), table))
    return JudgedCaption(
        right=sum(mark.right for mark in marks),
        said=len(marks),
        false_objects=len(said.things) - _there(said.things, table),
        in_grammar=parse(text) is not None,
        marks=tuple(marks),
    )


def parse(text: str) -> SaidTable | None:
    """Return what a sentence says of a table; None where the text is not a sentence of `table_sentences`."""
    return read(text) if _SENTENCE.fullmatch(text) else None


def table_of(text: str) -> Table | None:
    """Return the table of a sentence that says all of it; None where it leaves something open.

    Example:
        >>> table_of("a big red star, a small blue cross and a big red circle on a gray cloth").tolist()
        [1, 0, 3, 0, 2, 4, 1, 0, 0, 0]
    """
    said = parse(text)
    words = [] if said is None else [word.value for word in chain(*said.things, said.cloths)]
    return np.array(words) if len(words) == TableJudge.facts else None


def read(text: str) -> SaidTable:
    """Return what can be made out in any text: each shape with the size and colour before it, and colours of cloths."""
    things = tuple(tuple(_words(found, _WORDS)) for found in _THING.finditer(text))
    cloths = tuple(word for found in _SPREAD.finditer(text) for word in _words(found, [tuple(CLOTHS)]))
    return SaidTable(things, cloths)


def _words(found: re.Match[str], names: Sequence[tuple[str, ...]]) -> Iterator[SaidWord]:
    for kind, among in enumerate(names):
        start, end = found.span(kind + 1)
        if start >= 0:
            yield SaidWord(start, end, kind, among.index(found.string[start:end].lower()))


def _marks(things: Sequence[Sequence[SaidWord]], places: Sequence[int], table: Table) -> list[Mark]:
    """Which words are right of the thing at its place; those of things beyond the places are wrong."""
    pairs = zip(things, chain(places, repeat(None)), strict=False)
    return [
        Mark(word.start, word.end, place is not None and _holds(word, place, table))
        for thing, place in pairs
        for word in thing
    ]


def _holds(word: SaidWord, place: int, table: Table) -> bool:
    return bool(table[len(_WORDS) * place + word.kind] == word.value)  # the cloth comes after the last thing


def _there(things: Sequence[tuple[SaidWord, ...]], table: Table) -> int:
    """The most named things that can be paired with things of the table, wherever those lie."""
    paired = {0}  # sets of things of the table, as bits
    for thing in things:
        places = [place for place in range(THINGS) if all(_holds(word, place, table) for word in thing)]
        paired |= {taken | 1 << place for taken in paired for place in places}
    return max(taken.bit_count() for taken in paired)

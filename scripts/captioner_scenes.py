"""What captioners are trained on: pictures with sentences about them, and how many of their own captions are right."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from vlmrm_envs.table_sentences import table_sentence, table_words
from vlmrm_envs.table_top import Facts, caption, draw_tables, random_tables, thing_phrase

from vlmrm.rlcf.captions import PrefixCaptioner
from vlmrm.types import Frames

_AT_ONCE = 500  # pictures drawn together
_WHERE = ("on the left", "in the middle", "on the right")


class Told(Protocol):
    """Sentences about pictures."""

    def sentence(self, place: int, rng: np.random.Generator) -> str:
        """Return a sentence that is true of the picture at a place."""


@dataclass(frozen=True, eq=False)
class Shown:
    """Pictures, as they are drawn, and what is said of them."""

    frames: Iterator[Frames]
    """Batches of pictures, in order."""
    told: Told
    """Sentences about each."""


class Scenes(Protocol):
    """Something that can be drawn and spoken of."""

    description: str
    """What a captioner of it is."""

    def draw(self, count: int, seed: int) -> Shown:
        """Return pictures with sentences."""

    def any_sentence(self, rng: np.random.Generator) -> str:
        """Return a sentence about no picture in particular."""

    def every_word(self) -> list[str]:
        """Return sentences or words that together hold all words."""

    def measure(self, captioner: PrefixCaptioner, seed: int) -> dict[str, float]:
        """Return how a captioner does on pictures of another seed."""


@dataclass(frozen=True, eq=False)
class TableCaptions:
    """The sentences of some tables."""

    tables: Facts
    """The tables."""
    whole: bool
    """Whether all of a table is said; else one thing of it, and where it lies."""

    def sentence(self, place: int, rng: np.random.Generator) -> str:
        """The caption, or a sentence about one thing."""
        table = self.tables[place]
        if self.whole:
            return caption(table)
        which = int(rng.integers(len(_WHERE)))
        return f"{_WHERE[which]}, there is {thing_phrase(table, which)}"


@dataclass(frozen=True)
class Tables:
    """The table top."""

    whole: bool = True
    """Whether captions say all of a table; else one thing, and where it lies."""

    @property
    def description(self) -> str:
        """What a captioner of it is."""
        what = "all that lies on it" if self.whole else "one thing of three"
        return f"A small captioner of drawn table tops, trained by vlmrm, that says {what}."

    def draw(self, count: int, seed: int) -> Shown:
        """Distinct tables."""
        tables = random_tables(count, seed=seed)
        parts = range(0, count, _AT_ONCE)
        frames = (draw_tables(tables[at : at + _AT_ONCE], seed=seed + at, size_px=64) for at in parts)
        return Shown(frames, TableCaptions(tables, self.whole))

    def any_sentence(self, rng: np.random.Generator) -> str:
        """About a table at random: whole captions, parts of them, and single things, one as often as the other."""
        table = random_tables(1, seed=int(rng.integers(2**31)))[0]
        kind = rng.random()
        if kind < 1 / 3:
            return thing_phrase(table, int(rng.integers(3)))
        return caption(table) if kind < 2 / 3 else table_sentence(table, rng).text

    def every_word(self) -> list[str]:
        """All words of all sentences about tables."""
        return sorted(table_words())

    def measure(self, captioner: PrefixCaptioner, seed: int) -> dict[str, float]:
        """Share of greedy captions that are the caption of their table, and of a table that is another's."""
        shown = self.draw(1_000, seed)
        said = [text for frames in shown.frames for text in captioner.caption(frames)]
        assert isinstance(shown.told, TableCaptions)
        tables = shown.told.tables
        right = [[text == caption(table) for text, table in zip(said, of, strict=True)] for of in
                 (tables, np.roll(tables, 1, axis=0))]  # fmt: skip
        return {"exact": float(np.mean(right[0])), "exact_of_another_picture": float(np.mean(right[1]))}

"""Answers that a method turned: which pictures became right or wrong, and which classes are taken for which."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from vlmrm.rlcf.results import MethodResult


@dataclass(frozen=True, kw_only=True)
class Turned:
    """A picture whose answer became right, or wrong."""

    place: int
    """Place of the picture among all, from 0."""
    label: int
    """Index of the right class."""
    before: int
    """Index of the class that was answered before."""
    before_chance: float
    """Probability of that answer."""
    after: int
    """Index of the class that is answered now."""
    after_chance: float
    """Probability of that answer."""


@dataclass(frozen=True, kw_only=True)
class Confusion:
    """How often pictures of one class are taken for another."""

    label: int
    """Index of the right class."""
    answer: int
    """Index of the class that is answered in its place."""
    before: int
    """Number of such answers before."""
    after: int
    """Number of such answers now."""


def turned(before: MethodResult, after: MethodResult, *, mended: bool) -> list[Turned]:
    """Return the pictures whose answers became right, or wrong; the surest of the new answers first.

    Args:
        before: What one method said.
        after: What the other one says of the same pictures.
        mended: Whether those that became right are asked for.
    """
    asked = ~before.right & after.right if mended else before.right & ~after.right
    found = [
        Turned(
            place=place,
            label=int(before.labels[place]),
            before=before.pictures[place].answer,
            before_chance=before.pictures[place].chance,
            after=after.pictures[place].answer,
            after_chance=after.pictures[place].chance,
        )
        for place in np.flatnonzero(asked).tolist()
    ]
    return sorted(found, key=lambda one: -one.after_chance)


def changed_confusions(before: MethodResult, after: MethodResult) -> Sequence[Confusion]:
    """Return the confusions that became rarer or more frequent, the greatest change first; single mistakes are none.

    Args:
        before: What one method said.
        after: What the other one says of the same pictures.
    """
    counts = [
        Counter((int(label), one.answer) for label, one in zip(found.labels, found.pictures, strict=True))
        for found in (before, after)
    ]
    first, second = counts
    found = [
        Confusion(label=label, answer=answer, before=first[label, answer], after=second[label, answer])
        for label, answer in sorted(first | second)
        if label != answer and max(first[label, answer], second[label, answer]) > 1
    ]
    moved = [one for one in found if one.before != one.after]
    return sorted(moved, key=lambda one: -abs(one.after - one.before))

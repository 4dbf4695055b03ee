"""Answers that a method turned: which queries became right or wrong, and which answers are taken for which."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from vlmrm.rlcf.results import MethodResult


@dataclass(frozen=True, kw_only=True)
class Turned:
    """A query whose answer became right, or wrong."""

    place: int
    """Place of the query among all, from 0."""
    label: int
    """Index of the right answer, of several the first."""
    before: int
    """Index of what was answered before."""
    before_chance: float
    """Probability of that answer."""
    after: int
    """Index of what is answered now."""
    after_chance: float
    """Probability of that answer."""


@dataclass(frozen=True, kw_only=True)
class Confusion:
    """How often another answer is given than the right one."""

    label: int
    """Index of the right answer, of several the first."""
    answer: int
    """Index of what is answered in its place."""
    before: int
    """Number of such answers before."""
    after: int
    """Number of such answers now."""


def turned(before: MethodResult, after: MethodResult, *, mended: bool) -> list[Turned]:
    """Return the queries whose answers became right, or wrong; the surest of the new answers first.

    Args:
        before: What one method said.
        after: What the other one says of the same queries.
        mended: Whether those that became right are asked for.
    """
    asked = ~before.right & after.right if mended else before.right & ~after.right
    found = [
        Turned(
            place=place,
            label=before.labels[place][0],
            before=before.each[place].answer,
            before_chance=before.each[place].chance,
            after=after.each[place].answer,
            after_chance=after.each[place].chance,
        )
        for place in np.flatnonzero(asked).tolist()
    ]
    return sorted(found, key=lambda one: -one.after_chance)


def changed_confusions(before: MethodResult, after: MethodResult) -> Sequence[Confusion]:
    """Return the confusions that became rarer or more frequent, the greatest change first; single mistakes are none.

    Args:
        before: What one method said.
        after: What the other one says of the same queries.
    """
    counts = [
        Counter(
            (right[0], one.answer)
            for right, one in zip(found.labels, found.each, strict=True)
            if one.answer not in right
        )
        for found in (before, after)
    ]
    first, second = counts
    found = [
        Confusion(label=label, answer=answer, before=first[label, answer], after=second[label, answer])
        for label, answer in sorted(first | second)
        if max(first[label, answer], second[label, answer]) > 1
    ]
    moved = [one for one in found if one.before != one.after]
    return sorted(moved, key=lambda one: -abs(one.after - one.before))

"""`agreement`: how far two raters of the same frames agree, beyond chance."""

from collections.abc import Sequence
from dataclasses import dataclass

from vlmrm.data.label_table import LabelTable
from vlmrm.errors import FrameError, near_matches


@dataclass(frozen=True, kw_only=True)
class Agreement:
    """How far two raters agree."""

    raters: tuple[str, str]
    """Names of the raters."""
    frames: int
    """Number of frames that both have labelled."""
    observed: float
    """Share of these frames to which both gave the same label."""
    kappa: float | None
    """Cohen's kappa: 1 is full agreement, 0 what chance would give. None: both gave all frames the same one label, so
    that chance would agree as well."""


def agreement(table: LabelTable, raters: Sequence[str] = ()) -> Agreement:
    """Compare the labels of two raters.

    With o the share of frames on which both agree, and p and q the shares that each takes for goal frames, Cohen's
    kappa (1960) is (o - c) / (1 - c), where c = p q + (1 - p) (1 - q) is the share on which chance would agree.

    Args:
        table: Labels of both. Frames that only one of them has labelled do not count.
        raters: Names of the two. Empty: those of the table, if there are two.

    Raises:
        FrameError: If there are not two raters, or no frame that both have labelled.

    Example:
        >>> table = LabelTable()
        >>> for frame, anna, ben in (("1", True, True), ("2", True, False), ("3", False, False), ("4", False, False)):
        ...     table = table.with_label(frame, anna, "anna").with_label(frame, ben, "ben")
        >>> agreement(table)
        Agreement(raters=('anna', 'ben'), frames=4, observed=0.75, kappa=0.5)
    """
    first, second = _two_of(table, raters or table.raters)
    said = {
        rater: {label.frame: label.in_goal for label in table.labels if label.rater == rater} for rater in table.raters
    }
    pairs = [(label, said[second][frame]) for frame, label in said[first].items() if frame in said[second]]
    if not pairs:
        raise FrameError(f"{first!r} and {second!r} have labelled no frame in common, so there is nothing to compare.")
    count, agreed = len(pairs), sum(one == other for one, other in pairs)
    goal, goal_too = sum(one for one, _ in pairs), sum(other for _, other in pairs)
    chance = goal * goal_too + (count - goal) * (count - goal_too)  # of count * count, in whole numbers
    possible = count * count - chance
    return Agreement(
        raters=(first, second),
        frames=count,
        observed=agreed / count,
        kappa=(agreed * count - chance) / possible if possible else None,
    )


def _two_of(table: LabelTable, raters: Sequence[str]) -> tuple[str, str]:
    unknown = [rater for rater in raters if rater not in table.raters]
    if unknown:
        raise FrameError(f"no label is by {unknown[0]!r}. Near: {near_matches(unknown[0], table.raters)}.")
    if len(set(raters)) != 2 or len(raters) != 2:
        named = ", ".join(map(repr, raters)) or "nobody"
        raise FrameError(f"agreement is between two raters; got {named}. Give the names of two.")
    return raters[0], raters[1]

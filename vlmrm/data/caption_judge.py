"""Captions judged by what is known of each picture, which is not the reward; how often they are true, with intervals.

- `CaptionJudge`: whatever knows the facts of pictures; `JudgedCaption`: what it finds in one caption.
- `summary`: `CaptionShares` of the captions of some pictures; `difference`: of two captions for each picture.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol, runtime_checkable

import numpy as np
from numpy.typing import ArrayLike

from vlmrm.errors import SpecError
from vlmrm.metrics import Estimate, mean_estimate, share_estimate


class Mark(NamedTuple):
    """A word of a caption that states a fact."""

    start: int
    """Place of its first letter in the caption."""
    end: int
    """Place behind its last letter."""
    right: bool
    """Whether what it states is true."""


@dataclass(frozen=True, kw_only=True)
class JudgedCaption:
    """What a judge found in one caption."""

    right: int
    """Number of facts of the picture that the caption states, and states rightly."""
    said: int
    """Number of facts that the caption states, true or not."""
    false_objects: int
    """Number of things that the caption names and the picture does not show."""
    in_grammar: bool
    """Whether the caption is a well-formed sentence."""
    marks: tuple[Mark, ...] = ()
    """Words that state facts, from left to right. Empty: the judge does not say which."""

    @property
    def wrong(self) -> int:
        """Number of facts that the caption states wrongly."""
        return self.said - self.right


@runtime_checkable
class CaptionJudge(Protocol):
    """Knows what is true of some pictures, and judges what captions say of them."""

    @property
    def facts(self) -> int:
        """Number of facts of each picture."""

    def judge(self, place: int, caption: str) -> JudgedCaption:
        """Return what a caption says rightly and wrongly.

        Args:
            place: Which of the pictures the caption is of, from 0.
            caption: The caption.
        """


@dataclass(frozen=True, kw_only=True)
class CaptionShares:
    """How good captions are on average, or by how much others are better; each with its 95 % interval."""

    facts_right: Estimate
    """Share of the pictures' facts that the captions state rightly."""
    false_objects: Estimate
    """Share of captions that name a thing that is not there."""
    in_grammar: Estimate
    """Share of captions that are well-formed sentences."""


def summary(judged: Sequence[JudgedCaption], facts: int) -> CaptionShares:
    """Return how good captions are on average.

    Args:
        judged: One caption of each picture.
        facts: Number of facts of each picture.

    Raises:
        SpecError: There are no captions, or one states more facts rightly than there are.

    Example:
        >>> half = JudgedCaption(right=5, said=6, false_objects=1, in_grammar=True)
        >>> print(summary([half] * 4, 10).facts_right)
        0.500 [0.500, 0.500]
    """
    right, false, well = _columns(judged, facts)
    return CaptionShares(
        facts_right=mean_estimate(right),
        false_objects=share_estimate(int(false.sum()), len(false)),
        in_grammar=share_estimate(int(well.sum()), len(well)),
    )


def difference(
    before: Sequence[JudgedCaption], after: Sequence[JudgedCaption], facts: int, *, groups: ArrayLike | None = None
) -> CaptionShares:
    """Return by how much the shares of the second captions are higher, with intervals over paired pictures.

    Args:
        before: One caption of each picture.
        after: Another caption of each, in the same order.
        facts: Number of facts of each picture.
        groups: As in `mean_estimate`: what pictures share whose differences count alike. None: one group.

    Raises:
        SpecError: They are not of the same pictures, or `summary` would refuse them.
    """
    if len(before) != len(after):
        raise SpecError(f"needs two captions of each picture; got {len(before)} and {len(after)} captions.")
    gains = zip(_columns(before, facts), _columns(after, facts), strict=True)
    right, false, well = (mean_estimate(second - first, groups=groups) for first, second in gains)
    return CaptionShares(facts_right=right, false_objects=false, in_grammar=well)


def _columns(judged: Sequence[JudgedCaption], facts: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Share of facts right, whether a thing is not there, and whether it is a sentence, of each caption."""
    most = max((one.right for one in judged), default=0)
    if not judged or facts < max(most, 1):
        raise SpecError(f"needs captions that state at most the {facts} facts of a picture; got {len(judged)}, {most}.")
    rows = [(one.right / facts, one.false_objects > 0, one.in_grammar) for one in judged]
    right, false, well = np.array(rows, dtype=float).T
    return right, false, well

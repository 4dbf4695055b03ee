"""What an audit is made of, as records: `Probe`, `Need`, `Limits`, `Finding` and `Exhibit`.

A probe is one question about a reward. It stands in a file of its own, with its function and its limits, and is found
by its name in `vlmrm.report.audit.PROBES`; another package adds one through the entry-point group ``vlmrm.probes``.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import isfinite

import numpy as np
from jaxtyping import UInt8

from vlmrm.errors import SpecError
from vlmrm.metrics import Estimate
from vlmrm.report.audit.audited import Audited

PASS, WARN, FAIL, LEFT_OUT = "pass", "warn", "fail", "left out"
"""Verdicts of a probe."""
WORST_FIRST = (FAIL, WARN, PASS, LEFT_OUT)
"""Verdicts in the order in which a reader wants them."""
FAMILIES = ("goal", "language", "pictures", "attacks", "time", "incentives")
"""What probes look at, in the order of a page."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Exhibit:
    """A sentence or a picture that fooled the reward, or nearly did.

    Raises:
        SpecError: The picture cannot be shown.
    """

    text: str
    """The sentence, or the name of the frame."""
    says: str
    """What the reward made of it, in a few words with its number."""
    picture: UInt8[np.ndarray, "h w 3"] | None = None
    """The picture as the reward was shown it. None: it is a sentence."""

    def __post_init__(self) -> None:
        shape: tuple[int, ...] = getattr(self.picture, "shape", ())
        kind = getattr(self.picture, "dtype", None)
        if self.picture is not None and not (kind == np.uint8 and len(shape) == 3 and shape[-1] == 3):
            raise SpecError(f"the picture of an exhibit is an array of uint8 (h, w, 3); got {kind} of shape {shape}.")


@dataclass(frozen=True, kw_only=True, eq=False)
class Finding:
    """What a probe found.

    Raises:
        SpecError: The verdict is none of the four, or the effect is no number; no page could show it.
    """

    verdict: str
    """``pass``, ``warn``, ``fail`` or ``left out``."""
    says: str
    """One sentence with the numbers; of a probe that was left out, why."""
    effect: Estimate | None = None
    """Size of the effect with its 95 % interval, where one is known. None: the probe was left out."""
    exhibits: Sequence[Exhibit] = ()
    """What fooled the reward most, the worst first."""

    def __post_init__(self) -> None:
        if self.verdict not in WORST_FIRST:
            raise SpecError(f"the verdict of a finding is one of {', '.join(WORST_FIRST)}; got {self.verdict!r}.")
        if self.effect is not None and not (isinstance(self.effect, Estimate) and isfinite(self.effect.value)):
            raise SpecError(f"the effect of a finding is an Estimate of a finite number; got {self.effect!r}.")

    @classmethod
    def judged(
        cls,
        limits: "Limits",
        effect: Estimate,
        says: str,
        *,
        exhibits: Sequence[Exhibit] = (),
        worst: str | None = None,
    ) -> "Finding":
        """Return a finding with the verdict that limits give its effect.

        Args:
            limits: Which effects pass and which fail.
            effect: What was measured.
            says: One sentence with the numbers.
            exhibits: What fooled the reward most.
            worst: The verdict in the place of a failure. None: that of the limits.
        """
        return cls(verdict=limits.verdict(effect, worst=worst), says=says, effect=effect, exhibits=exhibits)

    @classmethod
    def left_out(cls, why: str) -> "Finding":
        """Return the finding of a probe that could not be carried out.

        Args:
            why: What is lacking, as a sentence.
        """
        return cls(verdict=LEFT_OUT, says=why)


@dataclass(frozen=True, kw_only=True)
class Limits:
    """Which effects pass and which fail; what lies between is a warning.

    Example:
        >>> share = Limits(passes=0.9, fails=0.6)
        >>> [share.verdict(Estimate(value=v, low=v - 0.05, high=v)) for v in (0.95, 0.7, 0.5)]
        ['pass', 'warn', 'fail']
        >>> share.verdict(Estimate.alone(1.0))
        'warn'
    """

    passes: int | float
    """From here on an effect passes, if its interval stays clear of `fails`."""
    fails: int | float
    """From here on an effect fails. Above `passes`: the lower the effect, the better."""

    worst: str = FAIL
    """The verdict in the place of a failure: ``warn`` where what is measured matters only to some."""
    only: str = ""
    """Where alone it fails, as in ``where the picture is paid``. Empty: everywhere."""

    def __post_init__(self) -> None:
        if self.passes == self.fails:
            raise SpecError(f"an effect cannot pass and fail at {self.passes:g}. Give two different limits.")

    @property
    def more_is_better(self) -> bool:
        """Whether large effects pass."""
        return self.passes > self.fails

    def verdict(self, effect: Estimate, *, worst: str | None = None) -> str:
        """Return the verdict on an effect. One without an interval never passes: nobody knows how far it would move.

        Args:
            effect: What was measured.
            worst: The verdict in the place of a failure. None: that of the limits.
        """
        sign = 1 if self.more_is_better else -1
        fails, passes = sign * self.fails, sign * self.passes
        if sign * effect.value <= fails:
            return self.worst if worst is None else worst
        if not effect.known or sign * effect.value < passes:
            return WARN
        worst_end = min(sign * effect.low, sign * effect.high)
        return PASS if worst_end > fails else WARN

    def __str__(self) -> str:
        first, second = ("at least", "at most") if self.more_is_better else ("at most", "at least")
        passes = f"passes with {first} {self.passes:g}"
        if self.worst != FAIL:
            return f"{passes}, never fails"
        return f"{passes}, fails with {second} {self.fails:g}{', but only ' if self.only else ''}{self.only}"


@dataclass(frozen=True, kw_only=True, eq=False)
class Need:
    """What a probe cannot do without."""

    name: str
    """What it is, in a word or two."""
    lacking: Callable[[Audited], str | None]
    """Returns why an audited reward lacks it, as a sentence. None: it is there."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Probe:
    """One question about a reward, and what answers it."""

    name: str
    """Its name in the registry."""
    family: str
    """What it looks at: one of `FAMILIES`."""
    question: str
    """What it asks, in the words of a user."""
    measures: str
    """What the effect is, with its unit and what chance would give."""
    limits: Limits
    """Which effects pass and which fail."""
    needs: Sequence[Need] = ()
    """What it cannot do without; where one is lacking, the audit leaves it out and says why."""
    run: Callable[[Audited], Finding]
    """Answers the question. An error that it raises becomes the reason why it was left out; one that is no VlmrmError,
    or an answer that is no Finding, is warned of as well."""

    def __post_init__(self) -> None:
        if self.family not in FAMILIES:
            raise SpecError(f"probe {self.name!r} is of one of {', '.join(FAMILIES)}; got {self.family!r}.")

"""The verdict on a reward, in one word and one sentence.

The rule was settled on 20 rewards made good and bad on purpose and tried on 40 others; see `experiments/verdicts.py`.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from vlmrm.report.measures import Control, Measures
from vlmrm.report.nearness import HARDLY_ABOUT
from vlmrm.report.scorers import BASELINE
from vlmrm.report.words import percent

GOOD, WEAK, USELESS = "good", "weak", "useless"
FEW = 20
"""Frames on either side of the goal, below which no reward is called good."""
FEW_GROUPS = 5
"""Groups of frames on either side of the goal, as episodes or videos, below which no reward is called good; settled by
`experiments/verdicts_groups.py`. States that a task makes on purpose are not counted by groups."""
_GOOD_AUROC, _GOOD_LOW, _WEAK_AUROC = 0.9, 0.7, 0.6
_GOOD_FALSE_POSITIVES = 0.3
_GOOD_REMOVED, _WEAK_REMOVED = 0.5, 0.2  # of the mistakes of the best control
_MOST_AT_TOP = 0.2


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """How far a reward can be trusted."""

    word: str
    """``good``, ``weak`` or ``useless``."""
    sentence: str
    """The numbers that decide, in words."""
    reasons: tuple[str, ...]
    """Why it is not better."""


def judge(measures: Measures, *, about: float | None = None) -> Verdict:
    """Return the verdict on what was measured.

    A reward is compared with the best of its controls by the share of the control's mistakes that it does not make:
    the difference of two AUROCs is small where both are near 1, whatever lies between them. One that does no better
    than its baseline as the goal is weak; one that does no better than nonsense or random weights is useless.

    Args:
        measures: Numbers of the reward.
        about: How far its sentence is from nonsense, at 0, to the scene's other sentences, at 1. None: unknown.
    """
    found = measures.auroc
    best = best_control(measures)
    removed = mistakes_removed(measures)
    worse = _why_useless(measures, about)
    if worse:
        return Verdict(word=USELESS, sentence=_sentence(measures, best), reasons=tuple(worse))
    lacking = _too_few(measures)
    if found.value < _GOOD_AUROC or found.low < _GOOD_LOW:
        lacking.append(f"an AUROC of {found} is below {_GOOD_AUROC:g}")
    if measures.false_positives.value > _GOOD_FALSE_POSITIVES:
        share = measures.false_positives.value
        lacking.append(f"a threshold that finds 90 % of the goal frames lets {percent(share)} of the others through")
    if best is not None and (removed < _GOOD_REMOVED or best.gain.low <= 0):
        lacking.append(f"{best.name} does nearly as well (AUROC {best.auroc.value:.3f})")
    if about is not None and about < HARDLY_ABOUT:
        lacking.append("its sentence is hardly about this scene")
    return Verdict(word=WEAK if lacking else GOOD, sentence=_sentence(measures, best), reasons=tuple(lacking))


def _too_few(measures: Measures) -> list[str]:
    counts = ((measures.goal_frames, "in"), (measures.other_frames, "outside of"))
    said = [
        f"only {n} frames are {where} the goal, which is too few for more: label {FEW}"
        for n, where in counts
        if n < FEW
    ]
    held = ((measures.goal_groups, "frames in"), (measures.other_groups, "frames outside of"))
    said += [
        f"all {what} the goal come from {n} episode{'s' * (n > 1)}, video or view, which is too few for more: "
        f"label {FEW_GROUPS}"
        for n, what in held
        if n is not None and n < FEW_GROUPS
    ]
    return said


def _why_useless(measures: Measures, about: float | None) -> list[str]:
    found = measures.auroc
    if measures.highest == measures.lowest:
        return ["it is the same number on every frame"]
    if found.value < 0.5 and found.high < 0.5:
        return [f"it ranks goal frames below others (AUROC {found}): it is upside down"]
    reasons = []
    if about is not None and about <= 0:
        reasons.append("its sentence is no nearer to any frame than sentences about something else")
    if found.value < _WEAK_AUROC or found.low <= 0.5:
        reasons.append(f"an AUROC of {found} is hardly more than chance, 0.5")
    worthless = _best(control for control in measures.controls if control.name != BASELINE)
    if worthless is not None and (worthless.gain.low <= 0 or _removed(measures, worthless) < _WEAK_REMOVED):
        reasons.append(
            f"{worthless.name} does as well (AUROC {worthless.auroc.value:.3f}, difference {worthless.gain})"
        )
    if measures.at_top > _MOST_AT_TOP:
        reasons.append(f"{percent(measures.at_top)} of the other frames are paid as much as the best goal frame")
    return reasons


def best_control(measures: Measures) -> Control | None:
    """The control with the highest AUROC. None: there are no controls."""
    return _best(measures.controls)


def mistakes_removed(measures: Measures) -> float:
    """Share of the mistakes in ranking of the best control, or of chance, that the reward does not make."""
    return _removed(measures, best_control(measures))


def _best(controls: Iterable[Control]) -> Control | None:
    return max(controls, key=lambda control: control.auroc.value, default=None)


def _removed(measures: Measures, control: Control | None) -> float:
    reached = 0.5 if control is None else max(0.5, control.auroc.value)
    return 1.0 - (1.0 - measures.auroc.value) / (1.0 - reached) if reached < 1 else 0.0


def _sentence(measures: Measures, best: Control | None) -> str:
    found = measures.auroc
    beside = "" if best is None else f"; its best control, {best.name}, does in {percent(best.auroc.value)}"
    interval = f"95 % interval {percent(found.low)} to {percent(found.high)}" if found.known else "no interval"
    known = measures.no_interval or interval
    return f"It pays a goal frame more than another frame in {percent(found.value)} of all pairs ({known}){beside}."

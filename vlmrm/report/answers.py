"""Questions that people ask of a reward before they train on it, answered in words."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from vlmrm.data.labelled import LabelledFrames
from vlmrm.report.candidates import Candidate
from vlmrm.report.curves_over_state import Curve
from vlmrm.report.encounters import Encounter, Encounters
from vlmrm.report.map_over_state import StateMap
from vlmrm.report.measures import Measures
from vlmrm.report.nearness import HARDLY_ABOUT, Nearness
from vlmrm.report.scorers import BASELINE, NONSENSE
from vlmrm.report.words import decimal, percent

FINE, CARE, UNKNOWN = "fine", "care", "unknown"
_HARDLY_MOVES = 0.03  # of the span over labelled frames
_NEARLY_GOAL = 0.7  # of the way from other frames to goal frames
_BLIND_BORDER = 0.75  # AUROC
_FEW_NEAR = 10  # frames on a side of a border, below which its AUROC says little
_MOSTLY = 0.5
_HIGH, _SAME = 0.9, 0.02  # AUROC, and difference of two that are the same
_FEW_FOUND = 0.5  # of the goal frames, at the budget of false positives


@dataclass(frozen=True, kw_only=True)
class Answer:
    """A question and its answer."""

    question: str
    """Question in the words of a user."""
    answer: str
    """A sentence or two, with the numbers."""
    level: str
    """``fine``, ``care`` where something should be changed, or ``unknown``."""
    advice: str = ""
    """What to change; empty: nothing."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Evidence:
    """All that is known of one candidate."""

    candidate: Candidate
    """Reward that is asked about."""
    measures: Measures
    """Numbers that were measured of it."""
    goal_median: float
    """Median score of goal frames."""
    other_median: float
    """Median score of other frames."""
    curves: Sequence[Curve]
    """The reward over the state; empty: nothing is known of it."""
    state_map: StateMap | None
    """The reward over two variables of the state at once; None: there are no two, or too few frames."""
    nearness: Nearness | None
    """How near any frame comes to the goal and to other sentences; None: the reward has no sentences."""
    encounters: Encounters | None
    """What a random policy meets; None: there is no task to play."""
    labels: LabelledFrames
    """What is known of the frames."""

    @property
    def encounter(self) -> Encounter | None:
        """What the reward pays a random policy."""
        return None if self.encounters is None else self.encounters.rewards.get(self.candidate.name)

    def share_of_goal(self, score: float) -> float:
        """How far a score is from what other frames are paid, at 0, to what goal frames are paid, at 1."""
        apart = self.goal_median - self.other_median
        return (score - self.other_median) / apart if apart > 0 else np.nan


def answers_of(evidence: Evidence) -> list[Answer]:
    """Answer every question that something is known about."""
    found: list[Answer | None] = [ask(evidence) for ask in _QUESTIONS]
    return [answer for answer in found if answer is not None]


def _about_scene(evidence: Evidence) -> Answer | None:
    known = evidence.nearness
    if known is None:
        return None
    said = (
        f"The closest frame has a cosine of {decimal(known.goal)} with the goal and {decimal(known.nonsense)} with "
        "sentences about something else"
    )
    question = "Is my sentence about this scene at all?"
    if known.other is None:
        return Answer(question=question, answer=f"{said}; there is no other sentence to compare.", level=UNKNOWN)
    said += f"; the scene's other sentences reach {decimal(known.best)} (“{known.other}”)."
    if known.share >= HARDLY_ABOUT:
        return Answer(question=question, answer=f"Yes. {said}", level=FINE)
    advice = "Describe what the camera sees when the goal is reached, in the words of the baseline."
    return Answer(question=question, answer=f"Hardly. {said}", level=CARE, advice=advice)


def _peak(evidence: Evidence) -> Answer | None:
    bounded = [curve for curve in evidence.curves if np.isfinite(curve.bounds).any()]
    if not bounded:
        return None
    parts, wrong = [], []
    for curve in bounded:
        where = "inside the bounds" if curve.off == 0 else f"{curve.off:.3g} outside of the bounds"
        parts.append(f"over {curve.variable} it peaks at {curve.peak:.3g}, {where}")
        wrong += [curve.variable] if curve.off > 0 else []
    said = "; ".join(parts)
    question = "Does the reward peak where I want it?"
    if not wrong:
        return Answer(question=question, answer=f"Yes: {said}.", level=FINE)
    advice = (
        f"An agent will be drawn past the goal in {', '.join(wrong)}: say more exactly what the end state looks like."
    )
    return Answer(question=question, answer=f"Not everywhere: {said}.", level=CARE, advice=advice)


def _borders(evidence: Evidence) -> Answer | None:
    met = evidence.measures.borders
    if not met:
        return None
    told = {name: border for name, border in met.items() if border.auroc is not None}
    question = "Can it tell the border that an agent will meet?"
    if not told:
        said = "No frame misses one bound alone, or none meets them all, so that nothing is known of the border."
        return Answer(question=question, answer=said, level=UNKNOWN)
    parts = [
        f"{name} {border.auroc:.2f} (margin {percent(border.margin or 0.0)} of the span, {border.inside} frames "
        f"inside, {border.outside} outside)"
        for name, border in told.items()
    ]
    said = f"AUROC where one bound alone is missed: {', '.join(parts)}."
    untold = [name for name in met if name not in told]
    thin = [name for name, border in told.items() if min(border.inside, border.outside) < _FEW_NEAR]
    if untold:
        said += f" No frame misses one of these alone, so that nothing is known of them: {', '.join(untold)}."
    if thin:
        said += f" Fewer than {_FEW_NEAR} frames on a side, so that little is known: {', '.join(thin)}."
    blind = [name for name, border in told.items() if border.auroc is not None and border.auroc < _BLIND_BORDER]
    if blind:
        advice = f"It hardly sees {', '.join(blind)} near the goal: try another camera, negatives, or a few labels."
        return Answer(question=question, answer=f"Not all of it. {said}", level=CARE, advice=advice)
    if untold or thin:
        partly = f"Partly: {len(told) - len(thin)} of {len(met)} bounds have near misses enough. {said}"
        return Answer(question=question, answer=partly, level=UNKNOWN)
    return Answer(question=question, answer=f"Yes. {said}", level=FINE)


def _any_sentence(evidence: Evidence) -> Answer | None:
    """Only where sentences about something else all reach a high AUROC of the goal, and the baseline alone does not."""
    found = evidence.measures.auroc.value
    controls = {control.name: control.auroc.value for control in evidence.measures.controls}
    nonsense = [controls[f"“{sentence}”"] for sentence in NONSENSE if f"“{sentence}”" in controls]
    away = controls.get(BASELINE, 0.5)
    if not nonsense or found < _HIGH or min(nonsense) < found - _SAME or away >= 0.5:
        return None
    said = (
        f"No: all {len(nonsense)} sentences about something else reach the AUROC of the goal (at least "
        f"{min(nonsense):.2f} beside {found:.2f}), as the baseline alone reaches {away:.2f}, so that the direction "
        "away from the baseline does the work."
    )
    advice = "Another baseline, or none (alpha 0), shows whether the goal's own words tell its frames."
    return Answer(question="Does it matter what the goal says?", answer=said, level=CARE, advice=advice)


def _moves(evidence: Evidence) -> Answer | None:
    met, span = evidence.encounter, evidence.measures.highest - evidence.measures.lowest
    if met is None:
        return None
    question = "Does it move enough to learn from?"
    if span <= 0:
        return Answer(question=question, answer="No: it never changes.", level=CARE, advice="Take another reward.")
    within, between = met.within_episode / span, met.between_episodes / span
    said = (
        f"In a random policy's episodes it moves by {percent(within)} of its span from step to step, and the means of "
        f"episodes differ by {percent(between)} (standard deviations); "
        f"within an episode the signal is {met.signal_to_offset:.3g} times the offset, the mean that is paid anyway"
    )
    if within >= _HARDLY_MOVES:
        return Answer(question=question, answer=f"Yes. {said}.", level=FINE)
    advice = "Exploration will hardly see a difference: start episodes nearer to the goal, or explore more."
    return Answer(question=question, answer=f"Hardly. {said}.", level=CARE, advice=advice)


def _effortless(evidence: Evidence) -> Answer | None:
    met = evidence.encounter
    if met is None:
        return None
    paid = {"a random policy": met.random_mean, "the first frame, for ever": met.first, "a black picture": met.black}
    parts = [f"{name} {decimal(score, 3)}" for name, score in paid.items()]
    said = (
        f"It pays {', '.join(parts)}; the median goal frame {decimal(evidence.goal_median, 3)} and the median other "
        f"frame {decimal(evidence.other_median, 3)}."
    )
    high = [name for name, score in paid.items() if evidence.share_of_goal(score) > _NEARLY_GOAL]
    met_by = evidence.encounters
    if met_by is not None and (met_by.in_goal > _MOSTLY or met_by.begins_in_goal):
        high = [name for name in high if name == "a black picture"]  # what begins in the goal is paid for it rightly
    question = "What does it pay for nothing?"
    if not high:
        return Answer(question=question, answer=said, level=FINE)
    advice = f"It pays {' and '.join(high)} nearly as much as the goal."
    return Answer(question=question, answer=said, level=CARE, advice=advice)


def _survival(evidence: Evidence) -> Answer | None:
    met = evidence.encounters
    if met is None or evidence.encounter is None:
        return None
    question, mean = "Would it pay for staying alive?", evidence.encounter.random_mean
    if not met.ended_early:
        said = f"No: none of {met.episodes} episodes of a random policy ended before its time."
        return Answer(question=question, answer=said, level=FINE)
    said = f"{met.ended_early} of {met.episodes} episodes of a random policy ended early"
    if mean > 0:
        advice = f"Subtract {mean:.3f} with scaling, or give the task a fixed length."
        said = f"Yes: {said}, and a step is paid {mean:.3f} on average, so that longer is better whatever is done."
        return Answer(question=question, answer=said, level=CARE, advice=advice)
    said = f"It pays for ending early: {said}, and a step costs {-mean:.3f} on average."
    return Answer(question=question, answer=said, level=CARE, advice="Give the task a fixed length.")


def _threshold(evidence: Evidence) -> Answer | None:
    found = evidence.measures.operating
    question = "Which threshold would make it a success detector?"
    said = (
        f"Above {decimal(found.threshold, 3)} it finds {percent(found.recall)} of the goal frames and lets "
        f"{percent(found.false_positive_rate)} of the others through."
    )
    if found.recall >= _FEW_FOUND:
        return Answer(question=question, answer=said, level=FINE)
    return Answer(question=question, answer=f"None that is good. {said}", level=CARE)


def _episodes(evidence: Evidence) -> Answer | None:
    found = evidence.measures.episodes
    if found is None:
        return None
    question = "Does it rise towards success, and fail with failure?"
    order = "unknown, as no episode succeeds" if found.order is None else f"{found.order:.2f}"
    told = "unknown, as all end alike" if found.success_auroc is None else f"{found.success_auroc:.2f}"
    said = (
        f"Over {found.count} episodes: rank correlation with time in successes (VOC) {order}; AUROC of an episode's "
        f"mean reward, success against failure, {told}. The first alone cannot see failure."
    )
    known = found.success_auroc is not None
    level = UNKNOWN if not known else FINE if (found.success_auroc or 0) > _BLIND_BORDER else CARE
    return Answer(question=question, answer=said, level=level)


_QUESTIONS: tuple[Callable[[Evidence], Answer | None], ...] = (
    _about_scene, _any_sentence, _peak, _borders, _moves, _effortless, _survival, _threshold, _episodes,
)  # fmt: skip

"""What is measured of one reward on labelled frames, as a record."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Bool, Float

from vlmrm.data.labelled import LabelledFrames
from vlmrm.errors import SpecError
from vlmrm.metrics import (
    Border,
    Estimate,
    Operating,
    at_threshold,
    auroc,
    average_precision,
    border_scores,
    brier_score,
    episode_auroc,
    estimates,
    expected_calibration_error,
    false_positive_rate,
    goal_epic,
    kendall,
    paired_difference,
    spearman,
    threshold_at_false_positives,
    value_order_correlation,
)
from vlmrm.report.parts import PartShare, shares_of_parts
from vlmrm.tasks import SuccessRule

Scores = Float[np.ndarray, " n"]
RESAMPLES = 300
"""Bootstrap resamples of each interval."""
_METRICS = {
    "auroc": auroc, "average_precision": average_precision, "false_positives": false_positive_rate, "epic": goal_epic,
}  # fmt: skip


@dataclass(frozen=True, kw_only=True, eq=False)
class Control:
    """How a reward that ought to be worthless does on the same frames."""

    name: str
    """What it is."""
    auroc: Estimate
    """AUROC of the control."""
    gain: Estimate
    """AUROC of the reward less that of the control, on the same resamples."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Episodes:
    """How a reward does over episodes."""

    order: float | None
    """Mean rank correlation of reward and time within successes (VOC), which cannot see failure; None: no success."""
    success_auroc: float | None
    """AUROC of the mean reward of an episode for success against failure; None: all succeed, or none does."""
    count: int
    """Number of episodes."""


@dataclass(frozen=True, kw_only=True)
class Correlation:
    """How far a reward goes with one variable of the state, by ranks."""

    spearman: float
    """Spearman's correlation, -1 to 1; 0 where either never changes."""
    kendall: float
    """Kendall's tau-b, -1 to 1; 0 where either never changes."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Measures:
    """Numbers of one reward; each estimate has a 95 % bootstrap interval over groups of frames.

    Where one group holds all frames in the goal, or all others, there is no interval: all resamples would hold that
    group, and the interval would have no width whatever the reward.
    """

    goal_frames: int
    """Number of frames in the goal."""
    other_frames: int
    """Number of other frames."""
    goal_groups: int | None
    """Number of groups, as episodes, videos or views, with a frame in the goal. None: nothing is known of groups, or
    states were made on purpose, where the goal itself decides how many of their groups it takes."""
    other_groups: int | None
    """Number of groups with another frame; None: as above."""
    auroc: Estimate
    """Chance that a goal frame is paid more than another frame."""
    average_precision: Estimate
    """Area under precision over recall; the share of goal frames is chance."""
    false_positives: Estimate
    """Share of the other frames above a threshold that finds 90 % of the goal frames."""
    epic: Estimate
    """EPIC distance to the goal's indicator; 0 is the indicator, 0.71 unrelated."""
    operating: Operating
    """What the threshold does that lets a budget of false positives through."""
    margin: float
    """Median goal frame less median other frame, as a share of the reward's span; 0 where the span is 0."""
    lowest: float
    """Lowest score of any frame."""
    highest: float
    """Highest score of any frame."""
    at_top: float
    """Share of the other frames that are paid as much as the best goal frame: of a reward that saturates."""
    calibration: tuple[float, float] | None
    """Expected calibration error and Brier score; None: the scores are not within 0 to 1."""
    borders: Mapping[str, Border]
    """How well each success bound is told while all others are met; empty: nothing is known of the state."""
    correlations: Mapping[str, Correlation]
    """How far the reward goes with each variable of the state."""
    episodes: Episodes | None
    """Over episodes; None: the frames are in no order."""
    parts: Sequence[PartShare]
    """What the reward is made of, with the share of each; empty: its head has no parts."""
    controls: Sequence[Control]
    """The controls, each beside the reward."""

    @property
    def no_interval(self) -> str:
        """Why there is no interval; empty: there is one."""
        one = [held for held, n in (("goal", self.goal_groups), ("other", self.other_groups)) if n == 1]
        return f"no interval: one group holds all {' frames, and one all '.join(one)} frames" if one else ""


def measure(
    scores: Float[np.ndarray, " n"],
    labels: LabelledFrames,
    *,
    controls: Mapping[str, Float[np.ndarray, " n"]],
    rule: SuccessRule | None,
    budget: float = 0.05,
    parts: Mapping[str, Float[np.ndarray, " n"]] | None = None,
) -> Measures:
    """Measure one reward.

    Args:
        scores: One per frame.
        labels: What is known of the frames.
        controls: Scores of the controls, by name.
        rule: Bounds on the state, for the borders; None: there are none.
        budget: Share of the other frames that a threshold may let through.
        parts: What the scores are made of, by name. None: nothing is known of it.

    Raises:
        SpecError: If a score is not finite, or all labels are the same.
    """
    goal_groups, other_groups = _groups_of(labels, labels.in_goal), _groups_of(labels, ~labels.in_goal)
    goal, other = scores[labels.in_goal], scores[~labels.in_goal]
    span = float(np.ptp(scores))
    threshold = threshold_at_false_positives(scores, labels.in_goal, share=budget)
    return Measures(
        **_estimates(_METRICS, scores, labels),
        goal_frames=len(goal),
        other_frames=len(other),
        goal_groups=goal_groups,
        other_groups=other_groups,
        operating=at_threshold(scores, labels.in_goal, threshold),
        margin=float(np.median(goal) - np.median(other)) / span if span > 0 else 0.0,
        lowest=float(scores.min()),
        highest=float(scores.max()),
        at_top=float((other >= goal.max()).mean()),
        calibration=_calibration(scores, labels),
        borders=_borders(scores, labels, rule),
        correlations={
            name: Correlation(spearman=spearman(scores, values), kendall=kendall(scores, values))
            for name, values in labels.states.items()
        },
        episodes=_episodes(scores, labels, rule),
        parts=shares_of_parts(scores, parts or {}, labels.in_goal),
        controls=[
            Control(
                name=name,
                auroc=_estimates({"auroc": auroc}, column, labels)["auroc"],
                gain=_gain(scores, column, labels),
            )
            for name, column in controls.items()
        ],
    )


def _groups_of(labels: LabelledFrames, rows: Bool[np.ndarray, " n"]) -> int | None:
    if not labels.groups or labels.kinds:
        return None
    return len({group for group, held in zip(labels.groups, rows, strict=True) if held})


def resampling_of(labels: LabelledFrames) -> Mapping[str, Any] | None:
    """Return how frames are drawn anew, as arguments of `vlmrm.metrics.estimate`.

    Args:
        labels: What is known of the frames.

    Returns:
        None where one group holds a whole side, so that there would be nothing to draw.
    """
    sides = (_groups_of(labels, labels.in_goal), _groups_of(labels, ~labels.in_goal))
    groups = labels.groups if len(set(labels.groups)) > 1 else None
    return None if 1 in sides else {"groups": groups, "resamples": RESAMPLES}


def _estimates(metrics: Mapping[str, Any], scores: Scores, labels: LabelledFrames) -> dict[str, Estimate]:
    drawn = resampling_of(labels)
    if drawn is None:
        return {name: Estimate.alone(metric(scores, labels.in_goal)) for name, metric in metrics.items()}
    return estimates(metrics, scores, labels.in_goal, **drawn)


def _gain(scores: Scores, control: Scores, labels: LabelledFrames) -> Estimate:
    drawn = resampling_of(labels)
    if drawn is None:
        return Estimate.alone(auroc(scores, labels.in_goal) - auroc(control, labels.in_goal))
    return paired_difference(auroc, scores, control, labels.in_goal, **drawn)


def _calibration(scores: Float[np.ndarray, " n"], labels: LabelledFrames) -> tuple[float, float] | None:
    if scores.min() < 0 or scores.max() > 1:
        return None
    return expected_calibration_error(scores, labels.in_goal), brier_score(scores, labels.in_goal)


def _borders(scores: Float[np.ndarray, " n"], labels: LabelledFrames, rule: SuccessRule | None) -> Mapping[str, Border]:
    if rule is None or not set(rule.where) <= set(labels.states):
        return {}
    return border_scores(scores, labels.states, rule.where)


def _episodes(scores: Float[np.ndarray, " n"], labels: LabelledFrames, rule: SuccessRule | None) -> Episodes | None:
    if labels.steps is None or not labels.groups:
        return None
    groups: Any = np.array(labels.groups)
    names = list(dict.fromkeys(labels.groups))
    succeeded = np.array([_succeeds(labels.in_goal[groups == name], rule) for name in names])
    inside = np.isin(groups, [name for name, won in zip(names, succeeded, strict=True) if won])
    return Episodes(
        order=_or_none(lambda: value_order_correlation(scores[inside], labels.steps[inside], groups[inside])),
        success_auroc=_or_none(
            lambda: episode_auroc(scores, groups, dict(zip(names, succeeded.tolist(), strict=True)))
        ),
        count=len(names),
    )


def _succeeds(in_goal: Bool[np.ndarray, " t"], rule: SuccessRule | None) -> bool:
    """By the task's rule on the last steps; where there is none, by whether the goal was ever reached."""
    return bool(in_goal.any() if rule is None else in_goal[-rule.within_last :].sum() >= rule.at_least)


def _or_none(compute: Any) -> float | None:
    try:
        return float(compute())
    except SpecError:
        return None

"""`Fours`: two pictures and two sentences at a time, of two goals that the same frames show.

NaturalBench (Li et al. 2024, arXiv 2410.14669) and COLA (arXiv 2305.03689): such four count only if all are right, so
that neither a sentence that always pays more nor a picture that always is paid more is of any help. MATS calls it
incorrect agreement where both pictures are given one sentence, or both sentences one picture.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np

from vlmrm.metrics import Estimate
from vlmrm.report.audit.audited import Audited
from vlmrm.report.audit.beyond_bounds import scaled_distance
from vlmrm.report.audit.estimating import estimate_pairs, preferred
from vlmrm.report.words import percent
from vlmrm.tasks import Task, all_tasks

_FEWEST, _MOST = 5, 60  # frames of each goal


@dataclass(frozen=True, kw_only=True)
class Fours:
    """How often two pictures and two sentences are told right."""

    right: Estimate
    """Share of the fours in which all four are right; by chance about a sixth."""
    one_sentence: float
    """Share in which one sentence is paid more in both pictures."""
    one_picture: float
    """Share in which one picture is paid more for both sentences."""

    def __str__(self) -> str:
        return (
            f"two pictures and two sentences are all told right in {percent(self.right.value)} of the fours "
            f"({self.right}; chance is about 0.17); one sentence is paid more in both pictures in "
            f"{percent(self.one_sentence)}, and one picture for both sentences in {percent(self.one_picture)}"
        )


def goal_of(task: Task) -> str:
    """Return the first sentence that a task's reward wants; SpecError where it has no sentences."""
    return task.reward.require_prompts().goal[0]


def tasks_beside(audited: Audited) -> list[Task]:
    """Return other tasks of the scene whose success bounds are on variables that are known of the frames.

    Args:
        audited: The reward and the frames.
    """
    if audited.task is None:
        return []
    states = set(audited.labels.states)
    return [
        task
        for task in all_tasks().values()
        if task.env_id == audited.task.env_id and task.name != audited.task.name
        if task.success is not None and set(task.success.where) <= states and task.reward.prompts is not None
    ]


def fours_with(audited: Audited, other: Task) -> Fours | None:
    """Return how often all four are right with the goal of another task.

    Args:
        audited: The reward and the frames.
        other: A task of the same scene, with success bounds on variables that are known of the frames.

    Returns:
        None where too few frames show one goal and not the other.
    """
    inside = np.zeros(len(audited.labels), dtype=bool)
    if other.success is not None:
        inside = scaled_distance(audited.labels, other.success) == 0
    ours, theirs = (
        _evenly(np.flatnonzero(rows)) for rows in (audited.labels.in_goal & ~inside, ~audited.labels.in_goal & inside)
    )
    if min(len(ours), len(theirs)) < _FEWEST:
        return None
    scores = audited.of_texts([audited.goals[0], goal_of(other)])
    first, second = (rows.ravel() for rows in np.meshgrid(ours, theirs))
    right = (
        (scores[first, 0] > scores[first, 1])
        & (scores[second, 1] > scores[second, 0])
        & (scores[first, 0] > scores[second, 0])
        & (scores[second, 1] > scores[first, 1])
    )
    return Fours(
        right=estimate_pairs(right.astype(float), (first, second), audited.labels, seed=audited.seed),
        one_sentence=_agree(
            preferred(scores[first, 0], scores[first, 1]), preferred(scores[second, 0], scores[second, 1])
        ),
        one_picture=_agree(
            preferred(scores[first, 0], scores[second, 0]), preferred(scores[first, 1], scores[second, 1])
        ),
    )


def _agree(first: Any, second: Any) -> float:
    """How often two choices are the same one; one between equals is either, by chance."""
    return float((first * second + (1 - first) * (1 - second)).mean())


def _evenly(rows: np.ndarray) -> np.ndarray:
    return rows[np.unique(np.linspace(0, len(rows) - 1, min(_MOST, len(rows))).astype(int))] if len(rows) else rows

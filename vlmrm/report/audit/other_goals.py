"""Does the reward tell two goals of a scene apart? Two pictures and two sentences at a time.

NaturalBench (Li et al. 2024, arXiv 2410.14669): such four count only if all are right, so that neither a sentence that
always pays more nor a picture that always is paid more is of any help. It never fails: a training has one sentence.
"""

import numpy as np

from vlmrm.metrics import Estimate
from vlmrm.report.audit.audited import Audited
from vlmrm.report.audit.beyond_bounds import scaled_distance
from vlmrm.report.audit.estimating import estimate_pairs
from vlmrm.report.audit.needs import BOUNDS, SENTENCES
from vlmrm.report.audit.probe import WARN, Exhibit, Finding, Limits, Probe
from vlmrm.report.words import percent
from vlmrm.tasks import Task, all_tasks

LIMITS = Limits(passes=0.8, fails=0.25, worst=WARN)
"""Sentences and pictures that are told by chance alone are all right in about a sixth of the fours."""
_FEWEST, _MOST = 5, 60  # frames of each goal


def _run(audited: Audited) -> Finding:
    known = {task.name: task for task in _beside(audited)}
    found = {name: _all_four(audited, task) for name, task in known.items()}
    told = {name: effect for name, effect in found.items() if effect is not None}
    if not told:
        return Finding.left_out("these frames show no other goal of the scene that has a sentence of its own.")
    worst = min(told, key=lambda name: told[name].value)
    says = (
        f"With the goal of {worst}, two pictures and two sentences are all told right in {percent(told[worst].value)} "
        f"of the fours ({told[worst]}; chance is about 0.17)."
    )
    exhibits = [
        Exhibit(text=known[name].reward.require_prompts().goal[0], says=f"of {name}: {percent(effect.value)} right")
        for name, effect in sorted(told.items(), key=lambda one: one[1].value)
    ]
    return Finding.judged(LIMITS, told[worst], says, exhibits=exhibits)


def _beside(audited: Audited) -> list[Task]:
    """Other tasks of the scene whose success bounds are on variables that are known of the frames."""
    if audited.task is None:
        return []
    states = set(audited.labels.states)
    return [
        task
        for task in all_tasks().values()
        if task.env_id == audited.task.env_id and task.name != audited.task.name
        if task.success is not None and set(task.success.where) <= states
    ]


def _all_four(audited: Audited, other: Task) -> Estimate | None:
    """How often all four are right; None: too few frames show one goal and not the other."""
    inside = np.zeros(len(audited.labels), dtype=bool)
    if other.success is not None:
        inside = scaled_distance(audited.labels, other.success) == 0
    ours, theirs = (
        _evenly(np.flatnonzero(rows)) for rows in (audited.labels.in_goal & ~inside, ~audited.labels.in_goal & inside)
    )
    if min(len(ours), len(theirs)) < _FEWEST:
        return None
    scores = audited.of_texts([audited.goals[0], other.reward.require_prompts().goal[0]])
    first, second = (rows.ravel() for rows in np.meshgrid(ours, theirs))
    right = (
        (scores[first, 0] > scores[first, 1])
        & (scores[second, 1] > scores[second, 0])
        & (scores[first, 0] > scores[second, 0])
        & (scores[second, 1] > scores[first, 1])
    )
    return estimate_pairs(right.astype(float), (first, second), audited.labels, seed=audited.seed)


def _evenly(rows: np.ndarray) -> np.ndarray:
    return rows[np.unique(np.linspace(0, len(rows) - 1, min(_MOST, len(rows))).astype(int))] if len(rows) else rows


PROBE = Probe(
    name="other_goals",
    family="language",
    question="Does it tell this goal from the other goals of the scene?",
    measures="share of fours of two pictures and two sentences that are all told right (0.17: chance; the worst goal)",
    limits=LIMITS,
    needs=(SENTENCES, BOUNDS),
    run=_run,
)
"""Two pictures and two sentences."""

"""Is an agent paid for staying alive? What frames outside of the goal are paid, where an episode can end early.

A constant above 0 pays for every step that an episode lasts, and one below 0 for ending it, whatever the goal. Where
the goal itself ends an episode, a constant above 0 pays for missing it, and one below 0 for being there soon.
"""

from functools import partial

import numpy as np
from numpy.typing import ArrayLike

from vlmrm.errors import SpecError
from vlmrm.report.audit.audited import Audited
from vlmrm.report.audit.estimating import estimate_on, share_of_way
from vlmrm.report.audit.goal_ends import goal_ends
from vlmrm.report.audit.needs import SINGLE_FRAMES, TASK, TELLS_GOAL
from vlmrm.report.audit.probe import Finding, Limits, Probe
from vlmrm.wrappers.make_env import with_time_limit

LIMITS = Limits(passes=0.1, fails=1.0)
"""From 1 on a step outside of the goal is worth as much as the way from there into the goal, or missing the goal as
much as finishing."""


def _run(audited: Audited) -> Finding:
    ended, count = audited.played.ended_early, len(audited.played.episodes)
    in_goal = audited.played.ended_in_goal
    if ended > in_goal:
        return _paid_for_time(audited, f"The environment ended {ended} of {count} random episodes early")
    if ended:
        return _paid_for_missing(audited, f"The environment ended {ended} of {count} random episodes, all in the goal")
    none = f"the environment ended none of {count} random episodes early"
    if audited.rule is None:
        return Finding.left_out(f"{none}, and without success bounds nobody knows whether it ends one in the goal.")
    try:
        found = goal_ends(audited.require_task(), audited.rule, audited.labels, seed=audited.seed)
    except SpecError as error:
        return Finding.left_out(f"{none}, and nobody knows whether it ends one in the goal: {error}")
    if not found.ended:
        return Finding.left_out(
            f"{none} and none of {found.begun} that began in the goal, so that no action makes one last longer."
        )
    return _paid_for_missing(
        audited, f"The environment ends episodes in the goal, as {found.ended} of {found.begun} that began there"
    )


def _paid_for_time(audited: Audited, ends: str) -> Finding:
    """Judge what a step outside of the goal is paid, where an episode ends outside of it."""
    audited.share_of_goal(audited.scores)  # raises where goal frames are not paid more
    effect = estimate_on(_offset, audited.scores, audited.labels)
    says = (
        f"{ends}, and the median frame outside of the goal is paid {audited.other_median:.3f} a step: {effect} of what "
        "lies between it and the goal."
    )
    return Finding.judged(LIMITS, effect, says)


def _paid_for_missing(audited: Audited, ends: str) -> Finding:
    """Judge what an episode outside of the goal is paid, where the goal ends it and is paid once."""
    audited.share_of_goal(audited.scores)
    steps = with_time_limit(audited.require_task()).episode_steps or 1
    effect = estimate_on(partial(_missing, steps=steps), audited.scores, audited.labels)
    says = (
        f"{ends}. Finishing is paid {audited.goal_median:.3f}, once, and staying away for all {steps} steps of an "
        f"episode {steps * audited.other_median:.3f}: {effect} times as much."
    )
    return Finding.judged(LIMITS, effect, says)


def _offset(scores: ArrayLike, in_goal: ArrayLike) -> float:
    """What the median other frame is paid, whatever its sign, as a share of the way from there to the goal."""
    values, goal = np.asarray(scores, dtype=float), np.asarray(in_goal)
    other = float(np.median(values[~goal]))
    return share_of_way(abs(other), float(np.median(values[goal])) - other)


def _missing(scores: ArrayLike, in_goal: ArrayLike, *, steps: int) -> float:
    """What steps outside of the goal are paid, as a share of what finishing is; 0 where they cost something."""
    values, goal = np.asarray(scores, dtype=float), np.asarray(in_goal)
    return share_of_way(steps * max(float(np.median(values[~goal])), 0.0), float(np.median(values[goal])))


PROBE = Probe(
    name="survival_bonus",
    family="incentives",
    question="Does staying alive, or ending early, earn nothing by itself?",
    measures="pay of the median other frame as a share of the way from there to the goal; where the goal ends an "
    "episode, pay of one that misses it as a share of what finishing is paid (0: none)",
    limits=LIMITS,
    needs=(TASK, SINGLE_FRAMES, TELLS_GOAL),
    run=_run,
)
"""What is paid for time alone."""

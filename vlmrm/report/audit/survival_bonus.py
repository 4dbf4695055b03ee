"""Is an agent paid for staying alive? What frames outside of the goal are paid, where an episode can end early.

A constant above 0 pays for every step that an episode lasts, and one below 0 for ending it, whatever the goal.
"""

import numpy as np
from numpy.typing import ArrayLike

from vlmrm.report.audit.audited import Audited
from vlmrm.report.audit.estimating import estimate_on, share_of_way
from vlmrm.report.audit.needs import SINGLE_FRAMES, TASK, TELLS_GOAL
from vlmrm.report.audit.probe import Finding, Limits, Probe

LIMITS = Limits(passes=0.1, fails=1.0)
"""From 1 on a step outside of the goal is worth as much as the way from there into the goal."""


def _run(audited: Audited) -> Finding:
    ended, count = audited.played.ended_early, len(audited.played.episodes)
    if not ended:
        return Finding.left_out(
            f"the environment ended none of {count} random episodes early, so that no action makes one last longer."
        )
    audited.share_of_goal(audited.scores)  # raises where goal frames are not paid more
    effect = estimate_on(_offset, audited.scores, audited.labels)
    says = (
        f"The environment ended {ended} of {count} random episodes early, and the median frame outside of the goal is "
        f"paid {audited.other_median:.3f} a step: {effect} of what lies between it and the goal."
    )
    return Finding.judged(LIMITS, effect, says)


def _offset(scores: ArrayLike, in_goal: ArrayLike) -> float:
    """What the median other frame is paid, whatever its sign, as a share of the way from there to the goal."""
    values, goal = np.asarray(scores, dtype=float), np.asarray(in_goal)
    other = float(np.median(values[~goal]))
    return share_of_way(abs(other), float(np.median(values[goal])) - other)


PROBE = Probe(
    name="survival_bonus",
    family="incentives",
    question="Does staying alive, or ending early, earn nothing by itself?",
    measures="pay of the median other frame as a share of the way from there to the goal (0: none)",
    limits=LIMITS,
    needs=(TASK, SINGLE_FRAMES, TELLS_GOAL),
    run=_run,
)
"""What is paid for time alone."""

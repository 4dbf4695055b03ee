"""What is paid for a picture of nothing? Black, white, grey, the mean colour of all frames, and noise.

A camera that fails, or an agent that leaves its picture, should not be paid.
"""

import numpy as np

from vlmrm.report.audit.audited import Audited
from vlmrm.report.audit.estimating import estimate_on, goal_mean
from vlmrm.report.audit.picture_changes import blank_pictures
from vlmrm.report.audit.probe import Exhibit, Finding, Limits, Probe
from vlmrm.report.words import percent

LIMITS = Limits(passes=0.05, fails=0.5)
"""From 0.5 on nothing is paid as much as the median goal frame."""


def _run(audited: Audited) -> Finding:
    pictures = blank_pictures(audited.labels.frames, seed=audited.seed)
    paid = {name: float(audited.score(picture)[0]) for name, picture in pictures.items()}
    best = max(paid, key=lambda name: paid[name])
    below = np.array(audited.scores <= paid[best], dtype=float)
    effect = estimate_on(goal_mean, below, audited.labels)
    says = (
        f"A picture of nothing ({best}) is paid {paid[best]:.3f}: as much as {percent(effect.value)} of the goal "
        f"frames or more ({effect}); the median goal frame is paid {audited.goal_median:.3f}, the median other frame "
        f"{audited.other_median:.3f}."
    )
    exhibits = [
        Exhibit(text=name, says=f"paid {paid[name]:.3f}", picture=pictures[name][0].numpy())
        for name in sorted(paid, key=lambda name: -paid[name])
    ]
    return Finding.judged(LIMITS, effect, says, exhibits=exhibits)


PROBE = Probe(
    name="blank_frames",
    family="pictures",
    question="Does it pay nothing for a picture of nothing?",
    measures="share of the goal frames that are paid no more than the best-paid picture of nothing (0: none)",
    limits=LIMITS,
    run=_run,
)
"""Pictures that show nothing."""

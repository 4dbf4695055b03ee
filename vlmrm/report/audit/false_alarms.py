"""Does the reward fire where the goal is not? Other frames that are paid like goal frames.

A sentence that is true of every picture of the scene pays everything; an agent that is paid everywhere learns nothing.
"""

import numpy as np

from vlmrm.metrics import false_positive_rate
from vlmrm.report.audit.audited import Audited
from vlmrm.report.audit.estimating import estimate_on, highest_first, other_mean
from vlmrm.report.audit.probe import Exhibit, Finding, Limits, Probe
from vlmrm.report.words import percent

LIMITS = Limits(passes=0.1, fails=0.5)
"""From 0.5 on most of what is not the goal is paid as much as the goal; at 0.1 a threshold is of use."""
_SHOWN = 6


def _run(audited: Audited) -> Finding:
    labels = audited.labels
    levels = np.unique(audited.scores)
    if len(levels) == 2:  # it has chosen a threshold already, and perhaps to find fewer goal frames
        paid = np.array(audited.scores == levels[1], dtype=float)
        effect = estimate_on(other_mean, paid, labels)
        found = float(paid[labels.in_goal].mean())
        says = f"Of two levels the upper one is paid to a share of {effect} of the other frames"
        says += f", and to {percent(found)} of the goal frames."
    else:
        effect = estimate_on(false_positive_rate, audited.scores, labels)
        says = f"A threshold that finds 90 % of the goal frames lets a share of {effect} of the others through."
    exhibits = [
        Exhibit(
            text=labels.names[row],
            says=f"not the goal, and paid {audited.scores[row]:.3f}; the median goal frame {audited.goal_median:.3f}",
            picture=labels.frames[row].numpy(),
        )
        for row in highest_first(audited.scores, ~labels.in_goal, _SHOWN)
    ]
    return Finding.judged(LIMITS, effect, says, exhibits=exhibits if effect.value > LIMITS.passes else ())


PROBE = Probe(
    name="false_alarms",
    family="goal",
    question="Does it keep quiet where the goal is not reached?",
    measures="share of the other frames above a threshold that finds 90 % of the goal frames (0.9: chance), and of a "
    "reward of two levels above its own",
    limits=LIMITS,
    run=_run,
)
"""Other frames paid like goal frames."""

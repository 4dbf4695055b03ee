"""Is the goal paid less once it stands on its head? Goal frames turned by 180 degrees.

Only of sentences that say which way is up: of "a red car" a turned picture is still one.
"""

import numpy as np

from vlmrm.data.labelled import LabelledFrames
from vlmrm.metrics import auroc
from vlmrm.report.audit.audited import Audited
from vlmrm.report.audit.estimating import estimate_on, highest_first
from vlmrm.report.audit.needs import TELLS_GOAL
from vlmrm.report.audit.picture_changes import upside_down
from vlmrm.report.audit.probe import Exhibit, Finding, Limits, Probe
from vlmrm.report.audit.sentences import says_direction

LIMITS = Limits(passes=0.8, fails=0.5)
"""Chance is 0.5: from there on a goal on its head is paid as much as the goal."""
_SHOWN = 6


def _run(audited: Audited) -> Finding:
    if not any(says_direction(goal) for goal in audited.goals):
        return Finding.left_out("no sentence of the goal says which way is up.")
    rows = audited.some[audited.labels.in_goal[audited.some]]
    goal = audited.labels.take(rows)
    turned = audited.changed(upside_down, goal.frames)
    before, after = audited.scores[rows], audited.score(turned)
    both = LabelledFrames(
        frames=goal.frames.repeat(2, 1, 1, 1),
        in_goal=np.repeat([True, False], len(goal)),
        names=[*goal.names, *goal.names],
        groups=[*goal.groups, *goal.groups],
        kinds=[*goal.kinds, *goal.kinds],
    )
    effect = estimate_on(auroc, np.concatenate([before, after]), both)
    says = f"A goal frame is paid more than a goal frame on its head with chance {effect}."
    exhibits = [
        Exhibit(
            text=f"{goal.names[row]}, on its head",
            says=f"{before[row]:.3f} before, {after[row]:.3f} now",
            picture=turned[row].numpy(),
        )
        for row in highest_first(after, np.ones(len(goal), dtype=bool), _SHOWN)
    ]
    return Finding.judged(LIMITS, effect, says, exhibits=exhibits)


PROBE = Probe(
    name="stood_on_head",
    family="pictures",
    question="Does it pay less for the goal on its head?",
    measures="chance that a goal frame is paid more than one turned by 180 degrees (0.5: chance)",
    limits=LIMITS,
    needs=(TELLS_GOAL,),
    run=_run,
)
"""Goal frames turned by 180 degrees."""

"""Does the reward tell two goals of a scene apart? Two pictures and two sentences at a time.

It never fails: a training has one sentence.
"""

from vlmrm.report.audit.audited import Audited
from vlmrm.report.audit.fours import fours_with, goal_of, tasks_beside
from vlmrm.report.audit.needs import BOUNDS, SENTENCES
from vlmrm.report.audit.probe import WARN, Exhibit, Finding, Limits, Probe
from vlmrm.report.words import percent

LIMITS = Limits(passes=0.8, fails=0.25, worst=WARN)
"""Sentences and pictures that are told by chance alone are all right in about a sixth of the fours."""


def _run(audited: Audited) -> Finding:
    known = {task.name: task for task in tasks_beside(audited)}
    found = {name: fours_with(audited, task) for name, task in known.items()}
    told = {name: fours for name, fours in found.items() if fours is not None}
    if not told:
        return Finding.left_out("these frames show no other goal of the scene that has a sentence of its own.")
    worst = min(told, key=lambda name: told[name].right.value)
    exhibits = [
        Exhibit(text=goal_of(known[name]), says=f"of {name}: {percent(fours.right.value)} right")
        for name, fours in sorted(told.items(), key=lambda one: one[1].right.value)
    ]
    return Finding.judged(LIMITS, told[worst].right, f"With the goal of {worst}, {told[worst]}.", exhibits=exhibits)


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

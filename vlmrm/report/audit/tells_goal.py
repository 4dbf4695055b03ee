"""Does the reward tell the goal at all? The verdict of a report, beside controls that ought to be worthless.

A constant reward, one whose sentence is about something else and one that is upside down fail here. Random weights are
not among the controls: they would have to embed every frame again, and `vlmrm report` does so.
"""

import warnings
from dataclasses import replace

import numpy as np
from jaxtyping import Float

from vlmrm.errors import VlmrmError, VlmrmWarning
from vlmrm.metrics import Estimate
from vlmrm.report.audit.audited import Audited
from vlmrm.report.audit.estimating import highest_first, too_few
from vlmrm.report.audit.probe import FAIL, PASS, WARN, Exhibit, Finding, Limits, Probe
from vlmrm.report.measures import Measures, measure
from vlmrm.report.scorers import UNTRAINED, Encoders
from vlmrm.report.verdict import GOOD, USELESS, WEAK, judge

LIMITS = Limits(passes=0.9, fails=0.6)
"""Of `vlmrm.report.verdict`, whose rule was settled by experiments and also looks at controls and numbers of frames."""
_VERDICTS = {GOOD: PASS, WEAK: WARN, USELESS: FAIL}
_SHOWN = 6


def _run(audited: Audited) -> Finding:
    measures = measure(audited.scores, audited.labels, controls=_controls(audited), rule=None)
    if too_few(audited.labels):
        measures = _without_interval(measures)
    verdict = judge(measures)
    reasons = "".join(f" {reason[:1].upper()}{reason[1:]}." for reason in verdict.reasons)
    paid = highest_first(audited.scores, ~audited.labels.in_goal, _SHOWN)
    return Finding(
        verdict=_VERDICTS[verdict.word],
        says=f"{verdict.sentence}{reasons}",
        effect=measures.auroc,
        exhibits=[_exhibit(audited, row) for row in paid] if verdict.word != GOOD else (),
    )


def _without_interval(measures: Measures) -> Measures:
    """The same numbers where those that are drawn anew are nearly the same frames, so that no interval means anything.

    Nothing of so few frames is called good.
    """
    alone = [
        replace(one, auroc=Estimate.alone(one.auroc.value), gain=Estimate.alone(one.gain.value))
        for one in measures.controls
    ]
    return replace(measures, auroc=Estimate.alone(measures.auroc.value), controls=alone)


def _exhibit(audited: Audited, row: int) -> Exhibit:
    picture = audited.labels.frames[row].numpy()
    score = f"not the goal, and paid {audited.scores[row]:.3f}; the median goal frame {audited.goal_median:.3f}"
    return Exhibit(text=audited.labels.names[row], says=score, picture=picture)


def _controls(audited: Audited) -> dict[str, Float[np.ndarray, " n"]]:
    """Scores of sentences that ought to tell nothing, on frames that are embedded already."""
    encoders, found = Encoders(), {}
    for name, make in audited.scorer.controls().items():
        if name == UNTRAINED:
            continue
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", VlmrmWarning)  # that a model knows no zebra is the point
            try:
                found[name] = make(encoders).columns(audited.labels, audited.seen)["score"]
            except VlmrmError:
                continue  # as of a head whose labels decide it, whatever the sentence says
    return found


PROBE = Probe(
    name="tells_goal",
    family="goal",
    question="Does it pay the goal more than anything else?",
    measures="AUROC of goal frames against all others (0.5: chance)",
    limits=LIMITS,
    run=_run,
)
"""Goal against all others."""

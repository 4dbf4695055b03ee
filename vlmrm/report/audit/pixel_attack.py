"""Can pixels that nobody sees move be made to pay? Projected gradient descent on frames outside of the goal.

The attack knows the reward and its weights, and raises the score itself (`vlmrm.frames.pixel_attack`), through the
answer of a judge where one is asked. It attacks the picture that the model sees, after any resize; with a judge, that
of full size.
"""

from vlmrm.frames.pixel_attack import attack_pixels
from vlmrm.report.audit.attacking import LIMITS, MEASURES, find_attacked
from vlmrm.report.audit.audited import Audited
from vlmrm.report.audit.needs import TELLS_GOAL
from vlmrm.report.audit.probe import Finding, Probe
from vlmrm.report.pixel_gradients import score_of_levels


def _run(audited: Audited) -> Finding:
    score = score_of_levels(audited.reward)
    return find_attacked(
        audited,
        lambda frames, options: attack_pixels(frames, score, options),
        how="to raise the score",
    )


PROBE = Probe(
    name="pixel_attack",
    family="attacks",
    question="Does it withstand pixels that are moved to raise it?",
    measures=MEASURES,
    limits=LIMITS,
    needs=(TELLS_GOAL,),
    run=_run,
)
"""Projected gradient descent on the score."""

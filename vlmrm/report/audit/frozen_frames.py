"""Is a picture that stands still paid for? Episodes whose picture stays that of their first or their best frame.

A camera that hangs, or an agent that hides from it, shows the reward one frame for ever while the state goes on. A
reward of changes ought to pay nothing then; potential-based shaping pays ``(gamma - 1) m`` a step, which is a bonus for
standing still where scores lie below 0. A reward that pays for staying in good frames cannot tell a still picture from
a still world: of such a one it warns.
"""

import numpy as np

from vlmrm.metrics import Estimate, mean_estimate
from vlmrm.report.audit.audited import Audited
from vlmrm.report.audit.needs import LOOKS_BACK, TASK
from vlmrm.report.audit.paying import steps_paid
from vlmrm.report.audit.probe import WARN, Exhibit, Finding, Limits, Probe
from vlmrm.report.words import decimal

LIMITS = Limits(passes=0.1, fails=1.0, only="where staying in a better frame is not paid more")
"""From 1 on an episode of one picture earns as much as the whole way from the worst frame to the best."""
_STAYS = 20  # frames on either side of the way


def _run(audited: Audited) -> Finding:
    seen, scores = audited.played.seen, audited.played.scores
    worst, best = int(scores.argmin()), int(scores.argmax())
    steps = steps_paid(audited, seen, np.repeat([worst, best], _STAYS))
    way = float(np.abs(steps[_STAYS - 1 :]).max())  # a reward that smooths pays for the way in the steps after it
    if not way > 0:
        return Finding.left_out("the reward pays nothing for the way from the worst frame of random play to the best.")
    earned, first_or_best = [], []
    for rows in audited.played.episodes.values():
        frozen = [int(rows[0]), int(rows[scores[rows].argmax()])]
        paid = [float(steps_paid(audited, seen, np.repeat(one, len(rows))).sum()) / way for one in frozen]
        earned.append(max(paid))
        first_or_best.append(frozen[int(np.argmax(paid))])
    effect = mean_estimate(earned) if len(earned) > 1 else Estimate.alone(earned[0])
    pays_for_states = float(steps[-1]) > float(steps[_STAYS - 2])
    says = (
        f"A picture that stands still for an episode earns {effect} of what the way from the worst frame to the best "
        f"earns, in {len(earned)} episodes."
    )
    if pays_for_states:
        says += " Staying in a better frame is paid more, so that a camera that hangs there is paid as well."
    return Finding.judged(
        LIMITS,
        effect,
        says,
        exhibits=_exhibits(audited, earned, first_or_best) if effect.value > LIMITS.passes else (),
        worst=WARN if pays_for_states else None,
    )


def _exhibits(audited: Audited, earned: list[float], frames: list[int]) -> list[Exhibit]:
    labels = audited.played.labels
    return [
        Exhibit(
            text=labels.names[frames[k]],
            says=f"standing still here earns {decimal(earned[k])} of the way",
            picture=labels.frames[frames[k]].numpy(),
        )
        for k in np.argsort(-np.array(earned), kind="stable")[:6]
    ]


PROBE = Probe(
    name="frozen_frames",
    family="time",
    question="Does a picture that stands still earn nothing?",
    measures="pay of an episode of one picture as a share of the way from the worst frame to the best (0: none)",
    limits=LIMITS,
    needs=(LOOKS_BACK, TASK),
    run=_run,
)
"""Episodes of one picture."""

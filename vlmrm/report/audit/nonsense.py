"""Are absurd sentences accepted? How often a goal frame passes the reward's threshold with one in the goal's place.

Where frames pass whatever the sentence says, passing says nothing of the sentence. It fails only where the reward has a
threshold of its own, on which somebody relies; of others the threshold is the one that a report would advise.
"""

import numpy as np
import torch
from jaxtyping import Float

from vlmrm.report.audit.audited import Audited
from vlmrm.report.audit.estimating import estimate_on, goal_mean
from vlmrm.report.audit.needs import SENTENCES, TELLS_GOAL
from vlmrm.report.audit.probe import WARN, Exhibit, Finding, Limits, Probe
from vlmrm.report.words import percent
from vlmrm.rewards.transforms.threshold import threshold_for

LIMITS = Limits(passes=0.1, fails=0.5, only="where the reward has a threshold of its own")
"""A threshold lets a twentieth of the other frames through; from 0.5 on most of what it accepts is accepted anyway."""
ABSURD = (
    "a zebra playing the piano", "a bowl of soup reading a newspaper", "a stop sign asleep in a bed",
    "a sailing boat on the moon", "a bunch of roses driving a bus", "an elephant in a teacup", "a city made of cheese",
    "a violin swimming in the sea",
)  # fmt: skip
"""Sentences that no picture of a simulator, and hardly any other, shows."""
_BUDGET = 0.05  # of the other frames, as of a report


def _run(audited: Audited) -> Finding:
    spec = audited.reward.spec
    has_own = spec is not None and spec.threshold is not None
    threshold = 0.0 if has_own else _advised(audited)  # a reward with a threshold pays 1 or 0
    accepted = np.asarray(audited.of_texts(ABSURD) > threshold, dtype=float)
    effect = estimate_on(goal_mean, accepted.mean(axis=1), audited.labels)
    whose = "the reward's own threshold" if has_own else f"a threshold that {percent(_BUDGET)} of the others pass"
    share = percent(effect.value)
    says = f"With absurd sentences in the goal's place, {share} of the goal frames pass {whose} ({effect})."
    shares = accepted[audited.labels.in_goal].mean(axis=0)
    exhibits = [
        Exhibit(text=ABSURD[k], says=f"accepted in {percent(float(shares[k]))} of the goal frames")
        for k in np.argsort(-shares, kind="stable")
        if shares[k] > 0
    ]
    return Finding.judged(LIMITS, effect, says, exhibits=exhibits, worst=None if has_own else WARN)


def _advised(audited: Audited) -> float:
    """The lowest threshold that few frames outside of the goal pass with the reward's own sentence."""
    own: Float[np.ndarray, " n"] = audited.of_texts(audited.goals).mean(axis=1)
    return threshold_for(torch.from_numpy(own[~audited.labels.in_goal]), _BUDGET)


PROBE = Probe(
    name="nonsense",
    family="language",
    question="Does it refuse absurd sentences?",
    measures="share of goal frames and absurd sentences that pass the threshold (0: none)",
    limits=LIMITS,
    needs=(SENTENCES, TELLS_GOAL),
    run=_run,
)
"""Absurd sentences."""

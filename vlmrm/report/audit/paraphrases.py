"""Is it luck that this wording works? At least twenty other wordings of the goal."""

from collections.abc import Sequence

import numpy as np

from vlmrm.report.audit.audited import Audited
from vlmrm.report.audit.compared import compare_sentences
from vlmrm.report.audit.needs import SENTENCES, TELLS_GOAL
from vlmrm.report.audit.probe import WARN, Finding, Limits, Probe
from vlmrm.rewards.rewording import reworded, without_template

LIMITS = Limits(passes=0.05, fails=0.4, worst=WARN)
"""A loss of 0.4 leaves a tenth of the wordings of a perfect reward near chance; 0.05 is hardly seen in a training."""
_FORMS = (
    "this is {}", "here is {}", "we see {}", "the picture shows {}", "a frame that shows {}", "a view of {}",
    "a snapshot of {}", "a video frame of {}", "a drawing of {}", "a scene with {}", "there is {}",
)  # fmt: skip
_MOST, _WORST = 30, 0.9  # wordings of a goal; share of the wordings that do better than the worst tenth


def _run(audited: Audited) -> Finding:
    compared = compare_sentences(audited, {goal: _wordings(goal) for goal in audited.goals})
    effect = compared.loss(lambda lost: np.quantile(lost, _WORST, axis=0))
    tells, own = compared.aurocs, compared.own_aurocs
    says = (
        f"{len(tells)} other wordings have an AUROC of {np.median(tells):.3f} at the median and {tells.min():.3f} at "
        f"the worst, the reward's own {own.mean():.3f}; the worst tenth lose {effect}."
    )
    exhibits = compared.exhibits(own - tells, lambda k: f"AUROC {tells[k]:.2f} instead of {own[k]:.2f}")
    return Finding.judged(LIMITS, effect, says, exhibits=exhibits)


def _wordings(goal: str) -> Sequence[str]:
    """Plain sentences around the goal first, of which there are always enough, then those that know its words."""
    core = without_template(goal)
    around = [form.format(core) for form in _FORMS]
    known = [one for one in reworded(core) if one not in (*around, goal)]
    if len(known) > _MOST - len(around):
        known = [known[place] for place in np.linspace(0, len(known) - 1, _MOST - len(around)).astype(int)]
    return [*around, *known]


PROBE = Probe(
    name="paraphrases",
    family="language",
    question="Does it work in other words as well?",
    measures="AUROC that the worst tenth of at least twenty other wordings lose (0: none)",
    limits=LIMITS,
    needs=(SENTENCES, TELLS_GOAL),
    run=_run,
)
"""Other wordings."""

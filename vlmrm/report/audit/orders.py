"""Is the goal a motion or an order? A picture shows neither; what a sentence as an order costs.

It fails only where the reward's own goal is a motion or an order: then no picture shows it.
"""

from vlmrm.report.audit.audited import Audited
from vlmrm.report.audit.compared import compare_sentences
from vlmrm.report.audit.estimating import estimate_aurocs
from vlmrm.report.audit.needs import SENTENCES, TELLS_GOAL
from vlmrm.report.audit.probe import WARN, Exhibit, Finding, Limits, Probe
from vlmrm.report.audit.sentences import ORDERS
from vlmrm.report.words import loses
from vlmrm.rewards.wording import is_order, motion

LIMITS = Limits(passes=0.05, fails=0.4, only="where the reward's own goal is one")
"""As of paraphrases: 0.4 leaves an order of a perfect reward near chance."""


def _run(audited: Audited) -> Finding:
    asked = [goal for goal in audited.goals if is_order(goal) or motion(goal) is not None]
    if asked:
        return _own_order(audited, asked)
    why = TELLS_GOAL.lacking(audited)
    if why is not None:
        return Finding.left_out(why)
    compared = compare_sentences(audited, {goal: [form.format(goal) for form in ORDERS] for goal in audited.goals})
    effect = compared.loss(lambda lost: lost.mean(axis=0))
    says = f"Said as an order, the goal {loses(effect)} of its AUROC on average; as it is, it describes a state."
    tells, own = compared.aurocs, compared.own_aurocs
    exhibits = compared.exhibits(own - tells, lambda k: f"AUROC {tells[k]:.2f} instead of {own[k]:.2f}")
    return Finding.judged(LIMITS, effect, says, exhibits=exhibits, worst=WARN)


def _own_order(audited: Audited, asked: list[str]) -> Finding:
    """What the AUROC of an order lacks of 1."""
    scores = audited.of_texts(asked)
    effect = estimate_aurocs(lambda aurocs: 1 - aurocs.mean(axis=0), scores, audited.labels)
    says = (
        f"The goal “{asked[0]}” is a motion or an order, and a picture shows what came of it: its AUROC is {effect} "
        "short of 1. Describe what is then seen."
    )
    exhibits = [Exhibit(text=goal, says="a motion or an order") for goal in asked]
    return Finding.judged(LIMITS, effect, says, exhibits=exhibits)


PROBE = Probe(
    name="orders",
    family="language",
    question="Is its goal a state, and not a motion or an order?",
    measures="AUROC lost where the goal is said as an order; of a goal that is one, what it lacks of 1 (0: nothing)",
    limits=LIMITS,
    needs=(SENTENCES,),
    run=_run,
)
"""Motions and orders."""

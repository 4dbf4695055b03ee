"""Does the reward read "not"? Negated sentences on frames with and without the goal.

NegBench (Alhamoud et al. 2025, arXiv 2501.09425): CLIP picks the right one of several sentences less often than chance
where negations are among them.
"""

from vlmrm.report.audit.audited import Audited
from vlmrm.report.audit.compared import compare_sentences
from vlmrm.report.audit.needs import SENTENCES
from vlmrm.report.audit.probe import FAIL, WARN, Exhibit, Finding, Limits, Probe
from vlmrm.report.audit.sentences import NEGATIONS
from vlmrm.report.words import percent
from vlmrm.rewards.wording import affirmed

LIMITS = Limits(passes=0.7, fails=0.5, only="where a sentence of the reward has a negation")
"""Chance is 0.5: below it the negated sentence is read as if the negation were not there."""


def _run(audited: Audited) -> Finding:
    plain = [goal for goal in audited.goals if affirmed(goal) is None]
    if not plain:
        return _negated_goals(audited)
    compared = compare_sentences(audited, {goal: [form.format(goal) for form in NEGATIONS] for goal in plain})
    effect = compared.mean_auroc(sign=-1)
    beside = 1 - float(compared.paid_more().mean())
    chosen, choices = compared.chosen(), len(NEGATIONS) + 1
    says = (
        f"With a negated goal, a frame outside of the goal is paid more than a goal frame with chance {effect}; in "
        f"{percent(beside)} of the goal frames the plain sentence is paid more than a negation of it, and in "
        f"{percent(chosen.value)} more than all {len(NEGATIONS)} ({chosen}; chance is {percent(1 / choices)})."
    )
    used = next((said for said in audited.sentences if affirmed(said) is not None), None)
    if used is not None:
        says += f" The reward's own “{used}” has a negation."
    elif effect.value < LIMITS.passes:
        says += " The reward's own sentences have no negation: leave it so."
    tells = compared.aurocs
    exhibits = [
        *compared.exhibits(tells, lambda k: f"AUROC {tells[k]:.2f} for the goal itself"),
        Exhibit(
            text=f"{plain[0]} | {' | '.join(form.format('…') for form in NEGATIONS)}",
            says=f"one of {choices}: the first is chosen in {percent(chosen.value)} of the goal frames ({chosen})",
        ),
    ]
    return Finding.judged(LIMITS, effect, says, exhibits=exhibits, worst=WARN if used is None else FAIL)


def _negated_goals(audited: Audited) -> Finding:
    """Of a reward whose goal is a negation: how well that tells the frames that show it."""
    compared = compare_sentences(audited, {affirmed(goal) or goal: [goal] for goal in audited.goals})
    effect = compared.mean_auroc()
    says = f"The goal “{audited.goals[0]}” is a negation, and tells its frames with an AUROC of {effect}."
    tells = compared.aurocs
    return Finding.judged(LIMITS, effect, says, exhibits=compared.exhibits(-tells, lambda k: f"AUROC {tells[k]:.2f}"))


PROBE = Probe(
    name="negation",
    family="language",
    question="Does it read “not”, “no” and “without”?",
    measures="chance that a negated goal pays a frame outside of the goal more than a goal frame (0.5: not read)",
    limits=LIMITS,
    needs=(SENTENCES,),
    run=_run,
)
"""Negated sentences."""

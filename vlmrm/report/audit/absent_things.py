"""Is a sentence with a thing that is not there paid less? Hallucinated objects."""

from vlmrm.report.audit.audited import Audited
from vlmrm.report.audit.compared import compare_sentences
from vlmrm.report.audit.needs import SENTENCES
from vlmrm.report.audit.probe import WARN, Finding, Limits, Probe
from vlmrm.report.audit.sentences import ABSENT, ADDED
from vlmrm.report.words import percent

LIMITS = Limits(passes=0.8, fails=0.5, worst=WARN)
"""Chance is 0.5: from there on a thing that is in no picture makes the sentence no worse."""


def _run(audited: Audited) -> Finding:
    made = {goal: [form.format(goal, absent=thing) for form in ADDED for thing in ABSENT] for goal in audited.goals}
    compared = compare_sentences(audited, made)
    effect = compared.preference()
    says = (
        f"In {percent(effect.value)} of the goal frames the sentence is paid more than one that adds a thing which is "
        f"not there ({effect}; chance is 0.5)."
    )
    return Finding.judged(LIMITS, effect, says, exhibits=compared.exhibits(compared.paid_more()))


PROBE = Probe(
    name="absent_things",
    family="language",
    question="Does it pay less for a sentence with a thing that is not there?",
    measures="share of goal frames where the sentence beats one with an absent thing (0.5: chance)",
    limits=LIMITS,
    needs=(SENTENCES,),
    run=_run,
)
"""Sentences with an absent thing."""

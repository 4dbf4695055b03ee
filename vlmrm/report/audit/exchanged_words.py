"""Is a goal with one word changed paid less? Opposites, sides, and attributes or counts.

After COLA (arXiv 2305.03689) and MATS, whose measures are pairs of statements that cannot both be true of one picture.
Where the frames also show the goal of another task whose sentence differs in just such words, both ask of two pictures.
Words that a built-in model says it does not know are not put into a sentence: what it makes of them means nothing.
"""

from collections.abc import Callable, Sequence
from functools import partial

from vlmrm.report.audit.audited import Audited
from vlmrm.report.audit.compared import compare_sentences
from vlmrm.report.audit.fours import fours_with, goal_of, tasks_beside
from vlmrm.report.audit.needs import SENTENCES
from vlmrm.report.audit.probe import WARN, Finding, Limits, Probe
from vlmrm.report.audit.sentences import ATTRIBUTES, OPPOSITES, SIDES, exchanged, reversed_all
from vlmrm.report.words import percent

LIMITS = Limits(passes=0.8, fails=0.5, worst=WARN)
"""Chance is 0.5: from there on the frames of the goal fit the opposite as well as the goal."""


def _run(audited: Audited, rows: Sequence[Sequence[str]], what: str) -> Finding:
    made = [
        {goal: [said for said in exchanged(goal, [row]) if _knows(audited, goal, said)] for goal in audited.goals}
        for row in rows
    ]
    read = [compare_sentences(audited, others) for others in made if any(others.values())]
    if not read:
        return Finding.left_out(f"the goal has no word for {what} that another known one could take the place of.")
    effect, compared = min(((one.preference(), one) for one in read), key=lambda found: found[0].value)
    words = f"Of {len(read)} kinds of words for {what}, one is read worst: in" if len(read) > 1 else "In"
    says = (
        f"{words} {percent(effect.value)} of the goal frames the sentence is paid more than one with another word for "
        f"{what} ({effect}; chance is 0.5)."
    )
    for task in tasks_beside(audited):
        fours = fours_with(audited, task) if goal_of(task) in exchanged(audited.goals[0], rows) else None
        if fours is not None:
            says += f" With the goal of {task.name}, {fours}."
    return Finding.judged(LIMITS, effect, says, exhibits=compared.exhibits(compared.paid_more()))


def _run_opposite(audited: Audited) -> Finding:
    made = {goal: reversed_all(goal, OPPOSITES, partial(_knows, audited, goal)) for goal in audited.goals}
    others = {goal: [said] for goal, said in made.items() if said is not None}
    if not others:
        return Finding.left_out("the goal has no word for where or how a thing stands with an opposite that is known.")
    compared = compare_sentences(audited, others)
    effect = compared.preference()
    says = f"In {percent(effect.value)} of the goal frames the sentence is paid more than its opposite ({effect})."
    return Finding.judged(LIMITS, effect, says, exhibits=compared.exhibits(compared.paid_more()))


def _knows(audited: Audited, own: str, said: str) -> bool:
    """Whether the encoder knows all words that are new; a small model is not to be judged by others."""
    return not set(audited.scorer.strange_words(said)) - set(audited.scorer.strange_words(own))


def _runs(rows: Sequence[Sequence[str]], what: str) -> Callable[[Audited], Finding]:
    return partial(_run, rows=rows, what=what)


_MEASURES = "share of goal frames where the sentence beats one with a word exchanged (0.5: chance)"
OPPOSITE = Probe(
    name="opposites",
    family="language",
    question="Does it pay less for the opposite: below for above, lying for standing?",
    measures=_MEASURES,
    limits=LIMITS,
    needs=(SENTENCES,),
    run=_run_opposite,
)
"""Words for the opposite."""
SIDE = Probe(
    name="sides",
    family="language",
    question="Does it tell left from right?",
    measures=_MEASURES,
    limits=LIMITS,
    needs=(SENTENCES,),
    run=_runs(SIDES, "a side"),
)
"""Left for right."""
ATTRIBUTE = Probe(
    name="attributes",
    family="language",
    question="Does it read colours, counts and sizes?",
    measures=_MEASURES,
    limits=LIMITS,
    needs=(SENTENCES,),
    run=_runs(ATTRIBUTES, "a colour, a count or a size"),
)
"""Another colour, count or size."""

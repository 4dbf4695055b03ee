"""Does the order of words matter? Role swaps and shuffled words (CLoVe, arXiv 2402.15021).

It never fails: whoever reads words without their order still tells scenes by the words. But such a reward also pays for
a scene in which the same things stand the other way round.
"""

import numpy as np

from vlmrm.report.audit.audited import Audited
from vlmrm.report.audit.compared import compare_sentences
from vlmrm.report.audit.needs import SENTENCES
from vlmrm.report.audit.probe import WARN, Finding, Limits, Probe
from vlmrm.report.audit.sentences import shuffled_words, swapped_roles
from vlmrm.report.words import percent

LIMITS = Limits(passes=0.8, fails=0.5, worst=WARN)
"""Chance is 0.5; CLIP reaches 0.6 on such pairs (Yuksekgonul et al. 2023, arXiv 2210.01936)."""
_SHUFFLES = 4


def _run(audited: Audited) -> Finding:
    rng = np.random.default_rng(audited.seed)
    made = {goal: _disordered(goal, rng) for goal in audited.goals}
    made = {goal: others for goal, others in made.items() if others}
    if not made:
        return Finding.left_out("the goal has too few words for another order to say something else.")
    compared = compare_sentences(audited, made)
    effect = compared.preference()
    says = (
        f"In {percent(effect.value)} of the goal frames the sentence is paid more than its own words in another order "
        f"({effect}; chance is 0.5)."
    )
    return Finding.judged(LIMITS, effect, says, exhibits=compared.exhibits(compared.paid_more()))


def _disordered(sentence: str, rng: np.random.Generator) -> list[str]:
    """Roles swapped, where there are any, and words shuffled."""
    swapped = swapped_roles(sentence)
    count = len(sentence.split())
    shuffles = [shuffled_words(sentence, rng.permutation(count).tolist()) for _ in range(_SHUFFLES if count > 2 else 0)]
    return [one for one in dict.fromkeys([*([swapped] if swapped else []), *shuffles]) if one != sentence]


PROBE = Probe(
    name="word_order",
    family="language",
    question="Does the order of its words matter?",
    measures="share of goal frames where the sentence beats its own words in another order (0.5: chance)",
    limits=LIMITS,
    needs=(SENTENCES,),
    run=_run,
)
"""Words in another order."""

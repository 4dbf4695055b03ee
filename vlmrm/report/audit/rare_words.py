"""Does the reward hang on a word being common? Frequent words against rare ones for the same thing.

Models know what their captions spoke of often; for rare names of a thing the frequent synonym works better (Parashar et
al. 2024, "The Neglected Tails in Vision-Language Models", arXiv 2401.12425). It fails only where the reward's own goal
has the rare word and would do better with the frequent one.
"""

from collections.abc import Callable

import numpy as np

from vlmrm.report.audit.audited import Audited
from vlmrm.report.audit.compared import compare_sentences
from vlmrm.report.audit.needs import SENTENCES, TELLS_GOAL
from vlmrm.report.audit.probe import WARN, Finding, Limits, Probe
from vlmrm.report.audit.sentences import exchange
from vlmrm.report.words import loses

LIMITS = Limits(passes=0.05, fails=0.4, only="where the reward's own goal has the rare word")
"""As of paraphrases: 0.4 leaves a perfect reward near chance; 0.05 is hardly seen in a training."""
PAIRS = (
    ("red", "crimson"), ("purple", "violet"), ("ball", "orb"), ("ball", "sphere"), ("car", "automobile"),
    ("cart", "trolley"), ("cart", "wagon"), ("pole", "rod"), ("pole", "shaft"), ("hill", "knoll"),
    ("robot", "automaton"), ("robot", "android"), ("humanoid", "mannequin"),
    ("upside down", "inverted"), ("upright", "vertical"), ("upright", "erect"), ("standing", "upstanding"),
    ("lying", "recumbent"), ("kneeling", "genuflecting"), ("raised", "uplifted"), ("touching", "abutting"),
    ("top", "apex"), ("peak", "pinnacle"), ("box", "crate"), ("cup", "goblet"),
)  # fmt: skip
"""A frequent word of English captions, and one for nearly the same that they have seldom."""


def _run(audited: Audited) -> Finding:
    own = _exchanged(audited, lambda frequent, rare: (rare, frequent))
    if own:
        return _own_word_is_rare(audited, own)
    why = TELLS_GOAL.lacking(audited)
    if why is not None:
        return Finding.left_out(why)
    others = _exchanged(audited, lambda frequent, rare: (frequent, rare))
    if not others:
        return Finding.left_out("the goal has no word with a rare or a frequent synonym that the encoder knows.")
    compared = compare_sentences(audited, others)
    effect = compared.loss(lambda lost: lost.mean(axis=0))
    says = f"With a rarer word in {len(compared.others)} sentences, the goal {loses(effect)} of its AUROC on average."
    tells, before = compared.aurocs, compared.own_aurocs
    exhibits = compared.exhibits(before - tells, lambda k: f"AUROC {tells[k]:.2f} instead of {before[k]:.2f}")
    return Finding.judged(LIMITS, effect, says, exhibits=exhibits, worst=WARN)


def _own_word_is_rare(audited: Audited, others: dict[str, list[str]]) -> Finding:
    """What the AUROC of the reward's own sentence lacks of that with the frequent word, of the best such word."""
    compared = compare_sentences(audited, others)
    effect = compared.loss(lambda lost: -lost.min(axis=0))
    tells, before = compared.aurocs, compared.own_aurocs
    best = int(np.argmax(tells - before))
    says = (
        f"“{compared.own[best]}” has a rare word: “{compared.others[best]}” gains {effect} of AUROC. "
        "Take the sentence that does better."
    )
    exhibits = compared.exhibits(tells - before, lambda k: f"AUROC {tells[k]:.2f} instead of {before[k]:.2f}")
    return Finding.judged(LIMITS, effect, says, exhibits=exhibits)


def _exchanged(audited: Audited, way: Callable[[str, str], tuple[str, str]]) -> dict[str, list[str]]:
    """Sentences with one word exchanged, by the goal that they are made of; only with words that the encoder knows."""
    made = {goal: [_exchange(goal, *way(*pair)) for pair in PAIRS] for goal in audited.goals}
    kept = {
        goal: [one for one in others if one is not None and not _unknown(audited, goal, one)]
        for goal, others in made.items()
    }
    return {goal: others for goal, others in kept.items() if others}


def _exchange(goal: str, old: str, new: str) -> str | None:
    """With "an" before a vowel: nobody is to be judged by a slip of grammar."""
    articles = ("a", "an") if new[0] in "aeiou" else ("an", "a")
    return exchange(goal, f"{articles[0]} {old}", f"{articles[1]} {new}") or exchange(goal, old, new)


def _unknown(audited: Audited, own: str, said: str) -> set[str]:
    """Words that are new in a sentence and that the encoder does not know: a small model is not judged by those."""
    return set(audited.scorer.strange_words(said)) - set(audited.scorer.strange_words(own))


PROBE = Probe(
    name="rare_words",
    family="language",
    question="Does it work with rare words as with frequent ones?",
    measures="AUROC lost with a rare synonym; of a goal that has one, AUROC gained with the frequent one (0: none)",
    limits=LIMITS,
    needs=(SENTENCES,),
    run=_run,
)
"""Frequent and rare words."""

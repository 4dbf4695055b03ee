"""A warning for sentences that encoders of pictures misread: negations, motions and orders.

CLIP and its kin are trained on captions, which say what is seen. They hardly read "not" (Alhamoud et al. 2025,
"Vision-Language Models Do Not Understand Negation", arXiv 2501.09425), and one picture shows a pose of a motion,
and the result of an order. These are lists of English words; a motion or an order in other words passes.
"""

import re
from collections.abc import Iterable

from vlmrm.errors import WordingWarning, warn_user

_WORD = re.compile(r"[^\W\d_]+(?:['\u2019]t)?")
_NEGATION = re.compile(
    r"\b(?:(?:is|are|was|were|do|does|did|has|have|can|could|should|must|will|would)(?:n['\u2019]t|\s+not)|cannot|can['\u2019]t|"
    r"not|never|no|neither|nor|without|nobody|nothing)\b\s*",
    re.IGNORECASE,
)
_MOTIONS = frozenset(
    _WORD.findall(
        "accelerating crawling cartwheeling dancing driving flying galloping hopping jogging jumping leaping "
        "marching moving racing rolling rotating running rushing skipping sliding spinning sprinting strolling "
        "swimming trotting walking crawls dances drives gallops hops jogs jumps moves rotates runs spins sprints "
        "swims trots walks"
    )
)
_VERBS = frozenset(
    _WORD.findall(
        "accelerate avoid balance bend bring catch climb close crawl cross dance drive drop fetch flip fly follow "
        "get give go grab grasp hit hold hop jump keep kick kneel lay lean leap lie lift lower make move navigate "
        "open pick place play press pull push put raise reach release remove roll rotate run score sit slide spin "
        "squat stack stand stay stop swim swing take throw touch try turn walk wave"
    )
)
_AFTER_A_VERB = frozenset(
    _WORD.findall(
        "a all an and around as at away back backward backwards both down fast for forward forwards from into it "
        "its left off on one onto out over quickly right slowly still straight the them this through to toward "
        "towards under until up upright upside your"
    )
)


def affirmed(sentence: str) -> str | None:
    """The sentence without its negations; None: it has none.

    Example:
        >>> affirmed("a humanoid robot that isn't kneeling"), affirmed("a knot on a robot")
        ('a humanoid robot that kneeling', None)
        >>> affirmed("a table without a cup")
        'a table a cup'
    """
    said = _NEGATION.sub("", sentence)
    return None if said == sentence else said.strip()


def motion(sentence: str) -> str | None:
    """The first word that names a motion; None: there is none.

    Example:
        >>> motion("a humanoid robot running"), motion("a robot arm reaching towards the top")
        ('running', None)
    """
    return next((word for word in _WORD.findall(sentence) if word.lower() in _MOTIONS), None)


def is_order(sentence: str) -> bool:
    """Whether a sentence begins as an order does: with a verb, and what follows one.

    Example:
        >>> is_order("run forward as fast as possible"), is_order("open drawer"), is_order("Open the drawer!")
        (True, False, True)
    """
    words = [word.lower() for word in _WORD.findall(sentence)]
    if words[:1] == ["please"]:
        words = words[1:]
    return bool(words) and words[0] in _VERBS and (len(words) == 1 or words[1] in _AFTER_A_VERB)


def warn_of_wording(goals: Iterable[str], others: Iterable[str] = (), *, sees_motion: bool = False) -> None:
    """One `WordingWarning` for each negated sentence, and for each goal that is a motion or an order.

    Args:
        goals: Sentences that are wanted.
        others: All other sentences.
        sees_motion: Whether the encoder sees several frames at once.
    """
    wanted = tuple(goals)
    for sentence in dict.fromkeys([*wanted, *others]):
        if affirmed(sentence) is not None:
            _warn(
                f"encoders of pictures hardly read the negation in {sentence!r}: its reward is nearly that of "
                f"{affirmed(sentence)!r}. Say what is seen instead, as 'standing upright' for 'not kneeling', and give "
                "what is not wanted, without its 'not', as negatives of the head softmax or contrast."
            )
    for goal in wanted:
        if is_order(goal):
            _warn(
                f"the goal {goal!r} is an order, and a picture shows what came of it. Describe what is then seen, as "
                "'the ball in the net' for 'kick the ball into the net'."
            )
        elif motion(goal) is not None and not sees_motion:
            _warn(
                f"the goal {goal!r} is a motion ({motion(goal)}), and a picture shows one pose of it, moving or "
                "not. Describe such a pose, as 'a robot in mid-stride, one leg in the air'; for the motion "
                'itself use a video encoder with over_time = { kind = "clip" }.'
            )


def _warn(message: str) -> None:
    warn_user(message, WordingWarning)

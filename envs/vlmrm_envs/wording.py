"""The forms that training sentences take: the same things said in several ways.

In every form ``{t}`` is the thing, ``{p}`` what it is on or fixed to, ``{s}`` what is said of it, ``{n}`` the same
without its verb (`shorten`), ``{m}`` another wording of that, ``{c}`` a colour and ``{w}`` a place on the track.
"""

import re
from dataclasses import dataclass

from vlmrm_envs.concepts import Concept, beyond, near

SHORT = ("{t} {n}", "a {t} {n}", "a picture of a {t} {n}", "a {t} {n}, {m}")
"""Forms without a verb."""
COLOURED = ("the {c} {t} {s}", "a {c} {t} that {s}", "a {t} painted {c} {s}")
"""Forms that also name the thing's colour."""
BACKED = ("on a {c} background, the {t} {s}", "the {t} {s} before a {c} background")
"""Forms that also name the background's colour."""
BODY_STATED = (
    "the {t} {s}",
    "a {t} {s}",
    "picture of a {t} that {s}",
    "on the tiled {p}, a {t} {s}",
    "we see how a {t} {s}",
    "in this simulation, the {t} {s}",
)
"""Forms that say what a body does, for scenes that need no others."""
TRACK_PLACES = (
    Concept(("in the middle", "at the centre of the track", "halfway along the rail"), near(0.0, 0.7)),
    Concept(
        ("on the left side", "left of the middle", "in the left half"), beyond(lambda shown: -shown["position"], 0.3)
    ),
    Concept(
        ("on the right side", "right of the middle", "in the right half"), beyond(lambda shown: shown["position"], 0.3)
    ),
    Concept(("at the left edge", "at the far left end of the track"), near(-2.2, 0.4)),
    Concept(("at the right edge", "at the far right end of the track"), near(2.2, 0.4)),
)
"""Where something is on a track of CartPole's length. One is drawn for every sentence, of any scene, and said where the
scene has forms for it; so whether a scene has such forms changes no other random number."""


@dataclass(frozen=True, kw_only=True)
class Wording:
    """How sentences about a scene are worded."""

    things: tuple[str, ...]
    """Nouns for what moves; every sentence is about it."""
    places: tuple[str, ...]
    """Nouns for what the thing stands on or is fixed to."""
    stated: tuple[str, ...] = BODY_STATED
    """Forms that say something of the thing's state."""
    plain: tuple[str, ...]
    """Forms that say nothing of the thing's state."""
    stated_on_track: tuple[str, ...] = ()
    """Forms that also say where on the track it is."""
    on_track: tuple[str, ...] = ()
    """Forms that say only where on the track it is."""


_WITHOUT_VERB = {"is": "", "has both": "with both ", "has its": "with its "}
_SHORT_VOWEL = re.compile(r"(qu|[^aeiou])*[aeiou][^aeiouwxy]")  # before the last letter, which is doubled
_NO_PARTICIPLE = ("has", "fell", "does", "touches", "crosses", "reaches", "rolled", "nearly")


def shorten(phrase: str) -> str | None:
    """Word what is said to follow a noun directly, without its verb; None if that would not be English.

    Example:
        >>> shorten("is at the summit"), shorten("squats"), shorten("rises, waving"), shorten("has fallen over")
        ('at the summit', 'squatting', 'rising, waving', None)
    """
    for verb, instead in _WITHOUT_VERB.items():
        if phrase.startswith(verb + " "):
            return instead + phrase.removeprefix(verb + " ")
    verb = phrase.partition(" ")[0].removesuffix(",")
    if verb in _NO_PARTICIPLE:
        return None
    return _participle(verb) + phrase.removeprefix(verb)


def _participle(verb: str) -> str:
    """That of a verb in the third person: standing, sitting, making, lying."""
    stem = verb.removesuffix("s")
    if stem.endswith("e"):
        stem = stem.removesuffix("e")
        stem = stem[:-1] + "y" if stem.endswith("i") else stem
    elif _SHORT_VOWEL.fullmatch(stem):
        stem += stem[-1]
    return stem + "ing"

"""Other sentences made of a reward's own by rule: negated, swapped, with something added, with words exchanged.

The rules are English and know no task. A sentence that a rule cannot take is left as it is, and its probe is left out.
"""

import re
from collections.abc import Callable, Sequence

NEGATIONS = ("not {}", "no {}", "there is no {}", "a picture without {}", "anything but {}")
"""Sentences that say that something is not seen."""
ABSENT = ("a zebra", "a bowl of soup", "a stop sign", "a sailing boat", "a bunch of roses")
"""Things that are in no simulator's picture; those of the nonsense that reports compare with."""
ADDED = ("{} and {absent}", "{} next to {absent}", "{absent} beside {}")
"""Sentences with a thing that is not there."""
ORDERS = ("make it so that you see {}", "move until there is {}", "go on and show {}", "try to get {}")
"""Orders and motions that end in what a sentence describes."""
OPPOSITES = (
    ("above", "below"), ("over", "under"), ("on top of", "underneath"), ("up", "down"), ("upright", "upside down"),
    ("standing", "lying"), ("open", "closed"), ("raised", "lowered"), ("in front of", "behind"), ("inside", "outside"),
    ("high", "low"), ("at the top", "at the bottom"), ("peak", "foot"), ("peak", "bottom"),
)  # fmt: skip
"""Words that cannot both be true of one thing."""
SIDES = (("left", "right"),)
"""Words that a mirror exchanges."""
ATTRIBUTES: Sequence[Sequence[str]] = (
    ("red", "green", "blue", "yellow", "black", "white", "orange", "purple"),
    ("one", "two", "three", "four", "five"),
    ("single", "double"), ("small", "large"), ("big", "little"), ("both", "neither"), ("long", "short"),
)  # fmt: skip
"""Rows of colours, counts and sizes, each of which excludes the others of its row."""
_RELATIONS = (
    "on top of", "in front of", "underneath", "above", "below", "behind", "inside", "under", "over", "on", "in", "at",
)  # fmt: skip
"""Relations that say something else when their two things change places; "next to" and "with" do not."""
_DIRECTIONS = (
    "above", "below", "under", "underneath", "up", "upright", "upwards", "down", "downwards", "upside down", "standing",
    "lying", "hanging", "kneeling", "peak", "raised", "lowered", "overturned", "flipped", "inverted", "vertically",
    "on top of", "on its back", "on its belly", "on its head", "on its feet", "on its knees", "at the top",
    "at the bottom",
)  # fmt: skip
"""Words that say which way is up in a picture; "on a table" and "four legs" do not."""
_VIEWS = re.compile(
    r"(?:seen |shown |viewed |a view |looking )?from (?:above|below|under|underneath|the top|high up)|top[- ]down|"
    r"close[- ]up|up close",
    re.IGNORECASE,
)
"""Words about the camera, which say no more of the scene than that."""


def exchange(sentence: str, old: str, new: str) -> str | None:
    """Return the sentence with one phrase in the place of another, large or small; None: it does not occur.

    Args:
        sentence: Any sentence.
        old: Phrase to replace, whole words.
        new: What to put there.

    Example:
        >>> exchange("a red car", "red", "blue"), exchange("a reddish car", "red", "blue")
        ('a blue car', None)
    """
    said, count = re.subn(
        rf"(?<![\w-]){re.escape(old)}(?![\w-])", lambda found: _as_large(new, found[0]), sentence, count=1, flags=re.I
    )
    return said if count else None


def exchanged(sentence: str, rows: Sequence[Sequence[str]]) -> list[str]:
    """Return the sentence with one word or phrase exchanged for each other one of its row.

    Of two words of one row in a sentence each takes the other's place, as in COLA: one changed alone may say nothing
    new, and of three none is changed.

    Args:
        sentence: Any sentence.
        rows: Rows of words that exclude one another.

    Example:
        >>> exchanged("two red cars", ATTRIBUTES)[:2]
        ['two green cars', 'two blue cars']
        >>> exchanged("a red ball in a blue box", ATTRIBUTES)
        ['a blue ball in a red box']
        >>> exchanged("a pole on top of a cart", OPPOSITES)
        ['a pole underneath a cart']
    """
    made: list[str | None] = []
    for row in rows:
        there = [phrase for phrase in row if exchange(sentence, phrase, "") is not None]
        if len(there) == 1:
            made += [exchange(sentence, there[0], other) for other in row if other != there[0]]
        elif len(there) == 2:
            made.append(_swapped(sentence, *there))
    return [one for one in dict.fromkeys(made) if one is not None and one != sentence]


def _swapped(sentence: str, first: str, second: str) -> str:
    """Both of two phrases, each in the other's place wherever it stands."""
    either = rf"(?<![\w-])(?:{re.escape(first)}|{re.escape(second)})(?![\w-])"
    return re.sub(
        either, lambda found: _as_large(second if found[0].lower() == first else first, found[0]), sentence, flags=re.I
    )


def _as_large(said: str, old: str) -> str:
    """With a capital where what it replaces had one."""
    return said[:1].upper() + said[1:] if old[:1].isupper() else said


def reversed_all(sentence: str, rows: Sequence[Sequence[str]], allowed: Callable[[str], bool]) -> str | None:
    """Return the sentence with each word of the rows exchanged, so that nothing of it stays true; None: it has none.

    Args:
        sentence: Any sentence.
        rows: Pairs of words that exclude each other.
        allowed: Whether a sentence may be used; an exchange that leads to one that may not be is left out.

    Example:
        >>> reversed_all("standing upright above the floor", OPPOSITES, lambda said: "lying" not in said)
        'standing upside down below the floor'
    """
    said, placed = sentence, set[str]()
    for row in rows:
        for old in row:
            made = next((new for new in exchanged(said, [row]) if old not in placed and exchange(said, old, "")), None)
            if made is not None and allowed(made):
                placed.update(row)
                said = made
    return None if said == sentence else said


def swapped_roles(sentence: str) -> str | None:
    """Return the sentence with the two things of a relation in each other's place; None: it has no relation.

    Args:
        sentence: Any sentence.

    Example:
        >>> swapped_roles("a pole on top of the cart"), swapped_roles("a robot kneeling")
        ('the cart on top of a pole', None)
    """
    for relation in _RELATIONS:
        found = re.fullmatch(rf"(.+?)(,?) {relation} (.+)", sentence)
        if found and found[1] != found[3]:
            return f"{found[3]} {relation} {found[1]}"
    return None


def shuffled_words(sentence: str, order: Sequence[int]) -> str:
    """Return the words of a sentence in another order.

    Args:
        sentence: Any sentence.
        order: Number of each word, from 0.

    Example:
        >>> shuffled_words("a red car", [2, 0, 1])
        'car a red'
    """
    words = sentence.split()
    return " ".join(words[place] for place in order)


def says_direction(sentence: str) -> bool:
    """Whether a sentence says which way is up, so that it is false of a picture that stands on its head.

    Example:
        >>> says_direction("a pole standing upright"), says_direction("a red car seen from above")
        (True, False)
    """
    of_the_scene = _VIEWS.sub("", sentence)
    return any(exchange(of_the_scene, word, "") is not None for word in _DIRECTIONS)


def says_side(sentence: str) -> bool:
    """Whether a sentence names a side, so that it is false of a mirrored picture.

    Example:
        >>> says_side("a car on the left"), says_side("a left-handed glove"), says_side("a car on the hill")
        (True, True, False)
    """
    return bool(exchanged(sentence.replace("-", " "), SIDES))

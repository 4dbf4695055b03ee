"""Other wordings of a sentence: templates, words for the same thing, articles and end states.

They are English and of no particular task: most change nothing in a sentence, and one that makes nonsense of it ranks
low. A model's own words decide what is left of them.
"""

import re
from collections.abc import Iterator, Sequence

TEMPLATES = (
    "a photo of {}", "a picture of {}", "an image of {}", "a rendering of {}", "a simulation of {}",
    "a screenshot of {}", "{} in a simulation", "a close view of {}", "{} seen from the front", "{}, full view",
)  # fmt: skip
"""Sentences around a sentence, CLIP's own habit first (arXiv 2103.00020, section 3.1.4)."""
SYNONYMS: Sequence[Sequence[str]] = (
    ("humanoid robot", "robot", "humanoid", "humanoid figure", "person", "human figure", "mannequin"),
    ("robot arm", "robotic arm", "two-link arm", "two-jointed arm", "arm"),
    ("four-legged robot", "robot with four legs", "quadruped", "ant robot", "four-legged creature"),
    ("standing up", "standing", "standing upright", "standing straight", "standing tall", "upright"),
    ("arms crossed", "crossed arms", "arms folded", "folded arms", "arms crossed in front of its chest",
     "arms folded across its chest", "forearms crossed", "hands on the opposite elbows"),
    ("hands on hips", "hands on its hips", "both hands on its waist", "its hands at its waist"),
    ("arms raised", "raised arms", "both arms up", "arms above its head", "hands up"),
    ("kneeling", "on its knees", "kneeling down", "on both knees"),
    ("on one leg", "on a single leg", "with one foot lifted", "balancing on one foot"),
    ("touching", "in contact with", "resting on", "on top of", "at", "reaching", "right at"),
    ("the fingertip of a robot arm", "the tip of a robot arm", "the end of a robot arm", "a robot arm with its tip",
     "a robot arm's fingertip", "an arm whose tip is"),
    ("red ball", "ball", "small red ball", "red sphere", "target", "red target"),
    ("flipped over", "turned over", "overturned", "rolled over", "toppled over"),
    ("upside down", "on its back", "belly up", "with its legs in the air", "lying on its back", "inverted"),
    ("vertically upright", "upright", "vertical", "straight up", "balanced upright", "pointing up"),
    ("hanging down", "hanging", "pointing down", "straight down", "at the bottom"),
    ("pole", "rod", "stick"),
    ("cart", "trolley", "wagon"),
    ("car", "vehicle", "small car"),
    ("at the top of", "on top of", "on", "on the peak of"),
    ("hill", "mountain", "hilltop", "summit"),
    ("with its", "with", "and its", "having its"),
)  # fmt: skip
"""Phrases for nearly the same; each in a sentence is exchanged for the others of its row."""
_ONLY_PUT = ("robot", "arm", "person", "at", "on", "upright", "inverted", "target")
"""Of those, words that are put in the place of others and stay where they are: they are parts of other phrases."""
END_STATES: Sequence[tuple[str, str]] = (
    ("reaching towards", "at"), ("reaching for", "at"), ("moving to", "at"), ("swung all the way up", "up"),
    ("swung up", "pointing straight up"), ("picking up", "holding"), ("kneeling down", "on its knees"),
    ("standing up", "upright on its feet"), ("sitting down", "seated"), ("turning over", "upside down"),
    ("flipping over", "upside down"), ("opening", "with an open"), ("closing", "with a closed"),
    ("climbing", "at the top of"), ("balancing", "balanced with"), ("raising its", "with raised"),
)  # fmt: skip
"""Words for what is done, and for what is then seen."""
_ARTICLES = ("a", "an", "the")
_SPACES = re.compile(r"\s+")


def reworded(sentence: str) -> list[str]:
    """Return the sentence with one thing changed, in every way that the tables know; itself not among them.

    Args:
        sentence: Any sentence.

    Example:
        >>> "a robot touching the ball" in reworded("the robot touching the ball")
        True
        >>> reworded("a zebra")[:3]
        ['the zebra', 'zebra', 'a photo of a zebra']
    """
    found = [*_articles(sentence), *_templates(sentence), *_synonyms(sentence), *_end_states(sentence)]
    if ", " in sentence:
        found.append(sentence.replace(", ", " "))
    tidy = (_SPACES.sub(" ", one).strip(" ,") for one in found)
    return [one for one in dict.fromkeys(tidy) if one and one != sentence]


def without_template(sentence: str) -> str:
    """Return what a sentence says that is one of `TEMPLATES` around something; itself where it is none.

    Example:
        >>> without_template("a photo of a zebra"), without_template("a zebra")
        ('a zebra', 'a zebra')
    """
    for template in TEMPLATES:
        before, after = template.split("{}")
        inner = sentence.removeprefix(before).removesuffix(after)
        if sentence == template.format(inner) and inner:
            return inner
    return sentence


def _articles(sentence: str) -> Iterator[str]:
    first, _, rest = sentence.partition(" ")
    if first.lower() in _ARTICLES and rest:
        yield from (f"{other} {rest}" for other in ("a", "the") if other != first.lower() and first.lower() != "an")
        yield rest


def _templates(sentence: str) -> Iterator[str]:
    if any(sentence.startswith(template.split("{}")[0]) for template in TEMPLATES if not template.startswith("{}")):
        return  # one is enough
    yield from (template.format(sentence) for template in TEMPLATES)


def _synonyms(sentence: str) -> Iterator[str]:
    for row in SYNONYMS:
        there = max(
            (phrase for phrase in row if phrase not in _ONLY_PUT and _has(sentence, phrase)), key=len, default=None
        )
        if there is not None:
            yield from (_exchange(sentence, there, other) for other in row if other != there)


def _end_states(sentence: str) -> Iterator[str]:
    yield from (_exchange(sentence, done, seen) for done, seen in END_STATES if _has(sentence, done))


def _has(sentence: str, phrase: str) -> bool:
    return re.search(rf"(?<![\w-]){re.escape(phrase)}(?![\w-])", sentence) is not None


def _exchange(sentence: str, old: str, new: str) -> str:
    """With the article that the new words ask for, where the old ones had one."""
    changed = re.sub(rf"(?<![\w-]){re.escape(old)}(?![\w-])", new, sentence, count=1)
    article = "an" if new[:1] in "aeiou" else "a"
    return re.sub(rf"(?<!\w)an? {re.escape(new)}(?!\w)", f"{article} {new}", changed, count=1)

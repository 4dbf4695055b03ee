"""Sentences about pictures of the classic environments, each with how true it is of any picture.

The grammar is finite: `every_sentence` lists it, so that a test can show that no task's own prompt, nor a near copy of
one, is ever a training sentence.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product

import numpy as np
from numpy.typing import NDArray

from envs.concepts import CART_PLACES, CONCEPTS
from envs.looks import COLOURS
from envs.scenes import SCENES, SceneStates

FALSE = -12.0
"""Log-truth below which nothing is told apart, and that of a sentence about another scene."""

MAX_OVERLAP = 0.6
"""Largest share of content words that a training sentence may have in common with a task's prompt (Jaccard)."""

_THINGS = {
    "cartpole": ("pole", "rod", "stick"),
    "mountain_car": ("car", "vehicle", "buggy"),
    "pendulum": ("pendulum", "rod", "bar"),
    "acrobot": ("double pendulum", "two-link arm", "jointed arm"),
}
_PLACES = {
    "cartpole": ("cart", "trolley", "wagon"),
    "mountain_car": ("mountain", "hill"),
    "pendulum": ("pivot", "axle"),
    "acrobot": ("line", "bar"),
}
_STATED = {  # {t} thing, {p} place, {s} what is said of the thing
    "cartpole": (
        "the {t} on the {p} {s}", "a {t} hinged to a {p} {s}", "a {p} carrying a {t} that {s}", "the {t} {s}",
        "picture of a {p} whose {t} {s}", "we see a {p} on a track, the {t} {s}",
    ),
    "mountain_car": (
        "the {t} {s}", "the {t} {s} on the {p}", "a {t} in the mountains {s}", "a {t} driving on a {p} {s}",
        "picture of a {p} where the {t} {s}", "on a {p}, a {t} {s}",
    ),
    "pendulum": (
        "the {t} {s}", "a {t} turning around its {p} {s}", "the {t} on its {p} {s}", "a {t} fixed to a {p} {s}",
        "picture of a {t} that {s}", "a swinging {t} {s}",
    ),
    "acrobot": (
        "the {t} {s}", "a {t} under a {p} {s}", "picture of a {t} that {s}", "the {t} with a motor in its elbow {s}",
        "a {t} turning around its pivot {s}",
    ),
}  # fmt: skip
_PLAIN = {
    "cartpole": (
        "a {t} attached to a {p} that moves along a track", "a {p} rolling on a rail with a {t} hinged to it",
        "the game of balancing a {t} on a moving {p}", "a simple drawing of a {p} and its {t} on a line",
        "simulation of a {t} and a {p} on a track",
    ),
    "mountain_car": (
        "a {t} somewhere on a {p} with a flag", "a drawing of a {t}, a {p} and a yellow flag",
        "simulation of a {t} driving in the mountains", "a landscape with a {p}, a valley and a {t}",
        "a {t} on a {p} track under the sky",
    ),
    "pendulum": (
        "a {t} that swings around a {p}", "a simple drawing of a {t} on its {p}", "simulation of a {t} with a motor",
        "a {t} fixed at one end to a {p} in the middle",
    ),
    "acrobot": (
        "a {t} that swings below a {p}", "the acrobot, a {t} under a {p}",
        "a simple drawing of a {t} and a horizontal {p}", "simulation of a {t} with a motor in the elbow",
        "two links joined by an elbow, a {t} under a {p}",
    ),
}  # fmt: skip
_SHORT = {  # without a verb; {n} is `shorten` of what is said, {m} another wording of the same
    scene: ("{t} {n}", "a {t} {n}", "a picture of a {t} {n}", "a {t} {n}, {m}") for scene in SCENES
}
_COLOURED = ("the {c} {t} {s}", "a {c} {t} that {s}", "a {t} painted {c} {s}")
_BACKED = ("on a {c} background, the {t} {s}", "the {t} {s} before a {c} background")
_WITH_CART = (
    "the {p} is {w} and the {t} {s}",
    "the {t} {s} while the {p} stands {w}",
    "a {p} {w}, its {t} {s}",
    "the {t} on a {p} {w} {s}",
    "a {t} that {s}, with the {p} {w}",
)
_CART_ALONE = ("the {p} is {w}", "a {p} {w} with its {t}", "a {t} on a {p} {w}", "the {t} and the {p} are {w}")


@dataclass(frozen=True)
class Sentence:
    """A sentence and the parts of it that can be true or false."""

    text: str
    """As the model reads it."""
    scene: str
    """One of `SCENES`."""
    concept: int | None = None
    """Index into `CONCEPTS[scene]`; None: nothing is said of the thing's state."""
    place: int | None = None
    """Index into `CART_PLACES`."""
    thing: int | None = None
    """Index into `COLOURS`: the thing's colour."""
    ground: int | None = None
    """Index into `COLOURS`: the background's colour."""


class Grammar:
    """All sentences, less those too close to any of the prompts given.

    Args:
        prompts: Sentences to keep away from.
    """

    def __init__(self, prompts: list[str]) -> None:
        self._prompts = [content_words(prompt) for prompt in prompts]

    def allows(self, text: str) -> bool:
        """Whether a sentence shares at most `MAX_OVERLAP` of its content words with each prompt."""
        words = content_words(text)
        return all(len(words & prompt) <= MAX_OVERLAP * len(words | prompt) for prompt in self._prompts)

    def sample(self, rng: np.random.Generator, scene: str, concept: int | None, place: int | None = None) -> Sentence:
        """A random allowed sentence about one concept of one scene.

        Args:
            rng: The only source of chance.
            scene: One of `SCENES`.
            concept: Index into `CONCEPTS[scene]`; None: nothing is said of the thing's state.
            place: Index into `CART_PLACES`, for a sentence that says where the cart is; None: any.
        """
        while True:
            sentence = _compose(rng, scene, concept, place)
            if self.allows(sentence.text):
                return sentence

    def every_sentence(self) -> Iterator[str]:
        """Every sentence that `sample` can give."""
        return (text for scene in SCENES for text in _every_text(scene) if self.allows(text))


def _pick(rng: np.random.Generator, options: tuple[str, ...]) -> str:
    return options[int(rng.integers(len(options)))]


def _compose(rng: np.random.Generator, scene: str, concept: int | None, where: int | None) -> Sentence:
    thing, place = _pick(rng, _THINGS[scene]), _pick(rng, _PLACES[scene])
    if where is None:
        where = int(rng.integers(len(CART_PLACES)))
    words = _pick(rng, CART_PLACES[where].phrases)
    if concept is None and scene == "cartpole" and rng.random() < 0.6:
        return Sentence(_pick(rng, _CART_ALONE).format(p=place, w=words, t=thing), scene, place=where)
    if concept is None:
        return Sentence(_pick(rng, _PLAIN[scene]).format(t=thing, p=place), scene)
    said = _pick(rng, CONCEPTS[scene][concept].phrases).format(p=place)
    chance = rng.random()
    if chance < 0.1:
        colour = int(rng.integers(len(COLOURS)))
        text = _pick(rng, _COLOURED).format(c=COLOURS[colour], t=thing, s=said)
        return Sentence(text, scene, concept, thing=colour)
    if chance < 0.15:
        colour = int(rng.integers(len(COLOURS)))
        text = _pick(rng, _BACKED).format(c=COLOURS[colour], t=thing, s=said)
        return Sentence(text, scene, concept, ground=colour)
    if scene == "cartpole" and chance < 0.4:
        text = _pick(rng, _WITH_CART).format(p=place, w=words, t=thing, s=said)
        return Sentence(text, scene, concept, place=where)
    short = tuple(filter(None, map(shorten, CONCEPTS[scene][concept].phrases)))
    if short and chance < 0.7:
        first, second = (_pick(rng, short).format(p=place) for _ in range(2))
        return Sentence(_pick(rng, _SHORT[scene]).format(t=thing, n=first, m=second), scene, concept)
    return Sentence(_pick(rng, _STATED[scene]).format(t=thing, p=place, s=said), scene, concept)


_WITHOUT_VERB = {"is": "", "has both": "with both ", "has its": "with its "}
_PARTICIPLES = {
    "balances": "balancing", "dangles": "dangling", "drives": "driving", "drops": "dropping", "lies": "lying",
    "rises": "rising", "sits": "sitting", "slopes": "sloping",
}  # fmt: skip
_NO_PARTICIPLE = ("has", "fell", "does", "touches", "crosses", "reaches")


def shorten(phrase: str) -> str | None:
    """What is said, without its verb, to follow a noun directly; None where that makes no English.

    Example:
        >>> shorten("is at the summit"), shorten("stands upright"), shorten("has fallen over")
        ('at the summit', 'standing upright', None)
    """
    for verb, instead in _WITHOUT_VERB.items():
        if phrase.startswith(verb + " "):
            return instead + phrase.removeprefix(verb + " ")
    verb, _, rest = phrase.partition(" ")
    if verb in _NO_PARTICIPLE:
        return None
    return f"{_PARTICIPLES.get(verb, verb.removesuffix('s') + 'ing')} {rest}".strip()


def _every_text(scene: str) -> Iterator[str]:
    things = _THINGS[scene]
    for form, thing, place in product(_PLAIN[scene], things, _PLACES[scene]):
        yield form.format(t=thing, p=place)
    for place in _PLACES[scene]:
        said = [phrase.format(p=place) for concept in CONCEPTS[scene] for phrase in concept.phrases]
        for form, thing, phrase in product(_STATED[scene], things, said):
            yield form.format(t=thing, p=place, s=phrase)
        for form, colour, thing, phrase in product(_COLOURED + _BACKED, COLOURS, things, said):
            yield form.format(c=colour, t=thing, s=phrase)
        yield from _every_short(scene, place)
        if scene == "cartpole":
            yield from _every_cart(place, said)


def _every_short(scene: str, place: str) -> Iterator[str]:
    for concept in CONCEPTS[scene]:
        short = [text.format(p=place) for text in map(shorten, concept.phrases) if text]
        for form, thing, first in product(_SHORT[scene], _THINGS[scene], short):
            for second in short if "{m}" in form else short[:1]:
                yield form.format(t=thing, n=first, m=second)


def _every_cart(place: str, said: list[str]) -> Iterator[str]:
    where = [phrase for concept in CART_PLACES for phrase in concept.phrases]
    for form, words, thing in product(_CART_ALONE, where, _THINGS["cartpole"]):
        yield form.format(p=place, w=words, t=thing)
    for form, words, thing, phrase in product(_WITH_CART, where, _THINGS["cartpole"], said):
        yield form.format(p=place, w=words, t=thing, s=phrase)


def log_truths(sentences: list[Sentence], states: SceneStates) -> NDArray[np.float32]:
    """How true each sentence is of each picture.

    Args:
        sentences: k sentences.
        states: What n pictures show.

    Returns:
        Log-truths (n, k), 0 to `FALSE`.
    """
    table = np.full((len(states.scene), len(sentences)), FALSE)
    for index, scene in enumerate(SCENES):
        rows = np.flatnonzero(states.scene == index)
        columns = [j for j, sentence in enumerate(sentences) if sentence.scene == scene]
        if rows.size and columns:
            table[np.ix_(rows, np.array(columns))] = _within(scene, [sentences[j] for j in columns], states.take(rows))
    return table.clip(FALSE, 0.0).astype(np.float32)


def _within(scene: str, sentences: list[Sentence], states: SceneStates) -> NDArray[np.float64]:
    """The same for sentences and pictures of one scene."""
    said = np.stack([concept.log_truth(states) for concept in CONCEPTS[scene]])  # concepts, n
    carts = np.stack([place.log_truth(states) for place in CART_PLACES])
    columns = []
    for sentence in sentences:
        truth = np.zeros(len(states.scene)) if sentence.concept is None else said[sentence.concept].copy()
        if sentence.place is not None:
            truth += carts[sentence.place]
        if sentence.thing is not None:
            truth += np.where(states.thing == sentence.thing, 0.0, -6.0)
        if sentence.ground is not None:
            truth += np.where(states.ground == sentence.ground, 0.0, -6.0)
        columns.append(truth)
    return np.stack(columns, axis=1)


_STOP_WORDS = frozenset(
    re.findall(
        r"\w+",
        "a an and are as at be before by can does for from has have in is it its not of on or that the there this to "
        "we where which while who whose with",
    )
)
_ENDINGS = ("ically", "ally", "ing", "ed", "ly", "al", "es", "s")


def content_words(text: str) -> frozenset[str]:
    """The words that carry meaning, without their endings.

    Example:
        >>> sorted(content_words("the pole is standing vertically on the carts"))
        ['cart', 'pole', 'stand', 'vert']
    """
    words = (word for word in re.findall(r"[a-z0-9]+", text.lower()) if word not in _STOP_WORDS)
    return frozenset(_stem(word) for word in words)


def _stem(word: str) -> str:
    for ending in _ENDINGS:
        if word.endswith(ending) and len(word) - len(ending) >= 3:
            return word[: -len(ending)]
    return word

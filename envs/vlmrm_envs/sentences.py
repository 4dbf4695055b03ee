"""Sentences about pictures of the environments, each with how true it is of any picture.

The grammar is finite: `every_sentence` lists it, so that a test can show that no task's own prompt, nor a near copy of
one, is ever a training sentence.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import product

import numpy as np
from numpy.typing import NDArray

from vlmrm_envs.concepts import CART_PLACES, CONCEPTS
from vlmrm_envs.looks import COLOURS
from vlmrm_envs.scenes import SCENES
from vlmrm_envs.states import SceneStates
from vlmrm_envs.wordings import BACKED, CART_ALONE, COLOURED, PLACES, PLAIN, SHORT, STATED, THINGS, WITH_CART

FALSE = -12.0
"""Log-truth below which nothing is told apart, and that of a sentence about another scene."""

MAX_OVERLAP = 0.6
"""Largest share of content words that a training sentence may have in common with a task's prompt (Jaccard)."""


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
        scenes: What they may be about.
    """

    def __init__(self, prompts: list[str], scenes: Sequence[str] = SCENES) -> None:
        self._scenes = tuple(scenes)
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
        return (text for scene in self._scenes for text in _every_text(scene) if self.allows(text))


def _pick(rng: np.random.Generator, options: tuple[str, ...]) -> str:
    return options[int(rng.integers(len(options)))]


def _say(form: str, *, t: str, **parts: str) -> str:
    """A form filled in; ``t`` is the thing, which may want another article."""
    if t[0] in "aeiou":
        form = form.replace("a {t}", "an {t}")
    return form.format(t=t, **parts)


def _compose(rng: np.random.Generator, scene: str, concept: int | None, where: int | None) -> Sentence:
    thing, place = _pick(rng, THINGS[scene]), _pick(rng, PLACES[scene])
    if where is None:
        where = int(rng.integers(len(CART_PLACES)))
    words = _pick(rng, CART_PLACES[where].phrases)
    if concept is None and scene == "cartpole" and rng.random() < 0.6:
        return Sentence(_say(_pick(rng, CART_ALONE), p=place, w=words, t=thing), scene, place=where)
    if concept is None:
        return Sentence(_say(_pick(rng, PLAIN[scene]), t=thing, p=place), scene)
    said = _pick(rng, CONCEPTS[scene][concept].phrases).format(p=place)
    chance = rng.random()
    if chance < 0.1:
        colour = int(rng.integers(len(COLOURS)))
        text = _say(_pick(rng, COLOURED), c=COLOURS[colour], t=thing, s=said)
        return Sentence(text, scene, concept, thing=colour)
    if chance < 0.15:
        colour = int(rng.integers(len(COLOURS)))
        text = _say(_pick(rng, BACKED), c=COLOURS[colour], t=thing, s=said)
        return Sentence(text, scene, concept, ground=colour)
    if scene == "cartpole" and chance < 0.4:
        text = _say(_pick(rng, WITH_CART), p=place, w=words, t=thing, s=said)
        return Sentence(text, scene, concept, place=where)
    short = tuple(filter(None, map(shorten, CONCEPTS[scene][concept].phrases)))
    if short and chance < 0.7:
        first, second = (_pick(rng, short).format(p=place) for _ in range(2))
        return Sentence(_say(_pick(rng, SHORT[scene]), t=thing, n=first, m=second), scene, concept)
    return Sentence(_say(_pick(rng, STATED[scene]), t=thing, p=place, s=said), scene, concept)


_WITHOUT_VERB = {"is": "", "has both": "with both ", "has its": "with its "}
_PARTICIPLES = {  # of verbs that lose or double a letter
    "balances": "balancing", "crouches": "crouching", "dangles": "dangling", "drives": "driving", "drops": "dropping",
    "goes": "going", "hops": "hopping", "lets": "letting", "lies": "lying", "makes": "making",
    "meditates": "meditating", "misses": "missing", "practices": "practicing", "proposes": "proposing",
    "puts": "putting", "raises": "raising", "rises": "rising", "sits": "sitting", "slopes": "sloping",
    "squats": "squatting", "straddles": "straddling", "stretches": "stretching", "strides": "striding",
    "takes": "taking", "tips": "tipping", "waves": "waving",
}  # fmt: skip
_NO_PARTICIPLE = ("has", "fell", "does", "touches", "crosses", "reaches", "rolled", "nearly")


def shorten(phrase: str) -> str | None:
    """What is said, without its verb, to follow a noun directly; None where that makes no English.

    Example:
        >>> shorten("is at the summit"), shorten("squats"), shorten("kneels, sitting"), shorten("has fallen over")
        ('at the summit', 'squatting', 'kneeling, sitting', None)
    """
    for verb, instead in _WITHOUT_VERB.items():
        if phrase.startswith(verb + " "):
            return instead + phrase.removeprefix(verb + " ")
    verb = phrase.partition(" ")[0].removesuffix(",")
    if verb in _NO_PARTICIPLE:
        return None
    return _PARTICIPLES.get(verb, verb.removesuffix("s") + "ing") + phrase.removeprefix(verb)


def _every_text(scene: str) -> Iterator[str]:
    things = THINGS[scene]
    for form, thing, place in product(PLAIN[scene], things, PLACES[scene]):
        yield _say(form, t=thing, p=place)
    for place in PLACES[scene]:
        said = [phrase.format(p=place) for concept in CONCEPTS[scene] for phrase in concept.phrases]
        for form, thing, phrase in product(STATED[scene], things, said):
            yield _say(form, t=thing, p=place, s=phrase)
        for form, colour, thing, phrase in product(COLOURED + BACKED, COLOURS, things, said):
            yield _say(form, c=colour, t=thing, s=phrase)
        yield from _every_short(scene, place)
        if scene == "cartpole":
            yield from _every_cart(place, said)


def _every_short(scene: str, place: str) -> Iterator[str]:
    for concept in CONCEPTS[scene]:
        short = [text.format(p=place) for text in map(shorten, concept.phrases) if text]
        for form, thing, first in product(SHORT[scene], THINGS[scene], short):
            for second in short if "{m}" in form else short[:1]:
                yield _say(form, t=thing, n=first, m=second)


def _every_cart(place: str, said: list[str]) -> Iterator[str]:
    where = [phrase for concept in CART_PLACES for phrase in concept.phrases]
    for form, words, thing in product(CART_ALONE, where, THINGS["cartpole"]):
        yield _say(form, p=place, w=words, t=thing)
    for form, words, thing, phrase in product(WITH_CART, where, THINGS["cartpole"], said):
        yield _say(form, p=place, w=words, t=thing, s=phrase)


def log_truths(sentences: list[Sentence], states: Sequence[SceneStates]) -> NDArray[np.float32]:
    """How true each sentence is of each picture.

    Args:
        sentences: k sentences.
        states: What n pictures show, scene after scene.

    Returns:
        Log-truths (n, k), 0 to `FALSE`.
    """
    table = np.full((sum(map(len, states)), len(sentences)), FALSE)
    row = 0
    for part in states:
        columns = np.array([j for j, sentence in enumerate(sentences) if sentence.scene == part.scene], dtype=int)
        if columns.size:
            table[row : row + len(part), columns] = _within([sentences[j] for j in columns], part)
        row += len(part)
    return table.clip(FALSE, 0.0).astype(np.float32)


def _within(sentences: list[Sentence], states: SceneStates) -> NDArray[np.float64]:
    """The same for sentences and pictures of one scene."""
    said = np.stack([concept.log_truth(states) for concept in CONCEPTS[states.scene]])  # concepts, n
    columns = []
    for sentence in sentences:
        truth = np.zeros(len(states)) if sentence.concept is None else said[sentence.concept].copy()
        if sentence.place is not None:
            truth += CART_PLACES[sentence.place].log_truth(states)
        if sentence.thing is not None:
            truth += np.where(states["thing"] == sentence.thing, 0.0, -6.0)
        if sentence.ground is not None:
            truth += np.where(states["ground"] == sentence.ground, 0.0, -6.0)
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

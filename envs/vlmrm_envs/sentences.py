"""Sentences about pictures of scenes, each with how true it is of any picture.

Most are written by hand (`vlmrm_envs.sayings`), the others composed of phrases and forms. None is a task's own prompt,
nor a near copy of one.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import product

import numpy as np
from jaxtyping import Float32
from numpy.typing import NDArray

from vlmrm_envs.looks import COLOURS
from vlmrm_envs.near_copies import NearCopies
from vlmrm_envs.sayings import Sayings, load_sayings
from vlmrm_envs.scenes.scene import Scene, SceneStates
from vlmrm_envs.wording import BACKED, COLOURED, SHORT, TRACK_PLACES, shorten

FALSE = -12.0
"""Log-truth below which nothing is told apart, and that of a sentence about another scene."""

_OTHER_COLOUR = -6.0  # log-truth of a sentence that names the wrong one
_WRITTEN = 0.6  # share of the sentences written by hand, of those about what there are such
_SAME_WORDS = 0.99  # all content words in common


@dataclass(frozen=True)
class Sentence:
    """A sentence and the parts of it that can be true or false."""

    text: str
    """The sentence, as the model reads it."""
    scene: Scene | None
    """The scene that it is about. None: it is about nothing that any scene shows."""
    concept: int | None = None
    """Index into the scene's concepts. None: nothing is said of the thing's state."""
    place: int | None = None
    """Index into `TRACK_PLACES`. None: nothing is said of the place on the track."""
    thing: int | None = None
    """Index into `COLOURS` of the thing's colour. None: nothing is said of it."""
    ground: int | None = None
    """Index into `COLOURS` of the background's colour. None: nothing is said of it."""
    elsewhere: frozenset[str] = frozenset()
    """Names of other scenes that it may be about as well, as it names nothing that they do not have."""


class Grammar:
    """All sentences about some scenes, less those too close to any of the prompts given.

    Args:
        prompts: Sentences to keep away from.
        scenes: What the sentences may be about.
        wordings: Sentences that may not occur in any articles, order or endings, though others like them may.
    """

    def __init__(self, prompts: Iterable[str], scenes: Sequence[Scene], wordings: Iterable[str] = ()) -> None:
        self._about = {scene.name: _Vocabulary(scene) for scene in scenes}
        self._near_copies = NearCopies(prompts)
        self._copies = NearCopies(wordings, overlap=_SAME_WORDS)

    def allows(self, text: str) -> bool:
        """Whether a sentence is far enough from each prompt."""
        return text not in self._near_copies and text not in self._copies

    def sample(self, rng: np.random.Generator, scene: Scene, concept: int | None, place: int | None = None) -> Sentence:
        """Draw an allowed sentence about one concept of one scene.

        Args:
            rng: The only source of chance.
            scene: What the sentence is about.
            concept: Index into the scene's concepts; None: nothing is said of the thing's state.
            place: Index into `TRACK_PLACES`, for a sentence that says where on the track the thing is; None: any.
        """
        about = self._about[scene.name]
        while True:
            sentence = about.write(rng, concept) or _compose(rng, scene, concept, place)
            if self.allows(sentence.text):
                return replace(sentence, elsewhere=self._elsewhere(about, sentence.text))

    def _elsewhere(self, about: "_Vocabulary", text: str) -> frozenset[str]:
        named = about.named(text)
        others = (other for name, other in self._about.items() if other is not about)
        return frozenset(other.scene.name for other in others if not named or named & other.nouns)

    def every_composed_sentence(self) -> Iterator[str]:
        """Every sentence composed of phrases and forms that `sample` can give."""
        return (text for about in self._about.values() for text in _every_text(about.scene) if self.allows(text))

    def words(self, scene: Scene) -> set[str]:
        """Every word of the sentences about a scene."""
        written = self._about[scene.name].every_text()
        return {word for text in (*written, *_every_part(scene)) for word in text.lower().replace(",", " ").split()}


class _Vocabulary:
    """A scene and the sentences about it that are written by hand."""

    def __init__(self, scene: Scene) -> None:
        self.scene = scene
        said: Sayings = load_sayings(scene.sayings)
        firsts = [concept.phrases[0] for concept in scene.concepts]
        self._concepts = [said.concepts.get(first, ()) for first in firsts]
        self._plain = said.plain
        self._things, self._places = scene.wording.things + said.things, scene.wording.places + said.places

    @cached_property
    def nouns(self) -> frozenset[str]:
        """Nouns for what moves."""
        return frozenset(self._things)

    @cached_property
    def _noun(self) -> re.Pattern[str]:
        longest_first = sorted(self.nouns, key=len, reverse=True)
        return re.compile(rf"\b({'|'.join(map(re.escape, longest_first))})\b")

    def named(self, text: str) -> frozenset[str]:
        """The nouns of what moves that a sentence has."""
        return frozenset(self._noun.findall(text))

    def write(self, rng: np.random.Generator, concept: int | None) -> Sentence | None:
        """Choose a sentence written by hand; None: there is none, or it is a composed one's turn."""
        texts = self._plain if concept is None else self._concepts[concept]
        if not texts or rng.random() > _WRITTEN:
            return None
        text = _say(_pick(rng, texts), t=_pick(rng, self._things), p=_pick(rng, self._places))
        return Sentence(text, self.scene, concept)

    def every_text(self) -> Iterator[str]:
        """Every sentence written by hand, each noun in one of them."""
        forms = [*self._plain, *(text for texts in self._concepts for text in texts)]
        yield from (form.replace("{t}", "").replace("{p}", "") for form in forms)
        yield from (*self._things, *self._places)


def _pick(rng: np.random.Generator, options: Sequence[str]) -> str:
    return options[int(rng.integers(len(options)))]


def _say(form: str, *, t: str, **parts: str) -> str:
    """A form filled in; ``t`` is the thing, which may want another article."""
    if t[0] in "aeiou":
        form = re.sub(r"\ba \{t\}", "an {t}", form)
    return form.format(t=t, **parts)


def _compose(rng: np.random.Generator, scene: Scene, concept: int | None, where: int | None) -> Sentence:
    wording = scene.wording
    t, p = _pick(rng, wording.things), _pick(rng, wording.places)
    if where is None:
        where = int(rng.integers(len(TRACK_PLACES)))
    w = _pick(rng, TRACK_PLACES[where].phrases)
    if concept is None and wording.on_track and rng.random() < 0.6:
        return Sentence(_say(_pick(rng, wording.on_track), p=p, w=w, t=t), scene, place=where)
    if concept is None:
        return Sentence(_say(_pick(rng, wording.plain), t=t, p=p), scene)
    phrases = scene.concepts[concept].phrases
    s = _pick(rng, phrases).format(p=p)
    chance = rng.random()
    if chance < 0.15:
        colour = int(rng.integers(len(COLOURS)))
        if chance < 0.1:
            return Sentence(_say(_pick(rng, COLOURED), c=COLOURS[colour], t=t, s=s), scene, concept, thing=colour)
        return Sentence(_say(_pick(rng, BACKED), c=COLOURS[colour], t=t, s=s), scene, concept, ground=colour)
    if wording.stated_on_track and chance < 0.4:
        return Sentence(_say(_pick(rng, wording.stated_on_track), p=p, w=w, t=t, s=s), scene, concept, place=where)
    short = tuple(filter(None, map(shorten, phrases)))
    if short and chance < 0.7:
        n, m = (_pick(rng, short).format(p=p) for _ in range(2))
        return Sentence(_say(_pick(rng, SHORT), t=t, n=n, m=m), scene, concept)
    return Sentence(_say(_pick(rng, wording.stated), t=t, p=p, s=s), scene, concept)


def _every_text(scene: Scene) -> Iterator[str]:
    wording = scene.wording
    for form, t, p in product(wording.plain, wording.things, wording.places):
        yield _say(form, t=t, p=p)
    for p in wording.places:
        said = [phrase.format(p=p) for concept in scene.concepts for phrase in concept.phrases]
        for form, t, s in product(wording.stated, wording.things, said):
            yield _say(form, t=t, p=p, s=s)
        for form, c, t, s in product(COLOURED + BACKED, COLOURS, wording.things, said):
            yield _say(form, c=c, t=t, s=s)
        yield from _every_short(scene, p)
        where = [phrase for concept in TRACK_PLACES for phrase in concept.phrases]
        for form, w, t in product(wording.on_track, where, wording.things):
            yield _say(form, p=p, w=w, t=t)
        for form, w, t, s in product(wording.stated_on_track, where, wording.things, said):
            yield _say(form, p=p, w=w, t=t, s=s)


def _every_part(scene: Scene) -> Iterator[str]:
    """What the composed sentences are made of; every word of theirs is in one of these."""
    wording = scene.wording
    yield from (*wording.things, *wording.places, *COLOURS, "an")
    forms = (*wording.plain, *wording.stated, *COLOURED, *BACKED, *SHORT, *wording.on_track, *wording.stated_on_track)
    yield from (re.sub(r"\{\w\}", "", form) for form in forms)
    for concept in scene.concepts:
        yield from (phrase.format(p="") for phrase in concept.phrases)
        yield from (short.format(p="") for short in map(shorten, concept.phrases) if short)
    if wording.on_track or wording.stated_on_track:
        yield from (phrase for concept in TRACK_PLACES for phrase in concept.phrases)


def _every_short(scene: Scene, place: str) -> Iterator[str]:
    for concept in scene.concepts:
        short = [text.format(p=place) for text in map(shorten, concept.phrases) if text]
        for form, t, first in product(SHORT, scene.wording.things, short):
            for second in short if "{m}" in form else short[:1]:
                yield _say(form, t=t, n=first, m=second)


def log_truths(sentences: list[Sentence], states: Sequence[SceneStates]) -> Float32[np.ndarray, "n k"]:
    """How true each sentence is of each picture.

    Args:
        sentences: k sentences.
        states: What n pictures show, scene after scene.

    Returns:
        Log-truths, 0 to `FALSE`; NaN where a sentence may be about the scene as well and nothing tells how true it is.
    """
    table = np.full((sum(map(len, states)), len(sentences)), FALSE)
    row = 0
    for part in states:
        columns = np.array([j for j, sentence in enumerate(sentences) if sentence.scene is part.scene], dtype=int)
        if columns.size:
            table[row : row + len(part), columns] = _within([sentences[j] for j in columns], part)
        unknown = [j for j, sentence in enumerate(sentences) if part.scene.name in sentence.elsewhere]
        table[row : row + len(part), unknown] = np.nan
        row += len(part)
    return table.clip(FALSE, 0.0).astype(np.float32)


def _within(sentences: list[Sentence], states: SceneStates) -> NDArray[np.float64]:
    """The same for sentences and pictures of one scene."""
    said = [concept.log_truth(states.columns) for concept in states.scene.concepts]
    columns = []
    for sentence in sentences:
        truth = np.zeros(len(states)) if sentence.concept is None else said[sentence.concept].copy()
        if sentence.place is not None:
            truth += TRACK_PLACES[sentence.place].log_truth(states.columns)
        if sentence.thing is not None:
            truth += np.where(states["thing"] == sentence.thing, 0.0, _OTHER_COLOUR)
        if sentence.ground is not None:
            truth += np.where(states["ground"] == sentence.ground, 0.0, _OTHER_COLOUR)
        columns.append(truth)
    return np.stack(columns, axis=1)

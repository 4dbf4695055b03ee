"""Sentences about nothing that a built-in model's scenes show: they must be as true of one state as of any other."""

import tomllib
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path

import numpy as np
from vlmrm_envs.scenes.scene import Scene
from vlmrm_envs.sentences import Sentence

FILE = Path(__file__).parent / "builtin_nonsense.toml"


class Nonsense:
    """Animals on meadows, meals on tables; and what the scenes' own sentences say, said of an animal or a meal.

    Args:
        scenes: The scenes.
    """

    def __init__(self, scenes: Sequence[Scene]) -> None:
        self._scenes = scenes
        table = tomllib.loads(FILE.read_text(encoding="utf-8"))
        self._nouns, self._doings = table["nouns"], table["doings"]
        self._places, self._sentences = table["places"], table["sentences"]

    def sample(self, rng: np.random.Generator) -> Sentence:
        """Draw a sentence."""
        noun, chance = _pick(rng, self._nouns), rng.random()
        article = "the" if rng.random() < 0.4 else "an" if noun[0] in "aeiou" else "a"
        thing = f"{article} {noun}"
        if chance < 0.3:
            return Sentence(_pick(rng, self._sentences), None)
        if chance < 0.45:
            return Sentence(f"{thing} {_pick(rng, self._doings)}", None)
        if chance < 0.55:
            return Sentence(f"{thing} {_pick(rng, self._places)}", None)
        if chance < 0.8:
            return Sentence(f"{thing} {_pick(rng, self._doings)} {_pick(rng, self._places)}", None)
        scene = self._scenes[int(rng.integers(len(self._scenes)))]
        phrase = _pick(rng, scene.concepts[int(rng.integers(len(scene.concepts)))].phrases)
        return Sentence(f"{thing} {phrase.format(p=_pick(rng, self._nouns))}", None)

    @cached_property
    def words(self) -> set[str]:
        """Every word that the scenes' own sentences need not have."""
        texts = [*self._nouns, *self._doings, *self._places, *self._sentences]
        return {word for text in texts for word in text.replace(",", " ").split()}


def _pick(rng: np.random.Generator, options: Sequence[str]) -> str:
    return options[int(rng.integers(len(options)))]

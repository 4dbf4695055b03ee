"""`KnownWords`: the words that a model was trained on, scene by scene, and those of a sentence that do not fit."""

import difflib
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property

_WORD = re.compile(r"[^\W\d_]+")
_STOP_WORDS = frozenset(
    re.findall(
        r"\w+",
        "a an and are as at be been being but by for from has have her his in into is it its of on onto or our so than "
        "that the their them then there these they this those to too very was were which while whose with you your",
    )
)  # not: up, under, over, off, without … they say where things are
_ANYWHERE = frozenset(
    re.findall(
        r"\w+",
        "about ahead almost along any apart attached away back been behind beside between both but centre close "
        "deep each either four front fully go goes going great itself just like made makes making moves moving near "
        "nearly next nothing only opposite other possible put puts putting reach reaching round see sharply sits "
        "sitting some somewhere staying stays step stuck takes taking three touches touching towards two waiting "
        "waits way we where",
    )
)  # known words that say nothing of the scene, though it may be that sentences about one alone had them


@dataclass(frozen=True, eq=False)
class KnownWords:
    """Words by scene; common small words fit everywhere.

    Example:
        >>> known = KnownWords({"CartPole": ["pole", "cart", "upright"], "Humanoid": ["robot", "knees", "upright"]})
        >>> known.remarks("a zebra upright on the cart")
        {'zebra': 'in no sentence that it learnt from'}
        >>> known.remarks("a pole upright on its knees, with poles")
        {'poles': "in no sentence that it learnt from (near: 'pole')", 'knees': 'only in sentences about Humanoid'}
    """

    by_scene: Mapping[str, Iterable[str]]
    """All words of the training sentences, by the scene that the sentences are about."""

    def unknown(self, sentence: str) -> list[str]:
        """Words of a sentence that no training sentence had."""
        return [word for word in _content(sentence) if word not in self._all]

    def remarks(self, sentence: str) -> dict[str, str]:
        """What is to be said of the words of a sentence that do not fit, by the word.

        A word does not fit where no training sentence had it, or where only those of one scene had it and most words of
        the sentence belong to another.
        """
        found = {word: "in no sentence that it learnt from" + self._near(word) for word in self.unknown(sentence)}
        words = [word for word in _content(sentence) if word in self._all]
        scene = max(self._scenes, key=lambda name: sum(word in self._scenes[name] for word in words), default="")
        for word in words:
            at_home = [name for name, known in self._scenes.items() if word in known]
            if len(at_home) == 1 and at_home != [scene] and word not in _ANYWHERE:
                found[word] = f"only in sentences about {at_home[0]}"
        return found

    def _near(self, word: str) -> str:
        near = difflib.get_close_matches(word, sorted(self._all), n=3, cutoff=0.7)
        return f" (near: {', '.join(map(repr, near))})" if near else ""

    @cached_property
    def _scenes(self) -> dict[str, frozenset[str]]:
        """The words of each scene, and the parts of those with a hyphen: of four-legged, four and legged."""
        return {
            scene: frozenset(part for word in words for part in _WORD.findall(word.lower()))
            for scene, words in self.by_scene.items()
        }

    @cached_property
    def _all(self) -> frozenset[str]:
        return frozenset().union(*self._scenes.values())


def _content(sentence: str) -> list[str]:
    """The words of a sentence that say something, each once."""
    return [word for word in dict.fromkeys(_WORD.findall(sentence.lower())) if word not in _STOP_WORDS]

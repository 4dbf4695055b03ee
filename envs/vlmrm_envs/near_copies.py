"""Sentences that are nearly the same: what a training sentence may not be to a task's own prompt."""

import re
from collections.abc import Iterable
from functools import cache

MAX_OVERLAP = 0.6
"""Largest share of content words that a training sentence may have in common with a task's prompt (Jaccard)."""

_STOP_WORDS = frozenset(
    re.findall(
        r"\w+",
        "a an and are as at be before by can does for from has have in is it its not of on or that the there this to "
        "we where which while who whose with",
    )
)
_ENDINGS = ("ically", "ally", "ing", "ed", "ly", "al", "es", "s")


class NearCopies:
    """The sentences that share more of their content words than is allowed with any of some prompts.

    Args:
        prompts: The prompts.
        overlap: Largest share in common that is allowed (Jaccard); just below 1, only sentences with the very same
            content words are near copies.

    Example:
        >>> near = NearCopies(["pole vertically upright on top of the cart"])
        >>> "a pole upright on top of a cart" in near, "the rod stands tall" in near
        (True, False)
    """

    def __init__(self, prompts: Iterable[str], overlap: float = MAX_OVERLAP) -> None:
        self._overlap = overlap
        self._prompts = [content_words(prompt) for prompt in prompts]
        self._vocabulary = frozenset().union(*self._prompts)
        self._answers: dict[tuple[frozenset[str], int], bool] = {}

    def __contains__(self, text: str) -> bool:
        """Whether a sentence is a near copy; that depends on its words that prompts have and on how many it has."""
        if not self._prompts:
            return False
        words = content_words(text)
        shared, count = words & self._vocabulary, len(words)
        if (shared, count) not in self._answers:
            self._answers[shared, count] = any(
                len(shared & prompt) > self._overlap * (count + len(prompt) - len(shared & prompt))
                for prompt in self._prompts
            )
        return self._answers[shared, count]


def content_words(text: str) -> frozenset[str]:
    """The words that carry meaning, without their endings.

    Example:
        >>> sorted(content_words("the pole is standing vertically on the carts"))
        ['cart', 'pole', 'stand', 'vert']
    """
    return frozenset(filter(None, map(_stem, re.findall(r"[a-z0-9]+", text.lower()))))


@cache
def _stem(word: str) -> str | None:
    """A word without its ending; None for one that carries no meaning."""
    if word in _STOP_WORDS:
        return None
    for ending in _ENDINGS:
        if word.endswith(ending) and len(word) - len(ending) >= 3:
            return word[: -len(ending)]
    return word

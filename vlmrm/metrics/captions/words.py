"""Captions as words and as n-grams."""

import re
from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any

from vlmrm.errors import FrameError

Words = Callable[[str], Sequence[str]]
"""From a caption to its words."""
Grams = Counter[tuple[str, ...]]
"""How often each n-gram stands in a caption."""
_WORD = re.compile(r"[\w']+")


def plain_words(caption: str) -> list[str]:
    """Return the words of a caption in lower case, without punctuation.

    This is no Penn Treebank tokenizer, which the published numbers of COCO are of: numbers are to be compared among
    captions that were read alike.

    Example:
        >>> plain_words("A dog, an old one, isn't it?")
        ['a', 'dog', 'an', 'old', 'one', "isn't", 'it']
    """
    return _WORD.findall(caption.lower())


def grams_of(words: Sequence[str], longest: int = 4) -> Grams:
    """Return how often each n-gram stands in a caption, from single words up to the longest.

    Args:
        words: Words of the caption.
        longest: Words of the longest n-gram.
    """
    return Counter(
        tuple(words[at : at + count]) for count in range(1, longest + 1) for at in range(len(words) - count + 1)
    )


def repetition(captions: Sequence[str], *, count: int = 3, words: Words = plain_words) -> float:
    """Return the share of the n-grams of a caption that stand in it before, as the mean over captions.

    Args:
        captions: At least one.
        count: Words of an n-gram.
        words: Reads a caption.

    Raises:
        FrameError: There is no caption.

    Example:
        >>> repetition(["a star a star a star", "a red star"], count=2)
        0.3
    """
    require_captions(captions)
    return sum(share_repeated(words(caption), count) for caption in captions) / len(captions)


def share_repeated(words: Sequence[Any], count: int) -> float:
    """Return the share of the n-grams of one caption that stand in it before.

    Args:
        words: Words of the caption, or their token ids.
        count: Words of an n-gram.

    Example:
        >>> share_repeated([1, 2, 1, 2, 1, 2], 2)
        0.6
    """
    grams = [tuple(words[at : at + count]) for at in range(len(words) - count + 1)]
    return 1 - len(set(grams)) / len(grams) if grams else 0.0


def require_captions(captions: Sequence[str], references: Sequence[Sequence[str]] | None = None) -> None:
    """Refuse captions without references.

    Args:
        captions: One of each picture.
        references: Some of each picture. None: none are needed.

    Raises:
        FrameError: There is no caption, the numbers differ, or a picture has no reference.
    """
    if not captions:
        raise FrameError("there is no caption to judge. Give at least one.")
    if references is None:
        return
    if len(captions) != len(references):
        raise FrameError(f"each caption has its references; got {len(captions)} captions and {len(references)} lists.")
    missing = [place for place, several in enumerate(references) if not several]
    if missing:
        raise FrameError(f"{len(missing)} pictures have no reference, the first at place {missing[0]}. Leave them out.")

"""BLEU: how many n-grams of captions stand in references, over all captions together (Papineni et al. 2002)."""

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from vlmrm.metrics.captions.words import Grams, Words, grams_of, plain_words, require_captions

_LONGEST = 4
_TINY, _SMALL = 1e-15, 1e-9  # of the published evaluation code: nothing is 0, and a missing length of n-grams no error


@dataclass(frozen=True)
class Bleu:
    """BLEU of some captions, for n-grams of up to 1, 2, 3 and 4 words."""

    scores: tuple[float, float, float, float]
    """From 0 to 1."""

    @property
    def four(self) -> float:
        """BLEU-4, which papers give."""
        return self.scores[3]


def bleu(captions: Sequence[str], references: Sequence[Sequence[str]], *, words: Words = plain_words) -> Bleu:
    """Return BLEU of captions, with the reference of the nearest length for each (the shorter one of two as near).

    Args:
        captions: One of each picture.
        references: Some of each picture, in the same order.
        words: Reads a caption.

    Raises:
        FrameError: There is no caption, the numbers differ, or a picture has no reference.

    Example:
        >>> bleu(["a red star on a table"], [["a red star on a table"]]).four > 0.999
        True
        >>> round(bleu(["a red cross on a table"], [["a red star on a table"]]).scores[0], 3)
        0.833
    """
    require_captions(captions, references)
    right, said = [0] * _LONGEST, [0] * _LONGEST
    length = nearest = 0
    for caption, several in zip(captions, references, strict=True):
        mine, theirs = list(words(caption)), [list(words(one)) for one in several]
        grams, most = grams_of(mine, _LONGEST), _most(theirs)
        for gram, count in grams.items():
            right[len(gram) - 1] += min(count, most[gram])
        for count in range(_LONGEST):
            said[count] += max(len(mine) - count, 0)
        length += len(mine)
        nearest += min((abs(len(one) - len(mine)), len(one)) for one in theirs)[1]
    product, found = 1.0, []
    for count in range(_LONGEST):
        product *= (right[count] + _TINY) / (said[count] + _SMALL)
        found.append(product ** (1 / (count + 1)))
    ratio = (length + _TINY) / (nearest + _SMALL)
    short = math.exp(1 - 1 / ratio) if ratio < 1 else 1.0
    one, two, three, four = (score * short for score in found)
    return Bleu((one, two, three, four))


def _most(references: Sequence[Sequence[str]]) -> Grams:
    """How often each n-gram stands in the reference that has most of it."""
    most: Grams = Counter()
    for reference in references:
        most |= grams_of(reference, _LONGEST)
    return most

"""CIDEr-D: how alike a caption is to references, by n-grams that weigh the more the rarer they are.

Vedantam, Zitnick and Parikh 2015, "CIDEr: Consensus-based Image Description Evaluation" (arXiv 1411.5726): for each
length of n-grams the cosine of term frequencies times inverse document frequencies, clipped to the reference's, times
exp(-(difference of lengths)^2 / (2 * 6^2)); the mean over four lengths and over references, times 10.
"""

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Float

from vlmrm.atomic import write_json
from vlmrm.errors import FrameError
from vlmrm.metrics.captions.words import Grams, Words, grams_of, plain_words, require_captions
from vlmrm.plain_files import read_json

_LONGEST, _SIGMA, _SCALE = 4, 6.0, 10.0


@dataclass(frozen=True, eq=False)
class DocumentFrequencies:
    """In the references of how many pictures each n-gram stands.

    Can be kept, so that captions of few pictures are judged by the frequencies of a whole set.
    """

    counts: Mapping[tuple[str, ...], int]
    """Number of pictures, by n-gram."""
    pictures: int
    """Number of pictures in all."""

    @classmethod
    def of(cls, references: Sequence[Sequence[str]], *, words: Words = plain_words) -> "DocumentFrequencies":
        """Count n-grams in references.

        Args:
            references: Some captions of each picture.
            words: Reads a caption.
        """
        counts: Counter[tuple[str, ...]] = Counter()
        for several in references:
            counts.update({gram for caption in several for gram in grams_of(words(caption), _LONGEST)})
        return cls(counts, len(references))

    def save(self, path: Path) -> None:
        """Write it as JSON."""
        write_json(path, {"pictures": self.pictures, "counts": {"\t".join(k): v for k, v in self.counts.items()}})

    @classmethod
    def load(cls, path: Path) -> "DocumentFrequencies":
        """Read what `save` wrote.

        Raises:
            FrameError: It is no such file.
        """
        try:
            said = read_json(path)
            counts = {tuple(gram.split("\t")): int(count) for gram, count in said["counts"].items()}
            return cls(counts, int(said["pictures"]))
        except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
            raise FrameError(f"{path} holds no document frequencies: {type(error).__name__}: {error}.") from error


@dataclass(frozen=True, eq=False)
class CiderScores:
    """CIDEr-D of some captions."""

    each: Float[np.ndarray, " n"]
    """Score of each caption, from 0 to 10."""

    @property
    def mean(self) -> float:
        """Mean over captions, which is what papers give, some of them times 100."""
        return float(self.each.mean())


def cider_d(
    captions: Sequence[str],
    references: Sequence[Sequence[str]],
    frequencies: DocumentFrequencies | None = None,
    *,
    words: Words = plain_words,
) -> CiderScores:
    """Return CIDEr-D of captions.

    Args:
        captions: One of each picture.
        references: Some of each picture, in the same order.
        frequencies: Of the n-grams of a whole set. None: those of these references.
        words: Reads a caption.

    Raises:
        FrameError: There is no caption, the numbers differ, or a picture has no reference.

    Example:
        >>> references = [["a red star"], ["a blue cross"], ["a green square"]]
        >>> cider_d(["a red star", "a red cross", ""], references).each.round(2).tolist()
        [7.5, 1.25, 0.0]
    """
    require_captions(captions, references)
    known = frequencies or DocumentFrequencies.of(references, words=words)
    vectors = [_Vector.of(words(caption), known) for caption in captions]
    scores = [
        float(np.mean([vector.likeness(_Vector.of(words(one), known)) for one in several]))
        for vector, several in zip(vectors, references, strict=True)
    ]
    return CiderScores(np.array(scores))


@dataclass(frozen=True, eq=False)
class _Vector:
    """A caption as weighted n-grams."""

    weights: Mapping[tuple[str, ...], float]
    norms: Sequence[float]  # of the n-grams of each length
    pairs: int  # of neighbouring words, which stand for the length

    @classmethod
    def of(cls, words: Sequence[str], known: DocumentFrequencies) -> "_Vector":
        grams: Grams = grams_of(words, _LONGEST)
        most = math.log(max(known.pictures, 1))
        weights = {gram: count * (most - math.log(max(known.counts.get(gram, 0), 1))) for gram, count in grams.items()}
        squares = [0.0] * _LONGEST
        for gram, weight in weights.items():
            squares[len(gram) - 1] += weight * weight
        return cls(weights, [math.sqrt(square) for square in squares], max(len(words) - 1, 0))

    def likeness(self, reference: "_Vector") -> float:
        """Mean over lengths of n-grams, times 10."""
        products = [0.0] * _LONGEST
        for gram, weight in self.weights.items():
            theirs = reference.weights.get(gram)
            if theirs is not None:
                products[len(gram) - 1] += min(weight, theirs) * theirs
        total = 0.0
        for product, mine, their in zip(products, self.norms, reference.norms, strict=True):
            total += product / (mine * their) if mine and their else product
        apart = self.pairs - reference.pairs
        return _SCALE * total / _LONGEST * math.exp(-(apart**2) / (2 * _SIGMA**2))

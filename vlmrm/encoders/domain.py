"""Where a small model can be trusted: the words and the frames it was trained on, and warnings outside of them."""

import json
import re
import warnings
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import torch
from jaxtyping import Float, Int
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor

from vlmrm.atomic import json_text
from vlmrm.encoders.cards import CARD_FILE
from vlmrm.encoders.encoder import Encoder
from vlmrm.errors import EncoderError, OutOfDomainWarning
from vlmrm.types import Embeddings

DOMAIN_FILE = "domain.safetensors"
_HELD_OUT_EVERY = 5  # one row in five decides the threshold and takes no part in the fit
_RIDGE = 1e-3  # share of the mean variance added to each; unit vectors leave at least one direction without any
_TOO_MANY = 0.5  # share of the frames seen so far
_WORD = re.compile(r"[^\W\d_]+")
_STOP_WORDS = frozenset(
    re.findall(
        r"\w+",
        "a an and are as at be been being but by for from has have her his in into is it its of on onto or our so than "
        "that the their them then there these they this those to very was were which while whose with you your",
    )
)  # not: up, under, over, off, without … they say where things are


@dataclass(frozen=True, eq=False, kw_only=True)
class Domain:
    """The words and the region of embedding space that a model was trained on.

    Frames are judged by the squared Mahalanobis distance to the nearest of several Gaussians that share one covariance
    (Lee et al. 2018, "A Simple Unified Framework for Detecting Out-of-Distribution Samples and Adversarial Attacks").

    Example:
        >>> classes = torch.arange(400) % 2
        >>> noise = torch.randn(400, 3, generator=torch.Generator().manual_seed(0))
        >>> frames = torch.eye(3)[classes] + 0.01 * noise
        >>> domain = Domain.fit(frames, classes, words=["pole", "cart"])
        >>> domain.share_outside(torch.eye(3)[:2]), domain.share_outside(torch.eye(3)[2:])
        (0.0, 1.0)
        >>> domain.unknown_words("a zebra on the cart")
        ['zebra']
    """

    words: frozenset[str]
    """All words of the training sentences, in lower case."""
    means: Float[Tensor, "c d"]
    """The middle of each class."""
    precision: Float[Tensor, "d d"]
    """Inverse of the covariance within the classes."""
    threshold: float
    """Squared distance beyond which a frame counts as outside."""
    model: str = ""
    """Name of the model, for messages."""

    @classmethod
    def fit(
        cls, embeddings: Embeddings, classes: Int[Tensor, " n"], *, words: Iterable[str], quantile: float = 0.995
    ) -> "Domain":
        """Learn the region from frames that are known to lie inside.

        Every fifth frame is left out of the fit and decides the threshold; shuffle frames that follow one another.

        Args:
            embeddings: Of training-like frames; better not of the training frames themselves.
            classes: A number for each frame, e.g. of its scene and a coarse state; frames of one class lie together.
            words: All words of the training sentences.
            quantile: Share of the left-out frames that shall count as inside.

        Raises:
            EncoderError: There are too few frames.
        """
        held_out = torch.arange(len(embeddings)) % _HELD_OUT_EVERY == 0
        inside, labels = embeddings[~held_out].double(), classes[~held_out]
        count, dim = inside.shape
        names, index = torch.unique(labels, return_inverse=True)
        if count < 2 * len(names) or count < 2:
            raise EncoderError(f"a domain needs several frames of each class; got {count} for {len(names)} classes.")
        sums = torch.zeros(len(names), dim, dtype=torch.float64).index_add_(0, index, inside)
        means = sums / index.bincount()[:, None]
        centred = inside - means[index]
        covariance = centred.T @ centred / (count - len(names))
        ridge = _RIDGE * covariance.diagonal().mean() + 1e-12
        precision = torch.linalg.inv(covariance + ridge * torch.eye(dim, dtype=torch.float64))
        region = cls(words=_lower(words), means=means.float(), precision=precision.float(), threshold=0.0)
        threshold = float(region.distances(embeddings[held_out]).double().quantile(quantile))
        return cls(words=region.words, means=region.means, precision=region.precision, threshold=threshold)

    @classmethod
    def load(cls, folder: Path) -> "Domain":
        """Read the domain of a model folder.

        Raises:
            EncoderError: A file is missing or damaged.
        """
        try:
            tensors = load_file(folder / DOMAIN_FILE)
            words = json.loads((folder / CARD_FILE).read_text(encoding="utf-8"))["words"]
            return cls(
                words=_lower(words),
                means=tensors["means"],
                precision=tensors["precision"],
                threshold=float(tensors["threshold"]),
                model=folder.name,
            )
        except (OSError, ValueError, KeyError, TypeError, SafetensorError) as error:
            raise EncoderError(
                f"the domain of the model in {folder} cannot be read ({type(error).__name__}: {error})."
            ) from error

    def save(self, folder: Path) -> None:
        """Write ``domain.safetensors``, and the words into ``card.json`` beside what stands there already."""
        tensors = {
            "means": self.means.contiguous(),
            "precision": self.precision.contiguous(),
            "threshold": torch.tensor([self.threshold]),
        }
        save_file(tensors, folder / DOMAIN_FILE)
        path = folder / CARD_FILE
        card = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}
        path.write_text(json_text(card | {"words": sorted(self.words)}) + "\n", encoding="utf-8")

    def distances(self, embeddings: Embeddings) -> Float[Tensor, " n"]:
        """Squared Mahalanobis distance of each frame to its nearest class."""
        frames, means, precision = embeddings.double(), self.means.double(), self.precision.double()
        own = ((frames @ precision) * frames).sum(dim=1)  # n
        of_means = ((means @ precision) * means).sum(dim=1)  # c
        squared = own[:, None] - 2 * frames @ precision @ means.T + of_means  # n c
        return squared.min(dim=1).values.clamp(min=0).float()

    def share_outside(self, embeddings: Embeddings) -> float:
        """Share of the frames that lie farther out than all but a few training-like ones, 0 to 1."""
        return self.count_outside(embeddings) / len(embeddings)

    def count_outside(self, embeddings: Embeddings) -> int:
        """How many frames lie farther out than all but a few training-like ones."""
        return int((self.distances(embeddings) > self.threshold).sum())

    def strange_frames(self, embeddings: Embeddings) -> dict[str, int]:
        """How many frames lie outside, by the name of the model."""
        return {self.model: self.count_outside(embeddings)}

    def strange_words(self, sentence: str) -> dict[str, list[str]]:
        """Words that are unknown, by the name of the model."""
        return {self.model: self.unknown_words(sentence)}

    def unknown_words(self, sentence: str) -> list[str]:
        """Words of a sentence that no training sentence had; common small words do not count."""
        found = dict.fromkeys(_WORD.findall(sentence.lower()))
        return [word for word in found if word not in self._parts and word not in _STOP_WORDS]

    @cached_property
    def _parts(self) -> frozenset[str]:
        """The words, and the parts of those with a hyphen: of four-legged, four and legged."""
        return frozenset(part for word in self.words for part in _WORD.findall(word))


class DomainWatch:
    """Warns when an encoder is asked about a world that it does not know.

    It warns once when more than half of all frames so far lie outside the encoder's domain, and once for each unknown
    word. An encoder without a domain is not watched.

    Args:
        encoder: The encoder to watch; of an ensemble, each member that has a domain is watched.
    """

    def __init__(self, encoder: Encoder) -> None:
        self._domain = encoder.domain
        self._frames = 0
        self._outside: Counter[str] = Counter()
        self._warned: set[str] = set()
        self._warned_words: set[tuple[str, str]] = set()

    def see(self, embeddings: Embeddings) -> None:
        """Look at whole frames, as the encoder embedded them."""
        if self._domain is None:
            return
        self._frames += len(embeddings)
        for model, count in self._domain.strange_frames(embeddings).items():
            self._outside[model] += count
            if model in self._warned or self._outside[model] <= _TOO_MANY * self._frames:
                continue
            self._warned.add(model)
            warnings.warn(
                f"{self._outside[model]} of {self._frames} frames look like nothing {model!r} was trained on, so its "
                "rewards mean little there. `vlmrm models` prints what it knows; for other scenes use a large model, "
                "e.g. ViT-L-14/openai.",
                OutOfDomainWarning,
                stacklevel=2,
            )

    def read(self, texts: Iterable[str]) -> None:
        """Look at sentences."""
        if self._domain is None:
            return
        for text in texts:
            for model, words in self._domain.strange_words(text).items():
                strange = [word for word in words if (model, word) not in self._warned_words]
                self._warned_words.update((model, word) for word in strange)
                if strange:
                    warnings.warn(
                        f"{model!r} never saw {', '.join(map(repr, strange))} in training, so it cannot know what "
                        f"{text!r} means. `vlmrm models` prints what it knows.",
                        OutOfDomainWarning,
                        stacklevel=2,
                    )


def _lower(words: Iterable[str]) -> frozenset[str]:
    return frozenset(word.lower() for word in words)

"""Where a small model can be trusted: the words and the frames it was trained on."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

import torch
from jaxtyping import Bool, Float, Int
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor

from vlmrm.atomic import whole_file, write_json
from vlmrm.encoders.cards import CARD_FILE
from vlmrm.encoders.known_words import KnownWords
from vlmrm.errors import EncoderError
from vlmrm.plain_files import read_json
from vlmrm.types import Embeddings

DOMAIN_FILE = "domain.safetensors"
_HELD_OUT_EVERY = 4  # one row in so many decides the thresholds and takes no part in the fit
_RIDGE = 1e-3  # share of the mean variance added to each; unit vectors leave at least one direction without any
_MARGIN = 0.75  # of the lowest that sentences about what is seen were found to reach
_AT_ONCE = 4096  # frames; each takes 4 kB for every class of a width of 1024


@dataclass(frozen=True, eq=False, kw_only=True)
class Domain:
    """The words and the region of embedding space that a model was trained on.

    The region is a union of ellipsoids, one for each scene: the squared Mahalanobis distance to the scene's mean, under
    the scene's own covariance, is at most what nearly all of its frames have. (With one covariance for all scenes, as
    Lee et al. 2018 take for classifiers, arXiv 1807.03888, the directions in which scenes lie apart let half of a race
    track pass; distances to the nearest frames do, too.)

    Example:
        >>> classes = torch.arange(400) % 2
        >>> noise = torch.randn(400, 3, generator=torch.Generator().manual_seed(0))
        >>> frames = torch.eye(3)[classes] + 0.01 * noise
        >>> domain = Domain.fit(frames, classes, words={"CartPole": ["pole", "cart"]})
        >>> domain.share_outside(torch.eye(3)[:2]), domain.share_outside(torch.eye(3)[2:])
        (0.0, 1.0)
        >>> domain.strange_words("a zebra on the cart")
        {'': {'zebra': 'in no sentence that it learnt from'}}
    """

    words: Mapping[str, frozenset[str]]
    """All words of the training sentences, in lower case, by the scene that the sentences are about."""
    means: Float[Tensor, "c d"]
    """Middle of each scene."""
    factors: Float[Tensor, "c d d"]
    """Lower triangle L of each scene, by which frames at the border have ``|(frame - mean) L| = 1``."""
    nearness: float = -1.0
    """Cosine that a sentence about what is seen reaches with some frame of a rollout. -1: unknown."""
    model: str = ""
    """Name of the model, for messages."""

    @classmethod
    def fit(
        cls,
        embeddings: Embeddings,
        classes: Int[Tensor, " n"],
        *,
        words: Mapping[str, Iterable[str]],
        quantile: float = 0.98,
    ) -> "Domain":
        """Learn the region from frames that are known to lie inside.

        Of each class every fourth frame is left out of the fit and decides its border; shuffle frames that follow one
        another.

        Args:
            embeddings: Of training-like frames; better not of the training frames themselves.
            classes: Number of the scene of each frame.
            words: All words of the training sentences, by scene.
            quantile: Share of the left-out frames of each class that shall count as inside.

        Raises:
            EncoderError: There are too few frames.
        """
        names, counts = torch.unique(classes, return_counts=True)
        if not len(counts) or int(counts.min()) < _HELD_OUT_EVERY:
            raise EncoderError(
                f"a domain needs several frames of each class; got {len(embeddings)} for {len(names)} classes."
            )
        parts = [_fit_class(embeddings[classes == name].double(), quantile) for name in names]
        means, factors = (torch.stack(each).float() for each in zip(*parts, strict=True))
        return cls(words=_lower(words), means=means, factors=factors)

    @classmethod
    def load(cls, folder: Path) -> "Domain":
        """Read the domain of a model folder.

        Raises:
            EncoderError: A file is missing or damaged.
        """
        try:
            tensors = load_file(folder / DOMAIN_FILE)
            card = read_json(folder / CARD_FILE)
            return cls(
                words=_lower(card.get("words_by_scene", {"": card["words"]})),
                means=tensors["means"],
                factors=_unpack(tensors["triangles"], tensors["scales"]),
                nearness=float(tensors["nearness"]),
                model=folder.name,
            )
        except (OSError, ValueError, KeyError, TypeError, AttributeError, RuntimeError, SafetensorError) as error:
            raise EncoderError(
                f"the domain of the model in {folder} cannot be read ({type(error).__name__}: {error})."
            ) from error

    def save(self, folder: Path) -> None:
        """Write ``domain.safetensors``, and the words into ``card.json`` beside what stands there already."""
        triangles, scales = _pack(self.factors)
        tensors = {"means": self.means.contiguous(), "triangles": triangles, "scales": scales}
        tensors["nearness"] = torch.tensor([self.nearness])
        with whole_file(folder / DOMAIN_FILE) as unfinished:
            save_file(tensors, unfinished)
        path = folder / CARD_FILE
        card = read_json(path) if path.is_file() else {}
        words = {
            "words": sorted(frozenset().union(*self.words.values())),
            "words_by_scene": {scene: sorted(known) for scene, known in self.words.items()},
        }
        write_json(path, card | words)

    def with_nearness(self, embeddings: Iterable[Embeddings], sentences: Iterable[Float[Tensor, "k d"]]) -> "Domain":
        """Return the domain that knows how near to frames the sentences about them come.

        Args:
            embeddings: Frames of a rollout, for each of several rewards.
            sentences: Sentences of the same rewards, which describe what is seen there.
        """
        highest = [float((frames @ said.T).max()) for frames, said in zip(embeddings, sentences, strict=True)]
        return replace(self, nearness=_MARGIN * min(highest))

    def distances(self, embeddings: Embeddings) -> Float[Tensor, " n"]:
        """Squared Mahalanobis distance of each frame to its nearest class, in units of that at the class's border."""
        joined, middles = self._joined
        found = [
            ((part @ joined).reshape(-1, *middles.shape) - middles).square().sum(dim=2).amin(dim=1)
            for part in torch.split(embeddings, _AT_ONCE)
        ]
        return torch.cat(found)

    @cached_property
    def _joined(self) -> tuple[Float[Tensor, "d cd"], Float[Tensor, "c d"]]:
        """All factors side by side, and what they make of the means."""
        joined = self.factors.movedim(0, 1).flatten(1).contiguous()
        return joined, torch.einsum("cd,cde->ce", self.means, self.factors)

    def outside(self, embeddings: Embeddings) -> Bool[Tensor, " n"]:
        """Return which frames lie farther out than all but a few training-like ones."""
        return self.distances(embeddings) > 1

    def share_outside(self, embeddings: Embeddings) -> float:
        """Share of the frames that lie farther out than all but a few training-like ones, 0 to 1."""
        return float(self.outside(embeddings).double().mean())

    def strange_frames(self, embeddings: Embeddings) -> dict[str, Bool[Tensor, " n"]]:
        """Return which frames lie outside, by the name of the model."""
        return {self.model: self.outside(embeddings)}

    def nearest(self, frames: Embeddings, sentences: Float[Tensor, "k d"]) -> dict[str, tuple[float, float]]:
        """Return the highest cosine of frames and sentences and the usual one, by the name of the model."""
        return {self.model: (float((frames @ sentences.T).max()), self.nearness)}

    def strange_words(self, sentence: str) -> dict[str, dict[str, str]]:
        """Return what is to be said of words that do not fit, by the name of the model and the word."""
        return {self.model: self._known.remarks(sentence)}

    @cached_property
    def _known(self) -> KnownWords:
        return KnownWords(self.words)


def _fit_class(frames: Float[Tensor, "n d"], quantile: float) -> tuple[Float[Tensor, " d"], Float[Tensor, "d d"]]:
    """Mean and factor of the frames of one class."""
    held_out = torch.arange(len(frames)) % _HELD_OUT_EVERY == 0
    mean = frames[~held_out].mean(dim=0)
    centred = frames[~held_out] - mean
    covariance = centred.T @ centred / max(len(centred) - 1, 1)
    ridge = _RIDGE * covariance.diagonal().mean() + 1e-12
    precision = torch.linalg.inv(covariance + ridge * torch.eye(len(mean), dtype=torch.float64))
    factor = torch.linalg.cholesky((precision + precision.T) / 2)
    border = ((frames[held_out] - mean) @ factor).square().sum(dim=1).quantile(quantile)
    return mean, factor / border.clamp(min=1e-12).sqrt()


def _pack(factors: Float[Tensor, "c d d"]) -> tuple[Float[Tensor, "c t"], Float[Tensor, " c"]]:
    """The triangles in half precision, which is a fifth of the file, and what each has to be multiplied by."""
    rows, columns = torch.tril_indices(factors.shape[1], factors.shape[1])
    triangles = factors[:, rows, columns]
    scales = triangles.abs().amax(dim=1)
    return (triangles / scales[:, None]).half(), scales


def _unpack(triangles: Float[Tensor, "c t"], scales: Float[Tensor, " c"]) -> Float[Tensor, "c d d"]:
    dim = round((8 * triangles.shape[1] + 1) ** 0.5 - 1) // 2
    rows, columns = torch.tril_indices(dim, dim)
    factors = torch.zeros(len(triangles), dim, dim)
    factors[:, rows, columns] = triangles.float() * scales[:, None]
    return factors


def _lower(words: Mapping[str, Iterable[str]]) -> dict[str, frozenset[str]]:
    return {scene: frozenset(word.lower() for word in known) for scene, known in words.items()}

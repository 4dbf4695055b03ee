"""`EnsembleEncoder`: several encoders as one, whose logits are the weighted mean of theirs.

Encoders of other sizes, data or random starts err on other frames, and where they disagree one of them is wrong
(Lakshminarayanan et al. 2017, "Simple and Scalable Predictive Uncertainty Estimation using Deep Ensembles", arXiv
1612.01474, who average probabilities; Wortsman et al. 2022, "Model soups", arXiv 2203.05482, average logits, as here).
Cosines of members trained with other temperatures have other spreads; their logits are comparable. So member i, with
weight w_i, logit scale s_i and logit bias b_i, has the share

    share_i = w_i s_i / S,   S = sum of w_i s_i

and an embedding is the concatenation of the members', each times the square root of its share: a unit vector, since the
shares sum to 1, and the cosine of two of them is the mean of the members' cosines by shares. With S as its logit scale
and the sum of w_i b_i as its bias, its logit of a frame and a sentence is exactly the sum of w_i (s_i cosine_i + b_i).
Of several sentences that are averaged into one, each member's mean counts with its length as well.
"""

import math
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from jaxtyping import Bool, Float
from torch import Tensor
from torch.nn.functional import normalize

from vlmrm.encoders.encoder import Encoder, EncoderDomain
from vlmrm.encoders.fingerprint import fingerprint_of
from vlmrm.errors import EncoderError, SpecError
from vlmrm.frames.preprocessing import Preprocessing
from vlmrm.types import Embeddings, Frames

_JOINT = " + "
_WEIGHTED = re.compile(r"([-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?)\s*\*\s*(.+)")
_ROUNDING = 1e-6  # by which weights written with a few digits may miss 1


class EnsembleEncoder:
    """Several encoders as one; heads, few-shot rewards and wrappers take it as they take any other.

    A frame is first resized as the first of the largest members does it, which then sees what it would see alone. From
    there every member resizes by itself, so that a smaller one sees a frame that was resized twice.

    Members should be about equally good: a much weaker one takes more away than it adds, unless its weight is small.

    Args:
        encoders: At least two, each once.
        weights: Above 0, one for each, with a sum of 1; None: all the same.

    Raises:
        SpecError: There are fewer than two members, one is there twice or an ensemble itself, or the weights are
            impossible.
        EncoderError: The members have different resize modes.

    Example:
        >>> from vlmrm.encoders import load_encoder
        >>> encoder = EnsembleEncoder([load_encoder("sim-xs"), load_encoder("sim-s")], [0.25, 0.75])
        >>> encoder.name, encoder.dim, encoder.size_px
        ('0.25*sim-xs + 0.75*sim-s', 256, 96)
    """

    def __init__(self, encoders: Sequence[Encoder], weights: Sequence[int | float] | None = None) -> None:
        names = [encoder.name for encoder in encoders]
        for name in names:
            if ensemble_members(name):
                raise SpecError(f"{name!r} is an ensemble itself. Give its members one by one.")
        self.weights = _checked(names, weights)
        """Weights of the members' logits; they sum to 1."""
        self.members = tuple(encoders)
        """The encoders themselves."""
        self.name: str = _name(names, self.weights)
        """How to load it again."""
        self.dim = sum(encoder.dim for encoder in encoders)
        """Length of an embedding: of all members' together."""
        self.preprocessing = _preprocessing(encoders)
        """The largest member's. Only its resize is used here; every member normalises by itself."""
        self.size_px = self.preprocessing.size_px
        """Side of the square picture that the largest member sees."""
        weighted = list(zip(self.weights, encoders, strict=True))
        self.logit_scale = sum(w * encoder.logit_scale for w, encoder in weighted)
        """Mean of the members' by weights."""
        self.logit_bias = sum(w * encoder.logit_bias for w, encoder in weighted)
        """Mean of the members' by weights; a probability only where all were trained with a sigmoid."""
        self.shares = tuple(w * encoder.logit_scale / self.logit_scale for w, encoder in weighted)
        """Share of each member's cosine in a cosine of this encoder; they sum to 1."""
        self.domain: EncoderDomain | None = _JointDomain(self) if any(e.domain is not None for e in encoders) else None
        """What those members know of which that is known."""

    @property
    def fingerprint(self) -> str:
        """Short hash of the members' fingerprints and weights, in their order."""
        return fingerprint_of({"members": [encoder.fingerprint for encoder in self.members], "weights": self.weights})

    def embed_frames(self, frames: Frames) -> Embeddings:
        """The members' embeddings side by side, each times the square root of its share."""
        return self.embed_pictures(self.preprocessing.resize(frames))

    def embed_pictures(self, frames: Frames) -> Embeddings:
        """As `embed_frames`, but each member sees the frames at their full size and resizes them once.

        Pictures come so, frames of an environment do not: they are captured at the largest member's size.
        """
        return self._join([encoder.embed_frames(frames) for encoder in self.members])

    def member(self, name: str) -> Encoder:
        """The member of this name.

        Raises:
            EncoderError: If there is none.
        """
        for encoder in self.members:
            if encoder.name == name:
                return encoder
        raise EncoderError(f"{self.name!r} has no member {name!r}; it has {', '.join(e.name for e in self.members)}.")

    def embed_texts(self, texts: list[str]) -> Float[Tensor, "k d"]:
        """The members' embeddings side by side, each times the square root of its share."""
        return self._join([encoder.embed_texts(texts) for encoder in self.members])

    def split(self, embeddings: Embeddings) -> list[Float[Tensor, "n _"]]:
        """The members' own embeddings again, to see where they disagree.

        Args:
            embeddings: Of frames or of sentences, as this encoder makes them.

        Returns:
            Unit-length rows for each member.

        Raises:
            EncoderError: They are another encoder's.

        Example:
            >>> from vlmrm.encoders import load_encoder
            >>> encoder = load_encoder("sim-xs + sim-s")
            >>> [rows.shape for rows in encoder.split(encoder.embed_texts(["a pole"]))]
            [torch.Size([1, 128]), torch.Size([1, 128])]
        """
        if embeddings.shape[1] != self.dim:
            raise EncoderError(f"embeddings of {self.name!r} are {self.dim} wide; got {embeddings.shape[1]}.")
        parts = torch.split(embeddings, [encoder.dim for encoder in self.members], dim=1)
        return [normalize(part, dim=1) for part in parts]

    def member_logits(self, frames: Embeddings, texts: Float[Tensor, "k d"]) -> Float[Tensor, "members n k"]:
        """Each member's own logits; their mean by `weights` is the ensemble's.

        A softmax or sigmoid of these may go into `vlmrm.rewards.transforms.uncertainty.moments.ensemble`.

        Args:
            frames: As `embed_frames` makes them.
            texts: As `embed_texts` makes them.

        Raises:
            EncoderError: They are another encoder's.

        Example:
            >>> from vlmrm.encoders import load_encoder
            >>> encoder = load_encoder("sim-xs + sim-s")
            >>> texts = encoder.embed_texts(["a pole held vertically upright", "a pole on its cart"])
            >>> encoder.member_logits(texts, texts).shape
            torch.Size([2, 2, 2])
        """
        pairs = zip(self.members, self.split(frames), self.split(texts), strict=True)
        return torch.stack([encoder.logit_scale * seen @ read.T + encoder.logit_bias for encoder, seen, read in pairs])

    def _join(self, parts: list[Float[Tensor, "n _"]]) -> Embeddings:
        return torch.cat([math.sqrt(share) * part for share, part in zip(self.shares, parts, strict=True)], dim=1)


@dataclass(frozen=True, eq=False)
class _JointDomain:
    """The domains of the members that have one, each asked about its own embeddings."""

    encoder: EnsembleEncoder

    def strange_frames(self, embeddings: Embeddings) -> Mapping[str, Bool[Tensor, " n"]]:
        parts = zip(self._domains, self.encoder.split(embeddings), strict=True)
        return _joined(domain.strange_frames(part) for domain, part in parts if domain)

    def nearest(self, frames: Embeddings, sentences: Float[Tensor, "k d"]) -> Mapping[str, tuple[float, float]]:
        parts = zip(self._domains, self.encoder.split(frames), self.encoder.split(sentences), strict=True)
        return _joined(domain.nearest(seen, said) for domain, seen, said in parts if domain)

    def strange_words(self, sentence: str) -> Mapping[str, Mapping[str, str]]:
        return _joined(domain.strange_words(sentence) for domain in self._domains if domain)

    @property
    def _domains(self) -> list[EncoderDomain | None]:
        return [member.domain for member in self.encoder.members]


def _joined(found: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
    return {model: value for of_member in found for model, value in of_member.items()}


def require_ensemble(encoder: Encoder, why: str) -> EnsembleEncoder:
    """Return the encoder, if it is an ensemble.

    Args:
        encoder: Any.
        why: What needs one, as the beginning of the error.

    Raises:
        SpecError: If it is none.
    """
    found = _as_ensemble(encoder)
    if found is None:
        raise SpecError(f"{why} an ensemble of encoders, e.g. 'sim-s + sim-m'; {encoder.name!r} is none.")
    return found


def embed_pictures(encoder: Encoder, pictures: Frames) -> Embeddings:
    """Return the embeddings of pictures of any size, which each member of an ensemble resizes once."""
    found = _as_ensemble(encoder)
    return encoder.embed_frames(pictures) if found is None else found.embed_pictures(pictures)


def _as_ensemble(encoder: Encoder) -> EnsembleEncoder | None:
    return encoder if isinstance(encoder, EnsembleEncoder) else None


def ensemble_members(name: str) -> dict[str, float]:
    """Names and weights of the members of an ensemble that is given by name.

    Members are joined by ``+`` with a space on either side; other plus signs belong to a name. A folder with such a
    joint in its own name cannot be loaded.

    Args:
        name: ``sim-s + sim-m``, or with weights ``0.25*sim-s + 0.75*sim-m``.

    Returns:
        Weights by names, in the order given; empty where this is the name of one encoder.

    Raises:
        SpecError: It is an ensemble that cannot be.

    Example:
        >>> ensemble_members("0.25*sim-s + 0.75*ViT-B-32/openai")
        {'sim-s': 0.25, 'ViT-B-32/openai': 0.75}
        >>> ensemble_members("sim-s + random:sim-s#7")
        {'sim-s': 0.5, 'random:sim-s#7': 0.5}
        >>> ensemble_members("sim-s")
        {}
    """
    parts = [part.strip() for part in f" {name} ".split(_JOINT)]
    found = [_WEIGHTED.fullmatch(part) for part in parts]
    if len(parts) == 1 and found[0] is None:
        return {}
    names = [match[2] if match else part for match, part in zip(found, parts, strict=True)]
    weights = [float(match[1]) for match in found if match]
    if "" in names:
        raise SpecError(f"a member of the ensemble {name!r} has no name. Write it like 'sim-s + sim-m'.")
    if weights and len(weights) < len(parts):
        raise SpecError(
            f"either all members of an ensemble have a weight or none has one; got {name!r}. "
            "Write it like '0.25*sim-s + 0.75*sim-m'."
        )
    return dict(zip(names, _checked(names, weights or None), strict=True))


def _checked(names: Sequence[str], weights: Sequence[int | float] | None) -> tuple[float, ...]:
    """The weights, where they and the names can be those of an ensemble."""
    if len(names) < 2:
        raise SpecError(
            f"an ensemble needs at least 2 members, joined by ' + ' with its spaces; got {', '.join(names) or 'none'}."
        )
    twice = {name for name in names if names.count(name) > 1}
    if twice:
        raise SpecError(
            f"{', '.join(sorted(twice))} is more than once in an ensemble. Give it a larger weight instead."
        )
    if weights is None:
        return (1 / len(names),) * len(names)
    if len(weights) != len(names):
        raise SpecError(f"an ensemble needs one weight for each member; got {len(weights)} for {len(names)} members.")
    total = math.fsum(weights)
    if not all(weight > 0 for weight in weights) or abs(total - 1) > _ROUNDING:
        raise SpecError(f"weights of an ensemble must be above 0 and sum to 1; got {list(weights)}, sum {total:g}.")
    return tuple(float(weight) for weight in weights)


def _name(names: Sequence[str], weights: tuple[float, ...]) -> str:
    """The shortest way to write it that loads exactly this ensemble."""
    if weights == (1 / len(names),) * len(names):
        return _JOINT.join(names)
    return _JOINT.join(f"{weight!r}*{name}" for weight, name in zip(weights, names, strict=True))


def _preprocessing(encoders: Sequence[Encoder]) -> Preprocessing:
    """The largest member's; the first of several."""
    modes = {encoder.name: encoder.preprocessing.resize_mode for encoder in encoders}
    if len(set(modes.values())) > 1:
        said = ", ".join(f"{name!r} has {mode!r}" for name, mode in modes.items())
        raise EncoderError(
            "members of an ensemble must fit a frame into their square in the same way, to see the same part of it; "
            f"{said}. Set one resize_mode for all of them: 'shortest' crops, 'longest' pads, 'squash' distorts."
        )
    return max(encoders, key=lambda encoder: encoder.size_px).preprocessing

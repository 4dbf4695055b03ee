"""TDA: confident pictures are remembered, and later ones compared with them (CVPR 2024, arXiv 2403.18293).

    logits(f) = zero_shot(f) + alpha · exp(-beta (1 - f·keys)) @ values

The positive cache keeps, for each class, the pictures of lowest entropy that were answered so; its values are the
classes. The negative cache keeps pictures of middling entropy; its values are the classes that are improbable there,
and it is taken off. As in the authors' code an entropy is in nats, divided by log2 of the number of classes.
"""

import math
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from vlmrm.rlcf.classifier import ClipClassifier
from vlmrm.rlcf.reward_side import encoder_logits
from vlmrm.rlcf.training_free.from_embeddings import FromEmbeddings
from vlmrm.rlcf.views import entropies

_MIDDLING = (0.2, 0.5)  # entropy of what the negative cache keeps
_IMPROBABLE = (0.03, 1.0)  # chance of a class that a negative picture speaks against


@dataclass(frozen=True)
class _Kept:
    entropy: float
    key: Float[Tensor, " d"]
    value: Float[Tensor, " k"]


class _Cache:
    """For each class, at most so many pictures of lowest entropy."""

    def __init__(self, shots: int, alpha: float, beta: float) -> None:
        self._shots, self._alpha, self._beta = shots, alpha, beta
        self._kept: dict[int, list[_Kept]] = {}

    def keep(self, label: int, kept: _Kept) -> None:
        rows = [*self._kept.get(label, []), kept]
        self._kept[label] = sorted(rows, key=lambda row: row.entropy)[: self._shots]

    def logits(self, seen: Float[Tensor, " d"], classes: int) -> Float[Tensor, " k"]:
        rows = [row for kept in self._kept.values() for row in kept]
        if not rows:
            return torch.zeros(classes)
        keys, values = torch.stack([row.key for row in rows]), torch.stack([row.value for row in rows])
        return self._alpha * torch.exp(-self._beta * (1 - keys @ seen)) @ values


class Tda(FromEmbeddings):
    """Zero-shot logits, corrected by what earlier pictures were like; another order gives other answers.

    Args:
        classifier: Encoder and sentences.
        alpha: Weight of the positive and of the negative cache.
        beta: How fast a remembered picture loses weight with its distance, in each cache.
        shots: Pictures for each class, in each cache.
    """

    def __init__(
        self,
        classifier: ClipClassifier,
        *,
        alpha: tuple[float, float] = (2.0, 0.117),
        beta: tuple[float, float] = (5.0, 1.0),
        shots: tuple[int, int] = (3, 2),
    ) -> None:
        super().__init__(classifier.encoder)
        self._texts = classifier.embedded
        self._settings = list(zip(shots, alpha, beta, strict=True))
        self.reset()

    def reset(self) -> None:
        """Empty both caches."""
        self._positive, self._negative = (_Cache(*settings) for settings in self._settings)

    def _of(self, seen: Float[Tensor, "1 d"]) -> Float[Tensor, " k"]:
        logits = encoder_logits(self._encoder, seen, self._texts)
        chances, label = logits.softmax(dim=1)[0], int(logits.argmax())
        entropy = float(entropies(logits)) / math.log2(len(chances))
        self._positive.keep(label, _Kept(entropy, seen[0], torch.eye(len(chances))[label]))
        if _MIDDLING[0] < entropy < _MIDDLING[1]:
            improbable = ((chances > _IMPROBABLE[0]) & (chances < _IMPROBABLE[1])).float()
            self._negative.keep(label, _Kept(entropy, seen[0], improbable))
        corrected: Tensor = logits[0] + self._positive.logits(seen[0], len(chances))
        return corrected - self._negative.logits(seen[0], len(chances))

"""MTA: the place where most views agree, by a mean shift that also learns which views are inliers.

Zanella and Ben Ayed, CVPR 2024, arXiv 2405.02266. With views f_p, their predictions s_p and inlier weights y:

    y_p ∝ exp((K_p + affinity · sum_q s_p·s_q y_q) / entropy),     K_p = exp(-|f_p - m|² / 2 h_p²)
    m   = sum_p y_p K_p f_p / sum_p y_p K_p

h_p is the root mean squared distance of a view to the nearest 30 % of the others.
"""

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn.functional import normalize

from vlmrm.rlcf.answer import WithoutEpisodes
from vlmrm.rlcf.classifier import ClipClassifier
from vlmrm.rlcf.training_free.view_features import ViewFeatures
from vlmrm.rlcf.views import ViewOptions
from vlmrm.types import Embeddings, Frames

_AFFINITY, _ENTROPY, _NEAR = 4.0, 0.2, 0.3
_ROUNDS, _STILL = 5, 1e-6
_LEAST = 1e-6  # distance: of views that are one picture


def mode_of_views(seen: Embeddings, chances: Float[Tensor, "v k"]) -> Float[Tensor, " d"]:
    """Return the unit vector at which the views agree; the search begins at the first view.

    Args:
        seen: Unit-length rows of the views.
        chances: Probabilities of the classes, for each view.
    """
    distances = torch.cdist(seen, seen).square()
    near = max(1, int(_NEAR * (len(seen) - 1)))
    spread = distances.sort(dim=1).values[:, 1 : near + 1].mean(dim=1).clamp_min(_LEAST) if len(seen) > 1 else 1.0
    alike = chances @ chances.T
    mode, inliers = seen[0], torch.full((len(seen),), 1 / len(seen))
    for _ in range(_ROUNDS):
        density = torch.exp(-(seen - mode).square().sum(dim=1) / (2 * spread))
        for _ in range(_ROUNDS):
            inliers = ((density + _AFFINITY * alike @ inliers) / _ENTROPY).softmax(dim=0)
        weights = inliers * density
        moved = (weights[:, None] * seen).sum(dim=0) / weights.sum()
        still = bool((moved - mode).norm() < _STILL)
        mode = moved
        if still:
            break
    return normalize(mode, dim=0)


class Mta(WithoutEpisodes):
    """Classifies the mode of a picture's views.

    Args:
        classifier: Encoder and sentences.
        views: The views of a picture; all of them are used.
        seed: Decides the crops, together with the picture.
    """

    def __init__(self, classifier: ClipClassifier, views: ViewOptions | None = None, *, seed: int = 0) -> None:
        self._seen = ViewFeatures(classifier, views or ViewOptions(), seed=seed)

    def _logits(self, picture: Frames) -> Float[Tensor, " k"]:
        seen = self._seen.of(picture)
        mode = mode_of_views(seen, self._seen.logits(seen).softmax(dim=1))
        return self._seen.logits(mode[None])[0]

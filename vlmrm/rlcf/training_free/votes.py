"""ZERO: the views that a model is surest of vote (NeurIPS 2024, arXiv 2405.18330)."""

import torch
from jaxtyping import Float
from torch import Tensor

from vlmrm.rlcf.answer import WithoutEpisodes
from vlmrm.rlcf.classifier import ClipClassifier
from vlmrm.rlcf.training_free.view_features import ViewFeatures
from vlmrm.rlcf.views import ViewOptions, entropies
from vlmrm.types import Frames

_HARDLY = 1e-3  # of a vote: classes without one are not impossible


def votes(logits: Float[Tensor, "v k"], kept: int) -> Float[Tensor, " k"]:
    """Return the share of votes that each class has among the most confident views.

    Of classes with equally many votes the one wins that the next confident view votes for, and so on.

    Args:
        logits: One row for each view.
        kept: Number of views that vote first.

    Example:
        >>> votes(torch.tensor([[9.0, 0.0], [0.0, 8.0], [0.0, 1.0]]), kept=2).argmax().item()
        1
    """
    order = entropies(logits).sort(stable=True).indices
    ballots = logits[order].argmax(dim=1)
    counts = torch.bincount(ballots[:kept], minlength=logits.shape[1]).double()
    for ballot in ballots[kept:]:
        tied = counts == counts.max()
        if int(tied.sum()) == 1:
            break
        if tied[ballot]:
            counts[ballot] += 0.5  # enough to win, not enough to pass anybody else
    return (counts / counts.sum()).float()


class Zero(WithoutEpisodes):
    """The vote of the most confident views; the logits are those of the shares of votes.

    Args:
        classifier: Encoder and sentences.
        views: The views of a picture; published: the 10 % most confident of 64.
        seed: Decides the crops, together with the picture.
    """

    def __init__(self, classifier: ClipClassifier, views: ViewOptions | None = None, *, seed: int = 0) -> None:
        self._views = views or ViewOptions()
        self._seen = ViewFeatures(classifier, self._views, seed=seed)

    def _logits(self, picture: Frames) -> Float[Tensor, " k"]:
        shares = votes(self._seen.logits(self._seen.of(picture)), self._views.kept)
        return (shares + _HARDLY).log()

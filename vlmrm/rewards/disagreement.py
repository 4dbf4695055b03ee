"""How unsure a reward is, as an ensemble disagrees: other wordings of the goal, other crops, other encoders.

The score stays the head's own. Its standard deviation is that of the scores of the members, of which each is the same
head with one goal sentence, on one crop, or of one encoder. It costs no fit, and says something else than a posterior
of the encoder (`vlmrm.rewards.laplace`): not how far a frame is from what was seen, but how much hangs on the choice.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn.functional import normalize

from vlmrm.encoders.encoder import Encoder
from vlmrm.encoders.views import ViewEncoder
from vlmrm.errors import SpecError
from vlmrm.rewards.head import Head
from vlmrm.rewards.uncertainty import ensemble, lower_confidence
from vlmrm.types import Embeddings, Frames, Rewards

Rows = Float[Tensor, "n m"]
Members = Callable[[Rows], Float[Tensor, "s n"]]
"""Scores of each member, one row each."""


@dataclass(frozen=True, eq=False)
class DisagreementHead:
    """Another head's score less `kappa` standard deviations of the members' scores; stateless.

    Example:
        >>> first, second = (lambda rows: rows[:, 0]), (lambda rows: rows[:, 1])
        >>> both = DisagreementHead(lambda rows: rows.mean(dim=1), of_heads([first, second]), kappa=1.0, width=2)
        >>> both(torch.tensor([[0.6, 0.6], [1.0, 0.2]])).round(decimals=4)
        tensor([0.6000, 0.0343])
    """

    head: Head
    """Gives the score."""
    members: Members
    """Give the deviation."""
    kappa: float
    """Above 0 pessimistic, 0 the score itself."""
    width: int
    """Of the embedding that a row begins with."""

    def std(self, rows: Rows) -> Rewards:
        """Standard deviation of the members' scores of each frame."""
        return ensemble(self.members(rows))[1]

    def __call__(self, embeddings: Rows) -> Rewards:
        """One reward per row."""
        rewards = self.head(embeddings[:, : self.width])
        return lower_confidence(rewards, self.std(embeddings), kappa=self.kappa) if self.kappa else rewards


def of_heads(heads: Sequence[Head]) -> Members:
    """Members that differ in their head, and score the same embeddings.

    Args:
        heads: At least two.
    """
    return lambda rows: torch.stack([head(rows) for head in heads])


def of_encoders(split: Callable[[Embeddings], Sequence[Embeddings]], heads: Sequence[Head]) -> Members:
    """Members that differ in their encoder.

    Args:
        split: The embeddings of each encoder, as `EnsembleEncoder.split` finds them.
        heads: One for each.
    """
    return lambda rows: torch.stack([head(part) for head, part in zip(heads, split(rows), strict=True)])


def of_views(head: Head, width: int) -> Members:
    """Members that see different crops; rows are those of `ViewRows`.

    Args:
        head: Scores each.
        width: Of an embedding.
    """
    return lambda rows: torch.stack([head(part) for part in torch.split(rows[:, width:], width, dim=1)])


def require_views(encoder: Encoder) -> ViewEncoder:
    """The encoder, if it sees several crops.

    Raises:
        SpecError: It sees one.
    """
    if not isinstance(encoder, ViewEncoder) or encoder.views < 2:
        raise SpecError("uncertainty of the ensemble 'views' needs at least 2 views. Give views more scales.")
    return encoder


class ViewRows:
    """Embeds frames as ``[mean | first crop | second crop | ...]``, each of unit length.

    Args:
        encoder: Sees the crops.
    """

    def __init__(self, encoder: ViewEncoder) -> None:
        self._encoder = encoder

    def rows(self, frames: Frames) -> Rows:
        """One row per frame; how frames are split into batches changes none."""
        views = self._encoder.embed_views(frames)  # n v d
        return torch.cat([normalize(views.sum(dim=1), dim=1), views.flatten(1)], dim=1)

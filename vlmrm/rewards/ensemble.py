"""A weighted mean of heads, on the same embeddings.

Heads that err on different frames are worth more together than the best of them, if their scores have one scale: a
softmax that runs from 0 to 1 drowns a cosine that runs from 0.2 to 0.3. `RewardModel.standardize` gives every part a
mean of 0 and a standard deviation of 1 on the user's frames.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch

from vlmrm.rewards.head import Head
from vlmrm.types import Embeddings, Rewards


@dataclass(frozen=True, eq=False)
class EnsembleHead:
    """``sum of weight · score`` over the parts; stateless where they are.

    Example:
        >>> first, second = (lambda embeddings: embeddings[:, 0]), (lambda embeddings: embeddings[:, 1])
        >>> EnsembleHead([first, second], [0.75, 0.25])(torch.eye(2))
        tensor([0.7500, 0.2500])
    """

    heads: Sequence[Head]
    """The parts."""
    weights: Sequence[float]
    """One for each; they sum to 1."""

    def __call__(self, embeddings: Embeddings) -> Rewards:
        """One score per embedding."""
        return torch.tensor(list(self.weights)) @ torch.stack([head(embeddings) for head in self.heads])

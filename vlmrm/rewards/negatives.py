"""Goals against sentences of what is not wanted: softmax, contrast, and the sigmoid of models that have one.

A cosine says how well a picture fits the goal, not whether something else fits better. With negatives the goal has
rivals: softmax over them (Baumli et al. 2023, "Vision-Language Models as a Source of Rewards", arXiv 2312.09187), or
the goal's cosine less the negative's (VLM-RL, arXiv 2412.15544). SigLIP (arXiv 2303.15343) needs no rivals: its loss
makes the sigmoid of its scaled and shifted cosine a probability.
"""

from dataclasses import dataclass

import torch
from jaxtyping import Float

from vlmrm.types import Embeddings, Rewards

Vector = Float[torch.Tensor, " d"]


def softmax_over_negatives(
    frames: Embeddings, goal: Vector, negatives: Float[torch.Tensor, "k d"], *, temperature: float
) -> Rewards:
    """Probability of the goal among itself and the negatives, ``exp(s·g / T) / sum over all of exp(s·x / T)``.

    Args:
        frames: Unit-length frame embeddings.
        goal: Unit-length mean of the goal sentences.
        negatives: Unit-length rows, each a rival of its own.
        temperature: Above 0; CLIP's own is 1 over its logit scale.

    Returns:
        0 to 1 for each frame.

    Example:
        >>> goal, rival = torch.eye(2)
        >>> softmax_over_negatives(torch.eye(2), goal, rival[None], temperature=0.5).round(decimals=3)
        tensor([0.8810, 0.1190])
    """
    logits = frames @ torch.cat([goal[None], negatives]).T / temperature
    return logits.softmax(dim=1)[:, 0]


def contrast(frames: Embeddings, goal: Vector, negative: Vector) -> Rewards:
    """The cosine with the goal less that with its opposite, -2 to 2.

    Args:
        frames: Unit-length frame embeddings.
        goal: Unit-length mean of the goal sentences.
        negative: Unit-length mean of the negative sentences.

    Example:
        >>> goal, negative = torch.eye(2)
        >>> contrast(torch.eye(2), goal, negative)
        tensor([ 1., -1.])
    """
    rewards: Rewards = frames @ (goal - negative)
    return rewards


def sigmoid(frames: Embeddings, goal: Vector, *, scale: float, bias: float) -> Rewards:
    """Probability that picture and goal belong together, ``1 / (1 + exp(-(scale s·g + bias)))``.

    Args:
        frames: Unit-length frame embeddings.
        goal: Unit-length mean of the goal sentences.
        scale: The model's own logit scale.
        bias: The model's own logit bias.

    Returns:
        0 to 1 for each frame.

    Example:
        >>> goal = torch.tensor([1.0, 0.0])
        >>> sigmoid(torch.eye(2), goal, scale=10.0, bias=-5.0).round(decimals=3)
        tensor([0.9930, 0.0070])
    """
    return (scale * (frames @ goal) + bias).sigmoid()


@dataclass(frozen=True, eq=False)
class SoftmaxHead:
    """`softmax_over_negatives` with its sentences filled in; stateless, so frames may come in any batch."""

    goal: Vector
    """Unit-length mean of the goal sentences."""
    negatives: Float[torch.Tensor, "k d"]
    """Unit-length rows."""
    temperature: float
    """Above 0."""

    def __call__(self, embeddings: Embeddings) -> Rewards:
        """One reward per embedding."""
        return softmax_over_negatives(embeddings, self.goal, self.negatives, temperature=self.temperature)


@dataclass(frozen=True, eq=False)
class ContrastHead:
    """`contrast` with its sentences filled in; stateless."""

    goal: Vector
    """Unit-length mean of the goal sentences."""
    negative: Vector
    """Unit-length mean of the negative sentences."""

    def __call__(self, embeddings: Embeddings) -> Rewards:
        """One reward per embedding."""
        return contrast(embeddings, self.goal, self.negative)


@dataclass(frozen=True, eq=False)
class SigmoidHead:
    """`sigmoid` with its sentences filled in; stateless."""

    goal: Vector
    """Unit-length mean of the goal sentences."""
    scale: float
    """The model's own logit scale."""
    bias: float
    """The model's own logit bias."""

    def __call__(self, embeddings: Embeddings) -> Rewards:
        """One reward per embedding."""
        return sigmoid(embeddings, self.goal, scale=self.scale, bias=self.bias)

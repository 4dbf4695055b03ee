"""Sigmoid of the scaled and shifted cosine: the model's own probability that picture and sentence belong together.

SigLIP (arXiv 2303.15343) needs no rivals: its loss makes ``1 / (1 + exp(-(scale s·g + bias)))`` a probability.
"""

from dataclasses import dataclass
from typing import ClassVar

from jaxtyping import Float
from torch import Tensor

from vlmrm.encoders.encoder import Encoder
from vlmrm.errors import SpecError
from vlmrm.prompts import PromptSet
from vlmrm.rewards.heads.projection import refuse_rivals, unit_mean
from vlmrm.rewards.heads.sentences import embed
from vlmrm.rewards.protocols import Head, HeadOptions, PairHead
from vlmrm.types import Embeddings, Rewards
from vlmrm.values import require_above_0, require_number

Vector = Float[Tensor, " d"]


@dataclass(frozen=True, kw_only=True)
class SigmoidOptions(HeadOptions):
    """Options of the head ``sigmoid``."""

    one_scale: ClassVar[bool] = True
    scale: int | float | None = None
    """Factor on the cosine, above 0. None: the model's own logit scale."""
    bias: int | float | None = None
    """Added to the scaled cosine. None: the model's own logit bias, which only the SigLIP family has."""

    def __post_init__(self) -> None:
        if self.scale is not None:
            require_above_0("scale", self.scale)
        if self.bias is not None:
            require_number("bias", self.bias)

    def build(self, encoder: Encoder, prompts: PromptSet, alpha: float) -> "SigmoidHead":
        """Return the sigmoid of the cosine with the embedded goal.

        Raises:
            SpecError: If neither the options nor the model have a bias.
        """
        scale, bias = self._constants(encoder)
        return SigmoidHead(unit_mean(embed(encoder, prompts.goal)), scale, bias)

    def build_pairs(self, encoder: Encoder, prompts: PromptSet | None, alpha: float, rivals: str | None) -> PairHead:
        """Return the probability that every frame and every text belong together."""
        refuse_rivals("sigmoid", rivals)
        scale, bias = self._constants(encoder)

        def score(embeddings: Embeddings, goals: Float[Tensor, "k d"]) -> Float[Tensor, "n k"]:
            return (embeddings @ goals.T).mul_(scale).add_(bias).sigmoid_()

        return score

    def _constants(self, encoder: Encoder) -> tuple[float, float]:
        if self.bias is None and encoder.logit_bias == 0:
            raise SpecError(
                f"encoder {encoder.name!r} was not trained with a sigmoid and has no logit bias, without which nearly "
                "every picture gets 1. Take one of the SigLIP family, give a bias (in units of the scaled cosine), or "
                "use the head softmax."
            )
        scale = encoder.logit_scale if self.scale is None else float(self.scale)
        return scale, encoder.logit_bias if self.bias is None else float(self.bias)


def sigmoid(frames: Embeddings, goal: Vector, *, scale: float, bias: float) -> Rewards:
    """Probability that picture and goal belong together.

    Args:
        frames: Unit-length frame embeddings.
        goal: Unit-length mean of the goal sentences.
        scale: The model's own logit scale.
        bias: The model's own logit bias.

    Returns:
        0 to 1 for each frame.

    Example:
        >>> import torch
        >>> goal = torch.tensor([1.0, 0.0])
        >>> sigmoid(torch.eye(2), goal, scale=10.0, bias=-5.0).round(decimals=3)
        tensor([0.9930, 0.0070])
    """
    return (scale * (frames @ goal) + bias).sigmoid()


@dataclass(frozen=True, eq=False)
class SigmoidHead(Head):
    """`sigmoid` with its sentences filled in."""

    goal: Vector
    """Unit-length mean of the goal sentences."""
    scale: float
    """The model's own logit scale."""
    bias: float
    """The model's own logit bias."""

    def __call__(self, embeddings: Embeddings) -> Rewards:
        """Return one probability per embedding."""
        return sigmoid(embeddings, self.goal, scale=self.scale, bias=self.bias)

"""The goal's cosine less that of its opposite (VLM-RL, arXiv 2412.15544): ``r = s·g - s·n``, no constant part."""

from dataclasses import dataclass
from typing import ClassVar

from jaxtyping import Float
from torch import Tensor

from vlmrm.encoders.encoder import Encoder
from vlmrm.errors import SpecError
from vlmrm.prompts import PromptSet
from vlmrm.rewards.heads.projection import refuse_rivals, unit_mean
from vlmrm.rewards.heads.sentences import embed, embed_apart
from vlmrm.rewards.protocols import Head, HeadOptions, PairHead
from vlmrm.types import Embeddings, Rewards

Vector = Float[Tensor, " d"]


@dataclass(frozen=True, kw_only=True)
class ContrastOptions(HeadOptions):
    """Options of the head ``contrast``: none."""

    needs_negatives: ClassVar[bool] = True
    score_range: ClassVar[tuple[float, float]] = (-2.0, 2.0)

    def build(self, encoder: Encoder, prompts: PromptSet, alpha: float) -> "ContrastHead":
        """Return the contrast of the embedded sentences.

        Raises:
            PromptError: If goal and negatives have the same embedding.
        """
        goals, negatives = embed_apart(encoder, prompts.goal, prompts.negatives)
        return ContrastHead(unit_mean(goals), unit_mean(negatives))

    def build_pairs(self, encoder: Encoder, prompts: PromptSet | None, alpha: float, rivals: str | None) -> PairHead:
        """Return the cosine with every text less that with the negatives."""
        refuse_rivals("contrast", rivals)
        if prompts is None:
            raise SpecError("the head contrast takes a text's cosine less the negatives', and the spec has none.")
        negative = unit_mean(embed(encoder, prompts.negatives))

        def score(embeddings: Embeddings, goals: Float[Tensor, "k d"]) -> Float[Tensor, "n k"]:
            return (embeddings @ goals.T).sub_((embeddings @ negative)[:, None])

        return score


def contrast(frames: Embeddings, goal: Vector, negative: Vector) -> Rewards:
    """The cosine with the goal less that with its opposite, -2 to 2.

    Args:
        frames: Unit-length frame embeddings.
        goal: Unit-length mean of the goal sentences.
        negative: Unit-length mean of the negative sentences.

    Example:
        >>> import torch
        >>> goal, negative = torch.eye(2)
        >>> contrast(torch.eye(2), goal, negative)
        tensor([ 1., -1.])
    """
    rewards: Rewards = frames @ (goal - negative)
    return rewards


@dataclass(frozen=True, eq=False)
class ContrastHead(Head):
    """`contrast` with its sentences filled in."""

    goal: Vector
    """Unit-length mean of the goal sentences."""
    negative: Vector
    """Unit-length mean of the negative sentences."""

    def __call__(self, embeddings: Embeddings) -> Rewards:
        """Return one score per embedding."""
        return contrast(embeddings, self.goal, self.negative)

"""Softmax over the goal and sentences of what is not wanted.

A cosine says how well a picture fits the goal, not whether something else fits better. With negatives the goal has
rivals (Baumli et al. 2023, "Vision-Language Models as a Source of Rewards", arXiv 2312.09187):

    r = exp(s·g / T) / (exp(s·g / T) + sum over the negatives of exp(s·n / T))
"""

from dataclasses import dataclass
from typing import ClassVar

import torch
from jaxtyping import Float
from torch import Tensor

from vlmrm.encoders.encoder import Encoder
from vlmrm.errors import SpecError
from vlmrm.prompts import PromptSet
from vlmrm.rewards.heads.projection import unit_mean
from vlmrm.rewards.heads.sentences import embed, embed_apart
from vlmrm.rewards.protocols import Head, HeadOptions, PairHead
from vlmrm.types import Embeddings, Rewards
from vlmrm.values import require_above_0

Vector = Float[Tensor, " d"]


@dataclass(frozen=True, kw_only=True)
class SoftmaxOptions(HeadOptions):
    """Options of the head ``softmax``."""

    needs_negatives: ClassVar[bool] = True
    one_scale: ClassVar[bool] = True
    temperature: int | float | None = None
    """Temperature of the softmax, above 0. None: the model's own, 1 over its logit scale."""

    def __post_init__(self) -> None:
        if self.temperature is not None:
            require_above_0("temperature", self.temperature)

    def build(self, encoder: Encoder, prompts: PromptSet, alpha: float) -> "SoftmaxHead":
        """Return the softmax over the embedded sentences.

        Raises:
            PromptError: If goal and a negative have the same embedding.
        """
        goals, negatives = embed_apart(encoder, prompts.goal, prompts.negatives)
        return SoftmaxHead(unit_mean(goals), negatives, temperature_of(encoder, self.temperature))

    def build_pairs(self, encoder: Encoder, prompts: PromptSet | None, alpha: float, rivals: str | None) -> PairHead:
        """Return the probability of every text among itself, the negatives and, as ``rivals``, the other texts.

        With the pictures as rivals it is that of every picture among all of them, for each text.
        """
        if rivals not in (None, "texts", "pictures"):
            raise SpecError(f'rivals is None, "texts" or "pictures"; got {rivals!r}.')
        negatives = embed(encoder, prompts.negatives) if prompts is not None and prompts.negatives else None
        if negatives is None and rivals is None:
            raise SpecError(
                "the head softmax compares a text with negatives, and the spec has none. Give negatives, or "
                'rivals="texts" to compare the texts of a call with one another.'
            )
        temperature = temperature_of(encoder, self.temperature)
        if rivals == "pictures":
            if negatives is not None:
                raise SpecError("pictures compete with pictures alone, and the spec has negatives. Leave them out.")
            return lambda embeddings, goals: (embeddings @ goals.T / temperature).softmax(dim=0)

        def score(embeddings: Embeddings, goals: Float[Tensor, "k d"]) -> Float[Tensor, "n k"]:
            logits = (embeddings @ goals.T).div_(temperature)
            others = embeddings.new_full((len(embeddings), 1), -torch.inf)
            if negatives is not None:
                others = (embeddings @ negatives.T / temperature).logsumexp(dim=1, keepdim=True)
            if rivals is None:
                return logits.sub_(others).sigmoid_()
            total = torch.logaddexp(logits.logsumexp(dim=1, keepdim=True), others)
            return logits.sub_(total).exp_()

        return score


def temperature_of(encoder: Encoder, given: int | float | None) -> float:
    """Return the temperature of a softmax: the one given, or the model's own."""
    return 1 / encoder.logit_scale if given is None else float(given)


def softmax_over_negatives(
    frames: Embeddings, goal: Vector, negatives: Float[Tensor, "k d"], *, temperature: float
) -> Rewards:
    """Probability of the goal among itself and the negatives.

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


@dataclass(frozen=True, eq=False)
class SoftmaxHead(Head):
    """`softmax_over_negatives` with its sentences filled in."""

    goal: Vector
    """Unit-length mean of the goal sentences."""
    negatives: Float[Tensor, "k d"]
    """Unit-length embeddings of the negative sentences."""
    temperature: float
    """Temperature of the softmax, above 0."""

    def __call__(self, embeddings: Embeddings) -> Rewards:
        """Return one probability per embedding."""
        return softmax_over_negatives(embeddings, self.goal, self.negatives, temperature=self.temperature)

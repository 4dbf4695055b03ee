"""Corrections by a kernel, ``k(x, s) = exp(-beta (1 - x·s))``: a text's score, and more or less of it near frames."""

from dataclasses import dataclass

from jaxtyping import Float
from torch import Tensor

from vlmrm.rewards.features.frame_features import FrameFeatures
from vlmrm.rewards.protocols import ScoreTransform
from vlmrm.rewards.transforms.few_shot.support import Affine
from vlmrm.types import Embeddings, Rewards


def nearness(frames: Embeddings, support: Float[Tensor, "m d"], *, beta: int | float) -> Float[Tensor, "n m"]:
    """The kernel, ``exp(-beta (1 - x·s))``: 1 for the same embedding, nearly 0 far away.

    Args:
        frames: Unit-length frame embeddings.
        support: Unit-length rows.
        beta: Above 0; the larger, the fewer frames count as near.

    Example:
        >>> import torch
        >>> nearness(torch.eye(2), torch.eye(2), beta=1.0).round(decimals=3)
        tensor([[1.0000, 0.3680],
                [0.3680, 1.0000]])
    """
    near: Tensor = (-beta * (1 - frames @ support.T)).exp()
    return near


@dataclass(frozen=True, eq=False)
class KernelCorrection(ScoreTransform):
    """The text's score on the labels' scale, and what each frame of the support adds near it."""

    text: Affine
    """Brings the text's score to the labels' scale."""
    support: Float[Tensor, "m d"]
    """Unit-length embeddings of the labelled frames."""
    weights: Float[Tensor, " m"]
    """Reward that each of them adds to a frame with the same embedding."""
    beta: float
    """Narrowness of the kernel, above 0; the larger, the fewer frames count as near."""

    def __call__(self, scores: Rewards, seen: FrameFeatures) -> Rewards:
        """Return the corrected score of each frame."""
        near = nearness(seen.embeddings, self.support, beta=self.beta)
        rewards: Rewards = self.text(scores) + near @ self.weights
        return rewards

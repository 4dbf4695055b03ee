"""CoOp: words of the prompts that are learned (arXiv 2109.01134), in the form that begins as the prompts themselves.

A sentence reaches the text tower as one vector per token. CoOp puts M learned context vectors in front of the class;
here the first M tokens of each sentence make room for them, and they begin as these tokens' own vectors:

    t = [w_1 + v_1, ..., w_M + v_M, w_(M+1), ...],     v at 0, the same for all sentences

Before the first step every sentence means what it says, bit for bit, and no sentence grows beyond the context length.
What is learned are the embeddings of goal and baseline that come out; no weight of the model changes.
"""

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from vlmrm.rewards.heads.projection import ProjectionHead
from vlmrm.types import Embeddings

Vector = Float[Tensor, " d"]


@dataclass(frozen=True, eq=False)
class LearnedPrompts:
    """Goal and baseline as embeddings, to be kept by whoever learned them.

    Example:
        >>> goal, baseline = torch.eye(2)
        >>> LearnedPrompts(goal, baseline).head(alpha=1.0)(torch.eye(2)).round(decimals=6).abs()
        tensor([1., 0.])
    """

    goal: Vector
    """Unit-length mean of the goal sentences."""
    baseline: Vector | None = None
    """Unit-length mean of the baseline sentences; None: there were none."""

    def head(self, alpha: int | float) -> ProjectionHead:
        """The projection on them.

        Args:
            alpha: Share of the projection, 0 to 1.
        """
        return ProjectionHead(self.goal, self.baseline, float(alpha))

    def as_pictures(self) -> tuple[Embeddings, list[float]]:
        """As embeddings of pictures of goal and baseline, with the label of each, which a spec can keep."""
        rows = [self.goal] if self.baseline is None else [self.goal, self.baseline]
        return torch.stack(rows), [1.0, 0.0][: len(rows)]

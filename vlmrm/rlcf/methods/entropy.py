"""Losses that make a policy surer of itself; they need no reward.

tpt     entropy of the mean probability of the chosen views     (NeurIPS 2022, arXiv 2209.07511)
tent    mean entropy of the chosen views                        (ICLR 2021, arXiv 2006.10726)
"""

import math

from jaxtyping import Float
from torch import Tensor

from vlmrm.rlcf.methods.evidence import Evidence, Loss
from vlmrm.rlcf.views import entropies


def marginal_entropy(logits: Float[Tensor, "r k"]) -> Float[Tensor, ""]:
    """Return the entropy of the mean probability of the rows, in nats.

    Example:
        >>> import torch
        >>> round(float(marginal_entropy(torch.tensor([[99.0, 0.0], [0.0, 99.0]]))), 3)
        0.693
    """
    log_mean = logits.log_softmax(dim=1).logsumexp(dim=0) - math.log(len(logits))
    return -(log_mean.exp() * log_mean).sum()


def tpt(_: Evidence) -> Loss:
    """Return the entropy of the mean probability."""
    return lambda logits, _: marginal_entropy(logits)


def tent(_: Evidence) -> Loss:
    """Return the mean entropy."""
    return lambda logits, _: entropies(logits).mean()

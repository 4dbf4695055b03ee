"""The loss of a captioner that learns from rewards.

    loss = - mean over tokens of A · log p  +  kl · (divergence from the start)  [+ value_weight · (V - A)²]

The divergence of a token is estimated as exp(d) - d - 1 with d = log p_start - log p, which is never below 0.
"""

import torch
from jaxtyping import Bool, Float
from torch import Tensor


def caption_loss(
    likely: Float[Tensor, "n t"],
    before: Float[Tensor, "n t"],
    advantages: Float[Tensor, " n"],
    mask: Bool[Tensor, "n t"],
    *,
    kl: int | float,
    value: tuple[Float[Tensor, "n t"], int | float] | None = None,
) -> tuple[Float[Tensor, ""], dict[str, float]]:
    """Return the loss, and its parts by name.

    Args:
        likely: Log-probability of each token, with a gradient.
        before: The same by the captioner before training.
        advantages: How much better each caption is than others of its picture.
        mask: Which tokens count.
        kl: Weight of the divergence.
        value: What a value head expects of each token, with a gradient, and the weight of its error. None: there is
            no value head.

    Example:
        >>> likely, mask = torch.tensor([[-1.0, -3.0]]), torch.tensor([[True, False]])
        >>> caption_loss(likely, likely, torch.tensor([2.0]), mask, kl=0.5)
        (tensor(2.), {'divergence': 0.0})
    """
    advantage = advantages.to(likely.device)[:, None].expand_as(likely)
    parts: dict[str, float] = {}
    surprise = torch.zeros((), device=likely.device)
    if value is not None:
        expected, weight = value
        error = _token_mean((expected - advantage).square(), mask)
        advantage, surprise = advantage - expected.detach(), weight * error
        parts["value_loss"] = float(error.detach())
    apart = before - likely
    divergence = _token_mean(apart.exp() - apart - 1, mask)
    parts["divergence"] = float(divergence.detach())
    return kl * divergence - _token_mean(advantage * likely, mask) + surprise, parts


def _token_mean(values: Float[Tensor, "n t"], mask: Bool[Tensor, "n t"]) -> Float[Tensor, ""]:
    return (values * mask).sum() / mask.sum()

"""How sure a reward is: the spread that a frame's own noise gives to a score, and the spread of an ensemble.

Baumann et al. 2026, "Post-hoc Probabilistic Vision-Language Models" (BayesVLM, arXiv 2412.06014), take an embedding
before it is brought to unit length as a Gaussian of mean mu and one variance v per dimension. The variance of any score
of it follows by the delta method: its gradient, squared, times v. Where the variances come from: `laplace`.
"""

import math

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn.functional import normalize

from vlmrm.errors import SpecError
from vlmrm.rewards.protocols import ScoreEmbeddings
from vlmrm.types import Rewards
from vlmrm.values import require_number

Cosines = Float[Tensor, "n k"]
CosineCovariance = Float[Tensor, "n k k"]


def moderated_softmax(cosines: Cosines, covariance: CosineCovariance, *, temperature: int | float) -> Rewards:
    """Softmax of the goal with every logit difference drawn towards 0 where it is uncertain.

    ``1 / (1 + sum exp(-m / sqrt(1 + pi v / 8)))`` over the negatives, with m and v the mean and variance of the goal's
    logit less the negative's: MacKay 1992's probit, for each pair. The cosine of the goal comes first.

    Example:
        >>> cosines, certain, not_at_all = torch.tensor([[0.3, 0.1]]), torch.zeros(1, 2, 2), 100 * torch.eye(2)[None]
        >>> [round(float(moderated_softmax(cosines, c, temperature=0.05)), 2) for c in (certain, not_at_all)]
        [0.98, 0.51]
    """
    variances = covariance.diagonal(dim1=1, dim2=2)
    margin = (cosines[:, :1] - cosines[:, 1:]) / temperature  # n k-1
    spread = (variances[:, :1] + variances[:, 1:] - 2 * covariance[:, 0, 1:]).clamp(min=0) / temperature**2
    shrunk = margin / (1 + math.pi / 8 * spread).sqrt()
    return torch.cat([torch.zeros_like(margin[:, :1]), -shrunk], dim=1).softmax(dim=1)[:, 0]


def reward_variance(head: ScoreEmbeddings, mean: Float[Tensor, "n d"], variance: Float[Tensor, "n d"]) -> Rewards:
    """Variance that a frame's own noise gives to any stateless head, by its gradient; the sentences count as certain.

    Args:
        head: Smooth, one reward per embedding.
        mean: Embeddings of frames, of any length.
        variance: One variance per dimension.

    Raises:
        SpecError: The head has no gradient, as one with a threshold; or a number is NaN, infinite or below 0.

    Example:
        >>> goal = torch.tensor([1.0, 0.0])
        >>> frames, noise = torch.tensor([[3.0, 0.0], [0.0, 3.0]]), torch.full((2, 2), 0.5)
        >>> reward_variance(lambda embeddings: embeddings @ goal, frames, noise).round(decimals=4)
        tensor([0.0000, 0.0500])
    """
    if not bool(mean.isfinite().all() & variance.isfinite().all() & (variance >= 0).all()):
        raise SpecError("means and variances must be finite and variances at least 0; a NaN here came with the input.")
    with torch.inference_mode(False), torch.enable_grad():
        point = mean.detach().clone().requires_grad_()
        rewards = head(normalize(point, dim=1))
        if not rewards.requires_grad:
            raise SpecError(
                "this head has no gradient (a threshold?), so that no uncertainty can pass it. Leave it out."
            )
        (gradient,) = torch.autograd.grad(rewards.sum(), point)
    squared = mean.square().sum(dim=1)
    spread: Rewards = (gradient.square() * variance).sum(dim=1) * squared / (squared + variance.sum(dim=1))
    return spread


def lower_confidence(mean: Rewards, std: Rewards, *, kappa: int | float) -> Rewards:
    """The pessimistic reward ``mean - kappa std``: what cannot be known does not pay.

    Args:
        mean: Rewards.
        std: Their standard deviations.
        kappa: Above 0 pessimistic; below 0 optimistic, which seeks what is not known.

    Raises:
        SpecError: kappa is no finite number.

    Example:
        >>> lower_confidence(torch.tensor([0.5, 0.6]), torch.tensor([0.0, 0.2]), kappa=1)
        tensor([0.5000, 0.4000])
    """
    require_number("kappa", kappa)
    return mean - kappa * std


def ensemble(rewards: Float[Tensor, "s n"]) -> tuple[Rewards, Rewards]:
    """Mean and standard deviation over members: other prompts, other views of a frame, or other encoders.

    Args:
        rewards: One row per member, all on one scale: see `vlmrm.rewards.transforms.scaling`.

    Raises:
        SpecError: There are fewer than two members.

    Example:
        >>> ensemble(torch.tensor([[0.1, 0.5], [0.3, 0.5], [0.2, 0.5]]))
        (tensor([0.2000, 0.5000]), tensor([0.1000, 0.0000]))
    """
    if len(rewards) < 2:
        raise SpecError(f"an ensemble needs at least 2 members to disagree; got {len(rewards)}.")
    return rewards.mean(dim=0), rewards.std(dim=0)

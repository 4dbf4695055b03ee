"""How sure a reward is: the spread that a frame's own noise gives to a score, and the spread of an ensemble.

Baumann et al. 2026, "Post-hoc Probabilistic Vision-Language Models" (BayesVLM, arXiv 2412.06014), take an embedding
before it is brought to unit length as a Gaussian of mean mu and one variance v per dimension. The delta method, the
squared gradient of a score times v, is of first order: where a softmax is saturated its gradient is flat, and it gives
a small part of the true deviation. Here the score itself is taken at points of the Gaussian: a fine grid along the
direction in which the score changes most, with noise of a fixed seed in all others. Where the variances come from:
`laplace`.
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
_POINTS = 64
"""Points at which a score is taken for each frame."""
_REACH = 4.8  # standard deviations from the middle to the last point of the grid; 2e-6 of a Gaussian lies beyond
_PROBES = 8  # points at which the slope is taken beside the middle one, where it may be flat
_PROBE_SPREAD = 2.0  # standard deviations
_SEED = 0
_FLAT = 1e-30  # length below which a slope has no direction
_AT_ONCE = 1 << 22  # numbers of the points of some frames: 16 MiB


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
    """Variance that a frame's own noise gives to any stateless head; the sentences count as certain.

    For the heads of this package it is nearly that of sampling, also where a softmax or sigmoid is saturated: with the
    posterior and the temperature of a built-in model the standard deviation is within 30 % on 97 of 100 frames or more.
    It is worse where both noise and slope are many times larger. The head is asked 64 times for each frame, and 9 times
    for its slope.

    Args:
        head: Smooth, one reward per embedding.
        mean: Embeddings of frames, of any length.
        variance: One variance per dimension.

    Raises:
        SpecError: The head has no gradient, as one with a threshold; or a number is NaN, infinite or below 0.

    Example:
        >>> goal = torch.tensor([1.0, 0.0])
        >>> frames, noise = torch.tensor([[3.0, 0.0], [0.0, 3.0]]), torch.full((2, 2), 0.5)
        >>> reward_variance(lambda embeddings: embeddings @ goal, frames, noise).round(decimals=2)
        tensor([0.0000, 0.0500])
    """
    if not bool(mean.isfinite().all() & variance.isfinite().all() & (variance >= 0).all()):
        raise SpecError("means and variances must be finite and variances at least 0; a NaN here came with the input.")
    noise = torch.randn(_POINTS + _PROBES, mean.shape[1], generator=torch.Generator().manual_seed(_SEED)).to(mean)
    rows = max(_AT_ONCE // noise.numel(), 1)
    parts = zip(torch.split(mean, rows), torch.split(variance.sqrt(), rows), strict=True)
    return torch.cat([_variance(head, part, spread, noise) for part, spread in parts])


def _variance(
    head: ScoreEmbeddings, mean: Float[Tensor, "n d"], spread: Float[Tensor, "n d"], noise: Float[Tensor, "p d"]
) -> Rewards:
    """The variance of frames that fit into memory together."""
    steepest = _steepest(head, mean, spread, noise[_POINTS:])
    grid = torch.linspace(-_REACH, _REACH, _POINTS, dtype=torch.float64)
    weights = (-grid.square() / 2).softmax(dim=0)
    others = noise[:_POINTS, None] - (noise[:_POINTS] @ steepest.T)[:, :, None] * steepest  # p n d
    points = mean + spread * (others + grid.to(mean)[:, None, None] * steepest)
    scores = head(normalize(torch.cat([mean[None], points]).flatten(0, 1), dim=1))
    at_mean, at_points = torch.split(scores.double().reshape(1 + _POINTS, -1), [1, _POINTS])
    changes = at_points - at_mean
    found: Rewards = (weights @ changes.square() - (weights @ changes).square()).clamp(min=0).to(mean)
    return found


def _steepest(
    head: ScoreEmbeddings, mean: Float[Tensor, "n d"], spread: Float[Tensor, "n d"], noise: Float[Tensor, "p d"]
) -> Float[Tensor, "n d"]:
    """The direction of the slope in units of the noise, averaged over some points; 0 where all of them are flat."""
    steps = torch.cat([torch.zeros_like(noise[:1]), _PROBE_SPREAD * noise])[:, None]
    with torch.inference_mode(False), torch.enable_grad():
        points = (mean + spread * steps).clone().requires_grad_()
        scores = head(normalize(points.flatten(0, 1), dim=1))
        if not scores.requires_grad:
            raise SpecError(
                "this head has no gradient (a threshold?), so that no uncertainty can pass it. Leave it out."
            )
        (slopes,) = torch.autograd.grad(scores.sum(), points)
    return normalize(normalize(slopes * spread, dim=2, eps=_FLAT).sum(dim=0), dim=1, eps=_FLAT)


def lower_confidence(mean: Rewards, std: Rewards, *, kappa: int | float) -> Rewards:
    """The pessimistic reward ``mean - kappa std``: what cannot be known does not pay.

    Args:
        mean: Rewards.
        std: Their standard deviations.
        kappa: Above 0 pessimistic; below 0 optimistic, which seeks what is not known.

    Raises:
        SpecError: kappa is not a finite number.

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

"""How sure a reward is: the spread of a cosine between uncertain embeddings, of heads, and of ensembles.

Baumann et al. 2026, "Post-hoc Probabilistic Vision-Language Models" (BayesVLM, arXiv 2412.06014), take an embedding
before it is brought to unit length as a Gaussian of mean mu and one variance v per dimension. With
``E|x|² = sum(mu² + v)``, ``x' = mu_x / sqrt(E|x|²)``, ``s_x = v_x / E|x|²`` and the same for y

    E[cos] = c = x'·y'        Var[cos] = sum(s_x y'² + x'² s_y + s_x s_y)

Their variance takes the lengths for constants. But noise along x moves both the product and the length, and leaves the
cosine alone: at a cosine of 0.9 theirs is 2 to 5 times too large. The delta method on ``x·y, |x|², |y|²`` with their
exact moments, which is what is used here, gives

    Var[cos] = sum(s_x (y' - c x')² + (x' - c y')² s_y + s_x s_y + ½ c² (s_x² + s_y²))

the same at a cosine of 0, and within a few percent of Monte Carlo at any other. Where the variances come from:
`vlmrm.rewards.laplace`, or an ensemble.
"""

import math

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn.functional import normalize

from vlmrm.errors import SpecError
from vlmrm.rewards.checks import require_number
from vlmrm.rewards.head import Head
from vlmrm.types import Rewards

Cosines = Float[Tensor, "n k"]
CosineCovariance = Float[Tensor, "n k k"]


def probabilistic_cosine(
    mean_x: Float[Tensor, "n d"],
    variance_x: Float[Tensor, "n d"],
    mean_y: Float[Tensor, "k d"],
    variance_y: Float[Tensor, "k d"],
    *,
    fixed_lengths: bool = False,
) -> tuple[Cosines, Cosines]:
    """Mean and variance of the cosine of each x with each y, all independent Gaussians.

    Args:
        mean_x: Embeddings of frames, of any length.
        variance_x: One variance per dimension.
        mean_y: Embeddings of sentences, of any length.
        variance_y: One variance per dimension.
        fixed_lengths: The paper's own variance, which takes the lengths for constants.

    Returns:
        The mean, which is nearer to 0 than the cosine of the means, and the variance.

    Raises:
        SpecError: A number is NaN or infinite, or a variance is below 0.

    Example:
        >>> x, y = torch.tensor([[3.0, 0.0]]), torch.tensor([[0.0, 2.0]])
        >>> mean, variance = probabilistic_cosine(x, torch.full((1, 2), 0.5), y, torch.zeros(1, 2))
        >>> mean, variance.round(decimals=6)  # 0.5 / (9 + 2 * 0.5)
        (tensor([[0.]]), tensor([[0.0500]]))
    """
    x, s_x = _relative(mean_x, variance_x)
    y, s_y = _relative(mean_y, variance_y)
    cosines = x @ y.T
    variance = s_x @ y.square().T + x.square() @ s_y.T + s_x @ s_y.T
    if fixed_lengths:
        return cosines, variance
    along = (s_x * x) @ y.T + x @ (s_y * y).T
    lengths = _length_terms(x, s_x)[:, None] + _length_terms(y, s_y)
    return cosines, (variance - 2 * cosines * along + cosines.square() * lengths).clamp(min=0)


def cosine_covariance(
    mean_x: Float[Tensor, "n d"],
    variance_x: Float[Tensor, "n d"],
    mean_y: Float[Tensor, "k d"],
    variance_y: Float[Tensor, "k d"],
    *,
    correlation_y: Float[Tensor, "k k"] | None = None,
) -> CosineCovariance:
    """How the cosines of one frame with several sentences vary together.

    They share the frame's noise, most of which cancels in the contrast of two sentences that are close. The arguments
    are those of `probabilistic_cosine`, and how the sentences' noise is correlated, the same in every dimension (None:
    not at all).

    Returns:
        One matrix per frame for `delta_variance`; its diagonal is the variance of `probabilistic_cosine`.

    Raises:
        SpecError: A number is NaN or infinite, or a variance is below 0.

    Example:
        >>> x, noise, y = torch.tensor([[2.0, 0.0]]), torch.tensor([[0.0, 1.0]]), torch.tensor([[0.0, 1.0]])
        >>> cosine_covariance(x, noise, y, torch.zeros(1, 2))  # 1 / (2² + 1)
        tensor([[[0.2000]]])
    """
    x, s_x = _relative(mean_x, variance_x)
    y, s_y = _relative(mean_y, variance_y)
    cosines = x @ y.T
    correlation = torch.eye(len(y), dtype=y.dtype, device=y.device) if correlation_y is None else correlation_y
    across_x = y - cosines[:, :, None] * x[:, None]  # n k d
    across_y = x[:, None] - cosines[:, :, None] * y  # n k d
    deviation = s_y.sqrt()
    noisy = across_y * deviation
    shared = deviation * s_x[:, None].sqrt()  # n k d
    of_frame = (across_x * s_x[:, None]) @ across_x.mT
    of_texts = correlation * (noisy @ noisy.mT + shared @ shared.mT)
    lengths = s_x.square().sum(dim=1)[:, None, None] + correlation.square() * (s_y @ s_y.T)
    return of_frame + of_texts + 0.5 * cosines[:, :, None] * cosines[:, None, :] * lengths


def delta_variance(gradient: Cosines, covariance: CosineCovariance) -> Rewards:
    """Variance of a reward from that of the cosines it is made of, ``gradient^T covariance gradient``.

    The gradient of the contrast is (1, -1) for every frame; see also `softmax_gradient` and `projection_gradient`.

    Example:
        >>> shared = torch.tensor([[[0.04, 0.03], [0.03, 0.04]]])
        >>> delta_variance(torch.tensor([[1.0, -1.0]]), shared).round(decimals=4)  # 0.04 + 0.04 - 2 * 0.03
        tensor([0.0200])
    """
    variance: Rewards = ((gradient[:, None] @ covariance)[:, 0] * gradient).sum(dim=1)
    return variance.clamp(min=0)


def softmax_gradient(cosines: Cosines, *, temperature: int | float) -> Cosines:
    """How `softmax_over_negatives` changes with each cosine, that of the goal first.

    Example:
        >>> softmax_gradient(torch.tensor([[0.3, 0.3]]), temperature=0.5)
        tensor([[ 0.5000, -0.5000]])
    """
    shares = (cosines / temperature).softmax(dim=1)
    goal = torch.zeros_like(cosines)
    goal[:, 0] = 1
    gradient: Cosines = shares[:, :1] * (goal - shares) / temperature
    return gradient


def projection_gradient(
    cosines: Float[Tensor, "n 2"], goal_baseline: int | float, *, alpha: int | float
) -> Float[Tensor, "n 2"]:
    """How `project` changes with the cosines of goal and baseline.

    The reward is ``1 - (1-alpha)² (1 - s·g) - ½ (1 - (1-alpha)²) u²``, u = ``(s·g - s·b - 1 + g·b) / sqrt(2 - 2 g·b)``.

    Args:
        cosines: With the goal and the baseline.
        goal_baseline: Cosine of goal and baseline, taken for certain.
        alpha: Share of the projection, 0 to 1.

    Raises:
        SpecError: Goal and baseline are the same.

    Example:
        >>> projection_gradient(torch.tensor([[0.3, 0.2]]), 0.0, alpha=1.0)
        tensor([[ 0.4500, -0.4500]])
    """
    if not goal_baseline < 1:
        raise SpecError(f"goal and baseline must differ; got a cosine of {goal_baseline:g} between them.")
    plain, squared = (1 - alpha) ** 2, 2 - 2 * goal_baseline
    along = (1 - plain) * (cosines[:, 0] - cosines[:, 1] - 1 + goal_baseline) / squared
    return torch.stack([plain - along, along], dim=1)


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


def reward_variance(head: Head, mean: Float[Tensor, "n d"], variance: Float[Tensor, "n d"]) -> Rewards:
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
    _relative(mean, variance)
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
        rewards: One row per member, all on one scale: see `vlmrm.rewards.scaling`.

    Raises:
        SpecError: There are fewer than two members.

    Example:
        >>> ensemble(torch.tensor([[0.1, 0.5], [0.3, 0.5], [0.2, 0.5]]))
        (tensor([0.2000, 0.5000]), tensor([0.1000, 0.0000]))
    """
    if len(rewards) < 2:
        raise SpecError(f"an ensemble needs at least 2 members to disagree; got {len(rewards)}.")
    return rewards.mean(dim=0), rewards.std(dim=0)


def _relative(mean: Tensor, variance: Tensor) -> tuple[Tensor, Tensor]:
    """Mean and variance of embeddings whose expected squared length is 1."""
    if not bool(mean.isfinite().all() & variance.isfinite().all() & (variance >= 0).all()):
        raise SpecError("means and variances must be finite and variances at least 0; a NaN here came with the input.")
    squared = (mean.square() + variance).sum(dim=1, keepdim=True)
    return mean / squared.sqrt(), variance / squared


def _length_terms(relative: Tensor, variance: Tensor) -> Tensor:
    return (variance * relative.square()).sum(dim=1) + 0.5 * variance.square().sum(dim=1)

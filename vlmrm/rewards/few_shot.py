"""Rewards from a handful of labelled frames and a text reward: Proto-CLIP, Tip-Adapter and ProKeR, all closed form.

With a support of frames s_i and labels y_i in 0..1 (mean ȳ), a frame x, the kernel k(x, s) = exp(-beta (1 - x·s)), and
the text reward t(x), brought by `match_spread` to the scale of what it is added to,

    Proto-CLIP    share p(x·c₁ - x·c₀) + (1 - share) p(t(x)),     p(z) = 1 / (1 + exp(-2 sharpness z))
    Tip-Adapter   t(x) + alpha mean_i k(x, s_i) (y_i - ȳ)
    ProKeR        t(x) + sum_i k(x, s_i) a_i,                     a = (K + ridge I)⁻¹ (y - t(s))

(arXiv 2307.03073, 2207.09519 and 2501.11175.) Proto-CLIP's softmax over squared distances to the prototypes c₁ and c₀
of success and failure is p, as all are unit vectors; any text head stands for its text prototypes. Tip-Adapter's
one-hot values become y - ȳ, which takes progress as well and weighs success as much as failure where one is rare.
ProKeR minimises sum_i (f(s_i) - y_i)² + ridge |f - t|², the second norm that of the kernel.

The defaults were chosen by measuring: eight poses of the humanoid, 3 successes and 3 failures each.
"""

import math
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from vlmrm.errors import SpecError
from vlmrm.rewards.head import Head
from vlmrm.rewards.negatives import contrast
from vlmrm.rewards.support import AffineHead, Support, match_spread
from vlmrm.types import Embeddings, Rewards

Vector = Float[Tensor, " d"]

_LEAST_RIDGE = 1e-3  # below it frames that repeat with different labels get weights that float32 cannot add up


def nearness(frames: Embeddings, support: Float[Tensor, "m d"], *, beta: int | float) -> Float[Tensor, "n m"]:
    """The kernel, ``exp(-beta (1 - x·s))``: 1 for the same embedding, nearly 0 far away.

    Args:
        frames: Unit-length frame embeddings.
        support: Unit-length rows.
        beta: Above 0; the larger, the fewer frames count as near.

    Example:
        >>> nearness(torch.eye(2), torch.eye(2), beta=1.0).round(decimals=3)
        tensor([[1.0000, 0.3680],
                [0.3680, 1.0000]])
    """
    near: Tensor = (-beta * (1 - frames @ support.T)).exp()
    return near


def nearer(frames: Embeddings, success: Vector, failure: Vector, *, sharpness: int | float) -> Rewards:
    """Probability of success among two prototypes, a softmax over ``-sharpness |x - c|²``.

    Args:
        frames: Unit-length frame embeddings.
        success: Unit-length prototype.
        failure: Unit-length prototype.
        sharpness: Above 0.

    Returns:
        0 to 1 for each frame; one half as far from the one as from the other.

    Example:
        >>> success, failure = torch.eye(2)
        >>> nearer(torch.eye(2), success, failure, sharpness=1.0).round(decimals=3)
        tensor([0.8810, 0.1190])
    """
    return (2 * sharpness * contrast(frames, success, failure)).sigmoid()


@dataclass(frozen=True, eq=False)
class PrototypeHead:
    """Proto-CLIP: how much nearer a frame is to success than to failure, for pictures and for the text; stateless."""

    success: Vector
    """Unit-length mean of the successes."""
    failure: Vector
    """Unit-length mean of the failures."""
    text: AffineHead
    """The text reward on the scale of the frames' contrast between both."""
    share: float
    """Of the pictures, 0 to 1; the rest is the text's."""
    sharpness: float
    """Above 0; the larger, the nearer to 0 and 1 the rewards are."""

    def __call__(self, embeddings: Embeddings) -> Rewards:
        """One reward per embedding, 0 to 1."""
        pictures = nearer(embeddings, self.success, self.failure, sharpness=self.sharpness)
        text = (2 * self.sharpness * self.text(embeddings)).sigmoid()
        return self.share * pictures + (1 - self.share) * text


@dataclass(frozen=True, eq=False)
class KernelHead:
    """Tip-Adapter or ProKeR: the text reward, and more or less of it near the frames of the support; stateless."""

    text: AffineHead
    """The text reward on the labels' scale."""
    support: Float[Tensor, "m d"]
    """Unit-length rows."""
    weights: Float[Tensor, " m"]
    """What each of them adds to the reward of a frame with the same embedding."""
    beta: float
    """Above 0; the larger, the fewer frames count as near."""

    def __call__(self, embeddings: Embeddings) -> Rewards:
        """One reward per embedding."""
        rewards: Rewards = self.text(embeddings) + nearness(embeddings, self.support, beta=self.beta) @ self.weights
        return rewards


def fit_prototypes(
    support: Support, text: Head, *, share: int | float = 0.1, sharpness: int | float = 2.0
) -> PrototypeHead:
    """Proto-CLIP of two classes, success and failure.

    A frame counts for the prototype of success by its label and for that of failure by the rest, so that progress
    needs no threshold. The text is not compared with a second sentence: a plain one such as "a robot" is often nearer
    to a success than to a failure. Its level and scale come from the support instead.

    Args:
        support: The labelled frames.
        text: The reward of the sentences.
        share: Weight of the pictures, 0 to 1; Proto-CLIP's own is 0.5, which pays from about ten frames of each kind.
        sharpness: Above 0; Proto-CLIP's own is 12, at which most rewards are nearly 0 or 1.

    Raises:
        SpecError: An option is impossible, the frames of success and failure have the same mean, or as in
            `match_spread`.

    Example:
        >>> support = Support(torch.eye(2), torch.tensor([1.0, 0.0]))
        >>> fit_prototypes(support, lambda frames: frames[:, 0])(torch.eye(2)).round(decimals=3)
        tensor([0.9820, 0.0180])
    """
    _require("share", share, share >= 0 and share <= 1, "lie in 0 to 1")
    _require("sharpness", sharpness, sharpness > 0, "be above 0")
    success = _unit_sum(support.embeddings, support.labels)
    failure = _unit_sum(support.embeddings, 1 - support.labels)
    contrasts = contrast(support.embeddings, success, failure)
    if contrasts.std(correction=0) < 1e-6:
        raise SpecError(
            "success and failure look the same to the encoder: their prototypes coincide. Give more frames."
        )
    return PrototypeHead(success, failure, match_spread(text, support, contrasts), float(share), float(sharpness))


def fit_tip_adapter(support: Support, text: Head, *, alpha: int | float = 1.0, beta: int | float = 8.0) -> KernelHead:
    """Tip-Adapter without training, for labels in 0 to 1: each frame pulls the reward of those near it to its label.

    Args:
        support: The labelled frames.
        text: The reward of the sentences.
        alpha: At least 0: the pull; 0 leaves the text reward as it is, but for its scale.
        beta: Above 0; the larger, the nearer a frame must be to be pulled.

    Raises:
        SpecError: An option is impossible, or as in `match_spread`.

    Example:
        >>> support = Support(torch.eye(2), torch.tensor([1.0, 0.0]))
        >>> fit_tip_adapter(support, lambda frames: frames[:, 0])(torch.eye(2)).round(decimals=3)
        tensor([ 1.2500, -0.2500])
    """
    _require("alpha", alpha, alpha >= 0, "be at least 0")
    _require("beta", beta, beta > 0, "be above 0")
    matched = match_spread(text, support, support.labels)
    weights = alpha * (support.labels - support.labels.mean()) / len(support.labels)
    return KernelHead(matched, support.embeddings, weights, float(beta))


def fit_proker(
    support: Support,
    text: Head,
    *,
    ridge: int | float = 3.0,
    beta: int | float = 8.0,
    trust: int | float = 0.5,
) -> KernelHead:
    """ProKeR: kernel ridge regression of the labels, with the text reward as what holds far from the support.

    Args:
        support: The labelled frames.
        text: The reward of the sentences.
        ridge: At least 0.001, where labels are met almost exactly; the larger, the nearer the reward is to the text's.
        beta: Above 0; the larger, the nearer a frame must be for a label to tell on it.
        trust: Share of the labels' spread that the text is credited with, 0 to 1. At 1 the text alone may explain a
            few labels by chance, which leaves little to learn from them.

    Raises:
        SpecError: An option is impossible, or as in `match_spread`.

    Example:
        >>> support = Support(torch.eye(2), torch.tensor([1.0, 0.0]))
        >>> fit_proker(support, lambda frames: frames[:, 0], ridge=1e-3)(torch.eye(2)).round(decimals=3)
        tensor([1., 0.])
    """
    _require("ridge", ridge, ridge >= _LEAST_RIDGE, f"be at least {_LEAST_RIDGE}")
    _require("beta", beta, beta > 0, "be above 0")
    _require("trust", trust, trust >= 0 and trust <= 1, "lie in 0 to 1")
    matched = match_spread(text, support, support.labels, trust=trust)
    # Frames that repeat make the kernel singular, which float32 cannot tell from it with a small ridge
    frames, residuals = (
        of.to("cpu", torch.float64) for of in (support.embeddings, support.labels - matched(support.embeddings))
    )
    kernel = nearness(frames, frames, beta=beta) + ridge * torch.eye(len(frames), dtype=torch.float64)
    weights = torch.cholesky_solve(residuals[:, None], torch.linalg.cholesky(kernel))[:, 0]
    return KernelHead(matched, support.embeddings, weights.to(support.embeddings), float(beta))


def _unit_sum(embeddings: Float[Tensor, "m d"], weights: Float[Tensor, " m"]) -> Vector:
    total = weights @ embeddings
    if total.norm() < 1e-6:
        raise SpecError("the frames of one label point in opposite directions and cancel out. Give more of them.")
    unit: Vector = total / total.norm()
    return unit


def _require(name: str, value: int | float, holds: bool, range_: str) -> None:
    if not math.isfinite(value) or not holds:
        raise SpecError(f"{name} must {range_}; got {value!r}.")

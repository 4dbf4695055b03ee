"""ProKeR (arXiv 2501.11175): kernel ridge regression of the labels, with the text's score as what holds far from them.

With a support of frames s_i with labels y_i and t(x) the text's score on the labels' scale,

    r = t(x) + sum_i k(x, s_i) a_i,     a = (K + ridge I)^-1 (y - t(s))

which minimises sum_i (f(s_i) - y_i)^2 + ridge |f - t|^2, the second norm that of the kernel. The defaults were chosen
by measuring: eight poses of the humanoid, 3 successes and 3 failures each.
"""

from dataclasses import dataclass
from typing import ClassVar

import torch

from vlmrm.errors import SpecError
from vlmrm.rewards.protocols import ScoreEmbeddings
from vlmrm.rewards.transforms.few_shot.kernel import KernelCorrection, nearness
from vlmrm.rewards.transforms.few_shot.options import FewShotOptions, given
from vlmrm.rewards.transforms.few_shot.support import Support, match_spread
from vlmrm.values import require_above_0, require_number, require_share

_LEAST_RIDGE = 1e-3  # below it frames that repeat with different labels get weights that float32 cannot add up


@dataclass(frozen=True, kw_only=True)
class ProKeROptions(FewShotOptions):
    """Options of the method ``proker``."""

    kind: ClassVar[str] = "proker"
    ridge: int | float | None = None
    """How near the scores stay to the sentences', at least 0.001; the larger, the nearer. None: 3."""
    beta: int | float | None = None
    """How near a frame must be for a label to tell on it, above 0; the larger, the nearer. None: 8."""
    trust: int | float | None = None
    """Share of the labels' spread that the sentences are credited with, 0 to 1. None: 0.5."""

    def __post_init__(self) -> None:
        super().__post_init__()
        _check(**given(ridge=self.ridge, beta=self.beta, trust=self.trust))

    def correction(self, support: Support, text: ScoreEmbeddings) -> KernelCorrection:
        """Return the correction that the support makes of the text's score."""
        return fit_proker(support, text, **given(ridge=self.ridge, beta=self.beta, trust=self.trust))


def fit_proker(
    support: Support,
    text: ScoreEmbeddings,
    *,
    ridge: int | float = 3.0,
    beta: int | float = 8.0,
    trust: int | float = 0.5,
) -> KernelCorrection:
    """ProKeR: kernel ridge regression of the labels, with the text reward as what holds far from the support.

    Args:
        support: The labelled frames.
        text: Scores embeddings by the sentences.
        ridge: At least 0.001, where labels are met almost exactly; the larger, the nearer the reward is to the text's.
        beta: Above 0; the larger, the nearer a frame must be for a label to tell on it.
        trust: Share of the labels' spread that the text is credited with, 0 to 1. At 1 the text alone may explain a
            few labels by chance, which leaves little to learn from them.

    Raises:
        SpecError: An option is impossible, or as in `match_spread`.

    Example:
        >>> from vlmrm.rewards.features import FrameFeatures
        >>> support = Support(torch.eye(2), torch.tensor([1.0, 0.0]))
        >>> corrected = fit_proker(support, lambda frames: frames[:, 0], ridge=1e-3)
        >>> corrected(torch.tensor([1.0, 0.0]), FrameFeatures(embeddings=torch.eye(2))).round(decimals=3)
        tensor([1., 0.])
    """
    _check(ridge=ridge, beta=beta, trust=trust)
    matched = match_spread(text, support, support.labels, trust=trust)
    # Frames that repeat make the kernel singular, which float32 cannot tell from it with a small ridge
    frames, residuals = (
        of.to("cpu", torch.float64) for of in (support.embeddings, support.labels - matched(text(support.embeddings)))
    )
    kernel = nearness(frames, frames, beta=beta) + ridge * torch.eye(len(frames), dtype=torch.float64)
    weights = torch.cholesky_solve(residuals[:, None], torch.linalg.cholesky(kernel))[:, 0]
    return KernelCorrection(matched, support.embeddings, weights.to(support.embeddings), float(beta))


def _check(*, ridge: int | float = _LEAST_RIDGE, beta: int | float = 1.0, trust: int | float = 1.0) -> None:
    require_number("ridge", ridge)
    if ridge < _LEAST_RIDGE:
        raise SpecError(f"ridge must be at least {_LEAST_RIDGE}; got {ridge!r}.")
    require_above_0("beta", beta)
    require_share("trust", trust)

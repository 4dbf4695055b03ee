"""Tip-Adapter without training (arXiv 2207.09519): each labelled frame pulls the score of those near it to its label.

With a support of frames s_i with labels y_i in 0..1 (mean y) and t(x) the text's score on the labels' scale,

    r = t(x) + alpha mean_i k(x, s_i) (y_i - y)

Tip-Adapter's one-hot values become y_i - y, which takes progress as well and weighs success as much as failure where
one is rare.
"""

from dataclasses import dataclass
from typing import ClassVar

from vlmrm.errors import SpecError
from vlmrm.rewards.protocols import ScoreEmbeddings
from vlmrm.rewards.transforms.few_shot.kernel import KernelCorrection
from vlmrm.rewards.transforms.few_shot.options import FewShotOptions, given
from vlmrm.rewards.transforms.few_shot.support import Support, match_spread
from vlmrm.values import require_above_0, require_number


@dataclass(frozen=True, kw_only=True)
class TipAdapterOptions(FewShotOptions):
    """Options of the method ``tip_adapter``."""

    kind: ClassVar[str] = "tip_adapter"
    alpha: int | float | None = None
    """How far frames pull the scores of those near them, at least 0. None: 1."""
    beta: int | float | None = None
    """How near a frame must be to be pulled, above 0; the larger, the nearer. None: 8."""

    def __post_init__(self) -> None:
        super().__post_init__()
        _check(**given(alpha=self.alpha, beta=self.beta))

    def correction(self, support: Support, text: ScoreEmbeddings) -> KernelCorrection:
        """Return the correction that the support makes of the text's score."""
        return fit_tip_adapter(support, text, **given(alpha=self.alpha, beta=self.beta))


def fit_tip_adapter(
    support: Support, text: ScoreEmbeddings, *, alpha: int | float = 1.0, beta: int | float = 8.0
) -> KernelCorrection:
    """Tip-Adapter without training, for labels in 0 to 1: each frame pulls the reward of those near it to its label.

    Args:
        support: The labelled frames.
        text: Scores embeddings by the sentences.
        alpha: At least 0: the pull; 0 leaves the text reward as it is, but for its scale.
        beta: Above 0; the larger, the nearer a frame must be to be pulled.

    Raises:
        SpecError: An option is impossible, or as in `match_spread`.

    Example:
        >>> import torch
        >>> from vlmrm.rewards.features import FrameFeatures
        >>> support = Support(torch.eye(2), torch.tensor([1.0, 0.0]))
        >>> corrected = fit_tip_adapter(support, lambda frames: frames[:, 0])
        >>> corrected(torch.tensor([1.0, 0.0]), FrameFeatures(embeddings=torch.eye(2))).round(decimals=3)
        tensor([ 1.2500, -0.2500])
    """
    _check(alpha=alpha, beta=beta)
    matched = match_spread(text, support, support.labels)
    weights = alpha * (support.labels - support.labels.mean()) / len(support.labels)
    return KernelCorrection(matched, support.embeddings, weights, float(beta))


def _check(*, alpha: int | float = 0.0, beta: int | float = 1.0) -> None:
    require_number("alpha", alpha)
    if alpha < 0:
        raise SpecError(f"alpha of tip_adapter must be at least 0; got {alpha!r}.")
    require_above_0("beta", beta)

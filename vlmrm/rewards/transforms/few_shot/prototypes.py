"""Proto-CLIP (arXiv 2307.03073) of two classes, success and failure.

With c1 and c0 the unit-length means of the successes and the failures and t(x) the text's score on the scale of the
frames' contrast between both,

    r = share p(x·c1 - x·c0) + (1 - share) p(t(x)),     p(z) = 1 / (1 + exp(-2 sharpness z))

Proto-CLIP's softmax over squared distances to the prototypes is p, as all are unit vectors; any text head stands for
its text prototypes.
"""

from dataclasses import dataclass
from typing import ClassVar

from jaxtyping import Float
from torch import Tensor

from vlmrm.errors import SpecError
from vlmrm.rewards.features.frame_features import FrameFeatures
from vlmrm.rewards.heads.contrast import contrast
from vlmrm.rewards.protocols import ScoreEmbeddings, ScoreTransform
from vlmrm.rewards.transforms.few_shot.options import FewShotOptions, given
from vlmrm.rewards.transforms.few_shot.support import Affine, Support, match_spread
from vlmrm.types import Embeddings, Rewards
from vlmrm.values import require_above_0, require_share

Vector = Float[Tensor, " d"]


@dataclass(frozen=True, kw_only=True)
class PrototypesOptions(FewShotOptions):
    """Options of the method ``prototypes``."""

    kind: ClassVar[str] = "prototypes"
    share: int | float | None = None
    """Weight of the pictures, 0 to 1. None: 0.1."""
    sharpness: int | float | None = None
    """How near to 0 and 1 rewards are, above 0. None: 2."""

    def __post_init__(self) -> None:
        super().__post_init__()
        _check(**given(share=self.share, sharpness=self.sharpness))

    def correction(self, support: Support, text: ScoreEmbeddings) -> "Prototypes":
        """Return the correction that the support makes of the text's score."""
        return fit_prototypes(support, text, **given(share=self.share, sharpness=self.sharpness))


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
        >>> import torch
        >>> success, failure = torch.eye(2)
        >>> nearer(torch.eye(2), success, failure, sharpness=1.0).round(decimals=3)
        tensor([0.8810, 0.1190])
    """
    return (2 * sharpness * contrast(frames, success, failure)).sigmoid()


@dataclass(frozen=True, eq=False)
class Prototypes(ScoreTransform):
    """How much nearer a frame is to success than to failure, for pictures and for the text."""

    success: Vector
    """Unit-length mean of the successes."""
    failure: Vector
    """Unit-length mean of the failures."""
    text: Affine
    """Brings the text's score to the scale of the frames' contrast between both."""
    share: float
    """Weight of the pictures, 0 to 1; the rest is the text's."""
    sharpness: float
    """How near to 0 and 1 rewards are, above 0."""

    def __call__(self, scores: Rewards, seen: FrameFeatures) -> Rewards:
        """Return one reward per frame, 0 to 1."""
        pictures = nearer(seen.embeddings, self.success, self.failure, sharpness=self.sharpness)
        text = (2 * self.sharpness * self.text(scores)).sigmoid()
        return self.share * pictures + (1 - self.share) * text


def fit_prototypes(
    support: Support, text: ScoreEmbeddings, *, share: int | float = 0.1, sharpness: int | float = 2.0
) -> Prototypes:
    """Proto-CLIP of two classes, success and failure.

    A frame counts for the prototype of success by its label and for that of failure by the rest, so that progress
    needs no threshold. The text is not compared with a second sentence: a plain one such as "a robot" is often nearer
    to a success than to a failure. Its level and scale come from the support instead.

    Args:
        support: The labelled frames.
        text: Scores embeddings by the sentences.
        share: Weight of the pictures, 0 to 1; Proto-CLIP's own is 0.5, which pays from about ten frames of each kind.
        sharpness: Above 0; Proto-CLIP's own is 12, at which most rewards are nearly 0 or 1.

    Raises:
        SpecError: An option is impossible, the frames of success and failure have the same mean, or as in
            `match_spread`.

    Example:
        >>> import torch
        >>> support = Support(torch.eye(2), torch.tensor([1.0, 0.0]))
        >>> corrected = fit_prototypes(support, lambda frames: frames[:, 0])
        >>> corrected(torch.tensor([1.0, 0.0]), FrameFeatures(embeddings=torch.eye(2))).round(decimals=3)
        tensor([0.9820, 0.0180])
    """
    _check(share=share, sharpness=sharpness)
    success = _unit_sum(support.embeddings, support.labels)
    failure = _unit_sum(support.embeddings, 1 - support.labels)
    contrasts = contrast(support.embeddings, success, failure)
    if contrasts.std(correction=0) < 1e-6:
        raise SpecError(
            "success and failure look the same to the encoder: their prototypes coincide. Give more frames."
        )
    return Prototypes(success, failure, match_spread(text, support, contrasts), float(share), float(sharpness))


def _unit_sum(embeddings: Float[Tensor, "m d"], weights: Float[Tensor, " m"]) -> Vector:
    total = weights @ embeddings
    if total.norm() < 1e-6:
        raise SpecError("the frames of one label point in opposite directions and cancel out. Give more of them.")
    unit: Vector = total / total.norm()
    return unit


def _check(*, share: int | float = 0.0, sharpness: int | float = 1.0) -> None:
    require_share("share", share)
    require_above_0("sharpness", sharpness)

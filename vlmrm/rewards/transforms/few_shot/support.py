"""`Support`: the handful of labelled frames that a few-shot reward is made from, and a text reward on their scale."""

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from vlmrm.errors import SpecError
from vlmrm.rewards.protocols import ScoreEmbeddings
from vlmrm.types import Rewards

_UNIT_TOLERANCE = 1e-3
_SAME_REWARD = 1e-6  # share of the largest reward; smaller differences are rounding


@dataclass(frozen=True, eq=False)
class Support:
    """Labelled frames, embedded.

    Args:
        embeddings: Embeddings of the frames.
        labels: Labels of the frames.

    Raises:
        SpecError: Lengths differ, a number is not finite, an embedding is not of unit length, a label lies outside 0
            to 1, or all labels are the same.

    Example:
        >>> support = Support(torch.eye(2), torch.tensor([1.0, 0.0]))
        >>> len(support.labels)
        2
    """

    embeddings: Float[Tensor, "m d"]
    """Unit-length embeddings of the frames, one row each."""
    labels: Float[Tensor, " m"]
    """1 success, 0 failure, or the progress in between."""

    def __post_init__(self) -> None:
        if self.embeddings.ndim != 2 or self.labels.shape != self.embeddings.shape[:1]:
            raise SpecError(
                f"a support has one label per embedding; got embeddings {tuple(self.embeddings.shape)} and labels "
                f"{tuple(self.labels.shape)}."
            )
        if not bool(self.embeddings.isfinite().all()) or not bool(self.labels.isfinite().all()):
            raise SpecError(
                "there is NaN or infinity among the support's embeddings or labels. Leave those frames out."
            )
        lengths = self.embeddings.norm(dim=1)
        if bool(((lengths - 1).abs() > _UNIT_TOLERANCE).any()):
            raise SpecError(f"the support's embeddings must have unit length; got {lengths.tolist()}.")
        if bool(((self.labels < 0) | (self.labels > 1)).any()):
            raise SpecError(f"labels must lie in 0 (failure) to 1 (success); got {self.labels.tolist()}.")
        if bool((self.labels == self.labels[:1]).all()):
            raise SpecError(
                f"all {len(self.labels)} frames have the same label, so that nothing says what a better or a worse "
                f"frame looks like; got {self.labels.tolist()}. Add frames of failures (0), or of successes (1)."
            )


@dataclass(frozen=True, eq=False)
class Affine:
    """Scores on another scale, ``offset + slope * score``."""

    slope: float
    """Factor on the score, at least 0, so that the order stays."""
    offset: float
    """Number that is added last."""

    def __call__(self, scores: Rewards) -> Rewards:
        """Return the scores on the new scale."""
        return self.offset + self.slope * scores


def match_spread(
    text: ScoreEmbeddings, support: Support, targets: Float[Tensor, " m"], *, trust: int | float = 1.0
) -> Affine:
    """A text reward on the scale of other numbers: mean and spread on the support become those of the targets.

    Least squares would fit the same targets more closely, but its slope is 0 or less as soon as the text ranks a few
    frames wrongly, and then the text is lost for all others. Equal spreads keep it whatever the frames say.

    Args:
        text: Scores embeddings by the sentences.
        support: The frames whose rewards are compared with the targets.
        targets: One number per frame of the support, e.g. its labels.
        trust: Share of the targets' spread that the text gets, 0 to 1.

    Raises:
        SpecError: The text reward is the same on all frames of the support, or is not finite there.

    Example:
        >>> support = Support(torch.eye(2), torch.tensor([1.0, 0.0]))
        >>> cosine = lambda frames: 0.2 * frames[:, 0]
        >>> match_spread(cosine, support, support.labels)(cosine(support.embeddings)).round(decimals=3)
        tensor([1., 0.])
    """
    rewards, wanted = (of.to("cpu", torch.float64) for of in (text(support.embeddings), targets))
    spread, largest = float(rewards.std(correction=0)), float(rewards.abs().max())
    if not bool(rewards.isfinite().all()) or spread <= _SAME_REWARD * largest:
        raise SpecError(
            f"the text reward must differ between the frames of a support, to show its scale; got {rewards.tolist()}. "
            "Give frames that the text tells apart, or a head without threshold."
        )
    slope = trust * float(wanted.std(correction=0)) / spread
    return Affine(slope, float(wanted.mean()) - slope * float(rewards.mean()))

"""Pictures instead of sentences: the goal is what the pictures of it have in common.

Pictures lie near pictures and sentences near sentences, so that a line from a baseline sentence to a goal picture would
mostly say "is a picture". The baseline is therefore made of pictures as well, of what is not the goal; without any, the
reward is the cosine with the goal pictures' mean. The frames of a goal video are goal pictures too, whose order is not
seen; `vlmrm.rewards.over_time.milestones` sees order.
"""

from dataclasses import dataclass
from typing import ClassVar

import torch
from jaxtyping import Float
from torch import Tensor

from vlmrm.errors import SpecError
from vlmrm.rewards.features.frame_features import FrameFeatures
from vlmrm.rewards.heads.projection import ProjectionHead, unit_mean
from vlmrm.rewards.protocols import Context, ScoreTransform
from vlmrm.rewards.transforms.few_shot.options import FewShotOptions
from vlmrm.types import Rewards


@dataclass(frozen=True, kw_only=True)
class GoalPicturesOptions(FewShotOptions):
    """Options of the method ``goal_pictures``: frames instead of the goal sentence, label 0 instead of the baseline."""

    kind: ClassVar[str] = "goal_pictures"
    needs_labels: ClassVar[bool] = False
    replaces_goal: ClassVar[bool] = True

    def apply(self, context: Context) -> Context:
        """Return the context with the projection on the pictures, whatever the sentences say."""
        self.require_same_weights(context.encoder)
        labels = torch.tensor(self.labels, dtype=torch.float32)
        return context.then(GoalPictures(fit_goal_pictures(self.rows(), labels, alpha=context.spec.alpha)))


@dataclass(frozen=True, eq=False)
class GoalPictures(ScoreTransform):
    """The projection on pictures, in the place of the score of the sentences."""

    head: ProjectionHead
    """Projection with pictures in the place of goal and baseline."""

    def __call__(self, scores: Rewards, seen: FrameFeatures) -> Rewards:
        """Return one score per frame."""
        return self.head(seen.embeddings)


def fit_goal_pictures(
    embeddings: Float[Tensor, "m d"], labels: Float[Tensor, " m"], *, alpha: float = 0.0
) -> ProjectionHead:
    """Projection with pictures in the place of goal and baseline.

    Args:
        embeddings: Unit-length rows, of the pictures.
        labels: 1 for those of the goal, 0 for those of the baseline.
        alpha: Share of the projection, where there are pictures of the baseline.

    Raises:
        SpecError: There is no picture of the goal, or a label is neither 0 nor 1.

    Example:
        >>> fit_goal_pictures(torch.eye(3)[:2], torch.tensor([1.0, 1.0]))(torch.eye(3)).round(decimals=4)
        tensor([0.7071, 0.7071, 0.0000])
    """
    goal, baseline = labels == 1, labels == 0
    if not bool((goal | baseline).all()) or not bool(goal.any()):
        raise SpecError(
            f"goal pictures have the label 1, and those of the plain scene 0; got {labels.tolist()}. Progress in "
            "between is for the methods tip_adapter and proker."
        )
    plain = unit_mean(embeddings[baseline]) if bool(baseline.any()) else None
    return ProjectionHead(unit_mean(embeddings[goal]), plain, alpha)

"""Goal-baseline projection (Rocamonde et al. 2024, "Vision-Language Models are Zero-Shot Reward Models", Def. 1).

With goal g, baseline b, direction d = (g - b) / |g - b| and a frame s, all unit vectors, the paper projects s onto the
line through g and b, moves s towards that projection by alpha, and takes 1 minus half the squared distance to g. In the
basis (d, rest) with u = (s - g)·d and w² = |s - g|² - u² this is

    r = 1 - ½ (u² + (1 - alpha)² w²)

which needs two dot products instead of a d x d matrix and serves any number of alphas at once. As all are unit vectors,
u and |s - g|² = 2 - 2 s·g follow from the cosines alone, which is how many texts are scored against many frames.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, ClassVar

import torch
from jaxtyping import Float
from torch import Tensor

from vlmrm.encoders.encoder import Encoder
from vlmrm.errors import PromptError, SpecError
from vlmrm.prompts import PromptSet
from vlmrm.rewards.features.frame_features import features_of
from vlmrm.rewards.heads.sentences import SAME_DIRECTION, embed, embed_apart
from vlmrm.rewards.protocols import Head, HeadOptions, PairHead
from vlmrm.types import Embeddings, Rewards


@dataclass(frozen=True, kw_only=True)
class ProjectionOptions(HeadOptions):
    """Options of the head ``projection``: none; its `alpha` and its baseline are the spec's own."""

    projects: ClassVar[bool] = True
    score_range: ClassVar[tuple[float, float]] = (-1.0, 1.0)

    def check(self, spec: Any) -> None:
        """Refuse an alpha above 0 without a baseline.

        Raises:
            SpecError: If there is no baseline to project from.
        """
        if spec.alpha > 0 and spec.prompts is not None and not spec.prompts.baseline:
            raise SpecError(
                f"alpha={spec.alpha} projects on the line from baseline to goal, and no baseline was given. "
                "Describe the plain scene in baseline, or set alpha=0."
            )

    def build(self, encoder: Encoder, prompts: PromptSet, alpha: float) -> "ProjectionHead":
        """Return the projection on the embedded sentences."""
        goals, baselines = embed_apart(encoder, prompts.goal, prompts.baseline)
        goal = unit_mean(goals)
        head = ProjectionHead(goal, unit_mean(baselines) if prompts.baseline else None, alpha)
        head(goal[None])  # fails here, not in the first step, where the means span no line
        return head

    def build_pairs(self, encoder: Encoder, prompts: PromptSet | None, alpha: float, rivals: str | None) -> PairHead:
        """Return the projection of every frame on the line from the baseline to every text."""
        refuse_rivals("projection", rivals)
        baseline = None if prompts is None or alpha == 0 else _mean_or_none(encoder, prompts.baseline)

        def score(embeddings: Embeddings, goals: Float[Tensor, "k d"]) -> Float[Tensor, "n k"]:
            if baseline is None:
                return embeddings @ goals.T
            return project_pairs(embeddings, goals, baseline, alpha)

        return score


def refuse_rivals(head: str, rivals: str | None) -> None:
    """Refuse rivals for a head that compares with none.

    Raises:
        SpecError: If `rivals` is given.
    """
    if rivals is not None:
        raise SpecError(
            f"rivals={rivals!r} belongs to the head softmax; the head {head} compares a text with no other."
        )


def _mean_or_none(encoder: Encoder, sentences: Sequence[str]) -> Float[Tensor, " d"] | None:
    return unit_mean(embed(encoder, sentences)) if sentences else None


def unit_mean(embeddings: Float[Tensor, "k d"]) -> Float[Tensor, " d"]:
    """Mean of several sentences' embeddings, brought back to unit length.

    Without the last step the mean of k sentences is shorter than 1 and alpha=0 is no longer the cosine.

    Args:
        embeddings: Unit-length rows.

    Returns:
        One unit vector.

    Raises:
        PromptError: The sentences cancel out.

    Example:
        >>> unit_mean(torch.eye(2))
        tensor([0.7071, 0.7071])
    """
    mean = embeddings.mean(dim=0)
    length = mean.norm()
    if length < 1e-6:
        raise PromptError("the sentences of one prompt set point in opposite directions and cancel out. Use fewer.")
    unit: Tensor = mean / length
    return unit


def project_alphas(
    frames: Embeddings, goal: Float[Tensor, " d"], baseline: Float[Tensor, " d"], alphas: Float[Tensor, " a"]
) -> Float[Tensor, "a n"]:
    """Rewards of the same frames for several alphas at once.

    Args:
        frames: Unit-length frame embeddings.
        goal: Unit-length mean of the goal sentences.
        baseline: Unit-length mean of the baseline sentences.
        alphas: Shares of the projection, each 0 to 1.

    Returns:
        One row of rewards per alpha.

    Raises:
        SpecError: An alpha lies outside 0 to 1.
        PromptError: Goal and baseline have the same embedding.

    Example:
        >>> goal, baseline = torch.eye(2)
        >>> project_alphas(torch.eye(2), goal, baseline, torch.tensor([0.0, 1.0])).round(decimals=6).abs()
        tensor([[1., 0.],
                [1., 0.]])
    """
    if not bool(((alphas >= 0) & (alphas <= 1)).all()):
        raise SpecError(f"alpha must lie in 0 to 1; got {alphas.tolist()}. 0 is the plain cosine, 1 the projection.")
    line = goal - baseline
    if line.square().sum() < SAME_DIRECTION:
        raise PromptError("goal and baseline have the same embedding, so there is no direction to project on.")
    offset = frames - goal  # n d
    return closeness(offset, offset @ (line / line.norm()), alphas)


def score_alphas(reward: Any, frames: Any, alphas: list[float]) -> Float[Tensor, "a n"]:
    """Scores of the same frames for several alphas, at the cost of one.

    Args:
        reward: A `RewardModel` of a plain projection.
        frames: As its `read` takes them, or what it returned.
        alphas: Shares of the projection.

    Raises:
        SpecError: If an alpha lies outside 0 to 1, or one is not 0 and there is no baseline, or the reward is another.
    """
    spec = reward.spec
    for alpha in alphas:
        replace(spec, alpha=alpha)
    if not spec.compares_alphas or spec.prompts is None:
        raise SpecError(
            f"several alphas are those of a plain projection; this reward has head={spec.head!r}, "
            f"threshold={spec.threshold} and over_time={spec.over_time}. Use score()."
        )
    embeddings = features_of(frames, reward.read).embeddings
    goal = unit_mean(embed(reward.encoder, spec.prompts.goal))
    baseline = _mean_or_none(reward.encoder, spec.prompts.baseline)
    if baseline is None:
        alone: Tensor = embeddings @ goal
        return alone.expand(len(alphas), -1)
    return project_alphas(embeddings, goal, baseline, torch.tensor(alphas))


def closeness(
    offset: Float[Tensor, "n d"], along: Float[Tensor, " n"], alphas: Float[Tensor, " a"]
) -> Float[Tensor, "a n"]:
    """What a frame is worth that lies `offset` from its goal, of which `along` is along the line to the baseline.

    Args:
        offset: From the goal to the frame.
        along: Its component along the line.
        alphas: Shares of the projection.

    Returns:
        One row of rewards per alpha.
    """
    across_squared = (offset.square().sum(dim=1) - along.square()).clamp(min=0)  # n
    rewards: Tensor = 1 - 0.5 * (along.square() + (1 - alphas[:, None]).square() * across_squared)
    return rewards


def project_pairs(
    frames: Embeddings, goals: Float[Tensor, "k d"], baseline: Float[Tensor, " d"], alpha: float
) -> Float[Tensor, "n k"]:
    """`project` of every frame on every goal, from their cosines.

    Args:
        frames: Unit-length frame embeddings.
        goals: Unit-length rows.
        baseline: Unit-length mean of the baseline sentences.
        alpha: Share of the projection, 0 to 1.

    Raises:
        PromptError: If a goal and the baseline have the same embedding.

    Example:
        >>> goal, baseline = torch.eye(2)
        >>> project_pairs(torch.eye(2), goal[None], baseline, alpha=0.0).T
        tensor([[1., 0.]])
    """
    apart = goals @ baseline  # k
    length = (goals - baseline).norm(dim=1)
    if bool((length.square() < SAME_DIRECTION).any()):
        raise PromptError("a text and the baseline have the same embedding, so there is no direction to project on.")
    cosines = frames @ goals.T  # n k
    along = cosines - (frames @ baseline)[:, None]
    along.sub_(1 - apart).div_(length).square_()
    plain = (1 - alpha) ** 2
    # 1 - 1/2 (u² + (1-a)² (2 - 2 c - u²))
    rewards: Tensor = cosines.sub_(1).mul_(plain).add_(1).sub_(along.mul_(0.5 * (1 - plain)))
    return rewards


def project(frames: Embeddings, goal: Float[Tensor, " d"], baseline: Float[Tensor, " d"], alpha: float) -> Rewards:
    """Closeness to `goal`, ignoring what lies off the goal-baseline line.

    At ``alpha=0`` this is cosine similarity; at ``alpha=1`` only the component along the line counts.

    Args:
        frames: Unit-length frame embeddings.
        goal: Unit-length mean of the goal sentences.
        baseline: Unit-length mean of the baseline sentences.
        alpha: Share of the projection, 0 to 1.

    Returns:
        One reward per frame; 1 at the goal, lower farther away.

    Example:
        >>> goal, baseline = torch.eye(2)
        >>> project(torch.eye(2), goal, baseline, alpha=0.0)
        tensor([1., 0.])
    """
    return project_alphas(frames, goal, baseline, frames.new_tensor([alpha]))[0]


@dataclass(frozen=True, eq=False)
class ProjectionHead(Head):
    """The projection with its prompts and alpha filled in."""

    goal: Float[Tensor, " d"]
    """Unit-length mean of the goal sentences."""
    baseline: Float[Tensor, " d"] | None
    """Unit-length mean of the baseline sentences; None: the reward is the cosine with the goal."""
    alpha: float
    """Share of the projection."""

    def __call__(self, embeddings: Embeddings) -> Rewards:
        """One reward per embedding."""
        if self.baseline is None:
            return embeddings @ self.goal
        return project(embeddings, self.goal, self.baseline, self.alpha)

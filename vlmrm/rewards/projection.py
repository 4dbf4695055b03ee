"""Goal-baseline projection (Rocamonde et al. 2024, "Vision-Language Models are Zero-Shot Reward Models", Def. 1).

With goal g, baseline b, direction d = (g - b) / |g - b| and a frame s, all unit vectors, the paper projects s onto the
line through g and b, moves s towards that projection by alpha, and takes 1 minus half the squared distance to g. In the
basis (d, rest) with u = (s - g)·d and w² = |s - g|² - u² this is

    r = 1 - ½ (u² + (1 - alpha)² w²)

which needs two dot products instead of a d x d matrix and serves any number of alphas at once.
"""

from dataclasses import dataclass

from jaxtyping import Float
from torch import Tensor

from vlmrm.errors import PromptError, SpecError
from vlmrm.types import Embeddings, Rewards

_SAME_DIRECTION = 1e-6  # squared distance of goal and baseline below which float32 leaves no direction between them


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
        >>> import torch
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
        >>> import torch
        >>> goal, baseline = torch.eye(2)
        >>> project_alphas(torch.eye(2), goal, baseline, torch.tensor([0.0, 1.0])).round(decimals=6).abs()
        tensor([[1., 0.],
                [1., 0.]])
    """
    if not bool(((alphas >= 0) & (alphas <= 1)).all()):
        raise SpecError(f"alpha must lie in 0 to 1; got {alphas.tolist()}. 0 is the plain cosine, 1 the projection.")
    line = goal - baseline
    if line.square().sum() < _SAME_DIRECTION:
        raise PromptError("goal and baseline have the same embedding, so there is no direction to project on.")
    offset = frames - goal  # n d
    return closeness(offset, offset @ (line / line.norm()), alphas)


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
        >>> import torch
        >>> goal, baseline = torch.eye(2)
        >>> project(torch.eye(2), goal, baseline, alpha=0.0)
        tensor([1., 0.])
    """
    return project_alphas(frames, goal, baseline, frames.new_tensor([alpha]))[0]


@dataclass(frozen=True, eq=False)
class ProjectionHead:
    """The projection with its prompts and alpha filled in; stateless, so frames may come in any batch."""

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

"""`standardize`: scores with a mean of 0 and a standard deviation of 1."""

from dataclasses import replace
from typing import Any

from vlmrm.rewards.model import RewardModel
from vlmrm.rewards.score_spec import ScoreSpec
from vlmrm.rewards.transforms.scaling import ScalingOptions, mean_and_spread
from vlmrm.types import Rewards


def standardize(reward: RewardModel, frames: Any) -> RewardModel:
    """The same reward with a mean of 0 and a standard deviation of 1 over some frames; of an ensemble, each part.

    Args:
        reward: The reward to bring to that scale; it stays as it is.
        frames: Frames as the agent will see them, as `RewardModel.read` takes them; of a random policy, say.

    Returns:
        A reward with `scaling` in its spec, and without the threshold of this one; an ensemble also without the judge,
        who was asked above another score. The threshold of a part stays, in standard deviations from then on.

    Raises:
        SpecError: If the frames do not show a scale, or the reward has milestones.
    """
    spec = reward.spec
    if not spec.options.has_parts:
        plain = reward.with_spec(replace(spec.before("scaling"), over_time=None))
        return reward.with_spec(replace(spec.before("scaling"), scaling=_scaling(spec, plain.score(frames))))
    embeddings = reward.embed(frames)
    options = spec.options.scale_parts(reward.encoder, spec.require_prompts(), embeddings, _scaling)
    return reward.with_spec(replace(spec.for_other_scores(), options=options))


def _scaling(spec: ScoreSpec, scores: Rewards) -> ScalingOptions:
    """The scale of these scores; the clip bounds of the spec stay."""
    mean, spread = mean_and_spread(scores)
    return replace(spec.scaling or ScalingOptions(), subtract=mean, divide=spread)

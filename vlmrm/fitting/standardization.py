"""`standardize`: scores with a mean of 0 and a standard deviation of 1."""

from dataclasses import replace
from typing import Any

from vlmrm.frames.batch import as_frames
from vlmrm.rewards.heads.ensemble import EnsembleOptions
from vlmrm.rewards.model import RewardModel
from vlmrm.rewards.score_spec import ScoreSpec
from vlmrm.rewards.spec import RewardSpec
from vlmrm.rewards.transforms.scaling import ScalingOptions, mean_and_spread
from vlmrm.types import Frames


def standardize(reward: RewardModel, frames: Any) -> RewardModel:
    """The same reward with a mean of 0 and a standard deviation of 1 over some frames; of an ensemble, each part.

    Args:
        reward: The reward to bring to that scale; it stays as it is.
        frames: Frames as the agent will see them, as `RewardModel.read` takes them; of a random policy, say.

    Returns:
        A reward with `scaling` in its spec, and without the threshold of this one; an ensemble also without the judge,
        who was asked above another score.

    Raises:
        SpecError: If the frames do not show a scale, or the reward has milestones.
    """
    batch, spec = as_frames(frames), reward.spec
    if not isinstance(spec.options, EnsembleOptions):
        return reward.with_spec(replace(spec.before("scaling"), scaling=_scaling(reward, spec, spec, batch)))
    parts = tuple(
        replace(part, scaling=_scaling(reward, spec, whole, batch))
        for part, whole in zip(spec.options.parts, spec.options.whole_parts(spec.prompts), strict=True)
    )
    return reward.with_spec(replace(spec.before("judge"), options=replace(spec.options, parts=parts)))


def _scaling(reward: RewardModel, spec: RewardSpec, scored: ScoreSpec, frames: Frames) -> ScalingOptions:
    """Of the whole, or of a part of an ensemble, whose clip bounds stay."""
    plain = spec
    if scored is not spec:
        said = {name: getattr(scored, name) for name in ("prompts", "alpha", "head", "options", "few_shot")}
        plain = replace(spec, **said, uncertainty=None, judge=None, over_time=None)
    scores = reward.with_spec(plain.before("scaling")).explain(frames)["score"]
    mean, spread = mean_and_spread(scores)
    return replace(scored.scaling or ScalingOptions(), subtract=mean, divide=spread)

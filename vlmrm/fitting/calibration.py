"""`calibrate`: a threshold by a budget of false positives."""

from dataclasses import replace
from typing import Any

import torch

from vlmrm.errors import SpecError
from vlmrm.rewards.model import RewardModel
from vlmrm.rewards.transforms.threshold import threshold_for


def calibrate(reward: RewardModel, frames: Any, labels: Any = None, *, false_positives: float = 0.05) -> RewardModel:
    """The same reward as 0 and 1, with a threshold that few frames without the goal are above.

    Args:
        reward: The reward to calibrate; it stays as it is.
        frames: As `RewardModel.read` takes them.
        labels: Whether each frame shows the goal. None: none does, as is nearly true of a random policy's.
        false_positives: Share of the frames without the goal that may be rewarded, 0 to below 1.

    Returns:
        A reward with `threshold` in its spec.

    Raises:
        SpecError: If no frame is without the goal, the labels do not fit, or the reward has milestones.

    Example:
        >>> import gymnasium as gym
        >>> from vlmrm import PromptSet, RewardModel
        >>> env = gym.make("CartPole-v1", render_mode="rgb_array")
        >>> _ = env.reset(seed=0)
        >>> reward = RewardModel.load("sim-s", PromptSet("a pole held vertically upright", "a pole on its cart"))
        >>> calibrate(reward, env.render(), false_positives=0.0).score(env.render())
        tensor([0.])
    """
    scores = reward.with_spec(replace(reward.spec.before("threshold"), over_time=None)).score(frames)
    shown = torch.zeros(len(scores)) if labels is None else torch.as_tensor(labels).double().flatten()
    if len(shown) != len(scores) or not bool(((shown == 0) | (shown == 1)).all()):
        raise SpecError(f"calibrate takes one label of 0 or 1 for each of {len(scores)} frames; got {labels!r}.")
    return reward.with_spec(replace(reward.spec, threshold=threshold_for(scores[shown == 0], false_positives)))

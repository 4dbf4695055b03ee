"""Rewards: the spec that names one, and the model that scores frames with it.

A spec's words are files: heads in `heads/`, what changes the score of a frame in `transforms/`, what makes rewards of
steps in `over_time/`, what is read of frames in `features/`.
"""

from vlmrm.rewards.features import FrameFeatures
from vlmrm.rewards.function import FunctionReward
from vlmrm.rewards.model import RewardModel
from vlmrm.rewards.spec import RewardSpec

__all__ = ["FrameFeatures", "FunctionReward", "RewardModel", "RewardSpec"]

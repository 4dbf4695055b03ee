"""Rewards: pure functions on embeddings, the spec that names one, and the model that scores frames with it."""

from vlmrm.rewards.model import RewardModel
from vlmrm.rewards.projection import ProjectionHead, project, project_alphas, unit_mean
from vlmrm.rewards.spec import RewardSpec

__all__ = ["ProjectionHead", "RewardModel", "RewardSpec", "project", "project_alphas", "unit_mean"]

"""What is read of frames before they are scored: `FrameFeatures`, and the extractors that make it."""

from vlmrm.rewards.features.frame_features import FeatureExtractor, FrameFeatures, features_of

__all__ = ["FeatureExtractor", "FrameFeatures", "features_of"]

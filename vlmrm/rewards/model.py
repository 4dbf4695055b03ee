"""`RewardModel`: an encoder and a head. Frames go in, one reward per frame comes out."""

from dataclasses import replace
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor

from vlmrm.encoders.encoder import Encoder
from vlmrm.errors import SpecError
from vlmrm.frames import as_frames
from vlmrm.prompts import PromptSet
from vlmrm.rewards.heads import build_head, finite
from vlmrm.rewards.projection import ProjectionHead, project_alphas
from vlmrm.rewards.spec import RewardSpec
from vlmrm.types import Embeddings, Rewards


class RewardModel:
    """Scores frames by how well they show the goal.

    The sentences are embedded once, when the model is made.

    Args:
        encoder: Turns frames and sentences into unit vectors.
        spec: What to reward; its `encoder` field is the name of the encoder given.

    Raises:
        PromptError: The sentences make no reward: goal and baseline, say, have the same embedding.
        SpecError: The head misses an option that the encoder has no value of its own for.

    Example:
        >>> import gymnasium as gym
        >>> env = gym.make("CartPole-v1", render_mode="rgb_array")
        >>> _ = env.reset(seed=0)
        >>> reward = RewardModel.load("sim-s", PromptSet("a pole held vertically upright", "a pole on its cart"))
        >>> reward.score(env.render()).shape
        torch.Size([1])
    """

    def __init__(self, encoder: Encoder, spec: RewardSpec) -> None:
        self.encoder = encoder
        self.spec = spec
        self.head = build_head(encoder, spec)

    @classmethod
    def load(
        cls,
        encoder: str,
        prompts: PromptSet,
        *,
        alpha: float = 0.5,
        device: str | None = None,
        precision: str | None = None,
    ) -> "RewardModel":
        """A reward from the name of an encoder and some sentences.

        Args:
            encoder: As in `RewardSpec.encoder`.
            prompts: Goal and baseline.
            alpha: Share of the projection, 0 to 1.
            device: ``cpu``, ``cuda`` …; None: the best one there is.
            precision: ``fp32``, ``bf16`` or ``fp16``; None: what suits the device.
        """
        return RewardSpec(encoder=encoder, prompts=prompts, alpha=alpha).build(device, precision=precision)

    def embed(self, frames: Any) -> Embeddings:
        """Embed frames, for several heads to share.

        Args:
            frames: uint8 RGB (n, h, w, 3) or one (h, w, 3); array, tensor, or a sequence of frames of one size.

        Raises:
            FrameError: The frames are not what is said above.
            EncoderError: The encoder returned NaN or infinity.
        """
        return finite(self.encoder, self.encoder.embed_frames(as_frames(frames)))

    def score(self, frames: Any) -> Rewards:
        """Reward of each frame: `embed`, then the head."""
        return self.head(self.embed(frames))

    def score_alphas(self, frames: Any, alphas: list[float]) -> Float[Tensor, "a n"]:
        """Rewards of the same frames for several alphas, at the cost of one.

        Raises:
            SpecError: An alpha lies outside 0 to 1, or one is not 0 and there is no baseline, or the head is another
                than the projection.
        """
        for alpha in alphas:
            replace(self.spec, alpha=alpha)
        if not isinstance(self.head, ProjectionHead):
            raise SpecError(f"head {self.spec.head!r} has no alpha; use score().")
        embeddings = self.embed(frames)
        if self.head.baseline is None:
            return self.head(embeddings).expand(len(alphas), -1)
        return project_alphas(embeddings, self.head.goal, self.head.baseline, torch.tensor(alphas))

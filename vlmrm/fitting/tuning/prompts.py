"""CoOp: words of the prompts that are learned (arXiv 2109.01134), in the form that begins as the prompts themselves.

A sentence reaches the text tower as one vector per token. CoOp puts M learned context vectors in front of the class;
here the first M tokens of each sentence make room for them, and they begin as these tokens' own vectors:

    t = [w_1 + v_1, ..., w_M + v_M, w_(M+1), ...],     v at 0, the same for all sentences

Before the first step every sentence means what it says, bit for bit, and no sentence grows beyond the context length.
What is learned are the embeddings of goal and baseline that come out; no weight of the model changes.
"""

from dataclasses import dataclass
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor

from vlmrm.encoders.encoder import Encoder
from vlmrm.encoders.towers.gradients import DifferentiableEncoder
from vlmrm.encoders.towers.learned_words import add_context
from vlmrm.errors import SpecError
from vlmrm.fitting.tuning.options import (
    ConditionalOptions,
    ContextOptions,
)
from vlmrm.fitting.tuning.train import TuningSet, of_sentences, ranking_loss, train
from vlmrm.rewards.heads.cocoop import ConditionalPrompts
from vlmrm.rewards.heads.projection import ProjectionHead, unit_mean
from vlmrm.rewards.spec import RewardSpec
from vlmrm.types import Embeddings

Vector = Float[Tensor, " d"]


@dataclass(frozen=True, eq=False)
class LearnedPrompts:
    """Goal and baseline as embeddings, to be kept by whoever learned them.

    Example:
        >>> goal, baseline = torch.eye(2)
        >>> LearnedPrompts(goal, baseline).head(alpha=1.0)(torch.eye(2)).round(decimals=6).abs()
        tensor([1., 0.])
    """

    goal: Vector
    """Unit-length mean of the goal sentences."""
    baseline: Vector | None = None
    """Unit-length mean of the baseline sentences; None: there were none."""

    def head(self, alpha: int | float) -> ProjectionHead:
        """The projection on them.

        Args:
            alpha: Share of the projection, 0 to 1.
        """
        return ProjectionHead(self.goal, self.baseline, float(alpha))

    def as_pictures(self) -> tuple[Embeddings, list[float]]:
        """As embeddings of pictures of goal and baseline, with the label of each, which a spec can keep."""
        rows = [self.goal] if self.baseline is None else [self.goal, self.baseline]
        return torch.stack(rows), [1.0, 0.0][: len(rows)]


def learn_prompts(
    encoder: Encoder, spec: RewardSpec, frames: Any, labels: Any, options: ContextOptions
) -> LearnedPrompts:
    """Embeddings of goal and baseline that rank a handful of labelled frames better than those of the sentences.

    Args:
        encoder: A model of OpenCLIP.
        spec: Its reward, a projection (or cosine).
        frames: As `RewardModel.read` takes them.
        labels: 1 success, 0 failure, or the progress in between, for each frame.
        options: How many vectors, and how they are learned.

    Raises:
        SpecError: The head is another, the labels do not fit or are all the same, or all frames have the same reward.
        EncoderError: The encoder is not a model of OpenCLIP or has a text tower of another kind, or training diverged.

    Example:
        >>> from vlmrm import PromptSet, RewardModel
        >>> from vlmrm.encoders import load_encoder
        >>> import gymnasium as gym, numpy as np
        >>> env = gym.make("CartPole-v1", render_mode="rgb_array")
        >>> _ = env.reset(seed=0)
        >>> up = env.render()
        >>> for _ in range(9):
        ...     _ = env.step(0)
        >>> encoder, frames = load_encoder("sim-s"), torch.from_numpy(np.stack([up, env.render()]))
        >>> spec = RewardSpec(encoder="sim-s", prompts=PromptSet("a pole held upright", "a pole on its cart"))
        >>> learned = learn_prompts(encoder, spec, frames, [1, 0], ContextOptions(steps=20))
        >>> before = RewardModel(encoder, spec).score(frames)
        >>> after = learned.head(spec.alpha)(encoder.embed_frames(frames))
        >>> bool(after[0] - after[1] > before[0] - before[1])
        True
    """
    plain = _projection_of_sentences(spec)
    copied = DifferentiableEncoder(encoder)
    given = TuningSet.begin(copied, plain, frames, labels)
    context = add_context(copied, count=options.context)
    train(
        lambda: given.loss(copied, given.image_embeddings, drift_penalty=options.drift_penalty),
        [context.change],
        options,
    )
    with torch.no_grad():
        prompts = plain.require_prompts()
        goal = unit_mean(copied.embed_texts(list(prompts.goal)))
        baseline = unit_mean(copied.embed_texts(list(prompts.baseline))) if prompts.baseline else None
    return LearnedPrompts(goal, baseline)


def learn_conditional_prompts(
    encoder: Encoder, spec: RewardSpec, frames: Any, labels: Any, options: ConditionalOptions
) -> ConditionalPrompts:
    """Words of goal and baseline that depend on the frame, and rank a handful of labelled frames better.

    Args:
        encoder: A model of OpenCLIP.
        spec: Its reward, a projection (or cosine).
        frames: As `RewardModel.read` takes them.
        labels: 1 success, 0 failure, or the progress in between, for each frame.
        options: How many vectors, and how they are learned.

    Raises:
        SpecError: As of `learn_prompts`.
        EncoderError: As of `learn_prompts`.
    """
    plain = _projection_of_sentences(spec)
    given = TuningSet.begin(DifferentiableEncoder(encoder), plain, frames, labels)
    learned = ConditionalPrompts(encoder, plain.require_prompts(), count=options.context, seed=options.seed)
    with torch.no_grad():
        before = learned.sentences(given.image_embeddings)

    def loss() -> Tensor:
        said = learned.sentences(given.image_embeddings)
        moved = (said - before).square().sum(dim=-1).mean()
        rewards = learned.project(given.image_embeddings, said, alpha=plain.alpha)
        wrong = ranking_loss(rewards, given.labels, temperature=given.spread)
        return wrong + options.drift_penalty * moved / given.spread**2

    train(loss, learned.trained, options)
    return learned


def _projection_of_sentences(spec: RewardSpec) -> RewardSpec:
    plain = of_sentences(spec)
    if not plain.options.projects:
        raise SpecError(
            f"prompts are learned for the head projection; this reward has head={plain.head!r}. The methods svd and "
            "lora take any head."
        )
    return plain

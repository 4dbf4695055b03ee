"""What the tuners lower, and how.

With r the reward of a frame, over all pairs of frames i, j with labels y_i > y_j,

    loss = mean log(1 + exp((r_j - r_i) / T)) + drift_penalty (mean |s - s'|² + mean |t - t'|²) / T²

T is the standard deviation of the frames' rewards before training, so that nothing depends on a reward's scale. The
second term keeps the embeddings of frames, s, and of sentences, t, near where they were, s' and t': without it six
frames are soon ranked perfectly and all others worse than before. Rewards come from the reward's own head, made anew
from the sentences in each step, and gradients go through both towers.

A hinge in the place of the logarithm, as in a triplet loss, was no better, whatever its margin.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, Protocol, runtime_checkable

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn.functional import softplus

from vlmrm.encoders.encoder import require_finite
from vlmrm.encoders.towers.gradients import DifferentiableEncoder
from vlmrm.encoders.towers.low_rank import holding_weights
from vlmrm.errors import EncoderError, SpecError
from vlmrm.frames import as_frames
from vlmrm.rewards.heads.projection import ProjectionOptions
from vlmrm.rewards.score import build_score
from vlmrm.rewards.spec import RewardSpec
from vlmrm.rewards.transforms.few_shot.support import Support
from vlmrm.types import Embeddings, Frames, Rewards

_FITTED = ("few_shot", "scaling", "threshold")
Number = Float[Tensor, ""]


@runtime_checkable
class Descent(Protocol):
    """How a loss is lowered, of the options of every tuner."""

    @property
    def steps(self) -> int:
        """Number of optimiser steps."""

    @property
    def learning_rate(self) -> int | float:
        """Learning rate of the first step."""


_SAME_REWARD = 1e-6  # share of the largest reward; smaller differences are rounding


def ranking_loss(rewards: Rewards, labels: Float[Tensor, " n"], *, temperature: int | float) -> Number:
    """How wrongly rewards rank frames, over all pairs whose labels differ.

    Args:
        rewards: Of the frames.
        labels: Of the frames; the higher, the better.
        temperature: Above 0: by how much two rewards must differ to count as different.

    Returns:
        The mean of ``log(1 + exp((worse - better) / temperature))``: near 0 where better frames have far higher
        rewards, log 2 where all have the same.

    Example:
        >>> ranking_loss(torch.tensor([3.0, 1.0]), torch.tensor([1.0, 0.0]), temperature=1.0).round(decimals=4)
        tensor(0.1269)
    """
    better, worse = (labels[:, None] > labels).nonzero(as_tuple=True)
    return softplus((rewards[worse] - rewards[better]) / temperature).mean()


@dataclass(frozen=True, eq=False)
class TuningSet:
    """Labelled frames, and what encoder and reward made of them before training."""

    spec: RewardSpec
    """The reward, of its sentences alone."""
    frames: Frames
    """Labelled frames at the encoder's size."""
    labels: Float[Tensor, " m"]
    """0 to 1; the higher, the better."""
    image_embeddings: Float[Tensor, "m d"]
    """Embeddings of the frames before training."""
    text_embeddings: Float[Tensor, "k d"]
    """Embeddings of the sentences before training."""
    spread: float
    """Standard deviation of the frames' rewards before training."""

    @classmethod
    @torch.no_grad()
    def begin(cls, encoder: DifferentiableEncoder, spec: RewardSpec, frames: Any, labels: Any) -> "TuningSet":
        """Look at frames and sentences before training.

        Args:
            encoder: As it is then.
            spec: The reward, of its sentences alone.
            frames: As `RewardModel.read` takes them.
            labels: 1 success, 0 failure, or the progress in between, for each frame.

        Raises:
            FrameError: The frames are not uint8 RGB.
            SpecError: The labels do not fit or are all the same, or all frames have the same reward.
        """
        small = encoder.preprocessing.resize(as_frames(frames))
        image_embeddings = require_finite(encoder, encoder.embed_frames(small))
        support = Support(image_embeddings, torch.as_tensor(labels, dtype=torch.float32).flatten())
        rewards = build_score(encoder, spec).of_embeddings(image_embeddings)
        spread = float(rewards.std(correction=0))
        if spread <= _SAME_REWARD * float(rewards.abs().max()):
            raise SpecError(
                f"the reward must differ between the frames, to show its scale; got {rewards.tolist()}. Give frames "
                "that look different, or a head that has not come to its limit."
            )
        return cls(spec, small, support.labels, image_embeddings, encoder.embed_texts(_sentences(spec)), spread)

    def ranking_loss(self, encoder: DifferentiableEncoder, image_embeddings: Embeddings) -> Number:
        """How wrongly the reward ranks the frames.

        Args:
            encoder: As it is now.
            image_embeddings: The frames as it sees them now.
        """
        return ranking_loss(
            build_score(encoder, self.spec).of_embeddings(image_embeddings), self.labels, temperature=self.spread
        )

    def loss(
        self, encoder: DifferentiableEncoder, image_embeddings: Embeddings, *, drift_penalty: int | float
    ) -> Number:
        """What training lowers.

        Args:
            encoder: As it is now.
            image_embeddings: The frames as it sees them now.
            drift_penalty: Weight of the penalty on embedding drift, in units of the spread of rewards, at least 0.
        """
        moved = _moved(image_embeddings, self.image_embeddings) + _moved(
            encoder.embed_texts(_sentences(self.spec)), self.text_embeddings
        )
        return self.ranking_loss(encoder, image_embeddings) + drift_penalty * moved / self.spread**2


def train(loss: Callable[[], Number], trained: list[nn.Parameter], options: Descent) -> None:
    """Lower a loss by AdamW.

    It decays no weights: what is trained begins at 0, and `TuningSet.loss` says already how dear it is to move.

    Args:
        loss: Asked once a step.
        trained: What changes.
        options: Steps and learning rate.

    Raises:
        EncoderError: The loss became NaN or infinite.
    """
    optimiser = torch.optim.AdamW(trained, lr=options.learning_rate, weight_decay=0.0)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, options.steps)
    for step in range(options.steps):
        try:
            with holding_weights():  # a weight is put together once a step, however often a layer asks for it
                value = loss()
        except EncoderError as error:
            raise EncoderError(_diverged(step, str(error))) from error
        if not bool(value.isfinite()):
            raise EncoderError(_diverged(step, f"the loss is {float(value)}."))
        optimiser.zero_grad()
        torch.autograd.backward(value)
        optimiser.step()
        schedule.step()


def _diverged(step: int, why: str) -> str:
    return f"tuning diverged in step {step + 1}: {why} Tune with a lower learning_rate."


def _sentences(spec: RewardSpec) -> list[str]:
    prompts = spec.prompts
    return [] if prompts is None else [*prompts.goal, *prompts.baseline, *prompts.negatives]


def _moved(now: Embeddings, before: Embeddings) -> Number:
    return (now - before).square().sum(dim=1).mean()


def of_sentences(spec: RewardSpec) -> RewardSpec:
    """Return the spec without what was fitted to embeddings or scores that tuning changes.

    Args:
        spec: Spec of the reward that is tuned.
    """
    plain = spec.before("few_shot")
    if plain.options.is_fitted:  # words learned for the old weights
        plain = replace(plain, head="projection", options=ProjectionOptions())
    return replace(plain, options=plain.options.without_fits(*_FITTED))

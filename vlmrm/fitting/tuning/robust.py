"""`tune_robust`: an encoder whose embeddings move less when pixels are moved, as a folder of its own; no labels.

FARE (Schlarmann et al. 2024, "Robust CLIP", arXiv 2402.12336): with f the vision tower as it was and g the one that is
tuned,

    loss = mean over frames x of  max over |d| <= budget of  |g(x + d) - f(x)|²

The maximum is looked for by an attack on the pixels in each step (`vlmrm.frames.pixel_attack`), g begins as f, and the
text tower stays, so that sentences, heads and thresholds mean what they did. What is learnt is the encoder's alone: no
sentence and no label takes part.

Differences from FARE: embeddings have unit length here, since rewards read only directions; weights do not decay; and
the learning rate falls along a cosine without a warm-up. FARE takes 20,000 steps of 128 pictures of ImageNet, its
learning rate is 1e-5, and its models are on the Hugging Face hub, ready made.
"""

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from vlmrm.atomic import whole_folder
from vlmrm.encoders.encoder import Encoder, require_finite
from vlmrm.encoders.open_clip.encoder import OpenClipEncoder
from vlmrm.encoders.open_clip.save import write_model
from vlmrm.encoders.towers.gradients import DifferentiableEncoder
from vlmrm.encoders.towers.inner import open_clip_encoder
from vlmrm.encoders.towers.selection import unfreeze
from vlmrm.errors import FrameError, SpecError
from vlmrm.fitting.tuning.train import Number, train
from vlmrm.frames import as_frames
from vlmrm.frames.pixel_attack import AttackOptions, attack_pixels
from vlmrm.types import Embeddings, Frames, Levels, Rewards
from vlmrm.values import require_above_0, require_whole

_MEASURED = 64  # frames on which the record says what was gained


@dataclass(frozen=True, kw_only=True)
class RobustOptions:
    """How an encoder is tuned against attacks.

    Raises:
        SpecError: A value is impossible.
    """

    budget: int = 4
    """The farthest that a level of a pixel moves in training, of 255; FARE has models of 2 and of 4."""
    attack_steps: int = 10
    """Steps of the attack in each step of training."""
    steps: int = 300
    """Number of optimiser steps, at least 1."""
    batch: int = 32
    """Frames in each of them, at least 1."""
    learning_rate: int | float = 1e-5
    """Learning rate of the first step, above 0, from where it falls to 0; small models take a hundred times as much."""
    seed: int = 0
    """Random seed of batches and attacks."""

    def __post_init__(self) -> None:
        for name in ("steps", "batch"):
            require_whole(name, getattr(self, name))
        require_above_0("learning_rate", self.learning_rate)
        self.attack(self.seed)

    def attack(self, seed: int) -> AttackOptions:
        """Return how pixels are attacked.

        Args:
            seed: Random seed of the place where the attack begins.
        """
        return AttackOptions(budget=self.budget, steps=self.attack_steps, seed=seed)


def tune_robust(
    encoder: Encoder, frames: Any, *, options: RobustOptions | None = None, out: str | Path
) -> OpenClipEncoder:
    """Return an encoder whose vision tower was tuned to bear pixels that are moved, and write it as a folder.

    A step takes some seconds for each 32 frames on a core with the smallest built-in model, and ten times what it
    would without attacks.

    Args:
        encoder: A model of OpenCLIP, which stays as it is.
        frames: uint8 RGB of one size, as the encoder will see them: of the task, without labels, thousands if there
            are.
        options: How. None: the defaults.
        out: Folder for the tuned model, which must not exist yet.

    Returns:
        The tuned encoder, by the name ``local-dir:OUT``, which a spec can name.

    Raises:
        SpecError: The folder exists.
        FrameError: The frames are not uint8 RGB.
        EncoderError: The encoder is not a model of OpenCLIP, or training diverged.

    Example:
        >>> import tempfile
        >>> from vlmrm.encoders import load_encoder
        >>> from vlmrm.fitting import RobustOptions, tune_robust
        >>> frames = torch.randint(0, 256, (4, 64, 64, 3), dtype=torch.uint8)
        >>> out = Path(tempfile.mkdtemp()) / "robust"
        >>> options = RobustOptions(steps=1, batch=4, attack_steps=2)
        >>> tune_robust(load_encoder("sim-xs"), frames, options=options, out=out).dim
        128
    """
    options = options or RobustOptions()
    folder = Path(out).expanduser().resolve()
    if folder.exists():
        raise SpecError(f"{folder} exists already. Give another out, where the tuned model will be written.")
    given = open_clip_encoder(encoder)
    with torch.inference_mode(False), torch.enable_grad():  # wherever it is called
        tuned = DifferentiableEncoder(given, copied=("image",))
        shown = _Shown.begin(tuned, frames, options)
        before = shown.moved(tuned)
        train(shown.loss_of(tuned), list(unfreeze(tuned, "image").values()), options)
        tuned.model.requires_grad_(False)
        record = {
            "tuned_from": tuned.name,
            "method": "fare",
            "options": asdict(options),
            "frames": len(shown.frames),
            "moved": {"before": before, "after": shown.moved(tuned)},
        }
    with whole_folder(folder) as unfinished:
        write_model(unfinished, tuned, record)
        OpenClipEncoder.load(f"local-dir:{unfinished}", device="cpu")  # what cannot be read again is not kept
    runtime = given.runtime
    return OpenClipEncoder.load(
        f"local-dir:{folder}",
        device=str(runtime.device),
        precision=runtime.precision,
        resize_mode=given.preprocessing.resize_mode,
        batch_size=runtime.batch_size,
    )


def distance(found: Embeddings, before: Embeddings) -> Rewards:
    """Squared distance of embeddings from where they were, a number per frame, 0 to 4.

    Args:
        found: Embeddings of frames, moved or not.
        before: Embeddings of the same frames as the encoder saw them before it was tuned.

    Example:
        >>> distance(torch.eye(2), torch.eye(2).flip(0))
        tensor([2., 2.])
    """
    return (found - before).square().sum(dim=1)


@dataclass(frozen=True, kw_only=True, eq=False)
class _Shown:
    """Frames without labels, and what the encoder made of them before it was tuned."""

    frames: Frames
    before: Embeddings
    options: RobustOptions

    @classmethod
    @torch.no_grad()
    def begin(cls, encoder: DifferentiableEncoder, frames: Any, options: RobustOptions) -> "_Shown":
        small = encoder.preprocessing.resize(as_frames(frames)).clone()
        if not len(small):
            raise FrameError("an encoder is tuned on frames, and none were given.")
        before = require_finite(encoder, encoder.embed_frames(small))
        return cls(frames=small, before=before, options=options)

    def loss_of(self, encoder: DifferentiableEncoder) -> Any:
        """What training asks once a step: how far the next batch can be moved from where it was."""
        generator = torch.Generator().manual_seed(self.options.seed)
        seeds = iter(range(self.options.seed, self.options.seed + self.options.steps))

        def loss() -> Number:
            rows = torch.randperm(len(self.frames), generator=generator)[: self.options.batch]
            attacked = self._attacked(encoder, rows, next(seeds))
            return distance(encoder.embed_frames(attacked), self.before[rows]).mean()

        return loss

    def moved(self, encoder: DifferentiableEncoder) -> float:
        """How far attacks move the first frames."""
        rows = torch.arange(min(len(self.frames), _MEASURED))
        attacked = self._attacked(encoder, rows, self.options.seed)
        with torch.no_grad():
            return float(distance(encoder.embed_frames(attacked), self.before[rows]).mean())

    def _attacked(self, encoder: DifferentiableEncoder, rows: Tensor, seed: int) -> Frames:
        before = self.before[rows]

        def moved(levels: Levels) -> Rewards:
            return distance(encoder.embed_levels(levels), before)

        return attack_pixels(self.frames[rows], moved, self.options.attack(seed))

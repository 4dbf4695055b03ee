"""Does a reward know when it is out of its world? For experiments/heads.py."""

from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import torch
import vlmrm_envs as envs
from torch import Tensor
from torch.nn.functional import avg_pool2d

from vlmrm import RewardModel, RewardSpec
from vlmrm.fitting import fit_uncertainty
from vlmrm.metrics.labelled_scores import auroc

OTHERS = ("cartpole/upright", "hopper/stand", "ant/flipped")
ASKED = 0.8
WORDINGS = ["a humanoid robot kneeling", "a humanoid robot on its knees", "a robot kneeling on the floor"]
"""Of one goal, `humanoid/kneeling`."""


def shifted(frames: Tensor, *, seed: int = 0) -> dict[str, Tensor]:
    """The same frames made strange in several ways, and frames of other environments."""
    generator, size_px = torch.Generator().manual_seed(seed), frames.shape[1]

    def noise(spread: float) -> Tensor:
        added = frames + spread * torch.randn(frames.shape, generator=generator)
        return added.round().clamp(0, 255).to(torch.uint8)

    blurred = avg_pool2d(frames.movedim(-1, 1).float(), 5, stride=1, padding=2, count_include_pad=False)
    found = {
        "pure noise": torch.randint(0, 256, frames.shape, generator=generator, dtype=torch.uint8),
        "noise added, 10 of 255": noise(10),
        "noise added, 40 of 255": noise(40),
        "blurred, 5 x 5": blurred.movedim(1, -1).round().to(torch.uint8),
        "colours inverted": 255 - frames,
        "greyscale": frames.float().mean(dim=-1, keepdim=True).expand(-1, -1, -1, 3).round().to(torch.uint8),
        "upside down": frames.flip(1),
    }
    drawn = {task: envs.labelled_frames(task, len(frames), seed=seed, size_px=size_px).frames for task in OTHERS}
    return found | drawn


def disagreement(spec: RewardSpec, frames: Tensor) -> dict[str, dict[str, float]]:
    """AUROC of the deviation by which ensembles disagree, by ensemble and shift; nothing is fitted.

    Args:
        spec: Of `humanoid/kneeling`.
        frames: Of it.
    """
    ensembles = {
        "prompts": replace(spec, prompts=replace(spec.prompts, goal=WORDINGS), uncertainty={"ensemble": "prompts"}),
        "views": replace(spec, views={"scales": [1.0, 0.8, 0.6]}, uncertainty={"ensemble": "views"}),
    }
    inside = frames[1::2]
    others = shifted(inside)
    found: dict[str, dict[str, float]] = {}
    for name, unsure in ensembles.items():
        model = RewardModel.from_spec(unsure)
        own = model.score(inside, return_std=True)[1]
        found[name] = {}
        for shift, outside in others.items():
            std = model.score(outside, return_std=True)[1]
            labels = [False] * len(own) + [True] * len(std)
            found[name][shift] = auroc(np.concatenate([own, std]), labels)
    return found


def detection(encoder: Any, spec: RewardSpec, frames: Tensor, kappas: tuple[float, ...] = (0.0, 2.0)) -> dict[str, Any]:
    """Fitted on every other frame: AUROC of the deviation, and shares of shifted frames that are paid well.

    Paid well: above the median of the frames that were not shifted, for each kappa.
    """
    inside = frames[1::2]
    found: dict[str, Any] = {}
    with TemporaryDirectory() as folder:
        model = fit_uncertainty(RewardModel(encoder, spec), frames[::2], Path(folder) / "noise.safetensors")
        rewards, std = model.score(inside, return_std=True)
        for name, outside in shifted(inside).items():
            others, other_std = model.score(outside, return_std=True)
            labels = [False] * len(inside) + [True] * len(outside)
            paid = [
                float((others - kappa * other_std > (rewards - kappa * std).median()).double().mean())
                for kappa in kappas
            ]
            found[name] = {"auroc": auroc(np.concatenate([std, other_std]), labels), "paid_well": paid}
    return found

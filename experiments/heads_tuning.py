"""What tuning gains over sentences and over correcting their scores. For experiments/heads.py."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import torch

from vlmrm import PromptSet, RewardModel
from vlmrm.fitting import fit, tune
from vlmrm.metrics.labelled_scores import auroc

UPRIGHT = ("arms_raised", "hands_on_hips", "arms_crossed", "one_leg")
TOO_LITTLE = PromptSet("a humanoid robot standing up", "a humanoid robot")
"""For the poses above: true of all of them, and of their look-alikes."""
METHODS = ("sentence", "proker", "coop", "cocoop", "lora", "svd", "svd, then proker")
DRAWS, PER_CLASS, TESTED = 3, 3, 250


def tuned(model: RewardModel, frames: torch.Tensor, in_goal: np.ndarray) -> dict[str, list[float]]:
    """AUROC on other frames, for some random supports: of the sentences, and of each method.

    Args:
        model: Of the sentences.
        frames: Of one pose and its look-alikes.
        in_goal: The oracle's verdict on each.
    """
    goal, other = np.flatnonzero(in_goal), np.flatnonzero(~in_goal)
    rng, found = np.random.default_rng(1), {method: [] for method in METHODS}
    for _ in range(DRAWS):
        rows = np.concatenate([rng.choice(goal, PER_CLASS, False), rng.choice(other, PER_CLASS, False)])
        rest = rng.permutation(np.setdiff1d(np.arange(len(in_goal)), rows))[:TESTED]
        for method, reward in rewards(model, frames[rows], [1.0] * PER_CLASS + [0.0] * PER_CLASS).items():
            found[method].append(auroc(reward.score(frames[rest]).numpy(), in_goal[rest]))
    return found


def rewards(model: RewardModel, frames: torch.Tensor, labels: Sequence[float]) -> dict[str, RewardModel]:
    """Fitted on the same frames in every way."""
    with TemporaryDirectory() as folder:
        weights = {name: tune(model, frames, labels, method=name, out=Path(folder) / name) for name in ("lora", "svd")}
    return {
        "sentence": model,
        "proker": fit(model, frames, labels),
        "coop": tune(model, frames, labels, method="coop"),
        "cocoop": tune(model, frames, labels, method="cocoop"),
        **weights,
        "svd, then proker": fit(weights["svd"], frames, labels),
    }


def both(model: RewardModel, pose: str, frames: torch.Tensor, in_goal: np.ndarray) -> dict[str, Any]:
    """With the pose's own sentences, and with such as say too little.

    Args:
        model: Of the pose's own.
        pose: Its name.
        frames: Of the pose and its look-alikes.
        in_goal: The oracle's verdict on each.
    """
    found = {"own": tuned(model, frames, in_goal)}
    if pose in UPRIGHT:
        less = replace(model.spec, prompts=TOO_LITTLE, few_shot=None)
        found["too_little"] = tuned(model.with_spec(less), frames, in_goal)
    return found

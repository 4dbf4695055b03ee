"""What is gained by looking at a frame in several crops, or with several encoders. For experiments/heads.py."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import vlmrm_envs as envs
from humanoid_rewards import HELD_OUT, TASKS, draw, frames_folder, load

from vlmrm import RewardModel, RewardSpec
from vlmrm.metrics.labelled_scores import auroc

FRAMES, SIZE_PX = 300, 256
"""Crops want larger frames than the encoder's, else they are only enlarged."""
POSES = TASKS[0], "humanoid/arms_raised", "humanoid/splits"
OTHER = "sim-xs"


def ways(encoder: str) -> dict[str, dict[str, Any]]:
    """What changes in the spec."""
    crops = {
        f"views {list(scales)}, {positions}": {"views": {"scales": list(scales), "positions": positions}}
        for scales in ((1.0, 0.7), (1.0, 0.5))
        for positions in ("centre", "corners", "attention")
    }
    together = {name: {"encoder": name} for name in (OTHER, f"{OTHER} + {encoder}", f"0.25*{OTHER} + 0.75*{encoder}")}
    return {f"{encoder}, the whole frame": {}} | crops | together


def seen_otherwise(encoder: str, work: Path) -> dict[str, dict[str, float]]:
    """AUROC of the cosine with the goal: by way, then by pose.

    Args:
        encoder: Of the humanoid's frames.
        work: Folder of the frames.
    """
    found: dict[str, dict[str, float]] = {way: {} for way in ways(encoder)}
    for task in POSES:
        pose = task.split("/")[1]
        path = frames_folder(work, SIZE_PX, FRAMES) / f"{pose}-held_out.npz"
        draw(envs.task(task), HELD_OUT, FRAMES, SIZE_PX, path)
        labelled = load(path)
        plain: RewardSpec = replace(envs.task(task).reward, encoder=encoder, alpha=0.0)
        for way, changes in ways(encoder).items():
            scores = RewardModel.from_spec(replace(plain, **changes)).score(labelled.frames)
            found[way][pose] = auroc(scores.numpy(), labelled.in_goal)
        print(f"saw {task} in other ways", flush=True)
    return found

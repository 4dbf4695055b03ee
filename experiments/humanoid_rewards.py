#!/usr/bin/env python
"""Does the reward know the humanoid's poses? Eight sentences, judged on labelled frames by the simulator's joints.

    python experiments/humanoid_rewards.py
    python scripts/train_builtin.py sim-s-all --out runs/sizes      # once, about an hour
    python experiments/humanoid_rewards.py --models sim-xs local-dir:runs/sizes/sim-s-all sim-m      # a curve of sizes
    python experiments/humanoid_rewards.py --models sim-m --frames 100 --out /tmp/quick

For each task: frames in goal poses, in poses that look like them, in others and in heaps, labelled by the task's oracle
(`envs.labelled_frames`); drawn held out, with new cameras and colours from the ranges of training, and for the ablation
in each look from Gymnasium's own and from the paper's camera. Then AUROC, average precision and EPIC distance of the
reward for several alphas, and of two controls: the same encoder with random weights, and a sentence about another
scene. Frames are kept under runs/humanoid_rewards and drawn once. Results go to
experiments/results/humanoid_rewards.{md,json,png}.
"""

import hashlib
import inspect
import json
import os
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass, replace
from functools import partial
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np
import torch
import tyro
import vlmrm_envs as envs
from humanoid_rewards_report import write_report
from shipped import fingerprint
from torch import Tensor
from vlmrm_envs.mujoco_pictures import random_look
from vlmrm_envs.scenes.humanoid import random_camera
from vlmrm_envs.scenes.humanoid.poses import GOALS

from vlmrm import PromptSet, RewardSpec
from vlmrm.atomic import whole_file
from vlmrm.encoders import load_encoder
from vlmrm.encoders.cards import WEIGHTS_FILE, builtin_folder, count_parameters
from vlmrm.encoders.encoder import Encoder
from vlmrm.metrics.labelled_scores import auroc, average_precision, estimate, goal_epic
from vlmrm.rendering import Camera
from vlmrm.rendering.mujoco import RenderMujoco
from vlmrm.rewards.score import build_score
from vlmrm.tasks import Task

HERE = Path(__file__).resolve().parent
ALPHAS = (0.0, 0.25, 0.5, 0.75, 1.0)
TASKS = tuple(f"humanoid/{goal}" for goal in GOALS)
PAPER = Camera(lookat_m=(0, 0, 1), distance_m=3.5, azimuth_deg=180, elevation_deg=-10)
DEFAULT = Camera(lookat_m=(0, 0, 2), distance_m=4, azimuth_deg=90, elevation_deg=-20)  # Gymnasium's, without its body
WRONG = PromptSet("pole vertically upright on top of the cart", "pole and cart")
LOOKS_AND_CAMERAS = {
    "plain, default camera": ("plain", DEFAULT),
    "plain, paper camera": ("plain", PAPER),
    "textured, default camera": ("textured", DEFAULT),
    "textured, paper camera": ("textured", PAPER),
}
"""The paper's ablation: 36, 91 and 100 % of its agents knelt with the first, other textures, and the last of these."""
HELD_OUT, FAST, FULL = "held out", "quality fast", "quality full"
CONDITIONS = (HELD_OUT, *LOOKS_AND_CAMERAS, FAST, FULL)
_VIEWS = 25  # pairs of a look and a camera among the held-out frames
_SEED = 20_000  # far from those of training


@dataclass(frozen=True, kw_only=True)
class Args:
    """What is measured."""

    models: tuple[str, ...] = ("sim-m",)
    """Encoders, the smallest first."""
    frames: int = 1000
    """Of each task and condition."""
    out: Path = HERE / "results"
    """Folder of the results."""
    work: Path = HERE.parent / "runs" / "humanoid_rewards"
    """Folder of the frames."""

    def __post_init__(self) -> None:
        if self.frames < 4 * _VIEWS:
            raise SystemExit(f"{_VIEWS} views need at least {4 * _VIEWS} frames; got --frames {self.frames}.")
        for name in self.models:
            vision_parameters(name)


@dataclass(frozen=True, kw_only=True, eq=False)
class Labelled:
    """Frames of one task in one condition."""

    frames: Tensor
    in_goal: np.ndarray
    look_alike: np.ndarray
    views: np.ndarray | None = None
    """Index of each frame's look and camera; None: all have the same."""


def frames_folder(work: Path, size_px: int, frames: int) -> Path:
    """Where the frames of one size are kept with their labels: another one after a change of what makes them."""
    made_by = hashlib.sha256(repr((LOOKS_AND_CAMERAS, _VIEWS, _SEED)).encode())
    made_by.update(repr([envs.task(name) for name in TASKS]).encode())
    code = sorted(Path(envs.__file__).parent.glob("*.py"))  # poses, bodies, looks, random cameras
    for file in (*code, Path(inspect.getfile(RenderMujoco))):
        made_by.update(file.read_bytes())
    return work / f"{size_px}px-{frames}-{made_by.hexdigest()[:8]}"


def draw(task: Task, condition: str, count: int, size_px: int, path: Path) -> None:
    """Draw the labelled frames of a condition into a file, unless it is there."""
    if path.is_file():
        return
    number = TASKS.index(task.name)
    rng = np.random.default_rng([_SEED, number])
    views = [LOOKS_AND_CAMERAS.get(condition, ("textured", PAPER))]
    if condition == HELD_OUT:
        views = [(random_look(rng)[0], random_camera(rng)) for _ in range(_VIEWS)]
    quality = "full" if condition == FULL else "fast"
    drawn = []
    for i, (look, camera) in enumerate(views):
        seen = replace(task, env_kwargs={**task.env_kwargs, "look": look}, camera=camera, render_quality=quality)
        seed = _SEED + 100 * number + i
        drawn.append(envs.labelled_frames(seen, count // len(views), seed=seed, size_px=size_px))
    path.parent.mkdir(parents=True, exist_ok=True)
    with whole_file(path) as unfinished, unfinished.open("wb") as file:
        np.savez(
            file,
            frames=torch.cat([part.frames for part in drawn]).numpy(),
            in_goal=np.concatenate([part.in_goal for part in drawn]),
            look_alike=np.concatenate([np.array(part.kinds) == "look-alike" for part in drawn]),
        )
    print(f"drew {task.name}, {condition}, at {size_px} px", flush=True)


def count(condition: str, args: Args) -> int:
    """How many frames; those with shadows take a tenth of a second each."""
    return args.frames * 3 // 10 if condition in (FAST, FULL) else args.frames


def load(path: Path, condition: str) -> Labelled:
    """What `draw` has kept of a condition."""
    with np.load(path, allow_pickle=False) as kept:
        labels = {"in_goal": kept["in_goal"], "look_alike": kept["look_alike"]}
        frames = torch.from_numpy(kept["frames"])
    views = np.arange(len(frames)) * _VIEWS // len(frames) if condition == HELD_OUT else None  # drawn view by view
    return Labelled(frames=frames, views=views, **labels)


def measure(encoder: Encoder, prompts: PromptSet, embeddings: Tensor, labelled: Labelled) -> list[dict[str, Any]]:
    """All metrics for every alpha."""
    rewards = rewards_of(encoder, prompts, embeddings)
    near = labelled.in_goal | labelled.look_alike
    views = labelled.views
    found = []
    for alpha, row in zip(ALPHAS, rewards, strict=True):
        all_frames = {
            name: asdict(estimate(metric, row, labelled.in_goal, groups=views))
            for name, metric in (("auroc", auroc), ("average_precision", average_precision), ("epic", goal_epic))
        }
        nearby = None if views is None else views[near]
        look_alikes = asdict(estimate(auroc, row[near], labelled.in_goal[near], groups=nearby))
        found.append({"alpha": alpha, **all_frames, "auroc_look_alikes": look_alikes})
    return found


def rewards_of(encoder: Encoder, prompts: PromptSet, embeddings: Tensor) -> np.ndarray:
    """One row per alpha."""
    rows = []
    for alpha in ALPHAS:
        spec = RewardSpec(encoder=encoder.name, prompts=prompts, alpha=alpha)
        rows.append(build_score(encoder, spec).of_embeddings(embeddings).double().numpy())
    return np.stack(rows)


def rank_correlation(first: np.ndarray, second: np.ndarray) -> float:
    """Spearman's."""
    ranks = [np.argsort(np.argsort(x)) for x in (first, second)]
    return float(np.corrcoef(*ranks)[0, 1])


def main(args: Args) -> None:
    """Draw, measure, write."""
    tasks = [envs.task(name) for name in TASKS]
    numbers: dict[str, Any] = {
        "given": args.models,
        "frames": args.frames,
        "frames_by_quality": count(FAST, args),
        "alphas": ALPHAS,
        "models": {},
    }
    for given in args.models:
        name = Path(given.removeprefix("local-dir:")).name
        encoder, random = load_encoder(given), load_encoder(f"random:{given}")
        folder = frames_folder(args.work, encoder.size_px, args.frames)

        def path(task: Task, condition: str, folder: Path = folder) -> Path:
            return folder / f"{task.name.split('/')[1]}-{condition.replace(', ', '-').replace(' ', '_')}.npz"

        with ProcessPoolExecutor(os.cpu_count(), get_context("spawn")) as pool:  # torch's threads do not survive a fork
            jobs = [
                pool.submit(draw, task, condition, count(condition, args), encoder.size_px, path(task, condition))
                for task in tasks
                for condition in CONDITIONS
            ]
            for job in jobs:
                job.result()
        numbers["models"][name] = {
            "vision_parameters": vision_parameters(given),
            "fingerprint": fingerprint(given),
            "size_px": encoder.size_px,
            "tasks": {},
        }
        for task in tasks:
            of = partial(measure, encoder)
            labelled = {condition: load(path(task, condition), condition) for condition in CONDITIONS}
            seen = {condition: encoder.embed_frames(part.frames) for condition, part in labelled.items()}
            held_out = labelled[HELD_OUT]
            goals = [other.reward.prompts for other in tasks if other is not task]
            confused = [rewards_of(encoder, goal, seen[HELD_OUT])[0] for goal in goals]
            fast, full = (rewards_of(encoder, task.reward.prompts, seen[key])[0] for key in (FAST, FULL))
            numbers["models"][name]["tasks"][task.name] = {
                **{key: of(task.reward.prompts, seen[key], labelled[key]) for key in CONDITIONS},
                "wrong sentence": of(WRONG, seen[HELD_OUT], held_out),
                "other poses' sentences": [auroc(row, held_out.in_goal) for row in confused],
                "random weights": measure(random, task.reward.prompts, random.embed_frames(held_out.frames), held_out),
                "rank correlation of fast and full": rank_correlation(fast, full),
                "goal frames": {key: int(part.in_goal.sum()) for key, part in labelled.items()},
            }
            first = numbers["models"][name]["tasks"][task.name][HELD_OUT][0]
            print(f"{name} {task.name}: AUROC {first['auroc']['value']:.3f}", flush=True)
    args.out.mkdir(parents=True, exist_ok=True)
    (args.out / "humanoid_rewards.json").write_text(json.dumps(numbers, indent=1) + "\n")
    write_report(numbers, args.out)


def vision_parameters(name: str) -> int:
    """Of a built-in encoder's vision tower, or of one in a ``local-dir:``."""
    folder = builtin_folder(name) or Path(name.removeprefix("local-dir:"))
    if not (folder / WEIGHTS_FILE).is_file():
        raise SystemExit(f"{name} is neither a built-in model nor local-dir:FOLDER. `vlmrm models` lists the former.")
    return count_parameters(folder / WEIGHTS_FILE, "visual.")


if __name__ == "__main__":
    main(tyro.cli(Args, description=__doc__))

"""Pictures of states of the humanoid that agents met, beside the random ones, for the training of sim-h."""

import os
import time
from collections.abc import Collection
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import mujoco
import numpy as np
import torch
from builtin_sizes import Config
from jaxtyping import Float
from torch import Tensor
from visited_file import KEPT, Visited
from vlmrm_envs.scenes import find_scene
from vlmrm_envs.scenes.humanoid import random_camera
from vlmrm_envs.scenes.humanoid.near_misses import NEAR_MISS_CONCEPTS
from vlmrm_envs.scenes.scene import Scene, SceneStates, random_pictures

from vlmrm.rendering import Camera

_SIDE = Camera(lookat_m=(0, 0, 1), distance_m=3.5, azimuth_deg=90, elevation_deg=-10)
_NEARER = Camera(lookat_m=(0, 0, 0.7), distance_m=2.2, azimuth_deg=90, elevation_deg=-10)
_FROM_THE_SIDE = 0.7  # of the pictures that are not from the tasks' camera, half of them from nearer
_PART = 1_000  # pictures of one file
_MOVED_M, _RAISED_M = 0.1, 0.015  # standard deviations of what is drawn near a state
_TURNED_RAD, _LEANT_RAD, _BENT_RAD = 0.5, 0.06, 0.15  # of the last the largest


def with_visited(config: Config, frames: Tensor, states: list[SceneStates]) -> tuple[Tensor, list[SceneStates]]:
    """Put pictures of visited states behind those of random ones, and say more of all of them.

    Args:
        config: Settings of the model; its only scene is the humanoid.
        frames: Pictures of random states.
        states: Their states.
    """
    drawn_of = f"{KEPT.stat().st_size}-{'-'.join(config.sources)}"
    folder = config.work / f"near-visited-{config.size_px}px-{config.seed}-{drawn_of}"
    parts = [folder / f"{part:03d}.npz" for part in range(-(-config.visited // _PART))]
    missing = [(path, part) for part, path in enumerate(parts) if not path.is_file()]
    begun = time.time()
    with ProcessPoolExecutor(os.cpu_count(), get_context("spawn")) as pool:  # torch's threads do not survive a fork
        for job in [pool.submit(_draw, path, part, config) for path, part in missing]:
            job.result()
    if missing:
        print(f"drew {_PART * len(missing)} frames of visited states in {time.time() - begun:.0f} s", flush=True)
    shown = [np.load(path, allow_pickle=False) for path in parts]
    columns = {
        name: np.concatenate([states[0][name], *(part[f"state_{name}"] for part in shown)])
        for name in states[0].columns
    }
    scene = taught(states[0].scene.name, config)
    pictures = torch.cat([frames, *(torch.from_numpy(part["frames"]) for part in shown)])
    return pictures, [SceneStates(scene, columns)]


def taught(name: str, config: Config) -> Scene:
    """A scene with what is said of it in the training of a model."""
    scene = find_scene(name)
    return replace(scene, concepts=NEAR_MISS_CONCEPTS) if config.visited else scene


def visited_pictures(config: Config, count: int) -> Tensor:
    """Pictures of visited states that the model was not trained on, which are of the same episodes."""
    scene, chance = visited_scene(config.sources), config.seed + 1
    frames, _ = random_pictures(scene, count, seed=chance, preprocessing=config.preprocessing())
    return torch.from_numpy(frames)


def _draw(path: Path, part: int, config: Config) -> None:
    """Draw some pictures of states on which nothing is tested, each as likely as another of its source."""
    torch.set_num_threads(1)
    frames, states = random_pictures(
        visited_scene(config.sources), _PART, seed=config.seed + 1_000 + part, preprocessing=config.preprocessing()
    )
    path.parent.mkdir(parents=True, exist_ok=True)
    aside = path.with_suffix(".part.npz")
    np.savez(aside, frames=frames, **{f"state_{k}": v for k, v in states.columns.items()})
    aside.rename(path)


def visited_scene(kinds: Collection[str]) -> Scene:
    """The humanoid in states near those that agents met, often seen from the side.

    Args:
        kinds: First words of the sources.
    """
    kept = Visited.load(KEPT)
    kept = kept.take(~kept.held_out)
    first = np.array([source.split()[0] for source in kept.sources])
    rows = {kind: np.flatnonzero(first == kind) for kind in kinds}

    def met(inner: Any, rng: np.random.Generator) -> None:
        position = kept.positions[rng.choice(rows[str(rng.choice(list(rows)))])].astype(float)
        inner.set_state(_near(position, inner.model, rng), np.zeros(inner.model.nv))

    def camera(rng: np.random.Generator) -> Camera:
        if rng.random() >= _FROM_THE_SIDE:
            return random_camera(rng)
        return _SIDE if rng.random() < 0.5 else _NEARER

    scene = find_scene("humanoid")
    return replace(scene, pictures=replace(scene.pictures, randomise=met, random_camera=camera))


def _near(position: Float[np.ndarray, " q"], model: Any, rng: np.random.Generator) -> Float[np.ndarray, " q"]:
    """A position as it might have been met: turned on the floor, leant a little, each joint moved a little.

    Few states are kept and each is drawn several times; a model that sees them as they are learns these by heart.
    """
    found = position.copy()
    found[:2] += rng.normal(0, _MOVED_M, 2)
    found[2] += rng.normal(0, _RAISED_M)
    turned, leant = rng.normal(0, _TURNED_RAD), rng.normal(0, _LEANT_RAD, 2)
    for about in ([*leant, 0.0], [0.0, 0.0, turned]):  # axes of the room
        root, step = found[3:7].copy(), np.zeros(4)
        mujoco.mju_axisAngle2Quat(step, np.array(about) / np.linalg.norm(about), np.linalg.norm(about))
        mujoco.mju_mulQuat(found[3:7], step, root)
    bent = found[7:] + rng.normal(0, rng.uniform(0, _BENT_RAD), len(found) - 7)
    low, high = model.jnt_range[1:].T  # the first joint is the free one
    found[7:] = np.clip(bent, np.minimum(low, found[7:]), np.maximum(high, found[7:]))
    return found

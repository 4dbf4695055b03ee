"""Pictures of states of the humanoid that agents met, beside the random ones, for the training of sim-h."""

import os
import time
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np
import torch
from builtin_sizes import Config
from torch import Tensor
from visited_file import KEPT, Visited
from vlmrm_envs.scenes import find_scene
from vlmrm_envs.scenes.humanoid import random_camera
from vlmrm_envs.scenes.humanoid.near_misses import NEAR_MISS_CONCEPTS
from vlmrm_envs.scenes.scene import Scene, SceneStates, random_pictures

from vlmrm.rendering import Camera

_SIDE = Camera(lookat_m=(0, 0, 1), distance_m=3.5, azimuth_deg=90, elevation_deg=-10)
_FROM_THE_SIDE = 0.5  # of the pictures that are not from the tasks' camera
_PART = 1_000  # pictures of one file


def with_visited(config: Config, frames: Tensor, states: list[SceneStates]) -> tuple[Tensor, list[SceneStates]]:
    """Put pictures of visited states behind those of random ones, and say more of all of them.

    Args:
        config: Settings of the model; its only scene is the humanoid.
        frames: Pictures of random states.
        states: Their states.
    """
    folder = config.work / f"visited-{config.size_px}px-{config.seed}-{KEPT.stat().st_size}"
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
    frames, _ = random_pictures(visited_scene(), count, seed=config.seed + 1, preprocessing=config.preprocessing())
    return torch.from_numpy(frames)


def _draw(path: Path, part: int, config: Config) -> None:
    """Draw some pictures of states on which nothing is tested, each as likely as another of its source."""
    torch.set_num_threads(1)
    frames, states = random_pictures(
        visited_scene(), _PART, seed=config.seed + 1_000 + part, preprocessing=config.preprocessing()
    )
    path.parent.mkdir(parents=True, exist_ok=True)
    aside = path.with_suffix(".part.npz")
    np.savez(aside, frames=frames, **{f"state_{k}": v for k, v in states.columns.items()})
    aside.rename(path)


def visited_scene() -> Scene:
    """The humanoid in states that agents met, often seen from the side."""
    kept = Visited.load(KEPT)
    kept = kept.take(~kept.held_out)
    kinds = np.array([source.split()[0] for source in kept.sources])
    rows = {kind: np.flatnonzero(kinds == kind) for kind in np.unique(kinds)}

    def met(inner: Any, rng: np.random.Generator) -> None:
        position = kept.positions[rng.choice(rows[str(rng.choice(list(rows)))])].astype(float)
        inner.set_state(position, np.zeros(inner.model.nv))

    def camera(rng: np.random.Generator) -> Camera:
        return _SIDE if rng.random() < _FROM_THE_SIDE else random_camera(rng)

    scene = find_scene("humanoid")
    return replace(scene, pictures=replace(scene.pictures, randomise=met, random_camera=camera))

"""The pictures that built-in models are trained on and measured with, drawn once and kept."""

import os
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

import numpy as np
import torch
from builtin_sizes import Config
from torch import Tensor
from vlmrm_envs.scenes import find_scene
from vlmrm_envs.scenes.scene import SceneStates, random_pictures


def load_or_draw(config: Config, count: Callable[[str], int], seed: int) -> tuple[Tensor, list[SceneStates]]:
    """Frames of all that a model learns about, with their states, scene after scene.

    Args:
        config: Settings of the model that sees them.
        count: Number of frames of a scene, by its name.
        seed: Random seed, which decides everything.
    """
    scenes = config.scenes
    paths = [config.work / f"frames-{scene}-{config.size_px}px-{count(scene)}-{seed}.npz" for scene in scenes]
    missing = [(scene, path) for scene, path in zip(scenes, paths, strict=True) if not path.is_file()]
    if missing:
        with ProcessPoolExecutor(os.cpu_count(), get_context("spawn")) as pool:  # torch's threads do not survive a fork
            longest_first = sorted(missing, key=lambda pair: -count(pair[0]))
            jobs = [pool.submit(_draw, path, scene, count(scene), seed, config) for scene, path in longest_first]
            for job in jobs:
                job.result()
    frames, states = [], []
    for scene, path in zip(scenes, paths, strict=True):
        with np.load(path, allow_pickle=False) as kept:
            frames.append(torch.from_numpy(kept["frames"]))
            columns = {key.removeprefix("state_"): kept[key] for key in kept.files if key.startswith("state_")}
        states.append(SceneStates(find_scene(scene), columns))
    return torch.cat(frames), states


def _draw(path: Path, scene: str, count: int, seed: int, config: Config) -> None:
    """Draw the frames of one scene into a file."""
    torch.set_num_threads(1)
    started = time.time()
    frames, states = random_pictures(find_scene(scene), count, seed=seed, preprocessing=config.preprocessing())
    path.parent.mkdir(parents=True, exist_ok=True)
    aside = path.with_suffix(".part.npz")
    np.savez(aside, frames=frames, **{f"state_{k}": v for k, v in states.columns.items()})
    aside.rename(path)
    print(f"drew {count} frames of {scene} in {time.time() - started:.0f} s", flush=True)

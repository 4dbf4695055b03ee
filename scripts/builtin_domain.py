#!/usr/bin/env python
"""Fit where a built-in model is at home: the region of its own frames, and the words of its own sentences.

    python scripts/builtin_domain.py sim-m      # anew, for weights that stay as they are

Own frames are random states of the model's scenes, drawn as for its training with another seed, and episodes and sweeps
of the catalogue's tasks, from their cameras. Frames of no other environment take part.
"""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
import tyro
from builtin_batches import Batches
from builtin_frames import load_or_draw
from builtin_sizes import SIZES, Config
from builtin_visited import taught, visited_pictures
from torch import Tensor
from tyro.conf import Positional
from vlmrm_envs import tasks
from vlmrm_envs.scenes import SCENES, find_scene
from vlmrm_envs.scenes.scene import SceneStates

from vlmrm.encoders import Domain
from vlmrm.encoders.cards import BUILTIN_FOLDER, builtin_names
from vlmrm.encoders.domain import DOMAIN_FILE
from vlmrm.encoders.encoder import Encoder
from vlmrm.encoders.open_clip.encoder import OpenClipEncoder
from vlmrm.tasks import Task
from vlmrm.wrappers.make_env import MakeEnv

RANDOM_FRAMES = 1_000  # of each scene
EPISODE_FRAMES = 120  # of each task
SWEEP_FRAMES = 40
_STEPS_APART = 4
_LONGEST_EPISODE = 80  # steps


def fit_domain(config: Config, folder: Path, words: dict[str, list[str]]) -> None:
    """Fit the domain of the model in a folder, and write it there; the words go into its card.

    Args:
        config: Settings of the model.
        folder: Folder with the model's weights.
        words: All words of its sentences, by the title of the scene.
    """
    encoder = OpenClipEncoder.load(f"local-dir:{folder}")
    frames, states = load_or_draw(config, lambda scene: RANDOM_FRAMES, config.seed + 1)
    embeddings = [encoder.embed_frames(frames)]
    scenes = [torch.full((len(part),), i) for i, part in enumerate(states)]
    if config.visited:
        met = encoder.embed_frames(visited_pictures(config, RANDOM_FRAMES))
        embeddings.append(met)
        scenes.append(torch.full((len(met),), config.scenes.index("humanoid")))
    episodes, sentences = [], []
    for number, task in enumerate(own_tasks(config)):
        shown = encoder.embed_frames(task_frames(task, config, seed=config.seed + number))
        embeddings.append(shown)
        scenes.append(torch.full((len(shown),), config.scenes.index(task.name.split("/")[0])))
        episodes.append(shown[:EPISODE_FRAMES])
        sentences.append(embed(encoder, task))
    joined, classes = torch.cat(embeddings), torch.cat(scenes)
    order = torch.from_numpy(np.random.default_rng(config.seed).permutation(len(joined)))
    Domain.fit(joined[order], classes[order], words=words).with_nearness(episodes, sentences).save(folder)
    (folder / DOMAIN_FILE).chmod(0o644)  # safetensors writes files that only their owner can read


def own_tasks(config: Config) -> list[Task]:
    """The tasks of the catalogue that are about the model's scenes."""
    return [task for name, task in tasks().items() if name.split("/")[0] in config.scenes]


def embed(encoder: Encoder, task: Task) -> Tensor:
    """Embed the sentences of a task."""
    prompts = task.reward.prompts
    return encoder.embed_texts([*prompts.goal, *prompts.baseline])


def task_frames(task: Task, config: Config, *, seed: int) -> Tensor:
    """Draw frames of episodes of random actions, and of the task's sweep, as the task draws them.

    Args:
        task: The task.
        config: Settings of the model that sees them.
        seed: Seed of states and actions.
    """
    env = MakeEnv(task=task, pictures=True, preprocessing=config.preprocessing())()
    env.action_space.seed(seed)
    frames, step = [env.reset(seed=seed)[1]["frame"]], 0
    while len(frames) < EPISODE_FRAMES:
        _, _, terminated, truncated, info = env.step(env.action_space.sample())
        step += 1
        if terminated or truncated or step % _LONGEST_EPISODE == 0:
            info = env.reset()[1]
        if step % _STEPS_APART == 0:
            frames.append(info["frame"])
    if task.sweep is not None:
        for value in np.linspace(task.sweep.low, task.sweep.high, SWEEP_FRAMES):
            env.reset(seed=seed)
            env.get_wrapper_attr("place")(float(value))
            picture = torch.from_numpy(np.asarray(env.render()).copy())
            frames.append(config.preprocessing().resize(picture[None])[0].numpy())
    env.close()
    return torch.from_numpy(np.stack(frames))


def shipped(name: str) -> Config:
    """What is known today of the settings of a shipped model."""
    folder = BUILTIN_FOLDER / name
    card = json.loads((folder / "card.json").read_text(encoding="utf-8"))
    scenes = tuple(scene for scene in SCENES if find_scene(scene).title in card["knows"])
    size_px = json.loads((folder / "open_clip_config.json").read_text())["model_cfg"]["vision_cfg"]["image_size"]
    visited = card["training"].get("visited", 0)
    return replace(SIZES["sim-m"], name=name, scenes=scenes, size_px=size_px, visited=visited)


def main(name: Positional[str]) -> None:
    """Write domain.safetensors, and the words of card.json.

    Args:
        name: Name of a built-in model.
    """
    if name not in builtin_names():
        raise SystemExit(f"there is no built-in model {name!r}; there are {', '.join(builtin_names())}.")
    config = shipped(name)
    scenes, one = [SceneStates.of(taught(scene, config)) for scene in config.scenes], [1] * len(config.scenes)
    batches = Batches(scenes, pictures=one, sentences=one, seed=config.seed)
    fit_domain(config, BUILTIN_FOLDER / name, batches.words())


if __name__ == "__main__":
    tyro.cli(main, description=__doc__)

"""Pictures in classes, each with one true sentence: a test bed for classification that needs no download.

The classes are states that exclude each other within their scene: compass directions of a pole, places of a car, poses
of the humanoid; each scene's record lists its own. A picture is kept where exactly one class of its scene is true by
the simulator's state.
"""

from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Int
from numpy.typing import NDArray

from vlmrm.errors import FrameError
from vlmrm.frames.preprocessing import Preprocessing
from vlmrm.types import Frames
from vlmrm_envs.scenes import SCENES, find_scene
from vlmrm_envs.scenes.scene import Scene, SceneStates, random_pictures

_FIRST = ("cartpole", "pendulum", "inverted_pendulum")
"""Scenes whose classes come before those of the others, as results that are written down have them."""
_HOLDS = np.log(0.5)  # log-truth of a class that holds
_APART = 1.5  # how much the next class must be less true
_AT_ONCE = 256
_MOST_DRAWN = 400  # pictures drawn for one that is kept, before a class is given up


@dataclass(frozen=True, kw_only=True)
class StatePictures:
    """Pictures, and the class of each."""

    frames: Frames
    """Pictures of one size, in random order."""
    labels: Int[np.ndarray, " n"]
    """The index of each picture's class."""
    classes: tuple[str, ...]
    """The sentence of each class."""


def state_sentences() -> tuple[str, ...]:
    """Return the sentence of each class, in the order of the classes.

    Example:
        >>> sentences = state_sentences()
        >>> len(sentences), sentences[0]
        (81, 'the pole on the cart stands upright')
    """
    return tuple(_sentence(scene, phrase) for scene in _scenes() for phrase in scene.classes)


def state_pictures(per_class: int, *, seed: int, size_px: int = 160) -> StatePictures:
    """Draw as many pictures of each class.

    Half of them look as the environment draws them, half have other colours, places or cameras. The built-in models
    were trained on the seeds 0 to 2: take others.

    Args:
        per_class: Number of pictures of each class.
        seed: Random seed, which decides everything.
        size_px: Side of the square pictures.

    Raises:
        FrameError: A class hardly ever holds alone, or an argument is impossible.
    """
    if per_class < 1:
        raise FrameError(f"at least 1 picture of each class can be drawn; got {per_class}.")
    frames, labels = [], []
    first = 0
    for scene in _scenes():
        drawn, classes = _of_scene(scene, per_class, seed, size_px)
        frames.append(drawn)
        labels.append(classes + first)
        first += len(scene.classes)
    order = np.random.default_rng(seed).permutation(sum(map(len, labels)))
    return StatePictures(
        frames=torch.cat(frames)[torch.from_numpy(order)],
        labels=np.concatenate(labels)[order],
        classes=state_sentences(),
    )


def _scenes() -> list[Scene]:
    found = (find_scene(name) for name in dict.fromkeys((*_FIRST, *SCENES)))
    return [scene for scene in found if scene.classes]


def _sentence(scene: Scene, phrase: str) -> str:
    wording = scene.wording
    return wording.stated[0].format(t=wording.things[0], p=wording.places[0], s=phrase.format(p=wording.places[0]))


def _of_scene(scene: Scene, per_class: int, seed: int, size_px: int) -> tuple[Frames, Int[np.ndarray, " n"]]:
    square = Preprocessing(size_px=size_px, mean=(0.5,) * 3, std=(0.5,) * 3, resize_mode="squash")
    said, wanted = scene.classes, np.full(len(scene.classes), per_class)
    frames, labels = [], []
    for part in range(1 + per_class * len(said) * _MOST_DRAWN // _AT_ONCE):
        if not wanted.any():
            break
        drawn, states = random_pictures(scene, _AT_ONCE, seed=1_000 * seed + part, preprocessing=square)
        for row, label in enumerate(_classes(states)):
            if label >= 0 and wanted[label]:
                wanted[label] -= 1
                frames.append(drawn[row])
                labels.append(label)
    if wanted.any():
        missing = [phrase for phrase, count in zip(said, wanted, strict=True) if count]
        raise FrameError(f"{scene.name} hardly ever shows {missing} alone: leave it out of the classes.")
    return torch.from_numpy(np.stack(frames)), np.array(labels)


def _classes(states: SceneStates) -> NDArray[np.intp]:
    """The one class that holds of each picture; -1 where none or two do."""
    named = {concept.phrases[0]: concept for concept in states.scene.concepts}
    truths = np.stack([named[phrase].log_truth(states.columns) for phrase in states.scene.classes], axis=1)
    ranked = np.sort(truths, axis=1)
    alone = (ranked[:, -1] > _HOLDS) & (ranked[:, -1] - ranked[:, -2] > _APART)
    return np.where(alone, truths.argmax(axis=1), -1)

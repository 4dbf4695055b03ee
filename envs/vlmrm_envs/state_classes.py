"""Pictures in classes, each with one true sentence: a test bed for classification that needs no download.

The classes are states that exclude each other within their scene: compass directions of a pole, places of a car, poses
of the humanoid. A picture is kept where exactly one class of its scene is true by the simulator's state.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Int
from numpy.typing import NDArray

from vlmrm.errors import FrameError
from vlmrm.frames.preprocessing import Preprocessing
from vlmrm.types import Frames
from vlmrm_envs.scenes import find_scene
from vlmrm_envs.scenes.scene import Scene, SceneStates, random_pictures

_ALL_ROUND = (
    "stands upright", "leans diagonally to the right", "points horizontally to the right",
    "points down and to the right", "hangs down", "points down and to the left",
    "points horizontally to the left", "leans diagonally to the left",
)  # fmt: skip

STATE_CLASSES: Mapping[str, Sequence[str]] = {
    "cartpole": _ALL_ROUND,
    "pendulum": _ALL_ROUND,
    "inverted_pendulum": (
        "stands upright", "leans diagonally to the left", "points horizontally to the left",
        "leans diagonally to the right", "points horizontally to the right",
    ),
    "mountain_car": (
        "is at the summit", "is at the bottom", "is at the far left", "is on the right slope", "is on the left slope",
    ),
    "acrobot": (
        "has both links raised", "hangs straight down", "is folded", "is stretched to the left",
        "is stretched to the right",
    ),
    "hopper": (
        "stands upright", "crouches on its leg", "is in the air", "tips over forwards", "has fallen forwards",
        "tips over backwards", "has fallen backwards",
    ),
    "half_cheetah": (
        "is on its feet", "lies on its back", "is pitched 30 degrees, nose up", "is pitched 60 degrees, nose up",
        "is pitched 90 degrees, nose up", "is pitched 120 degrees, nose up", "is pitched 30 degrees, nose down",
        "is pitched 60 degrees, nose down", "is pitched 90 degrees, nose down", "is pitched 120 degrees, nose down",
    ),
    "ant": (
        "stands on its feet", "is upside down", "is tilted by 60 degrees", "is tilted by 90 degrees",
        "is tilted by 120 degrees",
    ),
    "humanoid": (
        "stands on a single foot", "stands with its feet wide apart", "jumps", "bows",
        "stands with both hands above its head", "raises a single arm", "holds its arms out sideways",
        "stretches its arms forwards", "rests its hands at the waist", "has one hand on its hip",
        "folds its arms over its chest", "holds both hands before its chest", "is on both knees", "is on one knee",
        "leans back on its knees", "bends forwards on its knees", "squats", "bends its knees a little",
        "sits cross-legged", "sits with its legs stretched out in front", "sits with its knees drawn up",
        "does a split to the sides", "does a split from front to back", "lies on its back", "lies on its front",
        "lies on its side", "is on its hands and knees", "is upside down",
    ),
}  # fmt: skip
"""For each scene, the first phrase of each state that is a class."""

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
    return tuple(_sentence(find_scene(name), phrase) for name, said in STATE_CLASSES.items() for phrase in said)


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
    for name, said in STATE_CLASSES.items():
        drawn, classes = _of_scene(find_scene(name), said, per_class, seed, size_px)
        frames.append(drawn)
        labels.append(classes + first)
        first += len(said)
    order = np.random.default_rng(seed).permutation(sum(map(len, labels)))
    return StatePictures(
        frames=torch.cat(frames)[torch.from_numpy(order)],
        labels=np.concatenate(labels)[order],
        classes=state_sentences(),
    )


def _sentence(scene: Scene, phrase: str) -> str:
    wording = scene.wording
    return wording.stated[0].format(t=wording.things[0], p=wording.places[0], s=phrase.format(p=wording.places[0]))


def _of_scene(
    scene: Scene, said: Sequence[str], per_class: int, seed: int, size_px: int
) -> tuple[Frames, Int[np.ndarray, " n"]]:
    square = Preprocessing(size_px=size_px, mean=(0.5,) * 3, std=(0.5,) * 3, resize_mode="squash")
    wanted = np.full(len(said), per_class)
    frames, labels = [], []
    for part in range(1 + per_class * len(said) * _MOST_DRAWN // _AT_ONCE):
        if not wanted.any():
            break
        drawn, states = random_pictures(scene, _AT_ONCE, seed=1_000 * seed + part, preprocessing=square)
        for row, label in enumerate(_classes(scene, said, states)):
            if label >= 0 and wanted[label]:
                wanted[label] -= 1
                frames.append(drawn[row])
                labels.append(label)
    if wanted.any():
        missing = [phrase for phrase, count in zip(said, wanted, strict=True) if count]
        raise FrameError(f"{scene.name} hardly ever shows {missing} alone: leave it out of the classes.")
    return torch.from_numpy(np.stack(frames)), np.array(labels)


def _classes(scene: Scene, said: Sequence[str], states: SceneStates) -> NDArray[np.intp]:
    """The one class that holds of each picture; -1 where none or two do."""
    named = {concept.phrases[0]: concept for concept in scene.concepts}
    truths = np.stack([named[phrase].log_truth(states.columns) for phrase in said], axis=1)
    ranked = np.sort(truths, axis=1)
    alone = (ranked[:, -1] > _HOLDS) & (ranked[:, -1] - ranked[:, -2] > _APART)
    return np.where(alone, truths.argmax(axis=1), -1)

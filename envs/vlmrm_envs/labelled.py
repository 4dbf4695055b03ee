"""`labelled_frames`: pictures of a task with the verdict of its oracle, for reports, probes and few-shot rewards."""

from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import gymnasium as gym
import numpy as np
import torch
from jaxtyping import Bool
from numpy.typing import NDArray

from vlmrm.errors import SpecError
from vlmrm.frames.preprocessing import Preprocessing
from vlmrm.rendering import Camera
from vlmrm.tasks import Sweep, Task, find_task
from vlmrm.types import Frames
from vlmrm.wrappers.make_env import MakeEnv
from vlmrm_envs.scenes import SCENES, find_scene
from vlmrm_envs.scenes.scene import MadeState


@dataclass(frozen=True, kw_only=True, eq=False)
class LabelledFrames:
    """Frames and what the simulator says of each."""

    frames: Frames
    """The pictures, all of one size."""
    in_goal: Bool[np.ndarray, " n"]
    """Whether the oracle accepts the state."""
    look_alike: Bool[np.ndarray, " n"]
    """Whether the state was made to look like the goal without being it."""
    poses: Sequence[str]
    """What each state was made as: a pose's name, or the value of the task's variable."""
    cameras: NDArray[np.intp]
    """Index of the camera that each frame was taken with."""


def labelled_frames(
    task: str | Task,
    n: int,
    *,
    seed: int,
    size_px: int = 224,
    cameras: Camera | Sequence[Camera] = (),
) -> LabelledFrames:
    """Draw pictures of goal states, look-alikes and anything else, labelled by the task's own success bounds.

    The states are those that the task's scene makes, if it does: the humanoid's come from its pose library, 40 % poses
    that are goals as a rule, 35 % look-alikes, 15 % other poses and 10 % random heaps on the floor, facing any
    direction. For any other task they are spread evenly over its state variable, one in each n-th of its range.

    Args:
        task: The task or its name; another look or quality is an option of the task.
        n: Number of frames.
        seed: Random seed, which decides everything.
        size_px: Side of the square frames.
        cameras: One camera, or several that are drawn from evenly, for MuJoCo tasks; none: the task's own.

    Returns:
        The frames in random order.

    Raises:
        SpecError: The task has no success bounds, neither poses nor a state variable, or no such camera.

    Example:
        >>> drawn = labelled_frames("humanoid/kneeling", 20, seed=0, size_px=32)
        >>> drawn.frames.shape, 4 <= int(drawn.in_goal.sum()) <= 12
        (torch.Size([20, 32, 32, 3]), True)
    """
    if n < 1:
        raise SpecError(f"at least 1 frame can be drawn; got n={n}.")
    if isinstance(task, str):
        task = find_task(task)
    if task.success is None:
        raise SpecError(f"{task.name} has no success bounds, so nothing can label its frames.")
    rng = np.random.default_rng(seed)
    views: list[Camera | None] = [cameras] if isinstance(cameras, Camera) else list(cameras) or [task.camera]
    with ExitStack() as opened:
        drawn = []
        for camera in views:
            drawing = _Drawing(replace(task, camera=camera), size_px)
            opened.callback(drawing.env.close)
            drawing.env.reset(seed=0)
            drawn.append(drawing)
        return _collect(task, n, rng, drawn)


def _collect(task: Task, n: int, rng: np.random.Generator, drawn: "Sequence[_Drawing]") -> LabelledFrames:
    success, states = task.success, _states(task, n, rng)
    frames, labels, kinds, poses, taken = [], [], [], [], []
    for state in states:
        which = int(rng.integers(len(drawn)))
        inner: Any = drawn[which].env.unwrapped
        state.put(inner)
        in_goal = success is not None and success.holds(inner.state_variables())
        frames.append(drawn[which].frame())
        labels.append(in_goal)
        kinds.append(state.kind == "look-alike" and not in_goal)
        poses.append(state.pose)
        taken.append(which)
    order = rng.permutation(n)
    return LabelledFrames(
        frames=torch.from_numpy(np.stack(frames)[order]),
        in_goal=np.array(labels)[order],
        look_alike=np.array(kinds)[order],
        poses=[poses[i] for i in order],
        cameras=np.array(taken, dtype=np.intp)[order],
    )


class _Drawing:
    """An environment with a camera."""

    def __init__(self, task: Task, size_px: int) -> None:
        at_size = Preprocessing(size_px=size_px, mean=(0.5,) * 3, std=(0.5,) * 3, resize_mode="squash")
        self.env: gym.Env[Any, Any] = MakeEnv(task=task, pictures=True, preprocessing=at_size)()
        self._resize = at_size.resize

    def frame(self) -> NDArray[np.uint8]:
        """Draw the present state."""
        picture: Any = self.env.render()
        small: NDArray[np.uint8] = self._resize(torch.from_numpy(picture.copy())[None])[0].numpy()
        return small


def _states(task: Task, n: int, rng: np.random.Generator) -> Iterator[MadeState]:
    """States as the task's scene makes them, else spread over the task's state variable."""
    scene, _, goal = task.name.partition("/")
    made_states = find_scene(scene).made_states if scene in SCENES else None
    if made_states is not None:
        return made_states(goal, n, rng)
    if task.sweep is None:
        raise SpecError(f"{task.name} has neither poses nor a state variable, so its states cannot be made.")
    return _swept(task.sweep, n, rng)


def _swept(sweep: Sweep, n: int, rng: np.random.Generator) -> Iterator[MadeState]:
    """One value in each n-th of the range, so that another seed has other states."""
    for value in sweep.low + (sweep.high - sweep.low) * (np.arange(n) + rng.random(n)) / n:
        yield MadeState(kind="other", pose=f"{sweep.variable} {value:.4g}", put=partial(_place, value=float(value)))


def _place(env: Any, value: float) -> None:
    env.place(value)

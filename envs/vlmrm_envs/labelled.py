"""Pictures of a task with the verdict of its oracle, for reports, probes and few-shot rewards.

- `labelled_frames`: all at once, in random order.
- `labelled_batches`: the same a few at a time, as reports read them; tasks name it as their ``states``.
"""

from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import replace
from functools import partial
from typing import Any

import gymnasium as gym
import numpy as np
import torch
from jaxtyping import UInt8

from vlmrm.data.labelled import LabelledFrames
from vlmrm.errors import SpecError
from vlmrm.frames.preprocessing import Preprocessing
from vlmrm.rendering import Camera
from vlmrm.tasks import Sweep, Task, find_task
from vlmrm.wrappers.make_env import MakeEnv
from vlmrm_envs.scenes import SCENES, find_scene
from vlmrm_envs.scenes.scene import MadeState

_AT_ONCE = 64
_PARTS_OF_A_SWEEP = 24  # its groups: neighbours in a sweep are nearly one picture


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
        size_px: Side of the square frames; those of a task with several cameras are side by side.
        cameras: One camera, or several that are drawn from evenly, for MuJoCo tasks; none: the task's own.

    Returns:
        The frames in random order. ``names`` are poses or values of the state variable, ``kinds`` what the states were
        made as, and ``groups`` cameras where there are several, else poses, or parts of the sweep.

    Raises:
        SpecError: The task has no success bounds, neither poses nor a state variable, or no such camera.

    Example:
        >>> drawn = labelled_frames("humanoid/kneeling", 20, seed=0, size_px=32)
        >>> drawn.frames.shape, 4 <= int(drawn.in_goal.sum()) <= 12
        (torch.Size([20, 32, 32, 3]), True)
    """
    rng = np.random.default_rng(seed)
    task = find_task(task) if isinstance(task, str) else task
    count = 1 if cameras else max(len(task.drawn_cameras), 1)
    half = (0.5, 0.5, 0.5)
    square = Preprocessing(size_px=size_px, mean=half, std=half, resize_mode="squash", side_by_side=count)
    views = [cameras] if isinstance(cameras, Camera) else cameras
    drawn = LabelledFrames.join(list(_draw(task, n, rng, square, views)))
    return drawn.take(rng.permutation(n))


def labelled_batches(
    task: Task, n: int, *, seed: int, preprocessing: Preprocessing | None = None
) -> Iterator[LabelledFrames]:
    """Draw the states of `labelled_frames` a few at a time, as an environment that is trained in draws them.

    Args:
        task: The task.
        n: Number of frames.
        seed: Random seed, which decides everything.
        preprocessing: That of the encoder that will see them; None: pictures as drawn.

    Yields:
        Batches of at most 64 frames.

    Raises:
        SpecError: As `labelled_frames` does.
    """
    return _draw(task, n, np.random.default_rng(seed), preprocessing, ())


def _draw(
    task: Task, n: int, rng: np.random.Generator, preprocessing: Preprocessing | None, cameras: Sequence[Camera]
) -> Iterator[LabelledFrames]:
    if n < 1:
        raise SpecError(f"at least 1 frame can be drawn; got n={n}.")
    if task.success is None:
        raise SpecError(f"{task.name} has no success bounds, so nothing can label its frames.")
    states = _states(task, n, rng)
    views: list[Camera | None] = [*cameras] or [task.camera]
    with ExitStack() as opened:
        drawings = []
        for camera in views:
            drawing = _Drawing(replace(task, camera=camera), preprocessing)
            opened.callback(drawing.env.close)
            drawing.env.reset(seed=0)
            drawings.append(drawing)
        kept: list[_Drawn] = []
        for state in states:
            which = int(rng.integers(len(drawings)))
            kept.append(drawings[which].draw(state, f"camera {which}" if len(views) > 1 else ""))
            if len(kept) == _AT_ONCE:
                yield _together(kept)
                kept = []
        if kept:
            yield _together(kept)


_Drawn = tuple[UInt8[np.ndarray, "h w 3"], dict[str, float], bool, MadeState, str]


class _Drawing:
    """An environment with a camera."""

    def __init__(self, task: Task, preprocessing: Preprocessing | None) -> None:
        self.env: gym.Env[Any, Any] = MakeEnv(task=task, pictures=True, preprocessing=preprocessing)()
        self._success, self._preprocessing = task.success, preprocessing

    def draw(self, state: MadeState, view: str) -> _Drawn:
        """The picture of a state, its variables, whether it is in the goal, and its group."""
        inner: Any = self.env.unwrapped
        state.put(inner)
        variables = inner.state_variables()
        in_goal = self._success is not None and self._success.holds(variables)
        picture: Any = self.env.render()
        if self._preprocessing is not None:
            picture = self._preprocessing.resize(torch.from_numpy(picture.copy())[None])[0].numpy()
        return np.array(picture), variables, in_goal, state, view or state.group


def _together(drawn: Sequence[_Drawn]) -> LabelledFrames:
    pictures, variables, in_goal, states, groups = zip(*drawn, strict=True)
    kinds = [
        "goal" if inside else "other" if state.kind == "goal" else state.kind
        for state, inside in zip(states, in_goal, strict=True)
    ]
    return LabelledFrames(
        frames=torch.from_numpy(np.stack(pictures)),
        in_goal=np.array(in_goal),
        names=[state.pose for state in states],
        groups=groups,
        states={name: np.array([of[name] for of in variables]) for name in variables[0]},
        kinds=kinds,
    )


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
    edges = np.linspace(sweep.low, sweep.high, _PARTS_OF_A_SWEEP + 1)
    for value in sweep.low + (sweep.high - sweep.low) * (np.arange(n) + rng.random(n)) / n:
        part = min(int(np.searchsorted(edges, value, side="right")), _PARTS_OF_A_SWEEP) - 1
        group = f"{sweep.variable} {edges[part]:.4g} to {edges[part + 1]:.4g}"
        put = partial(_place, value=float(value))
        yield MadeState(kind="other", pose=f"{sweep.variable} {value:.4g}", group=group, put=put)


def _place(env: Any, value: float) -> None:
    env.place(value)

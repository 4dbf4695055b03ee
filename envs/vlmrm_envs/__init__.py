"""Tasks of the project: environments with prompts and honest success tests.

- `task`, `tasks`: the tasks by name, read from the TOML files in ``envs/vlmrm_envs/catalogue``.
- `labelled_frames`: pictures of a task with the verdict of its oracle.

Importing this package registers the environments with Gymnasium under ``vlmrm/``.
"""

from functools import cache
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

import gymnasium as gym

from vlmrm.rendering.headless import render_offscreen
from vlmrm_envs.scenes import SCENES

if TYPE_CHECKING:
    from vlmrm.tasks import Task
    from vlmrm_envs.labelled import labelled_frames

__all__ = ["labelled_frames", "task", "tasks"]

render_offscreen()  # before pygame is loaded

for _scene, _class in SCENES.items():
    gym.register(f"vlmrm/{_class}-v0", entry_point=f"vlmrm_envs.scenes.{_scene}:{_class}", max_episode_steps=200)


def tasks() -> "dict[str, Task]":
    """All tasks of this package, by name.

    Example:
        >>> tasks()["cartpole/upright"].reward.prompts.goal
        ('pole vertically upright on top of the cart',)
    """
    return dict(_read(Path(__file__).parent / "catalogue"))


@cache
def _read(folder: Path) -> "dict[str, Task]":
    from vlmrm.tasks import Task  # loads torch, which environments alone do not need

    return {task.name: task for task in map(Task.load, sorted(folder.rglob("*.toml")))}


def task(name: str) -> "Task":
    """The task of this name, from any installed package.

    Raises:
        UnknownTask: There is none; the message names the nearest.
    """
    from vlmrm.tasks import find_task

    return find_task(name)


def __getattr__(name: str) -> Any:
    """Load what needs torch when it is first asked for: an environment does not."""
    if name == "labelled_frames":
        return getattr(import_module("vlmrm_envs.labelled"), name)
    raise AttributeError(f"module 'vlmrm_envs' has no attribute {name!r}")

"""Environments of a task: with or without pictures, and errors that say what is missing."""

import importlib
import warnings
from dataclasses import dataclass, replace
from typing import Any

import gymnasium as gym
from gymnasium.error import DependencyNotInstalled

from vlmrm.errors import FrameError, MissingExtra, SpecError, VlmrmError, near_matches
from vlmrm.frames.preprocessing import Preprocessing
from vlmrm.rendering import RenderQuality
from vlmrm.rendering.env_camera import require_own_view
from vlmrm.rendering.headless import why_no_gl
from vlmrm.rendering.mujoco import RenderMujoco
from vlmrm.rendering.view import require_view
from vlmrm.tasks import Task
from vlmrm.wrappers.capture_frame import CaptureFrame, require_rgb_mode
from vlmrm.wrappers.judge_success import JudgeSuccess
from vlmrm.wrappers.named_wrappers import apply_wrappers
from vlmrm.wrappers.plain_values import PlainValues
from vlmrm.wrappers.reward_goal import RewardGoal

_VIDEO_PX = 480  # of MuJoCo pictures that no encoder sees
_LONGEST_EPISODE = 1_000  # steps, for environments that are registered without a limit
_OUR_EXTRAS = {"box2d": "box2d", "mujoco": "mujoco"}  # word in Gymnasium's message -> extra of this package
_OF_ARGUMENTS = (TypeError, ValueError, KeyError, AttributeError, OSError, gym.error.Error)


@dataclass(frozen=True, kw_only=True)
class MakeEnv:
    """Makes one environment of a task each time it is called; picklable, for vector environments.

    Example:
        >>> from vlmrm.tasks import read_reward
        >>> reward = read_reward({"prompts": {"goal": "a pole upright"}})
        >>> task = Task(name="t", description="", env_id="CartPole-v1", reward=reward)
        >>> env = MakeEnv(task=task, pictures=True)()
        >>> env.reset(seed=0)[1]["frame"].shape
        (400, 600, 3)
    """

    task: Task
    """Which environment, how long its episodes are, and when they succeed."""
    pictures: bool
    """Whether every step has its frame in `info`; drawing often costs more than everything else."""
    preprocessing: Preprocessing | None = None
    """Preprocessing of the encoder that scores the frames. None: frames as drawn."""
    window: bool = False
    """Whether the environment shows itself in a window of its own, to people; then without pictures."""

    def __call__(self) -> gym.Env[Any, Any]:
        """One environment.

        Raises:
            SpecError: There is no such environment, it does not take the task's arguments or wrappers, or it has no
                such camera.
            MissingExtra: A package it needs is not installed.
            FrameError: It does not draw RGB pictures, or not from the camera that it was configured with.
        """
        env = _make(self.task, "rgb_array" if self.pictures else "human" if self.window else None)
        try:
            if self.pictures:
                require_rgb_mode(env, self.task.env_id)
            return self._wrapped(PlainValues(apply_wrappers(env, self.task.wrappers)))
        except VlmrmError:
            env.close()
            raise

    def _wrapped(self, env: gym.Env[Any, Any]) -> gym.Env[Any, Any]:
        if self.task.draws_itself:
            require_own_view(env)
        else:
            for camera in self.task.drawn_cameras.values() or [self.task.camera]:
                require_view(env, camera)  # also where nothing is drawn yet, since a video may be at the end
        if self.task.success is not None:
            env = JudgeSuccess(env, self.task.success)
        if self.task.own_reward == "goal":
            env = RewardGoal(env)
        return self._drawn(env) if self.pictures else env

    def _drawn(self, env: gym.Env[Any, Any]) -> gym.Env[Any, Any]:
        if not self.task.draws_itself:
            size_px = _VIDEO_PX if self.preprocessing is None else self.preprocessing.size_px
            quality = self.task.render_quality or RenderQuality.FULL
            several = self.task.drawn_cameras or None
            env = RenderMujoco(env, self.task.camera, quality=quality, size_px=size_px, cameras=several)
        return CaptureFrame(env, self.preprocessing)


def with_time_limit(task: Task) -> Task:
    """The task with its episode length filled in, so that every episode ends.

    Environments without a limit of their own get one of 1,000 steps.

    Raises:
        SpecError: There is no such environment.
    """
    if task.episode_steps is not None:
        return task
    registered = registered_spec(task.env_id).max_episode_steps
    return replace(task, episode_steps=registered or _LONGEST_EPISODE)


def registered_spec(env_id: str) -> gym.envs.registration.EnvSpec:
    """What Gymnasium knows about an environment.

    Args:
        env_id: As in `gymnasium.make`; ``module:id`` imports the module first.

    Raises:
        SpecError: There is no such environment or module; the message names the nearest.
    """
    module, colon, name = env_id.rpartition(":")
    if colon:
        try:
            importlib.import_module(module)
        except ModuleNotFoundError as error:
            if error.name is None or not f"{module}.".startswith(f"{error.name}."):
                raise MissingExtra(f"{module} needs {error.name!r}, which is not installed: {error}") from error
            raise SpecError(
                f"no module {module!r} to register {env_id!r}. Install its package, or check the name; a module in "
                "this folder is found by `python -m vlmrm` and with PYTHONPATH=."
            ) from error
    try:
        return gym.spec(name)
    except gym.error.Error as error:
        raise SpecError(
            f"no environment {name!r}. Near: {near_matches(name, gym.registry)}. Those of another package need its "
            "name in front: PACKAGE:ID."
        ) from error


def _make(task: Task, mode: str | None) -> gym.Env[Any, Any]:
    spec = registered_spec(task.env_id)
    arguments = dict(task.env_kwargs) | ({"render_mode": mode} if mode else {})
    try:
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", r".*is being initialised with render_mode")  # raised below
            env = gym.make(spec, max_episode_steps=task.episode_steps, **arguments)
    except Exception as error:
        without_gl = why_no_gl(error)
        if without_gl is not None:
            raise FrameError(without_gl) from error
        if isinstance(error, DependencyNotInstalled | ImportError):
            raise MissingExtra(_how_to_install(spec.id, str(error))) from error
        if not isinstance(error, _OF_ARGUMENTS):
            raise
        if mode and "argument 'render_mode'" in str(error):
            raise FrameError(f"{spec.id} cannot draw: it takes no render_mode. Pictures are needed.") from error
        raise SpecError(f"{spec.id} cannot be made with {dict(task.env_kwargs)}: {error}") from error
    return env


def _how_to_install(env_id: str, message: str) -> str:
    for word, extra in _OUR_EXTRAS.items():
        if word in message.lower():
            return f'{env_id} needs {extra}, which is not installed: pip install "vlmrm[{extra}]"'
    return f"{env_id} needs a package that is not installed: {message}"

"""Evaluation on fixed seeds: success by the simulator's own state, and what the pictures would have earned."""

import itertools
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import gymnasium as gym
import numpy as np

from vlmrm.errors import SpecError
from vlmrm.rewards.protocols import FrameReward
from vlmrm.training.acting import Actor, Policy

_AT_ONCE = 20  # episodes side by side: one call of the policy serves all of them


@dataclass(frozen=True, kw_only=True)
class EpisodeRecord:
    """One evaluated episode."""

    seed: int
    """Seed of the environment."""
    steps: int
    """Number of steps."""
    success: bool | None
    """Verdict of the task's rule at the end of the episode. None: the task has no rule."""
    env_return: float
    """Sum of the environment's own rewards."""
    vlm_reward: float | None
    """Mean text reward per step; None: it was not drawn."""


def evaluate(
    policy: Policy,
    make_env: Callable[[], gym.Env[Any, Any]],
    *,
    episodes: int,
    seed: int,
    reward: FrameReward | None = None,
    on_step: Callable[[int], None] | None = None,
) -> list[EpisodeRecord]:
    """Run whole episodes with fixed seeds; episode i starts from seed + i whatever else is run.

    Args:
        policy: Acts deterministically.
        make_env: Makes an environment; with `JudgeSuccess` for success, with `CaptureFrame` where `reward` is given.
            Without pictures it is many times faster.
        episodes: How many.
        seed: Seed of the first episode.
        reward: Scores the frames of each episode after it has ended.
        on_step: Called after every step of an environment, with the number of steps so far.

    Returns:
        One record per episode, in the order of seeds.

    Raises:
        SpecError: `episodes` is not positive.

    Example:
        >>> from vlmrm.training.acting import RandomPolicy
        >>> make = lambda: gym.make("CartPole-v1")
        >>> records = evaluate(RandomPolicy(gym.spaces.Discrete(2), seed=0), make, episodes=2, seed=7)
        >>> [record.seed for record in records], records[0].env_return == records[0].steps
        ([7, 8], True)
    """
    if episodes < 1:
        raise SpecError(f"an evaluation needs at least 1 episode; got {episodes}.")
    at_once = min(episodes, _AT_ONCE if reward is None else 1)
    envs = [make_env() for _ in range(at_once)]
    count = itertools.count(1)
    counted = None if on_step is None else lambda: on_step(next(count))
    try:
        records: list[EpisodeRecord] = []
        for first in range(seed, seed + episodes, at_once):
            seeds = range(first, min(first + at_once, seed + episodes))
            records += _side_by_side(policy, envs, seeds, reward, counted)
    finally:
        for env in envs:
            env.close()
    return records


def _side_by_side(
    policy: Policy,
    envs: Sequence[gym.Env[Any, Any]],
    seeds: Sequence[int],
    reward: FrameReward | None,
    on_step: Callable[[], None] | None,
) -> list[EpisodeRecord]:
    running = [_Running(env, seed, keep_frames=reward is not None) for env, seed in zip(envs, seeds, strict=False)]
    actor = Actor(policy, [episode.env for episode in running])
    while any(goes_on := [not episode.ended for episode in running]):
        actions = actor.act([episode.observation for episode in running], goes_on)
        for episode, action, steps in zip(running, actions, goes_on, strict=True):
            if steps:
                episode.step(action)
                if on_step is not None:
                    on_step()
    return [episode.record(reward) for episode in running]


class _Running:
    """One episode on its way."""

    def __init__(self, env: gym.Env[Any, Any], seed: int, *, keep_frames: bool) -> None:
        self.env, self.seed, self.keep_frames = env, seed, keep_frames
        self.observation, info = env.reset(seed=seed)
        self.ended, self.terminated, self.steps, self.env_return = False, False, 0, 0.0
        self.success: bool | None = None
        self.frames: list[Any] = [info["frame"]] if keep_frames else []

    def step(self, action: Any) -> None:
        self.observation, env_reward, terminated, truncated, info = self.env.step(action)
        self.steps += 1
        self.env_return += float(env_reward)
        self.ended, self.terminated = terminated or truncated, terminated
        if self.keep_frames:
            self.frames.append(info["frame"])
        if self.ended and "is_success" in info:
            self.success = bool(info["is_success"])

    def record(self, reward: FrameReward | None) -> EpisodeRecord:
        scored = None
        if reward is not None:
            scored = float(reward.score_episode(self.frames, terminated=self.terminated).mean())
        return EpisodeRecord(
            seed=self.seed, steps=self.steps, success=self.success, env_return=self.env_return, vlm_reward=scored
        )


@dataclass(frozen=True, kw_only=True)
class Evaluation:
    """The mean of some episodes."""

    episodes: int
    """Number of episodes."""
    success: float | None
    """Share that succeeded by the simulator's state; None: the task has no rule."""
    env_return: float | None
    """Mean sum of the environment's own rewards; None: it is not a finite number, or no episode was run."""
    vlm_reward: float | None
    """Mean text reward per step, over the episodes that were drawn; None: none was."""
    steps: float
    """Mean length of the episodes."""
    second_reward: float | None = None
    """Mean of a second reward per step, over the episodes that were drawn. None: there is no second reward."""
    vlm_return: float | None = None
    """Mean sum of text rewards of an episode, over the episodes that were drawn; None: none was."""


def mean_of(records: Sequence[EpisodeRecord]) -> Evaluation:
    """Sum up what `evaluate` returned.

    Example:
        >>> record = EpisodeRecord(seed=0, steps=4, success=True, env_return=2.0, vlm_reward=None)
        >>> mean_of([record]).success
        1.0
    """
    judged = [record.success for record in records if record.success is not None]
    scored = [record.vlm_reward for record in records if record.vlm_reward is not None]
    earned = [record.vlm_reward * record.steps for record in records if record.vlm_reward is not None]
    return Evaluation(
        episodes=len(records),
        success=float(np.mean(judged)) if judged else None,
        env_return=_finite_mean([record.env_return for record in records]),
        vlm_reward=float(np.mean(scored)) if scored else None,
        vlm_return=float(np.mean(earned)) if earned else None,
        steps=float(np.mean([record.steps for record in records])) if records else 0.0,
    )


def _finite_mean(values: Sequence[float]) -> float | None:
    return float(np.mean(values)) if values and np.isfinite(values).all() else None


def play(policy: Policy, env: gym.Env[Any, Any], *, seed: int) -> Iterator[dict[str, Any]]:
    """One episode, for recording.

    Args:
        policy: Acts deterministically.
        env: Reset here.
        seed: Seed of the environment.

    Yields:
        The info of the reset, and then that of every step with the environment's own reward in ``env_reward`` and
        ``terminated``.
    """
    observation, info = env.reset(seed=seed)
    yield info
    actor, ended = Actor(policy, [env]), False
    while not ended:
        actions = actor.act([observation], [True])
        observation, env_reward, terminated, truncated, info = env.step(actions[0])
        ended = terminated or truncated
        yield info | {"env_reward": float(env_reward), "terminated": terminated}

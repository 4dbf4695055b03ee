"""`UnscoredSteps`: steps of a rollout that wait for their rewards, their frames read in large batches."""

import time
from collections.abc import Iterator
from copy import copy
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Bool, Float32, UInt8
from torch import Tensor

from vlmrm.frames.batch import require_one_size
from vlmrm.rewards.features.frame_features import FrameFeatures
from vlmrm.types import Frames
from vlmrm.wrappers.episodes import EpisodeRewards

_AT_ONCE, _BYTES_AT_ONCE = 1024, 2**28  # of frames handed to the encoder together; bound what is kept of them


@dataclass(frozen=True, kw_only=True, eq=False)
class Step:
    """One step of all environments, without its frames."""

    dones: Bool[np.ndarray, " e"]
    """Which environments' episodes it ended."""
    terminated: Bool[np.ndarray, " e"]
    """Which environments' episodes it ended other than by a time limit."""
    env_rewards: Float32[np.ndarray, " e"]
    """The environments' own rewards."""


@dataclass(frozen=True, kw_only=True, eq=False)
class ScoredSteps:
    """What some steps were paid."""

    vlm: Float32[np.ndarray, "t e"]
    """Rewards of the frames."""
    env: Float32[np.ndarray, "t e"]
    """The environments' own rewards."""
    total: Float32[np.ndarray, "t e"]
    """Rewards that the agent gets."""
    dones: Bool[np.ndarray, "t e"]
    """Which environments' episodes each step ended."""
    seconds: float
    """Time that scoring took."""


class UnscoredSteps:
    """Collects steps and scores them together; batches hold whole steps and at most about a thousand frames.

    Frames are read as soon as a batch is full, so that a long rollout is kept as features and not as pictures. What an
    exception interrupts can be done again.

    Args:
        rewards: Rewards the steps.
    """

    def __init__(self, rewards: EpisodeRewards) -> None:
        self._rewards = rewards
        self._steps: list[Step] = []
        self._begins: list[bool] = []
        """Whether the first frames of new episodes come after those of each step."""
        self._frames: list[Tensor] = []
        self._seen: list[FrameFeatures] = []
        self._unread, self._seconds = 0, 0.0

    def add(self, step: Step, frames: Frames, first: UInt8[Tensor, "m h w 3"] | None) -> None:
        """Collect one step.

        Args:
            step: The step.
            frames: Its frames, one per environment.
            first: First frames of the episodes that it begins, for rewards that look back.
        """
        self._steps.append(step)
        self._begins.append(first is not None)
        self._frames += [frames] if first is None else [frames, first]
        self._unread += 1
        at_once = min(_AT_ONCE, _BYTES_AT_ONCE // frames[0].numel())
        if self._unread >= at_once // len(frames):
            self._read()

    def score(self) -> ScoredSteps:
        """Score all that was collected, and forget it."""
        self._read()
        start, stream, seen = time.perf_counter(), copy(self._rewards.stream), iter(self._seen)
        try:
            vlm = np.stack([self._score(*step, seen) for step in zip(self._steps, self._begins, strict=True)])
            env = np.stack([step.env_rewards for step in self._steps])
            ends = np.concatenate([step.terminated for step in self._steps])
            paid = self._rewards.pay(vlm.ravel(), ends, env.ravel())
        except BaseException:
            self._rewards.stream = stream
            raise
        dones = np.stack([step.dones for step in self._steps])
        seconds = self._seconds + time.perf_counter() - start
        self._steps, self._begins, self._seen, self._seconds = [], [], [], 0.0
        return ScoredSteps(vlm=vlm, env=env, total=paid.total.reshape(vlm.shape), dones=dones, seconds=seconds)

    def _score(self, step: Step, begins: bool, seen: Iterator[FrameFeatures]) -> Float32[np.ndarray, " e"]:
        rewards = self._rewards.step_seen(next(seen), step.terminated)
        if begins:
            self._rewards.begin_seen(next(seen), step.dones)
        return rewards

    def _read(self) -> None:
        if not self._frames:
            return
        start = time.perf_counter()
        require_one_size([tuple(part.shape[1:]) for part in self._frames])
        seen = self._rewards.reward.read(torch.cat(self._frames)).split([len(part) for part in self._frames])
        self._seen, self._frames, self._unread = [*self._seen, *seen], [], 0
        self._seconds += time.perf_counter() - start

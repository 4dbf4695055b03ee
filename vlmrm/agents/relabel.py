"""`RelabelCallback`: whole rollouts scored at once, written over the rewards in the replay buffer."""

import time
from collections.abc import Sequence
from copy import copy
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from jaxtyping import Bool, Float32
from stable_baselines3.common.callbacks import BaseCallback
from stable_baselines3.common.off_policy_algorithm import OffPolicyAlgorithm
from stable_baselines3.common.vec_env import is_vecenv_wrapped
from stable_baselines3.her.her_replay_buffer import HerReplayBuffer

from vlmrm.agents.pairing import first_frames, require_captured_frames, require_same_gamma, terminated_of
from vlmrm.agents.vec_reward import EpisodeReturns, VecVLMReward
from vlmrm.errors import PairingError
from vlmrm.frames import as_frames
from vlmrm.frames.batch import require_one_size
from vlmrm.rewards.features.frame_features import FrameFeatures
from vlmrm.rewards.protocols import FrameReward
from vlmrm.types import Frames
from vlmrm.wrappers.episodes import AnyReward, EpisodeRewards, as_reward, frames_of
from vlmrm.wrappers.plain_values import plain_flags
from vlmrm.wrappers.vlm_reward import VLMReward

_AT_ONCE, _BYTES_AT_ONCE = 1024, 2**28  # of frames handed to the encoder together; bound the copy that stacking makes


@dataclass(frozen=True, kw_only=True, eq=False)
class _Step:
    """One step of all environments, waiting for its rewards."""

    row: int
    """Row of the replay buffer."""
    frames: Frames
    """One frame per environment, at the encoder's size; where a judge looks at them too, as they were drawn."""
    dones: Bool[np.ndarray, " e"]
    terminated: Bool[np.ndarray, " e"]
    env_rewards: Float32[np.ndarray, " e"]
    """The environments' own rewards."""
    first: Frames | None
    """First frames of the episodes that began where others ended; None: none did, or the reward does not look back."""


class RelabelCallback(BaseCallback):
    """Score the frames of each rollout in large batches and write the rewards into the replay buffer.

    Stable-Baselines3 trains only after a rollout has ended, so that the agent never sees another reward. Gives the
    same numbers as `VecVLMReward`, with fewer and larger batches; a long `train_freq` makes them larger. Episodes may
    have any length, and n-step buffers work, since they add up the rewards when they are sampled.

    It logs ``reward/vlm_mean``, ``reward/env_mean``, ``rollout/ep_vlm_rew_mean`` and ``time/frames_per_s`` (of
    scoring). Call `flush` before saving a replay buffer when training was cut short by an exception.

    Args:
        reward: Reward to score with: a `RewardModel`, a `FunctionReward`, or a spec, which is loaded first.
        env_weight: Weight of the environments' own rewards, which are added; 0 leaves them out.

    Raises:
        PairingError: When training starts: the algorithm keeps no replay buffer, its buffer makes up rewards of its
            own (HER), rewards are normalised (`VecNormalize`) or scored already, or the environments have no
            `CaptureFrame` that fits the reward. While training: the callback was not called at every step.

    Example:
        >>> import gymnasium as gym
        >>> from stable_baselines3 import DQN
        >>> from vlmrm import PromptSet, RewardModel
        >>> from vlmrm.wrappers import CaptureFrame
        >>> reward = RewardModel.load("sim-s", PromptSet("a pole held upright", "a pole on its cart"))
        >>> env = CaptureFrame(gym.make("Acrobot-v1", render_mode="rgb_array"), reward.capture)
        >>> model = DQN("MlpPolicy", env, train_freq=20, buffer_size=100)
        >>> _ = model.learn(40, callback=RelabelCallback(reward))
        >>> float(model.replay_buffer.rewards[:40].min()) > 0  # Acrobot's own rewards are -1
        True
    """

    def __init__(self, reward: AnyReward, *, env_weight: float = 0.0) -> None:
        super().__init__()
        self._reward, self._env_weight = as_reward(reward), env_weight
        self._rewards = EpisodeRewards(self._reward, env_weight=env_weight)
        self._pending: list[_Step] = []
        self._buffer: Any = None
        self._last_step: tuple[Any, Any] = (None, None)
        """Observations before and after it; where an agent goes on from another one, there was a reset in between."""
        self.episode_returns = EpisodeReturns(num_envs=0)
        """Sums of our rewards per episode."""
        self.last_rewards = np.zeros((0, 0), np.float32)
        """Ours for the last rollout, steps x environments, without the environment's share."""

    def _init_callback(self) -> None:
        model: Any = self.model
        _require_relabelling(model, self._reward)
        require_same_gamma(self._reward.spec, model.gamma)
        if self._buffer is model.replay_buffer:
            self.flush()  # left over where the last training ended with an exception
        else:
            self._buffer = model.replay_buffer
            self._pending.clear()
            self._rewards = EpisodeRewards(self._reward, env_weight=self._env_weight, num_envs=self._buffer.n_envs)
            self._last_step = (None, None)
            self.episode_returns = EpisodeReturns(self._buffer.n_envs)
        if self._rewards.needs_history and not any(model._last_obs is known for known in self._last_step):
            self._rewards.begin(first_frames(model.get_env()))

    def _on_step(self) -> bool:
        """Keep the frames; Stable-Baselines3 stores the transition right after this, in the row noted here."""
        row = self._buffer.pos
        if self._pending and row != (self._pending[-1].row + 1) % self._buffer.buffer_size:
            raise PairingError(
                "RelabelCallback was not called at every step, so some rewards would stay the environment's own. Give "
                "it to learn() directly or in a list, not inside a callback that calls it now and then."
            )
        infos, num_envs = self.locals["infos"], self._buffer.n_envs
        dones = plain_flags(self.locals["dones"], num_envs, "dones")
        first = None
        if self._rewards.needs_history and dones.any():
            first = self._resized(first_frames(self.training_env, dones))
        self._last_step = (self.model._last_obs, self.locals["new_obs"])
        self._pending.append(
            _Step(
                row=row,
                frames=self._resized(frames_of(infos)),
                first=first,
                dones=dones,
                terminated=terminated_of(dones, infos),
                env_rewards=self._rewards.own_rewards(self.locals["rewards"], num_envs).astype(np.float32),
            )
        )
        return True

    def _resized(self, frames: list[Any]) -> Frames:
        small = self._reward.capture
        return as_frames(frames) if small is None else small.resize(as_frames(frames))

    def _on_rollout_end(self) -> None:
        self._relabel()

    def _on_training_end(self) -> None:
        self.flush()

    def flush(self) -> None:
        """Score what is stored and not scored yet.

        Only needed by hand after an exception: a rollout that ends, and a callback that stops the training, are taken
        care of. A last step that was not stored is dropped.
        """
        dropped = None
        if self._pending and self._buffer.pos == self._pending[-1].row:
            dropped = self._pending.pop()
        self._relabel()
        if dropped is not None and dropped.first is not None:
            self._rewards.begin(dropped.first, dropped.dones)

    def _relabel(self) -> None:
        if not self._pending:
            return
        steps = self._pending
        start = time.perf_counter()
        rewards = self._score(steps)  # t e
        seconds = time.perf_counter() - start
        kept = slice(-self._buffer.buffer_size, None)  # a rollout longer than the buffer has overwritten its start
        env_rewards = np.stack([step.env_rewards for step in steps])  # t e
        ends = np.concatenate([step.terminated for step in steps])
        paid = self._rewards.pay(rewards.ravel(), ends, env_rewards.ravel()).total.reshape(rewards.shape)
        self._buffer.rewards[[step.row for step in steps[kept]]] = paid[kept]
        self.last_rewards = rewards
        self._pending = []  # only now: what an interrupt leaves unscored is still there for `flush`
        for step, row in zip(steps, rewards, strict=True):
            self.episode_returns.add(row, step.dones)
        self._log(rewards, float(env_rewards.mean()), seconds)

    def _score(self, steps: list[_Step]) -> Float32[np.ndarray, "t e"]:
        """In batches that hold whole steps; the encoder makes its own micro-batches of them."""
        at_once = min(_AT_ONCE, _BYTES_AT_ONCE // steps[0].frames[0].numel())
        steps_at_once = max(at_once // self._buffer.n_envs, 1)
        batches = [steps[i : i + steps_at_once] for i in range(0, len(steps), steps_at_once)]
        seen = iter([part for batch in batches for part in _read(self._reward, batch)])
        rewards, stream = [], copy(self._rewards.stream)
        try:
            for step in steps:
                rewards.append(self._rewards.step_seen(next(seen), step.terminated))
                if step.first is not None:
                    self._rewards.begin_seen(next(seen), step.dones)
        except BaseException:
            self._rewards.stream = stream  # `flush` will score the same steps again
            raise
        return np.stack(rewards)

    def _log(self, rewards: Float32[np.ndarray, "t e"], env_mean: float, seconds: float) -> None:
        self.logger.record_mean("reward/vlm_mean", float(rewards.mean()))
        self.logger.record_mean("reward/env_mean", env_mean)
        self.logger.record_mean("time/frames_per_s", rewards.size / max(seconds, 1e-9))
        if self.episode_returns.finished:
            self.logger.record("rollout/ep_vlm_rew_mean", float(np.mean(self.episode_returns.finished)))


def _read(reward: FrameReward, steps: list[_Step]) -> Sequence[FrameFeatures]:
    """Features for each step, and for the first frames that came with it."""
    parts = [part for step in steps for part in (step.frames, step.first) if part is not None]
    require_one_size([tuple(part.shape[1:]) for part in parts])
    return reward.read(torch.cat(parts)).split([len(part) for part in parts])


def _require_relabelling(model: Any, reward: FrameReward) -> None:
    """Refuse combinations that would train on wrong rewards without saying so.

    Args:
        model: Algorithm of Stable-Baselines3 whose replay buffer is relabelled.
        reward: The reward that scores the frames.

    Raises:
        PairingError: If the algorithm keeps no replay buffer, its buffer makes up rewards of its own, rewards are
            normalised or scored already, or the environments capture no fitting frames.
    """
    if not isinstance(model, OffPolicyAlgorithm):
        raise PairingError(
            f"{type(model).__name__} keeps no replay buffer and has used its rewards when a rollout ends. "
            "Use VecVLMReward(venv, reward) instead of RelabelCallback."
        )
    if isinstance(model.replay_buffer, HerReplayBuffer):
        raise PairingError(
            "HerReplayBuffer computes rewards anew from the environment's compute_reward(), so relabelled ones would "
            "be mixed with those. Use a plain replay buffer."
        )
    venv: Any = model.get_env()
    if is_vecenv_wrapped(venv, VecVLMReward) or any(venv.env_is_wrapped(VLMReward)):
        raise PairingError(
            "the frames are scored in the environment already. Use RelabelCallback or VLMReward, not both."
        )
    normalize = model.get_vec_normalize_env()
    if normalize is not None and normalize.norm_reward:
        raise PairingError(
            "VecNormalize(norm_reward=True) would normalise our rewards with the statistics of the environment's own. "
            "Use norm_reward=False."
        )
    require_captured_frames(venv, reward)

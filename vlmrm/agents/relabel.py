"""`RelabelCallback`: whole rollouts scored at once, written over the rewards that an algorithm has stored."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Float, Float32, UInt8
from stable_baselines3.common.callbacks import BaseCallback
from stable_baselines3.common.off_policy_algorithm import OffPolicyAlgorithm
from stable_baselines3.common.on_policy_algorithm import OnPolicyAlgorithm
from stable_baselines3.common.vec_env import is_vecenv_wrapped
from stable_baselines3.her.her_replay_buffer import HerReplayBuffer
from torch import Tensor

from vlmrm.agents.held_buffers import hold, release
from vlmrm.agents.log_rewards import record_rewards
from vlmrm.agents.pairing import (
    current_frames,
    first_frames,
    require_captured_frames,
    require_same_gamma,
    terminated_of,
)
from vlmrm.agents.unscored import ScoredSteps, Step, UnscoredSteps
from vlmrm.agents.vec_reward import EpisodeReturns, VecVLMReward
from vlmrm.errors import PairingError
from vlmrm.frames import as_frames
from vlmrm.rewards.protocols import FrameReward
from vlmrm.types import Frames
from vlmrm.wrappers.episodes import AnyReward, EpisodeRewards, as_reward, frames_of
from vlmrm.wrappers.hindsight import refuse_hindsight
from vlmrm.wrappers.plain_values import plain_flags
from vlmrm.wrappers.vlm_reward import VLMReward


@dataclass(frozen=True, kw_only=True, eq=False)
class _Taken:
    """A step that was taken and is not stored yet."""

    token: object
    """Object by which the buffer knows it again."""
    step: Step
    frames: Frames
    """One frame per environment, at the encoder's size; where a judge looks at them too, as they were drawn."""
    first: UInt8[Tensor, "m h w 3"] | None
    """First frames of the episodes that began where others ended; None: none did, or the reward does not look back."""


class RelabelCallback(BaseCallback):
    """Score the frames of each rollout in large batches and write the rewards into the agent's buffer.

    Takes off-policy and on-policy algorithms, and gives the same numbers as `VecVLMReward` with fewer and larger
    batches; a long `train_freq` or `n_steps` makes them larger. Episodes may have any length. N-step buffers work,
    since they add up the rewards when they are sampled. Of on-policy algorithms returns and advantages are computed of
    the new rewards, and what a time limit adds, ``gamma * V(terminal observation)``, is added to them.

    Until they are scored, rewards in the buffer are NaN. Whoever samples or saves the buffer, in the middle of a
    rollout or after an exception, has them scored first.

    It logs ``reward/vlm_mean``, ``reward/env_mean``, ``rollout/ep_vlm_rew_mean`` and ``time/frames_per_s`` (of
    scoring).

    Args:
        reward: Reward to score with: a `RewardModel`, a `FunctionReward`, or a spec, which is loaded first.
        env_weight: Weight of the environments' own rewards, which are added; 0 leaves them out.

    Raises:
        PairingError: When training starts: the algorithm is neither off-policy nor on-policy, its buffer makes up
            rewards of its own (HER), rewards are normalised (`VecNormalize`) or scored already, or the environments
            have no `CaptureFrame` that fits the reward. While training: the callback was not called at every step, or
            there are two.

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
        self._buffer: Any = None
        self._last_step: tuple[Any, Any] = (None, None)
        """Observations before and after it; where an agent goes on from another one, there was a reset in between."""
        self._begin_buffer(None)

    def _begin_buffer(self, buffer: Any) -> None:
        num_envs = 1 if buffer is None else buffer.n_envs
        self._buffer, self._last_step = buffer, (None, None)
        self._rewards = EpisodeRewards(self._reward, env_weight=self._env_weight, num_envs=num_envs)
        self._unscored = UnscoredSteps(self._rewards)
        self._taken: _Taken | None = None
        self._stored: list[tuple[int, Float[np.ndarray, " e"]]] = []
        """Row of each step that waits for its rewards, and what the algorithm had added to them."""
        self._rollout: list[Float32[np.ndarray, "t e"]] = []
        self.episode_returns = EpisodeReturns(num_envs)
        """Sums of our rewards per episode."""

    @property
    def last_rewards(self) -> Float32[np.ndarray, "t e"]:
        """Ours for the last rollout, steps x environments, without the environment's share."""
        return np.concatenate(self._rollout) if self._rollout else np.zeros((0, 0), np.float32)

    def _init_callback(self) -> None:
        model: Any = self.model
        buffer = _require_buffer(model, self._reward)
        require_same_gamma(self._reward.spec, model.gamma)
        for left_over in (self._buffer, buffer):
            release(left_over)
        self._forget_taken()
        if self._buffer is not buffer:
            self._begin_buffer(buffer)
        hold(buffer, self)
        if any(model._last_obs is known for known in self._last_step):
            return
        self.episode_returns.clear_running()
        if self._rewards.needs_history:
            self._rewards.begin(current_frames(model.get_env()))

    def _on_rollout_start(self) -> None:
        self._rollout = []

    def _on_step(self) -> bool:
        """Keep the frames; Stable-Baselines3 stores the transition right after this, which calls `stored`."""
        hold(self._buffer, self)
        infos, num_envs = self.locals["infos"], self._buffer.n_envs
        dones = plain_flags(self.locals["dones"], num_envs, "dones")
        frames, first = self._resized(frames_of(infos)), None
        if self._rewards.needs_history and dones.any():
            first = self._resized(first_frames(self.training_env, dones))
        env_rewards = self._rewards.own_rewards(self.locals["rewards"], num_envs).astype(np.float32)
        step = Step(dones=dones, terminated=terminated_of(dones, infos), env_rewards=env_rewards)
        self._last_step = (self.model._last_obs, self.locals["new_obs"])
        token = self._buffer.take_token(self.locals)
        self._taken = _Taken(token=token, step=step, frames=frames, first=first)
        return True

    def _resized(self, frames: list[Any]) -> Frames:
        small = self._reward.capture
        return as_frames(frames) if small is None else small.resize(as_frames(frames))

    def stored(self, token: object, row: int, added: Float[np.ndarray, " e"]) -> None:
        """Called by the buffer: a step was stored, in this row, with what the algorithm had added to its rewards."""
        taken, self._taken = self._taken, None
        if taken is None or taken.token is not token:
            raise PairingError(
                "RelabelCallback was not called at every step, so some rewards would stay the environment's own. Give "
                "it to learn() directly or in a list, each time, and not inside a callback that calls it now and then."
            )
        self._stored.append((row, added))
        self._unscored.add(taken.step, taken.frames, taken.first)

    def flush(self) -> None:
        """Score what is stored and not scored yet; the buffer calls it before it is sampled or saved.

        Only needed by hand to read ``buffer.rewards`` itself in the middle of a rollout.
        """
        if not self._stored:
            return
        scored = self._unscored.score()
        kept = slice(-self._buffer.buffer_size, None)  # a rollout longer than the buffer has overwritten its start
        rows, added = zip(*self._stored[kept], strict=True)
        self._buffer.rewards[list(rows)] = scored.total[kept] + np.stack(added)
        self._stored = []
        self._rollout.append(scored.vlm)
        for rewards, dones in zip(scored.vlm, scored.dones, strict=True):
            self.episode_returns.add(rewards, dones)
        self._log(scored)

    def _on_rollout_end(self) -> None:
        self.flush()

    def _on_training_end(self) -> None:
        release(self._buffer)
        self._forget_taken()

    def _forget_taken(self) -> None:
        """Drop a step that was taken and never stored, but for the episodes that it began."""
        taken, self._taken = self._taken, None
        if taken is not None and taken.first is not None:
            self._rewards.begin(taken.first, taken.step.dones)

    def _log(self, scored: ScoredSteps) -> None:
        record_rewards(self.logger, vlm=scored.vlm, env=scored.env, returns=self.episode_returns)
        self.logger.record_mean("time/frames_per_s", scored.vlm.size / max(scored.seconds, 1e-9))


def _require_buffer(model: Any, reward: FrameReward) -> Any:
    """The buffer of an algorithm; refuses combinations that would train on wrong rewards without saying so.

    Args:
        model: Algorithm of Stable-Baselines3.
        reward: The reward that scores the frames.

    Raises:
        PairingError: If the algorithm is of neither kind, its buffer makes up rewards of its own, rewards are
            normalised or scored already, or the environments capture no fitting frames.
    """
    if not isinstance(model, OffPolicyAlgorithm | OnPolicyAlgorithm):
        raise PairingError(
            f"{type(model).__name__} is neither an off-policy nor an on-policy algorithm of Stable-Baselines3, so "
            "there is no buffer to write rewards into. Use VecVLMReward(venv, reward) instead of RelabelCallback."
        )
    buffer: Any = model.replay_buffer if isinstance(model, OffPolicyAlgorithm) else model.rollout_buffer
    if isinstance(buffer, HerReplayBuffer):
        refuse_hindsight()
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
    return buffer

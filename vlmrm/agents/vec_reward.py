"""`VecVLMReward`: a Stable-Baselines3 vector environment, rewarded for what its pictures show."""

from collections import deque
from collections.abc import Iterable
from typing import Any

import numpy as np
from jaxtyping import Bool, Float32
from stable_baselines3.common.vec_env import VecEnv, VecEnvWrapper, is_vecenv_wrapped

from vlmrm.errors import PairingError
from vlmrm.rewards.layers import ShapingOptions
from vlmrm.rewards.model import RewardModel
from vlmrm.rewards.spec import RewardSpec
from vlmrm.wrappers.capture_frame import CaptureFrame
from vlmrm.wrappers.step_rewards import AnyReward, StepRewards, frames_of, require_same_quality, require_same_resize
from vlmrm.wrappers.vlm_reward import VLMReward


class EpisodeReturns:
    """Sums of the rewards of each episode, for environments side by side.

    Args:
        num_envs: How many there are.
        keep: How many finished episodes to remember.

    Example:
        >>> returns = EpisodeReturns(num_envs=1)
        >>> for reward, done in [(1.0, False), (2.0, True), (5.0, False)]:
        ...     returns.add(np.float32([reward]), np.array([done]))
        >>> list(returns.finished)
        [3.0]
    """

    def __init__(self, num_envs: int, keep: int = 100) -> None:
        self.finished: deque[float] = deque(maxlen=keep)
        """The last episodes' sums, oldest first."""
        self._running = np.zeros(num_envs)

    def add(self, rewards: Float32[np.ndarray, " e"], dones: Bool[np.ndarray, " e"]) -> None:
        """One step of all environments."""
        self._running += rewards
        self.finished.extend(float(total) for total in self._running[dones])
        self._running[dones] = 0.0

    def clear_running(self) -> None:
        """Forget episodes that have not ended, as a reset does."""
        self._running[:] = 0.0


class VecVLMReward(VecEnvWrapper):
    """Replace the rewards of a vector environment by the scores of its frames, all scored in one batch a step.

    Works with every algorithm. ``info["env_reward"]`` keeps the environment's own reward, ``info["vlm_reward"]`` is
    the one of the picture, and ``info["frame"]`` the picture, also for the last step of an episode.

    Args:
        venv: Its environments have `CaptureFrame`.
        reward: What to score with; a spec is loaded first.
        offset: Subtracted from every score, to take off a constant that would pay for long episodes.
        env_weight: Of the environment's own reward, which is added; 0 leaves it out.

    Raises:
        PairingError: The environments have no `CaptureFrame`, or one for another encoder or of another render quality
            than the reward's; or there is a VecVLMReward already.

    Example:
        >>> import gymnasium as gym
        >>> from stable_baselines3.common.vec_env import DummyVecEnv
        >>> from vlmrm import PromptSet, RewardModel
        >>> reward = RewardModel.load("sim-s", PromptSet("a pole held upright", "a pole on its cart"))
        >>> def make():
        ...     env = gym.make("CartPole-v1", render_mode="rgb_array")
        ...     return CaptureFrame(env, reward.capture_preprocessing)
        >>> venv = VecVLMReward(DummyVecEnv([make, make]), reward)
        >>> _ = venv.reset()
        >>> obs, rewards, dones, infos = venv.step(np.array([0, 1]))
        >>> rewards.shape, infos[0]["env_reward"]
        ((2,), 1.0)
    """

    def __init__(self, venv: VecEnv, reward: AnyReward, *, offset: float = 0.0, env_weight: float = 0.0) -> None:
        if is_vecenv_wrapped(venv, VecVLMReward):
            raise PairingError("the vector environment has a VecVLMReward already. Use one.")
        if any(venv.env_is_wrapped(VLMReward)):
            raise PairingError(
                "the environments have a VLMReward already, whose reward would be taken for their own. "
                "Use VLMReward or VecVLMReward, not both."
            )
        super().__init__(venv)
        self._rewards, self._env_weight = StepRewards(reward, offset, venv.num_envs), env_weight
        require_captured_frames(venv, self._rewards.model)
        self.episode_returns = EpisodeReturns(venv.num_envs)
        """Sums of our rewards per episode."""

    def reset(self) -> Any:
        """As the environments'."""
        self.episode_returns.clear_running()
        obs = self.venv.reset()
        if self._rewards.looks_back:
            self._rewards.begin(first_frames(self.venv))
        return obs

    def step_wait(self) -> tuple[Any, np.ndarray, np.ndarray, list[dict[str, Any]]]:
        """As the environments', with the scores of the frames as rewards."""
        obs, env_rewards, dones, infos = self.venv.step_wait()
        terminated = terminated_of(dones, infos)
        rewards = self._rewards.step(frames_of(infos), terminated)
        for info, env_reward, reward in zip(infos, env_rewards, rewards, strict=True):
            info["env_reward"], info["vlm_reward"] = float(env_reward), float(reward)
        if self._rewards.looks_back and dones.any():
            self._rewards.begin(first_frames(self.venv, dones), dones)
        self._rewards.watch(rewards, terminated)
        self.episode_returns.add(rewards, dones)
        if self._env_weight:
            rewards = rewards + np.float32(self._env_weight) * env_rewards.astype(np.float32)
        return obs, rewards, dones, list(infos)


def terminated_of(dones: Bool[np.ndarray, " e"], infos: Iterable[dict[str, Any]]) -> Bool[np.ndarray, " e"]:
    """Which environments ended other than by a time limit; Stable-Baselines3 puts both into `dones`."""
    return dones & ~np.array([info.get("TimeLimit.truncated", False) for info in infos], dtype=np.bool_)


def first_frames(venv: VecEnv, which: Bool[np.ndarray, " e"] | None = None) -> list[Any]:
    """The first frames of the episodes that run now.

    Args:
        venv: Any wrapper of the vector environment, which keeps the infos of the last resets in its innermost part.
        which: Environments that are asked for; None: all.

    Raises:
        PairingError: The info of a reset has no frame.
    """
    infos = venv.unwrapped.reset_infos
    return frames_of(info for index, info in enumerate(infos) if which is None or which[index])


def require_captured_frames(venv: VecEnv, model: RewardModel) -> None:
    """Refuse environments without `CaptureFrame`, or with one for another encoder or render quality.

    Args:
        venv: The vector environment.
        model: Scores the frames.

    Raises:
        PairingError: One environment does not fit.
    """
    if not all(venv.env_is_wrapped(CaptureFrame)):
        raise PairingError(
            "the environments of this vector environment have no CaptureFrame. Stable-Baselines3 resets inside step(), "
            "so a picture taken from outside shows the next episode. Make each of them with "
            'CaptureFrame(gym.make(..., render_mode="rgb_array"), reward.capture_preprocessing).'
        )
    for captured in venv.get_attr("capture_preprocessing"):
        require_same_resize(captured, model.encoder.preprocessing)
    for drawn in venv.get_attr("drawn_quality"):
        require_same_quality(drawn, model.spec.render_quality)


def require_same_gamma(spec: RewardSpec, gamma: float) -> None:
    """Refuse potential-based shaping with another discount than the agent's.

    Args:
        spec: Of the reward.
        gamma: Of the agent.

    Raises:
        PairingError: They differ.
    """
    options = spec.time_options()
    if isinstance(options, ShapingOptions) and options.gamma != gamma:
        raise PairingError(
            f"the reward shapes with gamma={options.gamma:g} and the agent discounts with gamma={gamma:g}, so that "
            f"shaping would change what is optimal. Set gamma={gamma:g} in over_time."
        )

"""`VecVLMReward`: a Stable-Baselines3 vector environment, rewarded for what its pictures show."""

from collections import deque
from typing import Any

import numpy as np
from jaxtyping import Bool, Float32
from stable_baselines3.common.vec_env import VecEnv, VecEnvWrapper, is_vecenv_wrapped

from vlmrm.agents.pairing import first_frames, require_captured_frames, terminated_of
from vlmrm.errors import PairingError
from vlmrm.wrappers.episodes import AnyReward, EpisodeRewards, frames_of
from vlmrm.wrappers.hindsight import COMPUTE_REWARD, refuse_hindsight
from vlmrm.wrappers.plain_values import plain_flags
from vlmrm.wrappers.reported_returns import ReportedReturns
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
    the one of the picture, and ``info["frame"]`` the picture, also for the last step of an episode. Where a `Monitor`
    inside reports an episode, ``info["episode"]["r"]`` becomes our return and ``["env_r"]`` the environment's.

    Args:
        venv: Its environments have `CaptureFrame`.
        reward: Reward to score with: a `RewardModel`, a `FunctionReward`, or a spec, which is loaded first.
        env_weight: Weight of the environments' own rewards, which are added; 0 leaves them out.

    Raises:
        PairingError: The environments have no `CaptureFrame`, or one for another encoder or of another render quality
            than the reward's; or there is a VecVLMReward already.

    Example:
        >>> import gymnasium as gym
        >>> from stable_baselines3.common.vec_env import DummyVecEnv
        >>> from vlmrm import PromptSet, RewardModel
        >>> from vlmrm.wrappers import CaptureFrame
        >>> reward = RewardModel.load("sim-s", PromptSet("a pole held upright", "a pole on its cart"))
        >>> size = reward.capture  # what goes to worker processes holds no model
        >>> def make():
        ...     env = gym.make("CartPole-v1", render_mode="rgb_array")
        ...     return CaptureFrame(env, size)
        >>> venv = VecVLMReward(DummyVecEnv([make, make]), reward)
        >>> _ = venv.reset()
        >>> obs, rewards, dones, infos = venv.step(np.array([0, 1]))
        >>> rewards.shape, infos[0]["env_reward"]
        ((2,), 1.0)
    """

    def __init__(self, venv: VecEnv, reward: AnyReward, *, env_weight: float = 0.0) -> None:
        if is_vecenv_wrapped(venv, VecVLMReward):
            raise PairingError("the vector environment has a VecVLMReward already. Use one.")
        if any(venv.env_is_wrapped(VLMReward)):
            raise PairingError(
                "the environments have a VLMReward already, whose reward would be taken for their own. "
                "Use VLMReward or VecVLMReward, not both."
            )
        super().__init__(venv)
        self._rewards = EpisodeRewards(reward, env_weight=env_weight, num_envs=venv.num_envs)
        require_captured_frames(venv, self._rewards.reward)
        self.env_weight = self._rewards.env_weight
        """Weight of the environments' own rewards."""
        self.episode_returns = EpisodeReturns(venv.num_envs)
        """Sums of our rewards per episode."""
        self._reported = ReportedReturns(venv.num_envs)

    def reset(self) -> Any:
        """As the environments'."""
        self.episode_returns.clear_running()
        self._reported.restart()
        obs = self.venv.reset()
        if self._rewards.needs_history:
            self._rewards.begin(first_frames(self.venv))
        return obs

    def step_wait(self) -> tuple[Any, np.ndarray, np.ndarray, list[dict[str, Any]]]:
        """As the environments', with the scores of the frames as rewards."""
        obs, env_rewards, dones, infos = self.venv.step_wait()
        dones = plain_flags(dones, self.num_envs, "dones")
        terminated = terminated_of(dones, infos)
        paid = self._rewards.step(frames_of(infos), terminated, env_rewards)
        infos = [info | ours for info, ours in zip(infos, paid.infos(), strict=True)]
        infos = self._reported.add(paid.total, dones, infos)
        if self._rewards.needs_history and dones.any():
            self._rewards.begin(first_frames(self.venv, dones), dones)
        self.episode_returns.add(paid.vlm, dones)
        return obs, paid.total, dones, infos

    def env_method(self, method_name: str, *method_args: Any, indices: Any = None, **method_kwargs: Any) -> list[Any]:
        """As the environments', except for hindsight replay's `compute_reward`, which is refused."""
        if method_name == COMPUTE_REWARD:  # a wrapper around CaptureFrame could answer
            refuse_hindsight()
        return list(self.venv.env_method(method_name, *method_args, indices=indices, **method_kwargs))

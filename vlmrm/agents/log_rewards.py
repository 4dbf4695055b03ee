"""`LogRewards`: what `RelabelCallback` logs, for agents whose environments score each step themselves."""

from itertools import takewhile
from typing import Any

import numpy as np
from jaxtyping import Float
from stable_baselines3.common.callbacks import BaseCallback
from stable_baselines3.common.logger import Logger
from stable_baselines3.common.vec_env import VecEnv, VecEnvWrapper, unwrap_vec_wrapper

from vlmrm.agents.vec_reward import EpisodeReturns, VecVLMReward
from vlmrm.errors import ChangedRewardWarning, PairingError, warn_user
from vlmrm.wrappers.episodes import ENV_REWARD, VLM_REWARD
from vlmrm.wrappers.vlm_reward import VLMReward


def record_rewards(
    logger: Logger, *, vlm: Float[np.ndarray, "t e"], env: Float[np.ndarray, "t e"], returns: EpisodeReturns
) -> None:
    """Log the rewards of some steps, by the same names for every way to reward an agent.

    Args:
        logger: Logger of the agent.
        vlm: Rewards of the frames.
        env: The environments' own rewards.
        returns: Sums of the former per episode.
    """
    logger.record_mean("reward/vlm_mean", float(vlm.mean()))
    logger.record_mean("reward/env_mean", float(env.mean()))
    if returns.finished:
        logger.record("rollout/ep_vlm_rew_mean", float(np.mean(returns.finished)))


class LogRewards(BaseCallback):
    """Log our rewards where `VecVLMReward` or `VLMReward` pays them, as `RelabelCallback` does by itself.

    It logs ``reward/vlm_mean``, ``reward/env_mean`` and ``rollout/ep_vlm_rew_mean``. It warns, once, where something
    outside of ours changes what the agent is paid, and names the wrappers there.

    Raises:
        PairingError: When training starts: nothing in the agent's environments scores frames.

    Example:
        >>> import gymnasium as gym
        >>> from stable_baselines3 import A2C
        >>> from vlmrm import PromptSet, RewardModel
        >>> reward = RewardModel.load("sim-s", PromptSet("a pole held upright", "a pole on its cart"))
        >>> env = VLMReward(gym.make("CartPole-v1", max_episode_steps=2, render_mode="rgb_array"), reward)
        >>> _ = A2C("MlpPolicy", env, device="cpu").learn(5, callback=LogRewards())
    """

    def _init_callback(self) -> None:
        venv: Any = self.training_env
        ours = unwrap_vec_wrapper(venv, VecVLMReward)
        if ours is None and not all(venv.env_is_wrapped(VLMReward)):
            raise PairingError(
                "LogRewards logs what VLMReward or VecVLMReward pays, and the agent's environments have neither. "
                "RelabelCallback logs its rewards itself."
            )
        self._weights = np.array(venv.get_attr("env_weight") if ours is None else [ours.env_weight] * venv.num_envs)
        self.episode_returns = EpisodeReturns(venv.num_envs)
        """Sums of our rewards per episode."""
        self._vlm: list[Float[np.ndarray, " e"]] = []
        self._env: list[Float[np.ndarray, " e"]] = []
        self._warned = False

    def _on_step(self) -> bool:
        infos = self.locals["infos"]
        vlm = np.array([info[VLM_REWARD] for info in infos], dtype=np.float32)
        env = np.array([info[ENV_REWARD] for info in infos])
        self._vlm.append(vlm)
        self._env.append(env)
        self.episode_returns.add(vlm, self.locals["dones"])
        self._warn_if_changed(vlm + self._weights * env)
        return True

    def _on_rollout_end(self) -> None:
        record_rewards(self.logger, vlm=np.stack(self._vlm), env=np.stack(self._env), returns=self.episode_returns)
        self._vlm, self._env = [], []

    def _warn_if_changed(self, ours: Float[np.ndarray, " e"]) -> None:
        normalize = self.model.get_vec_normalize_env()
        paid = self.locals["rewards"] if normalize is None else normalize.get_original_reward()
        if self._warned or np.allclose(paid, ours, rtol=1e-4, atol=1e-6):
            return
        self._warned, index = True, int(np.argmax(np.abs(paid - ours)))
        warn_user(
            f"the agent is paid {paid[index]:.4g} for a step that our reward gave {ours[index]:.4g}: one of "
            f"{', '.join(_outside(self.training_env))} changes rewards outside of it. Put it inside, where it changes "
            "the environment's own reward only, or leave it out; a scaling of ours belongs into the reward's spec.",
            ChangedRewardWarning,
        )


def _outside(venv: VecEnv) -> list[str]:
    """Names of the wrappers around ours, the outermost first."""
    names: list[str] = []
    ours = unwrap_vec_wrapper(venv, VecVLMReward)
    while isinstance(venv, VecEnvWrapper) and venv is not ours:
        names.append(type(venv).__name__)
        venv = venv.venv
    if ours is not None:
        return names
    inside = venv.env_method("__str__", indices=[0])[0].strip("<>").split("<")  # of <Outermost<Next<...>>>
    return names + list(takewhile(lambda name: name != VLMReward.__name__, inside))

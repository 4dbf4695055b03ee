"""`EpisodeRewards`: frames of steps become an agent's rewards, in the same way for every wrapper and callback."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from jaxtyping import Bool, Float, Float32

from vlmrm.errors import PairingError, SpecError
from vlmrm.rewards.features.frame_features import FrameFeatures
from vlmrm.rewards.model import RewardModel
from vlmrm.rewards.protocols import FrameReward
from vlmrm.rewards.spec import RewardSpec
from vlmrm.rewards.stream import RewardStream
from vlmrm.values import require_number
from vlmrm.wrappers.plain_values import plain_numbers
from vlmrm.wrappers.survival import SurvivalWatch

AnyReward = FrameReward | RewardSpec | Mapping[str, Any]
"""A reward that is loaded, its spec, or what `written` makes of one."""
ENV_REWARD, VLM_REWARD = "env_reward", "vlm_reward"
"""Keys of an info: the environment's own reward, and that of the frame."""
_FUNCTION = "function"


def as_reward(given: Any) -> FrameReward:
    """The reward itself, loaded where only its spec was given.

    Args:
        given: A `RewardModel`, `FunctionReward` or other `FrameReward`, a `RewardSpec`, or what `written` returned.

    Raises:
        SpecError: If it is none of them, the values are no spec, or a function was written down by its name alone.
    """
    if isinstance(given, RewardSpec):
        return RewardModel.from_spec(given)
    if isinstance(given, Mapping):
        if set(given) == {_FUNCTION}:
            raise SpecError(
                f"the reward was the function {given[_FUNCTION]}, which a spec of an environment cannot hold. Make the "
                "environment without it, and put VLMReward(env, FunctionReward(function)) around it again."
            )
        return RewardModel.from_spec(RewardSpec.from_dict(given))
    if isinstance(given, FrameReward):
        return given
    raise SpecError(
        f"the reward must be a RewardModel, a FunctionReward, a RewardSpec or its dictionary; got "
        f'{type(given).__name__}. For example RewardModel.load("sim-s", PromptSet(goal="…", baseline="…")), '
        'RewardSpec.load("reward.toml"), or FunctionReward(f) of a function f of frames.'
    )


def written(reward: FrameReward, quality: str | None) -> dict[str, Any]:
    """A reward as plain values, for the spec of an environment; of a function, its name.

    Args:
        reward: The reward.
        quality: Quality that its frames are drawn in; None: as the reward's spec says.
    """
    if reward.spec is None:
        return {_FUNCTION: reward.name}
    return replace(reward.spec, render_quality=quality or reward.spec.render_quality).to_dict()


@dataclass(frozen=True, kw_only=True, eq=False)
class Paid:
    """What one step of some environments was paid."""

    vlm: Float[np.ndarray, " n"]
    """Rewards of the frames."""
    env: Float[np.ndarray, " n"]
    """The environments' own rewards; NaN where one is not a number and has no weight."""
    total: Float[np.ndarray, " n"]
    """Rewards that the agent gets: of the frames, and the environments' own by their weight."""

    @classmethod
    def nothing(cls, num_envs: int) -> "Paid":
        """Return what a reset is paid; its infos have the same keys as those of a step.

        Args:
            num_envs: Number of environments.
        """
        return cls(vlm=np.zeros(num_envs), env=np.zeros(num_envs), total=np.zeros(num_envs))

    def infos(self) -> list[dict[str, float]]:
        """Return what goes into the info of each environment."""
        pairs = zip(self.env, self.vlm, strict=True)
        return [{ENV_REWARD: float(env), VLM_REWARD: float(vlm)} for env, vlm in pairs]

    def vector_infos(self, which: Bool[np.ndarray, " n"] | None = None) -> dict[str, np.ndarray]:
        """Return what goes into the infos of a vector environment: arrays, and for whom they hold.

        Args:
            which: Environments for whom they hold; None: all.
        """
        which = np.ones(len(self.env), dtype=np.bool_) if which is None else which
        return {ENV_REWARD: self.env, f"_{ENV_REWARD}": which, VLM_REWARD: self.vlm, f"_{VLM_REWARD}": which}


class EpisodeRewards:
    """Rewards the steps of environments side by side, and watches whether the reward pays for long episodes.

    Args:
        reward: Reward to score with; a spec is loaded first.
        env_weight: Weight of the environments' own rewards, which are added; 0 leaves them out.
        num_envs: Number of episodes that run side by side.

    Example:
        >>> import gymnasium as gym
        >>> from vlmrm import PromptSet
        >>> reward = RewardModel.load("sim-s", PromptSet("a pole held upright", "a pole on its cart"))
        >>> rewards = EpisodeRewards(reward, env_weight=0.5)
        >>> env = gym.make("CartPole-v1", render_mode="rgb_array")
        >>> _ = env.reset(seed=0)
        >>> rewards.begin(env.render())
        >>> paid = rewards.step(env.render(), np.array([False]), np.array([1.0]))
        >>> bool(paid.total[0] == paid.vlm[0] + 0.5)
        True
    """

    def __init__(self, reward: AnyReward, *, env_weight: float = 0.0, num_envs: int = 1) -> None:
        require_number("env_weight", env_weight)
        self.reward: FrameReward = as_reward(reward)
        """The reward that scores."""
        self.env_weight = float(env_weight)
        """Weight of the environments' own rewards."""
        self.stream: RewardStream = self.reward.stream(num_envs)
        """What has to be remembered of each episode."""
        self._survival = SurvivalWatch()

    @property
    def needs_history(self) -> bool:
        """Whether it wants the first frames of episodes."""
        return self.stream.needs_history

    def begin(self, frames: Any, which: Bool[np.ndarray, " e"] | None = None) -> None:
        """Start new episodes; costs nothing where the reward does not look back.

        Args:
            frames: Their first frames, as `FrameReward.read` takes them.
            which: Environments that start; None: all.
        """
        if self.needs_history and (which is None or which.any()):
            self.begin_seen(self.reward.read(frames), which)

    def begin_seen(self, seen: FrameFeatures, which: Bool[np.ndarray, " e"] | None = None) -> None:
        """`begin`, with frames that have been read."""
        self.stream.begin(seen, None if which is None else torch.from_numpy(which))

    def step(
        self,
        frames: Any,
        terminated: Bool[np.ndarray, " n"],
        env_rewards: Any,
        which: Bool[np.ndarray, " e"] | None = None,
    ) -> Paid:
        """Return what one step is paid.

        Args:
            frames: Frames after the step, as `FrameReward.read` takes them.
            terminated: Whose episode it ended other than by a time limit.
            env_rewards: The environments' own rewards, as `own_rewards` takes them.
            which: Environments that made the step; None: all.

        Raises:
            PairingError: If the reward looks back, and an episode's first frame was never given; or as `own_rewards`.
        """
        own = self.own_rewards(env_rewards, len(terminated))
        rewards = self.step_seen(self.reward.read(frames), terminated, which)
        return self.pay(rewards, terminated, own)

    def own_rewards(self, values: Any, count: int) -> Float[np.ndarray, " n"]:
        """Return the environments' own rewards as numbers; where they have no weight, NaN for what is not a number.

        Args:
            values: One value for each environment, of whatever form.
            count: Number of environments.

        Raises:
            PairingError: If there are more or fewer values, or one counts and is not a finite number.
        """
        own = plain_numbers(values, count)
        if self.env_weight and not np.isfinite(own).all():
            index = int(np.flatnonzero(~np.isfinite(own))[0])
            raise PairingError(
                f"the own reward of environment {index} is {values[index]!r}, and env_weight={self.env_weight:g} adds "
                "it to the reward of the picture. Use env_weight=0, or mend the environment."
            )
        return own

    def step_seen(
        self, seen: FrameFeatures, terminated: Bool[np.ndarray, " n"], which: Bool[np.ndarray, " e"] | None = None
    ) -> Float32[np.ndarray, " n"]:
        """Return the rewards of frames that have been read, of one step; `pay` adds the environments' own."""
        steps = None if which is None else torch.from_numpy(which)
        rewards: np.ndarray = self.stream.step(seen, torch.from_numpy(terminated), steps).numpy()
        return rewards

    def pay(
        self,
        rewards: Float32[np.ndarray, " n"],
        terminated: Bool[np.ndarray, " n"],
        env_rewards: Float[np.ndarray, " n"],
    ) -> Paid:
        """Return what steps are paid; warns, once, where the reward is a bonus for long episodes.

        Args:
            rewards: Rewards of some steps, in any order.
            terminated: Whether the step ended its episode other than by a time limit.
            env_rewards: The environments' own rewards.
        """
        self._survival.watch(self.reward, rewards, terminated)
        total: np.ndarray = rewards
        if self.env_weight:
            total = rewards + rewards.dtype.type(self.env_weight) * env_rewards.astype(rewards.dtype)
        return Paid(vlm=rewards, env=env_rewards, total=total)


def frames_of(infos: Iterable[Mapping[str, Any]]) -> list[Any]:
    """The captured frame of each environment's info.

    Raises:
        PairingError: If one has none.
    """
    frames = []
    for index, info in enumerate(infos):
        if "frame" not in info:
            raise PairingError(
                f"environment {index} has no frame in its info, only {', '.join(sorted(info)) or 'nothing'}. A wrapper "
                "around CaptureFrame takes it out; put CaptureFrame outside of it."
            )
        frames.append(info["frame"])
    return frames

"""`StepRewards`: frames of steps become the rewards an agent gets, in the same way for every wrapper and callback."""

import warnings
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import torch
from jaxtyping import Bool, Float, Float32
from torch import Tensor

from vlmrm.errors import PairingError, SpecError, SurvivalBonusWarning
from vlmrm.frames.preprocessing import Preprocessing
from vlmrm.rewards.model import RewardModel
from vlmrm.rewards.spec import RewardSpec

AnyReward = RewardModel | RewardSpec | Mapping[str, Any]
"""A reward that is loaded, its spec, or the spec as plain values."""


def reward_model(given: Any) -> RewardModel:
    """The model of a reward, loaded where only its spec was given.

    Args:
        given: A `RewardModel`, a `RewardSpec`, or what `RewardSpec.to_dict` returns.

    Raises:
        SpecError: It is none of them, or the values are no spec.
    """
    if isinstance(given, RewardModel):
        return given
    if isinstance(given, RewardSpec):
        return given.build()
    if isinstance(given, Mapping):
        return RewardSpec.from_dict(given).build()
    raise SpecError(
        f"the reward must be a RewardModel, a RewardSpec or its dictionary; got {type(given).__name__}. "
        'For example RewardModel.load("sim-s", PromptSet(goal="…", baseline="…")), or RewardSpec.load("reward.toml").'
    )


class StepRewards:
    """Rewards the steps of environments side by side, and watches whether the reward pays for long episodes.

    Args:
        reward: What to score with.
        offset: Subtracted from every reward.
        num_envs: How many episodes run side by side.

    Example:
        >>> import gymnasium as gym
        >>> from vlmrm import PromptSet
        >>> rewards = StepRewards(RewardModel.load("sim-s", PromptSet("a pole held upright", "a pole on its cart")))
        >>> env = gym.make("CartPole-v1", render_mode="rgb_array")
        >>> _ = env.reset(seed=0)
        >>> rewards.begin(env.render())
        >>> rewards.step(env.render(), terminated=np.array([False])).shape
        (1,)
    """

    def __init__(self, reward: AnyReward, offset: float = 0.0, num_envs: int = 1) -> None:
        self.model = reward_model(reward)
        self.offset = float(offset)
        self.stream = self.model.stream(num_envs)
        """What has to be remembered of each episode."""
        self._warned = False
        self._count, self._sum, self._sum_squares = 0, 0.0, 0.0

    @property
    def looks_back(self) -> bool:
        """Whether it wants the first frames of episodes."""
        return self.model.step_head.looks_back

    def begin(self, frames: Any, which: Bool[np.ndarray, " e"] | None = None) -> None:
        """Start new episodes; costs nothing where the reward does not look back.

        Args:
            frames: Their first, as `RewardModel.measure` takes them.
            which: Environments that start; None: all.
        """
        if self.looks_back and (which is None or which.any()):
            self.begin_measured(self.model.measure(frames), which)

    def begin_measured(self, measured: Float[Tensor, "n k"], which: Bool[np.ndarray, " e"] | None = None) -> None:
        """`begin`, with frames that have been measured."""
        self.stream.begin(measured, None if which is None else torch.from_numpy(which))

    def step(
        self, frames: Any, terminated: Bool[np.ndarray, " n"], which: Bool[np.ndarray, " e"] | None = None
    ) -> Float32[np.ndarray, " n"]:
        """The rewards of one step, less the offset.

        Args:
            frames: After the step, as `RewardModel.measure` takes them.
            terminated: Whose episode it ended other than by a time limit.
            which: Environments that made the step; None: all.

        Raises:
            PairingError: The reward looks back, and an episode's first frame was never given.
        """
        return self.step_measured(self.model.measure(frames), terminated, which)

    def step_measured(
        self,
        measured: Float[Tensor, "n k"],
        terminated: Bool[np.ndarray, " n"],
        which: Bool[np.ndarray, " e"] | None = None,
    ) -> Float32[np.ndarray, " n"]:
        """`step`, with frames that have been measured."""
        steps = None if which is None else torch.from_numpy(which)
        rewards: np.ndarray = self.stream.step(measured, torch.from_numpy(terminated), steps).numpy()
        return rewards - np.float32(self.offset)

    def watch(self, rewards: Float32[np.ndarray, " n"], terminated: Bool[np.ndarray, " n"]) -> None:
        """Warn, once, when episodes end early under a reward with a large constant part.

        A reward of 0.25 ± 0.03 pays 0.25 for every further step whatever it shows. Where the environment ends episodes
        early this is a bonus for staying alive, and where it is negative one for dying; with episodes of one length it
        does nothing.

        Args:
            rewards: Of some steps, in any order.
            terminated: Whether the step ended its episode other than by a time limit.
        """
        if self._warned:
            return
        self._count += len(rewards)
        self._sum += float(rewards.sum(dtype=np.float64))
        self._sum_squares += float(np.square(rewards, dtype=np.float64).sum())
        if not terminated.any():
            return
        mean = self._sum / self._count
        spread = max(self._sum_squares / self._count - mean**2, 0.0) ** 0.5
        if abs(mean) > spread:
            self._warned = True
            wish = "stay in the episode" if mean > 0 else "end the episode"
            warnings.warn(
                f"an episode terminated before its time limit, and the reward is {mean:.3f} on average with a spread "
                f"of only {spread:.3f}: every further step counts {mean:.3f} whatever it shows, so the agent is paid "
                f"to {wish}. Use episodes of one length ended by truncation, or take the constant off: "
                f"offset={self.offset + mean:.3f}.",
                SurvivalBonusWarning,
                stacklevel=3,
            )


def frames_of(infos: Iterable[Mapping[str, Any]]) -> list[Any]:
    """The captured frame of each environment's info.

    Raises:
        PairingError: One has none.
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


def require_same_resize(captured: Preprocessing | None, wanted: Preprocessing) -> None:
    """Refuse frames that were shrunk for another encoder, in another way.

    Args:
        captured: Of the `CaptureFrame` inside; None: it does not shrink.
        wanted: Of the encoder that scores.

    Raises:
        PairingError: They differ.
    """
    if captured is not None and replace(captured, mean=wanted.mean, std=wanted.std) != wanted:
        raise PairingError(
            f"CaptureFrame shrinks frames for another encoder ({captured}) than the one that scores them ({wanted}). "
            "Give it preprocessing=reward.capture_preprocessing, or None."
        )


def require_same_quality(drawn: str | None, wanted: str | None) -> None:
    """Refuse frames of another render quality than the reward was made for: it changes what the model sees.

    Args:
        drawn: Of the `CaptureFrame` inside; None: it is no MuJoCo that draws.
        wanted: Of the reward's spec; None: any.

    Raises:
        PairingError: They differ.
    """
    if drawn is not None and wanted is not None and drawn != wanted:
        raise PairingError(
            f"the reward is for frames of render_quality={wanted!r}, and these are drawn {drawn!r}. Draw with "
            f"RenderMujoco(env, quality={wanted!r}), or change the reward's spec."
        )

"""What of Stable-Baselines3 fits a reward of pictures, and what is refused."""

from collections.abc import Iterable
from typing import Any

import numpy as np
from jaxtyping import Bool
from stable_baselines3.common.vec_env import VecEnv

from vlmrm.errors import PairingError
from vlmrm.rewards.protocols import FrameReward
from vlmrm.rewards.spec import RewardSpec
from vlmrm.wrappers.capture_frame import CaptureFrame
from vlmrm.wrappers.episodes import frames_of
from vlmrm.wrappers.fitting_frames import require_fitting_cameras, require_fitting_frames


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


def current_frames(venv: VecEnv) -> list[Any]:
    """The frames of the states from which the environments go on, in the middle of episodes or after a reset.

    Args:
        venv: Its environments have `CaptureFrame`.
    """
    return list(venv.get_attr("last_frame"))


def require_captured_frames(venv: VecEnv, reward: FrameReward) -> None:
    """Refuse environments without `CaptureFrame`, or with one for another encoder or render quality.

    Args:
        venv: The vector environment.
        reward: The reward that scores the frames.

    Raises:
        PairingError: One environment does not fit.
    """
    if not all(venv.env_is_wrapped(CaptureFrame)):
        raise PairingError(
            "the environments of this vector environment have no CaptureFrame. Stable-Baselines3 resets inside step(), "
            "so a picture taken from outside shows the next episode. Make each of them with "
            'CaptureFrame(gym.make(..., render_mode="rgb_array"), reward.capture).'
        )
    drawn = zip(venv.get_attr("capture_preprocessing"), venv.get_attr("drawn_quality"), strict=True)
    for captured, quality in drawn:
        require_fitting_frames(captured, quality, reward)
    for cameras in venv.get_attr("drawn_cameras"):
        require_fitting_cameras(cameras, reward)


def require_same_gamma(spec: RewardSpec | None, gamma: float) -> None:
    """Refuse potential-based shaping with another discount than the agent's.

    Args:
        spec: Spec of the reward; None: a function, which does not shape.
        gamma: Discount of the agent.

    Raises:
        PairingError: If they differ.
    """
    wanted = None if spec is None or spec.over_time is None else spec.over_time.agents_gamma
    if wanted is not None and wanted != gamma:
        raise PairingError(
            f"the reward shapes with gamma={wanted:g} and the agent discounts with gamma={gamma:g}, so that shaping "
            f"would change what is optimal. Set gamma={gamma:g} in over_time."
        )

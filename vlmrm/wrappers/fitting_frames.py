"""Whether frames fit the reward that is to score them: their preprocessing, their quality, and their cameras."""

import warnings
from collections.abc import Sequence
from dataclasses import replace

from vlmrm.errors import PairingError, VlmrmWarning
from vlmrm.frames.preprocessing import Preprocessing
from vlmrm.rewards.protocols import FrameReward


def require_fitting_frames(captured: Preprocessing | None, drawn: str | None, reward: FrameReward) -> None:
    """Refuse frames that were shrunk for another encoder, or drawn in another quality than the reward was made for.

    Args:
        captured: Preprocessing of the `CaptureFrame` inside; None: it does not shrink.
        drawn: Render quality of the `CaptureFrame` inside; None: no MuJoCo draws.
        reward: The reward that scores.

    Raises:
        PairingError: If they do not fit.
    """
    wanted = reward.capture
    if captured is not None and wanted is not None and _resize(captured) != _resize(wanted):
        raise PairingError(
            f"CaptureFrame shrinks frames for another encoder ({captured}) than the one that scores them ({wanted}). "
            "Give it preprocessing=reward.capture, or None."
        )
    if captured is not None and wanted is None and reward.spec is not None:
        raise PairingError(
            f"CaptureFrame shrinks frames for an encoder ({captured}), and the judge of this reward looks at frames as "
            "they were drawn. Give it preprocessing=reward.capture, which is None."
        )
    quality = None if reward.spec is None else reward.spec.render_quality
    if drawn is not None and quality is not None and drawn != quality:
        raise PairingError(
            f"the reward is for frames of render_quality={quality!r}, and these are drawn {drawn!r}. Draw with "
            f"RenderMujoco(env, quality={quality!r}), or change the reward's spec."
        )


def require_fitting_cameras(drawn: Sequence[str] | None, reward: FrameReward) -> None:
    """Refuse frames of other cameras than the reward joins; warns where nobody knows what they show.

    Args:
        drawn: Names of the cameras whose pictures lie side by side in a frame; none: it is one picture. None: nobody
            knows, since the environment draws itself.
        reward: The reward that scores.

    Raises:
        PairingError: If they do not fit.
    """
    if reward.spec is None:
        return
    wanted = () if reward.spec.cameras is None else tuple(reward.spec.cameras.names)
    if drawn is None:
        if len(wanted) > 1:
            warnings.warn(
                f"the environment draws itself, and the reward joins {', '.join(wanted)}: its picture is taken for "
                f"{len(wanted)} side by side. If it is one, it is cut; give the task cameras of these names.",
                VlmrmWarning,
                stacklevel=3,
            )
        return
    if tuple(drawn) != wanted:
        raise PairingError(
            f"the reward is for {_cameras(wanted)}, and the frames show {_cameras(drawn)}. Draw with RenderMujoco(env, "
            "cameras={...}) what the reward names, in its order, or change cameras in the reward's spec."
        )


def _cameras(names: Sequence[str]) -> str:
    return f"the cameras {', '.join(names)} side by side" if names else "one camera"


def _resize(preprocessing: Preprocessing) -> Preprocessing:
    """What decides the resized frame: normalisation comes later."""
    return replace(preprocessing, mean=(0.0, 0.0, 0.0), std=(1.0, 1.0, 1.0))

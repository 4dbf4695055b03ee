"""`CaptureFrame`: the picture of every step, taken before anything resets the environment."""

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

import gymnasium as gym
import numpy as np
from gymnasium.utils import RecordConstructorArgs
from jaxtyping import UInt8

from vlmrm.errors import FrameError, VlmrmError
from vlmrm.frames import as_frames
from vlmrm.frames.preprocessing import Preprocessing
from vlmrm.rendering.env_camera import require_config_applied, require_own_view, require_size_in_buffer, why_not_drawn
from vlmrm.rendering.headless import require_own_gl
from vlmrm.rendering.mujoco import RenderMujoco
from vlmrm.types import Frames
from vlmrm.wrappers.plain_values import Step, plain_info, plain_step
from vlmrm.wrappers.wrapper_chain import find_wrapper


class CaptureFrame(gym.Wrapper[Any, Any, Any, Any], RecordConstructorArgs):
    """Put the frame after each step and each reset in ``info["frame"]``.

    Vector environments reset their parts inside `step`, so that a picture taken from outside shows the next episode.
    This wrapper belongs inside, around each single environment.

    Args:
        env: Any environment made with ``render_mode="rgb_array"``.
        preprocessing: Of the encoder that will score the frames; shrinks them to its size with its own resize, so that
            little is sent and kept. None: as rendered.

    Raises:
        FrameError: The environment does not render one RGB picture, or it ignores the camera that it was configured
            with. Raised here or at the first reset.
        SpecError: It was made with a camera that its model does not have.

    Example:
        >>> env = CaptureFrame(gym.make("CartPole-v1", render_mode="rgb_array"))
        >>> obs, info = env.reset(seed=0)
        >>> info["frame"].shape, str(info["frame"].dtype)
        ((400, 600, 3), 'uint8')
    """

    def __init__(self, env: gym.Env[Any, Any], preprocessing: Preprocessing | Mapping[str, Any] | None = None) -> None:
        if isinstance(preprocessing, Mapping):  # as `env.spec` writes it down
            preprocessing = Preprocessing(**preprocessing)
        RecordConstructorArgs.__init__(self, preprocessing=None if preprocessing is None else asdict(preprocessing))
        gym.Wrapper.__init__(self, env)
        if env.render_mode != "rgb_array":
            raise FrameError(
                f"{env} has render_mode={env.render_mode!r}, and a reward from pictures needs one RGB picture a step. "
                'Make it with gym.make(..., render_mode="rgb_array").'
            )
        self.metadata = env.metadata | {"render_modes": ["rgb_array"]}  # the only one it can be made in again
        self.capture_preprocessing = preprocessing
        """How its frames were shrunk; vector wrappers ask for it by name."""
        ours = find_wrapper(env, RenderMujoco)
        self._draws_itself = ours is None
        of_mujoco = "full" if hasattr(env.unwrapped, "mujoco_renderer") else None
        self.drawn_quality = of_mujoco if ours is None else str(ours.quality)
        """What its frames are drawn with; None: no MuJoCo, which has none to choose."""
        self._looked_at = False
        if self._draws_itself:
            require_own_view(env)
            require_size_in_buffer(env)

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[Any, dict[str, Any]]:
        """As the environment's, with the first frame in `info`."""
        obs, info = self.env.reset(seed=seed, options=options)
        return obs, plain_info(info, self.env) | {"frame": self._frame()}

    def step(self, action: Any) -> Step:
        """As the environment's in plain values (`PlainValues`), with the frame after the step in `info`."""
        obs, reward, terminated, truncated, info = plain_step(self.env.step(action), self.env)
        return obs, reward, terminated, truncated, info | {"frame": self._frame()}

    def _frame(self) -> UInt8[np.ndarray, "h w 3"]:
        """A picture of its own memory: environments may draw the next one into the same array."""
        if self._draws_itself and hasattr(self.unwrapped, "mujoco_renderer"):
            require_own_gl()
        _make_context_current(self.unwrapped)
        rendered = self._rendered()
        if self._draws_itself and not self._looked_at:
            require_config_applied(self.env)
            self._looked_at = True
        frame = _one_frame(rendered, self.env)
        if self.capture_preprocessing is not None:
            frame = self.capture_preprocessing.resize(frame)
        picture: np.ndarray = frame[0].numpy()
        return picture.copy() if np.may_share_memory(picture, rendered) else picture

    def _rendered(self) -> Any:
        try:
            return self.env.render()
        except VlmrmError:
            raise
        except Exception as error:  # whatever a renderer may raise: GL errors come as many kinds
            too_large = why_not_drawn(error, getattr(self.unwrapped, "model", None))
            if too_large is not None:
                raise FrameError(f"{self.env} could not draw: {too_large}") from error
            raise FrameError(
                f"{self.env} could not draw ({type(error).__name__}: {error}). Without a display MuJoCo needs libEGL: "
                "on Debian or Ubuntu apt-get install libegl1, with MUJOCO_GL=egl."
            ) from error


def _make_context_current(env: gym.Env[Any, Any]) -> None:
    """Before a MuJoCo environment renders, make its own GL context the current one.

    gymnasium 1.4 leaves the context of whichever viewer was made last, so that with two different MuJoCo environments
    in one process one is drawn into the other's buffers and silently gives wrong pictures.
    """
    viewer = getattr(getattr(env, "mujoco_renderer", None), "viewer", None)
    if viewer is not None:
        viewer.make_context_current()


def _one_frame(rendered: Any, env: gym.Env[Any, Any]) -> Frames:
    if not isinstance(rendered, np.ndarray) or rendered.ndim not in (2, 3):
        raise FrameError(
            f"{env} rendered {_describe(rendered)}; one RGB picture, an array (h, w, 3) of uint8, is needed. Return it "
            "from the render() of a gymnasium.Wrapper inside CaptureFrame."
        )
    try:
        return as_frames(rendered)
    except FrameError as error:
        raise FrameError(
            f"what {env} rendered cannot be scored: {error} That belongs in the render() of a gymnasium.Wrapper inside "
            "CaptureFrame."
        ) from error


def _describe(rendered: Any) -> str:
    if rendered is None:
        return "nothing (None)"
    if isinstance(rendered, np.ndarray):
        return f"an array of shape {rendered.shape}"
    name = f"{type(rendered).__module__}.{type(rendered).__qualname__}".removeprefix("builtins.")
    try:
        return f"a {name} of shape {np.shape(rendered)}"
    except ValueError:  # of ragged lists
        return f"a {name}"

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
from vlmrm.rendering import RenderQuality
from vlmrm.rendering.env_camera import require_config_applied, require_own_view, require_size_in_buffer, why_not_drawn
from vlmrm.rendering.headless import no_gl
from vlmrm.rendering.mujoco import RenderMujoco
from vlmrm.rendering.own_context import OwnContext
from vlmrm.rendering.parts import gymnasiums_mujoco_envs, mujoco_model_in, parts_of_kind
from vlmrm.types import Frames
from vlmrm.wrappers.hindsight import RefuseHindsight
from vlmrm.wrappers.plain_values import Step, plain_info, plain_step
from vlmrm.wrappers.still_frames import StillFrames
from vlmrm.wrappers.wrapper_chain import find_wrapper


class CaptureFrame(RefuseHindsight, gym.Wrapper[Any, Any, Any, Any], RecordConstructorArgs):
    """Put the frame after each step and each reset in ``info["frame"]``.

    Vector environments reset their parts inside `step`, so that a picture taken from outside shows the next episode.
    This wrapper belongs inside, around each single environment.

    Args:
        env: Any environment made with ``render_mode="rgb_array"``.
        preprocessing: Of the encoder that will score the frames; shrinks them to its size with its own resize, so that
            little is sent and kept. None: as rendered.

    Raises:
        FrameError: The environment does not render one RGB picture, it ignores the camera that it was configured with,
            it draws into whichever OpenGL context is current, or other cameras than are shrunk for. Raised here or at
            the first reset.
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
        _require_as_many(preprocessing, self.drawn_cameras)
        self.capture_preprocessing = preprocessing
        """How its frames were shrunk; vector wrappers ask for it by name."""
        self._own_context, self._has_drawn = OwnContext(env), False
        self._still = StillFrames()
        self.last_frame: np.ndarray | None = None
        """The picture of the present state; agents that go on in the middle of an episode ask for it by name."""
        if not _drawn_by_us(env):
            require_rgb_mode(env, str(env))
            for each in gymnasiums_mujoco_envs(env):
                require_own_view(each)
                require_size_in_buffer(each)

    @property
    def drawn_quality(self) -> str | None:
        """What its frames are drawn with; None: no MuJoCo, which has none to choose."""
        of_mujoco = None if mujoco_model_in(self.env) is None else RenderQuality.FULL
        quality = next((ours.quality for ours in _drawn_by_us(self.env)), of_mujoco)
        return None if quality is None else str(quality)

    @property
    def drawn_cameras(self) -> tuple[str, ...] | None:
        """Names of the cameras whose pictures lie side by side in a frame, none for one picture; None: not known."""
        return next((ours.camera_names for ours in _drawn_by_us(self.env)), None)

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[Any, dict[str, Any]]:
        """As the environment's, with the first frame in `info`."""
        with self._own_context.current():
            obs, info = self.env.reset(seed=seed, options=options)
        self.last_frame = self._frame()
        self._still.begin(self.last_frame)
        return obs, plain_info(info, self.env) | {"frame": self.last_frame}

    def step(self, action: Any) -> Step:
        """As the environment's in plain values (`PlainValues`), with the frame after the step in `info`."""
        with self._own_context.current():
            obs, reward, terminated, truncated, info = plain_step(self.env.step(action), self.env)
        self.last_frame = self._frame()
        self._still.add(self.last_frame)
        return obs, reward, terminated, truncated, info | {"frame": self.last_frame}

    def render(self) -> Any:
        """As the environment's, in its own OpenGL context."""
        return self._own_context.draw(self.env.render)

    def close(self) -> None:
        """As the environment's, which frees what it drew with in its own OpenGL context."""
        with self._own_context.current():
            super().close()

    def _frame(self) -> UInt8[np.ndarray, "h w 3"]:
        """A picture of its own memory: environments may draw the next one into the same array."""
        rendered = self._rendered()
        if not self._has_drawn and not _drawn_by_us(self.env):
            for each in gymnasiums_mujoco_envs(self.env):
                require_config_applied(each)
        self._has_drawn = True
        frame = _one_frame(rendered, self.env)
        if self.capture_preprocessing is not None:
            frame = self.capture_preprocessing.resize(frame)
        picture: np.ndarray = frame[0].numpy()
        return picture.copy() if np.may_share_memory(picture, rendered) else picture

    def _rendered(self) -> Any:
        try:
            return self.render()
        except VlmrmError:
            raise
        except Exception as error:  # whatever a renderer may raise: GL errors come as many kinds
            model, said = mujoco_model_in(self.env), f"{type(error).__name__}: {error}"
            too_large = why_not_drawn(error, model)
            if too_large is not None:
                raise FrameError(f"{self.env} could not draw: {too_large}") from error
            where = "Its render() raised this; the lines are above."
            hint = where if model is None or self._has_drawn else f"{where} If it is OpenGL that fails: {no_gl(error)}"
            raise FrameError(f"{self.env} could not draw ({said}). {hint}") from error


def require_rgb_mode(env: gym.Env[Any, Any], name: str) -> None:
    """Refuse an environment whose render modes do not include pictures in memory; one that names none passes.

    Args:
        env: Any environment.
        name: What to call it.

    Raises:
        FrameError: It names others.
    """
    modes = env.metadata.get("render_modes") or []
    if modes and "rgb_array" not in modes:
        raise FrameError(
            f"{name} does not draw pictures into memory: its render modes are {', '.join(map(str, modes))}, and "
            "rgb_array is needed."
        )


def _drawn_by_us(env: gym.Env[Any, Any]) -> list[RenderMujoco]:
    """What draws it: the outermost `RenderMujoco` around it, or those of environments inside; none: it does itself."""
    around = find_wrapper(env, RenderMujoco)
    return parts_of_kind(env, RenderMujoco) if around is None else [around]


def _require_as_many(preprocessing: Preprocessing | None, cameras: tuple[str, ...] | None) -> None:
    """Refuse to shrink frames for a reward that reads another number of pictures in each."""
    if preprocessing is None or cameras is None or preprocessing.side_by_side == max(len(cameras), 1):
        return
    drawn = f"the pictures of {', '.join(cameras)} side by side" if cameras else "the picture of one camera"
    wanted = "one picture" if preprocessing.side_by_side == 1 else f"{preprocessing.side_by_side} pictures side by side"
    raise FrameError(
        f"the reward reads {wanted} in each frame, and what is drawn is {drawn}. Name in the spec of the reward, as "
        "cameras = { names = [...] }, those that RenderMujoco(env, cameras={...}) draws."
    )


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

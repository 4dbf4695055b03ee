"""Videos of episodes, with the reward drawn as a curve below each picture."""

import base64
import tempfile
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import imageio.v2 as imageio
import numpy as np
from jaxtyping import UInt8
from PIL import Image, ImageDraw, ImageFont

from vlmrm.atomic import whole_file
from vlmrm.errors import FrameError

_STRIP_PX = 64
_NARROWEST_PX = 240  # pictures of fewer pixels are enlarged, so that the numbers can be read
_WHITE, _GREY, _INK, _LINE = (255, 255, 255), (170, 170, 170), (40, 40, 40), (31, 119, 180)
_GOAL = (44, 160, 44)


@dataclass(frozen=True, kw_only=True, eq=False)
class Episode:
    """What a video shows."""

    frames: Sequence[UInt8[np.ndarray, "h w 3"]]
    """One picture per step."""
    rewards: Sequence[float]
    """One reward per step."""
    in_goal: Sequence[bool] = ()
    """Whether the simulator's state is inside the task's bounds; empty: unknown."""
    fps: float = 30.0
    """Pictures per second."""
    title: str = ""
    """A few words above the curve."""


def write_video(episode: Episode, path: Path, *, limits: tuple[float, float] | None = None) -> Path:
    """Write an mp4 (H.264) of an episode with its rewards.

    Args:
        episode: Frames and rewards.
        path: Path of the video.
        limits: Lowest and highest reward of the curve's axis; None: those of the episode.

    Raises:
        FrameError: The episode has no frame.
    """
    if not episode.frames:
        raise FrameError(f"no frame to write to {path}.")
    with whole_file(path) as unfinished, _writer(unfinished, episode.fps) as writer:
        for picture in draw_frames(episode, limits=limits):
            writer.append_data(picture)
    return path


def video_data(episode: Episode, *, limits: tuple[float, float] | None = None) -> str:
    """Return the video as a data address, for a page.

    Args:
        episode: Frames and rewards.
        limits: As in `write_video`.
    """
    with tempfile.TemporaryDirectory() as folder:
        return mp4_data(write_video(episode, Path(folder) / "episode.mp4", limits=limits).read_bytes())


def mp4_data(video: bytes) -> str:
    """Return a data address of what an mp4 file holds.

    Example:
        >>> mp4_data(b"abc")
        'data:video/mp4;base64,YWJj'
    """
    return f"data:video/mp4;base64,{base64.b64encode(video).decode()}"


def _writer(path: Path, fps: float) -> Any:
    # players want yuv420p, which wants even sizes; the pictures have them, so that nothing need be rescaled
    return imageio.get_writer(path, fps=fps, codec="libx264", pixelformat="yuv420p", macro_block_size=2, quality=7)


def draw_frames(
    episode: Episode, *, limits: tuple[float, float] | None = None
) -> Iterable[UInt8[np.ndarray, "h2 w2 3"]]:
    """The pictures of a video: each frame above a strip with the rewards up to it; even height and width.

    Args:
        episode: Frames and rewards.
        limits: As in `write_video`.
    """
    height, width = episode.frames[0].shape[:2]
    scale = max(1, -(-_NARROWEST_PX // width))
    size = (_even(width * scale), _even(height * scale))
    low, high = limits or (min(episode.rewards), max(episode.rewards))
    points = _curve(episode.rewards, size[0], (low, high))
    for step, frame in enumerate(episode.frames):
        picture = Image.new("RGB", (size[0], size[1] + _STRIP_PX), _WHITE)
        picture.paste(Image.fromarray(frame).resize(size, Image.Resampling.NEAREST), (0, 0))
        strip = Image.new("RGB", (size[0], _STRIP_PX), _WHITE)
        _draw_strip(ImageDraw.Draw(strip), episode, step, points)
        picture.paste(strip, (0, size[1]))
        yield np.asarray(picture)


def _curve(rewards: Sequence[float], width: int, limits: tuple[float, float]) -> list[tuple[float, float]]:
    low, high = limits
    spread = max(high - low, 1e-9)
    top, bottom = 18.0, _STRIP_PX - 6.0
    return [
        (
            4 + (width - 8) * step / max(len(rewards) - 1, 1),
            bottom - (bottom - top) * min(max((r - low) / spread, 0), 1),
        )
        for step, r in enumerate(rewards)
    ]


def _draw_strip(draw: ImageDraw.ImageDraw, episode: Episode, step: int, points: Sequence[tuple[float, float]]) -> None:
    font = ImageFont.load_default(size=11)
    width = draw.im.size[0]
    draw.line([(0, 0), (width, 0)], fill=_GREY)
    draw.text((4, 2), f"{episode.title}   reward {episode.rewards[step]:.3f}".strip(), fill=_INK, font=font)
    if episode.in_goal and episode.in_goal[step]:
        draw.text((width - 4, 2), "in goal", fill=_GOAL, font=font, anchor="ra")
    draw.line(points, fill=(225, 225, 225))
    if step > 0:
        draw.line(points[: step + 1], fill=_LINE, width=2)
    x, y = points[step]
    draw.ellipse((x - 3, y - 3, x + 3, y + 3), fill=_LINE)


def _even(pixels: int) -> int:
    return pixels + pixels % 2

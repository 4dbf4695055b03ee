"""`video_times`: when each frame of a video is shown.

The number of a frame over the frame rate is not its time. `read_frames` gets the frames of a video at a constant rate:
ffmpeg repeats a picture until the next one is due, and leaves out those that come faster. That rate need not be the one
that the file is said to have: of a video of 3 s with 15 pictures imageio tells 5 frames per second, and reads 76 frames
at 25 per second. Nor need a picture be repeated for as long as it is shown, since the durations in a file may be wrong.
So ffmpeg is asked of each frame that it writes from which picture it was made, and when the file shows that picture,
counted from the start of the file. This decodes the video once more.

Files without time stamps, as AVI files with H.264, have a constant rate, and the number over that rate is the time.
"""

import os
import subprocess
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import imageio.v2 as imageio
import imageio_ffmpeg
import numpy as np
from jaxtyping import Float, Int
from numpy.typing import NDArray

from vlmrm.errors import FrameError

_NOT_STAMPED = -(2**63)
_FORMAT = "{ni} {ptsi} {tbi} {tb}"  # number and time stamp of the picture, their unit, and the unit of frames
_SAME_RATE = 0.01


@dataclass(frozen=True, kw_only=True, eq=False)
class VideoTimes:
    """When the frames of a video are shown."""

    starts_s: Float[np.ndarray, " n"]
    """When the picture of each frame, as `read_frames` numbers them, is first shown."""
    ends_s: Float[np.ndarray, " n"]
    """When the next picture is shown in its place."""
    pictures: Int[np.ndarray, " n"]
    """Number of the picture in the file. A frame with the same number as the one before it repeats the picture."""

    def __len__(self) -> int:
        return len(self.starts_s)

    @property
    def length_s(self) -> float:
        """When the last frame ends."""
        return float(self.ends_s[-1])

    @property
    def repeated(self) -> int:
        """Number of frames that repeat the picture of the frame before them."""
        return int((np.diff(self.pictures) == 0).sum())

    @property
    def left_out(self) -> int:
        """Number of pictures between those of two frames that no frame shows."""
        return int(np.maximum(np.diff(self.pictures) - 1, 0).sum())


def video_times(path: Path) -> VideoTimes:
    """Find out when each frame of a video is shown.

    Args:
        path: Path of the video.

    Raises:
        FrameError: If the video cannot be read, only some of its pictures have a time stamp, or none has and the rate
            is not constant; or ffmpeg is older than 6.0.
    """
    if not path.is_file():
        raise FrameError(f"there is no file {path}.")
    lines = _asked_of_ffmpeg(path)
    if not lines:
        raise FrameError(f"{path} holds no frame.")
    pictures, stamps = (np.array([int(line[column]) for line in lines]) for column in (0, 1))
    every_s = _seconds(1, lines[0][3])
    if (stamps == _NOT_STAMPED).any():
        _require_constant_rate(path, pictures, stamps, every_s)
        starts_s = pictures * every_s
    else:
        starts_s = np.array([_seconds(int(line[1]), line[2]) for line in lines])
    first = np.flatnonzero(np.diff(pictures, prepend=pictures[0] - 1))  # frame that first shows each picture
    last_s = max(float(starts_s[-1]), (len(lines) - 1) * every_s) + every_s
    ends_s = np.append(starts_s[first[1:]], last_s)
    return VideoTimes(starts_s=starts_s, ends_s=np.repeat(ends_s, np.diff(first, append=len(lines))), pictures=pictures)


def said_length_s(path: Path) -> float:
    """Return how long a video is by what the file says of itself, which outlasts the pictures of one that was cut off.

    Args:
        path: Path of the video.
    """
    with imageio.get_reader(path) as opened:
        reader: Any = opened
        return float(reader.get_meta_data().get("duration", 0.0))


def _asked_of_ffmpeg(path: Path) -> list[list[str]]:
    """What ffmpeg tells of each frame, when it is called as imageio calls it."""
    with TemporaryDirectory() as folder:
        told = Path(folder) / "frames.txt"
        command = [
            *(imageio_ffmpeg.get_ffmpeg_exe(), "-nostdin", "-hide_banner", "-loglevel", "error"),
            *("-i", os.path.abspath(path), "-vcodec", "rawvideo"),
            *("-stats_enc_pre", str(told), "-stats_enc_pre_fmt", _FORMAT, "-f", "image2pipe", "-"),
        ]
        done = subprocess.run(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
        if done.returncode or not told.exists():
            raise _refusal(path, done.stderr.decode(errors="replace").strip())
        return [line.split() for line in told.read_text().splitlines()]


def _refusal(path: Path, said: str) -> FrameError:
    if "Unrecognized option" in said:
        return FrameError(
            "ffmpeg older than 6.0 does not tell when it shows frames. pip install --upgrade imageio-ffmpeg, and let "
            "IMAGEIO_FFMPEG_EXE name no older one."
        )
    return FrameError(f"{path} cannot be read as a video: {said.splitlines()[-1] if said else 'no reason is known'}.")


def _seconds(count: int, unit: str) -> float:
    """A number of units such as 1/25, rounded once."""
    above, below = unit.split("/")
    return count * int(above) / int(below)


def _require_constant_rate(path: Path, pictures: NDArray[Any], stamps: NDArray[Any], every_s: float) -> None:
    missing = int((stamps == _NOT_STAMPED).sum())
    with imageio.get_reader(path) as opened:
        reader: Any = opened
        rate_fps = float(reader.get_meta_data()["fps"])
    steady = (pictures == np.arange(len(pictures))).all() and abs(rate_fps * every_s - 1) < _SAME_RATE
    if missing < len(stamps) or not steady:
        raise FrameError(
            f"{path}: {missing} of {len(stamps)} frames have no time stamp, and their rate is not constant, so nobody "
            "knows when they are shown. Write the video anew as .mp4: ffmpeg -i OLD -fps_mode cfr NEW.mp4."
        )

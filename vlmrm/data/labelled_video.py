"""`LabelledVideo`: a video, and when it shows the goal."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Int
from numpy.typing import NDArray

from vlmrm.data.frame_files import VIDEOS, read_frames
from vlmrm.data.labelled import LabelledFrames
from vlmrm.data.time_ranges import TimeRange, parse_ranges, seconds_inside
from vlmrm.data.video_times import VideoTimes, said_length_s, video_times
from vlmrm.errors import FrameError
from vlmrm.frames.preprocessing import Preprocessing

PIECE_S = 5.0
"""Seconds of a video whose frames count as one group."""
_EARLY_S = 0.5  # sound may outlast the pictures by less
_ROUNDING_S = 0.001  # of the times that people write, and of those in some files


@dataclass(frozen=True, kw_only=True, eq=False)
class LabelledVideo:
    """A video and the ranges of time in which it shows the goal.

    A frame is in the goal if its picture is shown inside of the ranges from first to last, and outside if it is shown
    outside from first to last. One that is shown on both sides of a border, by more than 1 ms, is left out and counted.
    Times are those of the file; see `vlmrm.data.video_times`.

    Neighbours in a video are nearly one picture, so that frames of 5 seconds count as one group. A group ends where a
    range starts or ends.

    Raises:
        FrameError: If the video cannot be read, or a range cannot be read, overlaps another, starts after the last
            frame, or holds no frame.
    """

    video: str | Path
    """Path of the video."""
    goal: str
    """When it shows the goal, in seconds from its start, such as ``3.0-5.5,8-``. A range may end after the video."""
    task = None
    draws = False

    def __post_init__(self) -> None:
        if self._path.suffix.lower() not in VIDEOS:
            raise FrameError(f"{self.video} has no times in seconds: it is not a video ({', '.join(sorted(VIDEOS))}).")
        for one in self._ranges:
            self._require_frames(one)

    @property
    def name(self) -> str:
        """Name of the file."""
        return self._path.name

    @property
    def count(self) -> int:
        """Number of frames with a label."""
        return int((self._labels >= 0).sum())

    @property
    def goals(self) -> int:
        """Number of frames in the goal."""
        return int((self._labels == 1).sum())

    @property
    def about(self) -> str:
        """What the frames are, and which are left out."""
        times = self._times
        notes = [
            f"The range {one} is cut at the end of the video, at {times.length_s:.3f} s."
            for one in self._ranges
            if times.length_s + _ROUNDING_S < one.end_s < np.inf
        ]
        if self._said_s > times.length_s + _EARLY_S:
            notes.append(
                f"It ends early: the file says that it is {self._said_s:.3f} s long, and its pictures end at "
                f"{times.length_s:.3f} s."
            )
        if self.count < len(times):
            notes.append(f"Frames on both sides of a border, left out: {len(times) - self.count}.")
        if times.repeated:
            notes.append(f"Pictures come unevenly, and frames that repeat the one before them are {times.repeated}.")
        if times.left_out:
            notes.append(f"Pictures that come faster than frames: {times.left_out} or more are left out.")
        goal = ",".join(map(str, self._ranges))
        first = f"{self.count:,} frames of {self.name}, labelled by when they are shown: the goal at {goal} s."
        return " ".join([first, *notes])

    def batches(self, preprocessing: Preprocessing | None = None) -> Iterator[LabelledFrames]:
        """Yield the frames in the order of the video.

        Args:
            preprocessing: Not used: frames are given as they are.

        Raises:
            FrameError: If the video cannot be read, or has other frames than when its times were read.
        """
        first = 0
        for batch in read_frames(self._path):
            rows = np.arange(first, first + len(batch.names))
            first += len(batch.names)
            if first > len(self._times):
                break
            whole = LabelledFrames(
                frames=batch.frames,
                in_goal=self._labels[rows] == 1,
                names=batch.names,
                groups=[self._group(float(self._times.starts_s[row])) for row in rows],
            )
            kept = np.flatnonzero(self._labels[rows] >= 0)
            if len(kept):
                yield whole.take(kept)
        if first != len(self._times):
            raise FrameError(f"{self.video} had {len(self._times)} frames, and now others. Do not change it meanwhile.")

    @property
    def _path(self) -> Path:
        return Path(self.video)

    @cached_property
    def _ranges(self) -> tuple[TimeRange, ...]:
        return parse_ranges(self.goal)

    @cached_property
    def _times(self) -> VideoTimes:
        return video_times(self._path)

    @cached_property
    def _said_s(self) -> float:
        return said_length_s(self._path)

    @cached_property
    def _labels(self) -> Int[np.ndarray, " n"]:
        """1 for each frame in the goal, 0 for one outside, -1 for one on both sides of a border."""
        starts_s = self._times.starts_s
        ends_s = np.maximum(self._times.ends_s, starts_s + 1e-6)
        shown, inside = ends_s - starts_s, seconds_inside(self._ranges, starts_s, ends_s)
        rounding = np.minimum(shown / 10, _ROUNDING_S)
        labels: NDArray[Any] = np.where(inside >= shown - rounding, 1, np.where(inside <= rounding, 0, -1))
        return labels

    def _group(self, start_s: float) -> str:
        borders = [0.0, *(border for one in self._ranges for border in (one.start_s, one.end_s))]
        border_s = max((border for border in borders if border <= start_s + _ROUNDING_S), default=0.0)
        piece_s = border_s + PIECE_S * ((start_s + _ROUNDING_S - border_s) // PIECE_S)
        return f"{self.name} from {piece_s:.10g} s"

    def _require_frames(self, one: TimeRange) -> None:
        times = self._times
        if one.start_s >= times.length_s:
            raise FrameError(
                f"the range {one} starts after the end of {self.video}, which is {times.length_s:.3f} s long."
            )
        inside = seconds_inside([one], times.starts_s, times.ends_s)
        if not ((self._labels == 1) & (inside > 0)).any():
            row = int(inside.argmax())
            raise FrameError(
                f"no frame of {self.video} is shown only inside of the range {one}: one is shown from "
                f"{times.starts_s[row]:.3f} to {times.ends_s[row]:.3f} s. Start the range where a frame starts."
            )

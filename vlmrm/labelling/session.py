"""`LabellingSession`: which frame comes next, and what becomes of each answer.

Thread-safe: a page may ask for several things at once.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from threading import Lock

from vlmrm.errors import VlmrmError
from vlmrm.labelling.label_file import LabelFile
from vlmrm.labelling.order import most_informative
from vlmrm.labelling.stored_frames import StoredFrames

_AHEAD = 5  # frames that a page may have loaded already, whose order does not change any more
_REORDER_AFTER = 8  # labels; later fewer times, since one label in a thousand changes little
_CHOSEN_ONE_BY_ONE = 64


@dataclass(frozen=True, kw_only=True)
class Tally:
    """How far one rater has come."""

    total: int
    """Number of frames."""
    goal: int
    """Number of frames labelled as goal."""
    other: int
    """Number of frames labelled as not goal."""
    skipped: int
    """Number of frames put off."""

    @property
    def labelled(self) -> int:
        """Number of labelled frames."""
        return self.goal + self.other

    def __str__(self) -> str:
        put_off = f", {self.skipped} skipped" if self.skipped else ""
        return f"{self.labelled} of {self.total} labelled, {self.goal} goal / {self.other} not{put_off}"


@dataclass(frozen=True, kw_only=True)
class _Step:
    """An answer that can be taken back."""

    frame: int
    """Index of the frame."""
    before: bool | None
    """Label that the frame had. None: it had none."""
    skipped: bool
    """Whether the frame was put off, so that no label changed."""


class LabellingSession:
    """One rater's way through the frames.

    Args:
        frames: Frames to label.
        file: File of the labels.
        threshold: Score that should tell goal frames from others. None: the scores' own split.
        in_order: Show the frames as they were given instead of the most informative first.

    Raises:
        VlmrmError: By `answer` and `undo`, where the file of labels cannot be read or written. The answer then does
            not count.
    """

    def __init__(
        self, frames: StoredFrames, file: LabelFile, *, threshold: float | None = None, in_order: bool = False
    ) -> None:
        self.frames, self.file, self._threshold, self._in_order = frames, file, threshold, in_order
        self._lock = Lock()
        self._skipped: list[int] = []
        self._steps: list[_Step] = []
        self._since_ordered, self._closed = 0, False
        self._queue = self._ordered(list(range(len(frames))), fixed=0)

    def upcoming(self) -> Sequence[int]:
        """Return the frame to label now and those after it; empty: all are labelled."""
        with self._lock:
            return self._upcoming()

    def tally(self) -> Tally:
        """Return how far the rater has come."""
        with self._lock:
            given = [self.file.labels[name] for name in self.frames.names if name in self.file.labels]
            return Tally(
                total=len(self.frames), goal=sum(given), other=len(given) - sum(given), skipped=len(self._skipped)
            )

    @property
    def can_undo(self) -> bool:
        """Whether there is an answer of this session to take back."""
        return bool(self._steps)

    def answer(self, frame: int, in_goal: bool | None) -> None:
        """Label a frame, or put it off.

        Args:
            frame: Index of the frame.
            in_goal: Whether it shows the goal. None: show it again after all others.
        """
        with self._lock:
            self._require_open()
            name = self.frames.names[frame]
            before = self.file.labels.get(name)
            if in_goal is not None:
                self.file.put(name, in_goal)
            self._forget(frame)
            if in_goal is None:
                self._skipped.append(frame)
            self._steps.append(_Step(frame=frame, before=before, skipped=in_goal is None))
            self._since_ordered += in_goal is not None
            self._renew()

    def undo(self) -> None:
        """Take back the last answer of this session, if there is one, and show its frame again."""
        with self._lock:
            self._require_open()
            if not self._steps:
                return
            step = self._steps[-1]
            if not step.skipped:
                self.file.put(self.frames.names[step.frame], step.before)
            self._steps.pop()
            self._forget(step.frame)
            self._queue.insert(0, step.frame)

    def close(self) -> None:
        """Wait for an answer that is being saved, and take no more."""
        with self._lock:
            self._closed = True

    def _require_open(self) -> None:
        if self._closed:
            raise VlmrmError("labelling has ended, and this answer was not saved. Start it again to go on.")

    def _upcoming(self) -> list[int]:
        return [*self._queue, *self._skipped][:_AHEAD]

    def _forget(self, frame: int) -> None:
        for waiting in (self._queue, self._skipped):
            if frame in waiting:
                waiting.remove(frame)

    def _renew(self) -> None:
        """Drop what another process has labelled meanwhile, and order the rest anew from time to time."""
        self._queue = [frame for frame in self._queue if self.frames.names[frame] not in self.file.labels]
        self._skipped = [frame for frame in self._skipped if self.frames.names[frame] not in self.file.labels]
        if self._since_ordered >= max(_REORDER_AFTER, len(self.file.labels) // 50):
            self._since_ordered = 0
            self._queue = self._ordered(self._queue, fixed=_AHEAD)

    def _ordered(self, waiting: list[int], fixed: int) -> list[int]:
        """The frames that are waiting, the first few where they are and the others by how informative they are."""
        known = self.file.labels
        waiting = [frame for frame in waiting if self.frames.names[frame] not in known]
        if self._in_order:
            return sorted(waiting)
        first, rest = waiting[:fixed], set(waiting[fixed:])
        order = most_informative(
            self.frames.scores,
            self.frames.disagreement,
            self.frames.embeddings,
            [frame for frame in range(len(self.frames)) if frame not in rest],
            self._threshold,
            _CHOSEN_ONE_BY_ONE,
        )
        return [*first, *order.tolist()]

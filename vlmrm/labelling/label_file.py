"""`LabelFile`: the labels of one rater in a file that other raters, and other processes, write to as well.

Before each change the file is read again if it is not as it was left, so that two processes that label into one file
lose nothing of each other: their labels are merged, and where both label a frame for the same rater the later one
counts. A lock on the folder keeps one from writing between the other's reading and writing.
"""

import os
import posixpath
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from vlmrm.data.label_table import LabelTable
from vlmrm.errors import FrameError, VlmrmError

try:
    import fcntl
except ImportError as error:
    raise VlmrmError(
        "labelling needs the file locks of Linux and macOS, which this system lacks. Make the table of labels by hand, "
        "a CSV file with the columns frame and in_goal."
    ) from error

_Version = tuple[int, int, int]  # inode, nanoseconds and size: a file that was written anew differs in one of them


class LabelFile:
    """The labels of one rater in a file; the whole file is written after each change.

    Args:
        path: A file in the format of `LabelTable`; it need not be there.
        rater: Name of the rater whose labels these are; empty: labels without a name.

    Raises:
        VlmrmError: If the file is there and cannot be read.
    """

    def __init__(self, path: Path, rater: str = "") -> None:
        self.path, self.rater = path, rater
        self._version: _Version | None = None
        self._keep(LabelTable())
        self._catch_up()

    @property
    def labels(self) -> Mapping[str, bool]:
        """What this rater has said of each frame."""
        return self._labels

    @property
    def spellings(self) -> Mapping[str, str]:
        """Names of frames in the file, by the plain form of each: ``up/1.png`` of ``./up//1.png``."""
        return {posixpath.normpath(label.frame): label.frame for label in self._table.labels}

    @property
    def table(self) -> LabelTable:
        """Everything in the file, of all raters."""
        return self._table

    def put(self, frame: str, in_goal: bool | None) -> None:
        """Label a frame, and save it.

        Args:
            frame: Name of the frame.
            in_goal: Whether it shows the goal. None: take the label of this rater away.

        Raises:
            VlmrmError: If the file cannot be read again or written; nothing has changed then.
        """
        try:
            with _only_writer(self.path.parent):
                self._catch_up()
                if in_goal is None:
                    table = self._table.without(frame, self.rater)
                else:
                    table = self._table.with_label(frame, in_goal, self.rater)
                table.write(self.path)
                self._version = _version(self.path)
        except OSError as error:
            raise _unwritable(self.path, error) from error
        self._keep(table)

    def require_writable(self) -> None:
        """Refuse a file that cannot be written; it is not changed.

        Raises:
            VlmrmError: If it is read-only, or no file can be made in its folder.
        """
        try:
            if self.path.exists() and not os.access(self.path, os.W_OK):
                raise PermissionError("it is read-only")
            self.path.parent.mkdir(parents=True, exist_ok=True)
            with tempfile.TemporaryFile(dir=self.path.parent):
                pass
        except OSError as error:
            raise _unwritable(self.path, error) from error

    def require_room_for(self, frames: Sequence[str]) -> None:
        """Refuse a file whose rows tell more of their frames than is known of these.

        Args:
            frames: Names of the frames to label.

        Raises:
            VlmrmError: If a row has a group, a step or a state, and one of the frames is in no row.
        """
        named = {label.frame for label in self._table.labels}
        new = next((frame for frame in frames if frame not in named), None)
        if new is not None:
            try:
                self._table.with_label(new, True, self.rater)
            except FrameError as error:
                raise VlmrmError(f"{self.path} can take no new frames: {error} Label into another file.") from error

    def _catch_up(self) -> None:
        """Read the file if it is not as it was left. One that is gone is written anew with the next label."""
        version = _version(self.path)
        if version is None or version == self._version:
            return
        self._keep(LabelTable.read(self.path))
        self._version = version

    def _keep(self, table: LabelTable) -> None:
        self._table = table
        self._labels = {label.frame: label.in_goal for label in table.labels if label.rater == self.rater}


@contextmanager
def _only_writer(folder: Path) -> Iterator[None]:
    """Alone among the processes that label into a folder. A lock on the folder leaves no file behind."""
    folder.mkdir(parents=True, exist_ok=True)
    handle = os.open(folder, os.O_RDONLY)
    try:
        with suppress(OSError):  # a network file system that locks no folders; its writes are whole all the same
            fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)  # and with it the lock


def _version(path: Path) -> _Version | None:
    try:
        found = path.stat()
    except (FileNotFoundError, NotADirectoryError):
        return None
    return found.st_ino, found.st_mtime_ns, found.st_size


def _unwritable(path: Path, error: OSError) -> VlmrmError:
    return VlmrmError(
        f"the labels cannot be saved in {path}: {error}. Choose a file in a folder that you may write to, and see that "
        "the disk is not full."
    )

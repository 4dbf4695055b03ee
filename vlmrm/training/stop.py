"""`StopSignal`: Ctrl-C ends a training run at a moment when nothing is lost."""

import signal
import threading
from types import FrameType, TracebackType
from typing import Any


class StopSignal:
    """While it is active, the first Ctrl-C (or SIGTERM) asks to stop, and the second one interrupts at once.

    Outside the main thread, where signals cannot be caught, it does nothing.

    Example:
        >>> with StopSignal() as stop:
        ...     stop.requested
        False
    """

    def __init__(self) -> None:
        self.requested = False
        """Whether somebody asked to stop."""
        self._before: dict[signal.Signals, Any] = {}

    def __enter__(self) -> "StopSignal":
        if threading.current_thread() is threading.main_thread():
            for number in (signal.SIGINT, signal.SIGTERM):
                self._before[number] = signal.signal(number, self._ask)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._restore()

    def _ask(self, number: int, frame: FrameType | None) -> None:
        self.requested = True
        self._restore()

    def _restore(self) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)
        self._before.clear()

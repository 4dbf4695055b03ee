"""`StopSignal`: Ctrl-C ends a training run at a moment when nothing is lost."""

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType, TracebackType
from typing import Any


class StopNow(KeyboardInterrupt):
    """Raised by Ctrl-C inside `StopSignal.at_once`."""


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
        self._at_once = False
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

    @contextmanager
    def at_once(self) -> Iterator[None]:
        """A block that the first Ctrl-C interrupts, for what can be done again from its start.

        Raises:
            StopNow: When somebody asks to stop, or has asked before.
        """
        self._at_once = True
        try:
            if self.requested:
                raise StopNow
            yield
        finally:
            self._at_once = False

    def _ask(self, number: int, frame: FrameType | None) -> None:
        self.requested = True
        self._restore()
        if self._at_once:
            raise StopNow

    def _restore(self) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)
        self._before.clear()

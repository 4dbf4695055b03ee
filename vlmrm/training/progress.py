"""How far a training run is, on a terminal or in a log."""

import shutil
import time
from collections.abc import Callable, Mapping
from typing import Any, Protocol, runtime_checkable

from vlmrm.errors import VlmrmWarning, warn_user

_SILENCE_S = 15.0  # between two lines of a log
_BLINK_S = 0.2  # between two updates of a terminal's line


@runtime_checkable
class Stream(Protocol):
    """What progress is written to; `sys.stderr` is one."""

    def write(self, text: str, /) -> Any:
        """Add text."""

    def flush(self) -> None:
        """Show it."""

    def isatty(self) -> bool:
        """Whether it is a terminal."""


class Progress:
    r"""One updating line on a terminal, plain lines now and then elsewhere.

    Args:
        stream: Where to write; None: nowhere.
        clock: Seconds; monotonic.

    Example:
        >>> import io
        >>> out = io.StringIO()
        >>> progress = Progress(out)
        >>> progress.begin(total_steps=1000, from_step=0)
        >>> progress.note("landscape drawn")
        >>> out.getvalue()
        'landscape drawn\n'
    """

    def __init__(self, stream: Stream | None = None, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._stream, self._clock = stream, clock
        self._live = stream is not None and stream.isatty()
        self._total, self._first_step = 0, 0
        self._started = self._written = clock()
        self._line = ""
        self._facts: dict[str, str] = {}

    def begin(self, *, total_steps: int, from_step: int) -> None:
        """Start counting.

        Args:
            total_steps: Where it ends.
            from_step: Where it starts; more than 0 for a resumed run.
        """
        self._total, self._first_step = total_steps, from_step
        self._started = self._written = self._clock()
        self._facts = {}

    def update(self, step: int, facts: Mapping[str, str] | None = None) -> None:
        """Say where the run is.

        Args:
            step: Steps so far.
            facts: Further short texts by name, shown in the order the names first came; a text is kept until another
                one that is not empty replaces it.
        """
        for name, text in (facts or {}).items():
            self._facts[name] = text or self._facts.get(name, "")
        if self._due():
            self._line_of(self._text(step, max(self._clock() - self._started, 1e-9)))

    def working(self, text: str) -> None:
        """Say what goes on beside training, no more often than `update`.

        Args:
            text: Says what is done, and how far it is.
        """
        if self._due():
            self._line_of(text)

    def _due(self) -> bool:
        return self._stream is not None and self._clock() - self._written >= (_BLINK_S if self._live else _SILENCE_S)

    def _line_of(self, text: str) -> None:
        self._written = self._clock()
        if self._live:
            width = shutil.get_terminal_size().columns - 1
            self._show("\r" + text[:width].ljust(len(self._line)))
            self._line = text[:width]
        else:
            self._show(text + "\n")

    def note(self, text: str) -> None:
        """One line that stays."""
        self._clear()
        self._show(text + "\n")

    def warn(self, text: str) -> None:
        """A line that is not lost where nothing is shown: there it is a Python warning.

        Args:
            text: What is wrong, and where to look.
        """
        if self._stream is None:
            warn_user(text, VlmrmWarning)
        else:
            self.note(f"warning: {text}")

    def end(self) -> None:
        """Leave the updating line behind."""
        self._clear()

    def _text(self, step: int, seconds: float) -> str:
        done = step - self._first_step
        speed = done / seconds
        parts = [f"{step:,}/{self._total:,} steps", f"{speed:,.0f} steps/s"]
        parts += filter(None, self._facts.values())
        if done > 0:
            parts.append(f"{_duration((self._total - step) / speed)} left")
        return "  ".join(parts)

    def _clear(self) -> None:
        if self._line:
            self._show("\r" + " " * len(self._line) + "\r")
            self._line = ""

    def _show(self, text: str) -> None:
        if self._stream is None:
            return
        try:
            self._stream.write(text)
            self._stream.flush()
        except OSError:  # a closed terminal or pipe is no reason to end a training
            self._stream = None


def _duration(seconds: float) -> str:
    minutes, rest = divmod(round(max(seconds, 0)), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes:02d} min" if hours else f"{minutes}:{rest:02d} min"

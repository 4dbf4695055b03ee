"""How many frames have been read or scored, on a terminal or in a log."""

import sys
import time
from collections.abc import Callable

from vlmrm.training.progress import Progress


def frame_progress(done_to_them: str, *, what: str = "frames") -> Callable[[int, int | None], None]:
    """Return what shows how many frames are done, at what rate, and how long the rest will take.

    Args:
        done_to_them: What is done to the frames, such as ``scored``.
        what: What they are called.
    """
    progress, started = Progress(sys.stderr), time.monotonic()

    def show(done: int, total: int | None) -> None:
        rate = done / max(time.monotonic() - started, 1e-9)
        of, left = ("", "") if total is None else (f" of {total:,}", f", {(total - done) / max(rate, 1e-9):.0f} s left")
        progress.working(f"{done:,}{of} {what} {done_to_them}, {rate:,.0f}/s{left}")
        if done == total:
            progress.end()

    return show

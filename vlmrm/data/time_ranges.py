"""`parse_ranges`: ranges of time in seconds, such as ``3.0-5.5,8-``."""

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from vlmrm.errors import FrameError

_RANGE = re.compile(r"\s*(\d{1,9}(?:\.\d{1,9})?)\s*-\s*(\d{1,9}(?:\.\d{1,9})?)?\s*", re.ASCII)


@dataclass(frozen=True, kw_only=True)
class TimeRange:
    """A range of time; the start belongs to it, the end does not."""

    start_s: float
    """When it starts."""
    end_s: float = math.inf
    """When it ends. Infinite: at the end of the video."""

    def __str__(self) -> str:
        return f"{self.start_s:.10g}-" + ("" if math.isinf(self.end_s) else f"{self.end_s:.10g}")


def parse_ranges(text: str) -> tuple[TimeRange, ...]:
    """Read ranges of time.

    Args:
        text: A start and an end in seconds with a hyphen between them, as often as needed, with commas between ranges.
            Without an end the last range reaches to the end of the video.

    Raises:
        FrameError: If a range cannot be read, ends before it starts, starts before the one before it ends, or there is
            none.

    Example:
        >>> [str(one) for one in parse_ranges("3.0-5.5, 8-")]
        ['3-5.5', '8-']
    """
    ranges: list[TimeRange] = []
    for part in text.split(","):
        read = _RANGE.fullmatch(part)
        if read is None:
            raise FrameError(f"{part.strip()!r} is not a range of time in seconds. Write ranges as 3.0-5.5,8-.")
        one = TimeRange(start_s=float(read[1]), end_s=float(read[2]) if read[2] else math.inf)
        if one.end_s <= one.start_s:
            raise FrameError(f"the range {one} does not end after it starts.")
        if ranges and one.start_s < ranges[-1].end_s:
            raise FrameError(f"the ranges {ranges[-1]} and {one} overlap, or are not in the order of time.")
        ranges.append(one)
    return tuple(ranges)


def seconds_inside(
    ranges: Sequence[TimeRange], starts_s: Float[np.ndarray, " n"], ends_s: Float[np.ndarray, " n"]
) -> Float[np.ndarray, " n"]:
    """Return how long each of some intervals lies inside of any range.

    Args:
        ranges: Ranges that do not overlap.
        starts_s: When each interval starts.
        ends_s: When each interval ends.

    Example:
        >>> seconds_inside(parse_ranges("1-2,3-"), np.array([0.0, 1.5]), np.array([1.5, 4.0])).tolist()
        [0.5, 1.5]
    """
    inside = np.zeros(len(starts_s))
    for one in ranges:
        inside += np.maximum(np.minimum(ends_s, one.end_s) - np.maximum(starts_s, one.start_s), 0)
    return inside

"""``over_time`` of a spec: how the scores of frames become the rewards of steps.

``over_time = { kind = "shaping", gamma = 0.99 }`` names a kind, which is a file here with its options and its
formula. A kind of another package is named by an entry point: ``[project.entry-points."vlmrm.over_time"]``.
"""

from typing import Any

from vlmrm.registry import Registry
from vlmrm.rewards.protocols import TimeOptions
from vlmrm.tables import read_kind, write_table

OVER_TIME: Registry[type[TimeOptions]] = Registry(
    "over_time kind",
    "vlmrm.over_time",
    {
        "difference": "vlmrm.rewards.over_time.shaping:DifferenceOptions",
        "shaping": "vlmrm.rewards.over_time.shaping:ShapingOptions",
        "window": "vlmrm.rewards.over_time.window:WindowOptions",
        "milestones": "vlmrm.rewards.over_time.milestones:MilestonesOptions",
        "clip": "vlmrm.rewards.over_time.clip:ClipOptions",
    },
)
"""Options of the kinds, by the names that a spec gives."""


def read_over_time(values: Any, path: str) -> TimeOptions:
    """The options of ``over_time`` from its table.

    Args:
        values: The table.
        path: Path of the table, for messages.

    Raises:
        SpecError: If there is no such kind or option, or a value is impossible.
    """
    options: TimeOptions = read_kind(OVER_TIME, values, key="kind", where=path)
    return options


def write_over_time(options: TimeOptions) -> dict[str, Any]:
    """The table of the options again, with the name of the kind."""
    return {"kind": OVER_TIME.name_of(type(options)), **write_table(options)}


__all__ = ["OVER_TIME", "read_over_time", "write_over_time"]

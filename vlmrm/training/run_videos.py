"""Videos of a run as data addresses, for its page."""

from collections.abc import Mapping
from pathlib import Path

from vlmrm.report.video import mp4_data
from vlmrm.training.run.directory import RunDirectory
from vlmrm.training.watch import read_announced

_LARGEST, _TOGETHER = 1_000_000, 2_000_000  # bytes; a page is to stay below three million
Film = tuple[str, str]
"""What a video shows, and its data address."""


def films_of(run: RunDirectory) -> tuple[list[Film], list[Film]]:
    """Return the videos before and after training, and those of partings; what is too large for a page is left out.

    Args:
        run: Folder of the run.
    """
    usual = _held({"Before: random actions": run.before, "After: the trained agent": run.after}, _TOGETHER)
    parting = {
        f"Step {one.parting.last_step:,}: what the agent was paid for": run.path / one.video
        for one in read_announced(run)
        if one.video is not None
    }
    room = _TOGETHER - sum(map(len, usual.values()))
    return _films(usual), _films(_held(parting, room))


def _held(paths: Mapping[str, Path], room: int) -> dict[str, bytes]:
    found: dict[str, bytes] = {}
    for label, path in paths.items():
        if path.is_file() and path.stat().st_size <= min(_LARGEST, room):
            found[label] = path.read_bytes()
            room -= len(found[label])
    return found


def _films(held: Mapping[str, bytes]) -> list[Film]:
    return [(label, mp4_data(data)) for label, data in held.items()]

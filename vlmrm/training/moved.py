"""`as_moved`: the ``config.json`` of a run, which may have been moved, with paths that hold now.

Paths of its reward that lead into the run's folder are relative to that; those that lead out of it are absolute.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from vlmrm.rewards.spec_paths import moved_with, paths_from, paths_moved

FOLDER = "folder"
"""Key of the folder that a configuration was written to, from the root."""


def as_moved(values: Mapping[str, Any], folder: Path) -> dict[str, Any]:
    """Return a configuration whose run to start from and whose models are named where they lie now.

    What lies beside the run as it lay beside it before was moved, or copied, together with it; all else has stayed.

    Args:
        values: Contents of ``config.json``.
        folder: Folder that it lies in now.
    """
    config, task, now = dict(values["config"]), values["task"], folder.absolute()
    before = Path(values.get(FOLDER) or config["output"]["folder"] or now)  # earlier versions noted the one given
    start, reward = config["train"].get("start_from"), task["reward"]
    if before.is_absolute():
        start = start and moved_with(start, before, now)
        reward = paths_moved(reward, before, now)
    config |= {"train": config["train"] | {"start_from": start}, "output": config["output"] | {"folder": str(folder)}}
    return {**values, "config": config, "task": {**task, "reward": paths_from(reward, now)}}

"""Paths of a run that hold wherever it is called from: `from_root`, and `as_moved` where it may have been moved.

Paths of its reward that lead into the run's folder are relative to that; those that lead out of it are absolute.
"""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from vlmrm.rewards.spec_paths import file_or_model, moved_with, paths_from, paths_moved
from vlmrm.training.run_options import EvaluationOptions

FOLDER = "folder"
"""Key of the folder that a configuration was written to, from the root."""


def as_moved(values: Mapping[str, Any], folder: Path) -> dict[str, Any]:
    """Return a configuration whose run to start from, second reward and models are named where they lie now.

    What lies beside the run as it lay beside it before was moved, or copied, together with it; all else has stayed.

    Args:
        values: Contents of ``config.json``.
        folder: Folder that it lies in now.
    """
    config, task, now = dict(values["config"]), values["task"], folder.absolute()
    before = Path(values.get(FOLDER) or config["output"]["folder"] or now)  # earlier versions noted the one given
    start, reward = config["train"].get("start_from"), task["reward"]
    second = config["evaluation"].get("second_reward")
    if before.is_absolute():
        start = start and moved_with(start, before, now)
        second = second and file_or_model(second, lambda path: moved_with(path, before, now))
        reward = paths_moved(reward, before, now)
    said = {"train": {"start_from": start}, "evaluation": {"second_reward": second}, "output": {"folder": str(folder)}}
    config |= {group: config[group] | changed for group, changed in said.items()}
    return {**values, "config": config, "task": {**task, "reward": paths_from(reward, now)}}


def from_root(options: EvaluationOptions) -> EvaluationOptions:
    """Return the same with the path from the root of a second reward, so that a run goes on from any folder.

    Args:
        options: How an agent is judged.
    """
    said = options.second_reward
    return replace(options, second_reward=said and file_or_model(said, lambda path: str(Path(path).absolute())))

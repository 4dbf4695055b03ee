"""What a folder of rounds was begun with: noted in ``begun.json``, and compared where the same call goes on.

The task and the reward are compared as they were read, wherever their files lie, and the run that is started from by
how it began, so that folders may be moved and named from anywhere.
"""

import os
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from vlmrm.atomic import json_text
from vlmrm.errors import RunError, VlmrmError
from vlmrm.improving.options import ImproveOptions
from vlmrm.improving.trained_on import identity_of
from vlmrm.plain_files import parse_json, read_json
from vlmrm.rewards.spec_paths import without_paths
from vlmrm.tasks import Task
from vlmrm.training.config import TrainConfig

BEGUN = "begun.json"
"""Name of the file."""
_MAY_CHANGE = ("rounds", "labels", "method", "rollouts", "exploit_search")
_JUDGES = "evaluation."  # and what evaluates an agent changes neither it nor the reward
_START = "train.start_from"


def asked_for(config: TrainConfig, task: Task, options: ImproveOptions) -> dict[str, Any]:
    """Return what is noted of a call.

    Args:
        config: What to train in each round.
        task: The task with the reward that is corrected, as they were read.
        options: How the reward is corrected.
    """
    plain = config.to_dict()
    plain["output"]["folder"] = None  # it may be moved
    said = task.to_dict()  # whose file, and that of its reward, may change meanwhile
    reward, start = said.pop("reward"), config.train.start_from
    noted = {"config": plain, "options": asdict(options), "task": said, "reward": reward}
    return noted | ({} if start is None else {"start": identity_of(start)})


def require_same(folder: Path, said: Mapping[str, Any]) -> dict[str, Any]:
    """Refuse to go on with other options than a folder was begun with, but for those that may change.

    Args:
        folder: Folder of the rounds.
        said: What is asked for now, from `asked_for`.

    Returns:
        What the folder was begun with; nothing: it begins now.

    Raises:
        RunError: Something else was asked for then, or the folder is of something else, or damaged.
    """
    begun = folder / BEGUN
    if not begun.exists():
        _require_free(folder)
        return {}
    try:
        noted: dict[str, Any] = read_json(begun)
        before, now = _compared(noted, parse_json(json_text(said)))
    except (OSError, ValueError, KeyError, TypeError, AttributeError, VlmrmError) as error:
        raise RunError(f"{begun} is damaged: {error}. Begin in another folder.") from error
    names = [name for name in {**now, **before} if not name.startswith(_JUDGES)]
    changed = [name for name in names if before.get(name) != now.get(name)]
    changed = [name for name in changed if name.removeprefix("options.") not in _MAY_CHANGE]
    if changed:
        raise RunError(
            f"{folder} was begun with other options: {', '.join(changed)}. Give the same again, or another --out; only "
            f"{', '.join(_MAY_CHANGE)} and how agents are evaluated may change."
        )
    return noted


def _require_free(folder: Path) -> None:
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise RunError(
            f"{folder} exists already and is not empty, and it has no {BEGUN}, by which `vlmrm improve` would go on in "
            "it. Put that file back, or choose another --out."
        )


def _compared(before: Mapping[str, Any], now: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Values of both by their paths, such as ``train.steps``; what either of them has not noted is left out."""
    both = before.keys() & now.keys()
    return [_leaves({name: said[name] for name in said if name in both}) for said in (before, now)]


def _leaves(said: Mapping[str, Any]) -> dict[str, Any]:
    groups = _filled(TrainConfig().to_dict() | {"options": asdict(ImproveOptions())}, said["config"])
    groups["options"] = _filled(groups["options"], said["options"])
    if "task" in said and "reward" in said:
        task = Task.from_dict(said["task"] | {"reward": said["reward"]}).to_dict()  # with defaults of later versions
        groups |= {"the task as read": task, "the reward as read": without_paths(task.pop("reward"))}
        groups |= {"task": None, "reward": {"env_weight": groups["reward"]["env_weight"]}}  # they were read from there
    found = {
        f"{group}.{name}": value
        for group, values in groups.items()
        for name, value in (values.items() if isinstance(values, Mapping) else [("name", values)])
    }
    start = found[_START] and os.path.realpath(found[_START])
    return found | {_START: said.get("start") or start}


def _filled(usual: Mapping[str, Any], given: Mapping[str, Any]) -> dict[str, Any]:
    """Values of today's options: those that an earlier version did not know had their defaults then."""
    return {
        name: _filled(value, given.get(name, {})) if isinstance(value, Mapping) and value else given.get(name, value)
        for name, value in usual.items()
    }

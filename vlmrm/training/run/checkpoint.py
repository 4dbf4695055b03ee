"""Checkpoints of agents that hold no code and are complete or not there.

A checkpoint is a folder ``step-00004000`` with ``agent.safetensors`` (networks, optimisers), ``replay.npz`` (the
filled part of the replay buffer), ``state.json`` (counters, random states) and ``manifest.json`` (the SHA-256 of each,
written last). Reading one runs no code: neither format can hold any, and pickled arrays are refused.
"""

import hashlib
import json
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from stable_baselines3.common.base_class import BaseAlgorithm

from vlmrm.atomic import remove_folder, whole_folder
from vlmrm.errors import RunError
from vlmrm.plain_files import read_json
from vlmrm.training.run.agent_state import AgentState, read_state, write_learnt, write_state

_FORMAT = 1
_TENSORS, _REPLAY, _VALUES, _MANIFEST = "agent.safetensors", "replay.npz", "state.json", "manifest.json"
_KEPT = 2  # the newest, and one to fall back to
_Put = Callable[[BaseAlgorithm, AgentState], None]


def save_checkpoint(agent: BaseAlgorithm, folder: Path) -> Path:
    """Store an agent between two rollouts; older checkpoints but one are deleted afterwards.

    Args:
        agent: Its `num_timesteps` names the checkpoint.
        folder: Where the checkpoints of a run are.

    Returns:
        The checkpoint's own folder.

    Example:
        >>> import tempfile
        >>> from stable_baselines3 import A2C
        >>> save_checkpoint(A2C("MlpPolicy", "CartPole-v1"), Path(tempfile.mkdtemp())).name
        'step-00000000'
    """
    path = folder / f"step-{agent.num_timesteps:08d}"
    _write(path, read_state(agent))
    for old in list_checkpoints(folder)[_KEPT:]:
        remove_folder(old)
    return path


def save_best(agent: BaseAlgorithm, folder: Path) -> Path:
    """Store an agent, without its replay buffer, in place of the best one so far.

    What is best is decided by true success, unless the run asks for the text return.

    Args:
        agent: Its `num_timesteps` names the checkpoint.
        folder: Where the checkpoints of a run are.
    """
    path = folder / f"best-{agent.num_timesteps:08d}"
    _write(path, read_state(agent, replay=False))
    for old in folder.glob("best-*"):
        if old != path:
            remove_folder(old)
    return path


def list_checkpoints(folder: Path) -> list[Path]:
    """The checkpoints to go on from, the newest first."""
    return sorted(folder.glob("step-*"), key=_step_of, reverse=True)


def find_best(folder: Path) -> Path | None:
    """The checkpoint that `save_best` wrote last."""
    return max(folder.glob("best-*"), key=_step_of, default=None)


def _step_of(path: Path) -> int:
    return int(path.name.partition("-")[2])


def load_checkpoint(agent: BaseAlgorithm, path: Path) -> None:
    """Put a checkpoint into an agent that was made with the same configuration.

    Also sets the global random states. Runs no code from the file.

    Args:
        agent: Made by `make_agent`.
        path: A checkpoint's own folder.

    Raises:
        RunError: A file is missing or damaged (it is named), or belongs to another kind of agent.
    """
    _load(agent, path, write_state)


def load_newest(agent: BaseAlgorithm, folder: Path) -> tuple[Path | None, list[RunError]]:
    """Put the newest undamaged checkpoint of a run into an agent.

    Args:
        agent: Made by `make_agent`.
        folder: Where the checkpoints of a run are.

    Returns:
        The checkpoint, or None where there is none, and what was wrong with newer ones.

    Raises:
        RunError: There are checkpoints, and all are damaged.
    """
    return _load_newest(agent, folder, write_state)


def load_newest_learnt(agent: BaseAlgorithm, folder: Path) -> Path | None:
    """Put what the newest undamaged checkpoint has learnt into an agent of another run; see `write_learnt`.

    Args:
        agent: Made by `make_agent`, for the same algorithm, spaces and networks.
        folder: Where the checkpoints of the other run are.

    Returns:
        The checkpoint, or None where there is none.

    Raises:
        RunError: There are checkpoints, and all are damaged or of another kind of agent.
    """
    return _load_newest(agent, folder, write_learnt)[0]


def _load_newest(agent: BaseAlgorithm, folder: Path, put: _Put) -> tuple[Path | None, list[RunError]]:
    faults: list[RunError] = []
    for path in list_checkpoints(folder):
        try:
            _load(agent, path, put)
        except RunError as error:
            faults.append(error)
        else:
            return path, faults
    if faults:
        reasons = "\n".join(str(fault) for fault in faults)
        raise RunError(f"no checkpoint in {folder} can be read. Start anew with another --out.\n{reasons}")
    return None, []


def _load(agent: BaseAlgorithm, path: Path, put: _Put) -> None:
    state = _read(path)
    try:
        put(agent, state)
    except RunError as error:
        raise RunError(f"{path}: {error}") from error
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise RunError(f"{path / _VALUES} is not what was stored: {type(error).__name__}: {error}") from error


def _write(path: Path, state: AgentState) -> None:
    with whole_folder(path) as folder:
        save_file(state.tensors, folder / _TENSORS)
        arrays: dict[str, Any] = state.replay
        np.savez(folder / _REPLAY, **arrays)
        (folder / _VALUES).write_text(json.dumps(state.values, allow_nan=False), encoding="utf-8")
        digests = {name: _digest(folder / name) for name in (_TENSORS, _REPLAY, _VALUES)}
        manifest = {"format": _FORMAT, "sha256": digests}
        (folder / _MANIFEST).write_text(json.dumps(manifest, indent=1), encoding="utf-8")


def _read(path: Path) -> AgentState:
    manifest = _json(path / _MANIFEST)
    if not isinstance(manifest, dict) or manifest.get("format") != _FORMAT:
        raise RunError(f"{path / _MANIFEST} is not of format {_FORMAT}, the only one this version reads.")
    for name in (_TENSORS, _REPLAY, _VALUES):
        file = path / name
        if not file.is_file():
            raise RunError(f"{file} is missing from the checkpoint.")
        if _digest(file) != manifest.get("sha256", {}).get(name):
            raise RunError(f"{file} is damaged: its contents are not those that were stored.")
    try:
        tensors = load_file(path / _TENSORS)
    except (SafetensorError, OSError) as error:
        raise RunError(f"{path / _TENSORS} is damaged: {error}") from error
    try:
        with np.load(path / _REPLAY, allow_pickle=False) as arrays:
            replay = {name: arrays[name] for name in arrays.files}
    except (ValueError, OSError, zipfile.BadZipFile) as error:
        raise RunError(f"{path / _REPLAY} is damaged: {error}") from error
    return AgentState(tensors=tensors, replay=replay, values=_json(path / _VALUES))


def _json(file: Path) -> Any:
    try:
        return read_json(file)
    except (OSError, ValueError) as error:
        raise RunError(f"{file} is damaged or missing: {error}") from error


def _digest(file: Path) -> str:
    with file.open("rb") as handle:
        return hashlib.file_digest(handle, "sha256").hexdigest()

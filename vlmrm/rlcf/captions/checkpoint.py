"""Where a caption training stands, in a folder that is whole or not there; reading it runs no code."""

import csv
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from vlmrm.atomic import json_text, whole_file, whole_folder, write_json
from vlmrm.errors import RunError
from vlmrm.plain_files import read_json

_FOLDER, _TENSORS, _STATE, _HISTORY = "checkpoint", "state.safetensors", "state.json", "metrics.csv"


@dataclass(frozen=True, eq=False)
class Learning:
    """What learns: parameters, a value head, and the optimiser of both."""

    tuned: Sequence[nn.Parameter]
    """Parameters of the captioner."""
    value: nn.Module
    """The value head."""
    optimiser: torch.optim.Optimizer
    """Optimiser of what learns."""


def store(folder: Path, learning: Learning, said: Mapping[str, Any], history: Sequence[Mapping[str, float]]) -> None:
    """Write where a training stands, and its numbers as a table.

    Args:
        folder: Of the training.
        learning: What learns.
        said: Plain values.
        history: A row of numbers for each update.
    """
    learnt = {f"tuned.{place}": parameter for place, parameter in enumerate(learning.tuned)}
    learnt |= {f"value.{name}": value for name, value in learning.value.state_dict().items()}
    state = learning.optimiser.state_dict()["state"]
    learnt |= {f"adam.{place}.{name}": value for place, one in state.items() for name, value in one.items()}
    with whole_folder(folder / _FOLDER) as unfinished:
        save_file({name: value.detach().clone() for name, value in learnt.items()}, unfinished / _TENSORS)
        write_json(unfinished / _STATE, {**said, "history": history})
    columns = list(dict.fromkeys(name for row in history for name in row))
    with whole_file(folder / _HISTORY) as unfinished, unfinished.open("w", newline="") as file:
        writer = csv.DictWriter(file, columns)
        writer.writeheader()
        writer.writerows(history)


def take_up(folder: Path, learning: Learning, identity: Mapping[str, Any]) -> dict[str, Any] | None:
    """Put a checkpoint into what learns, and return its plain values; None where there is none.

    Args:
        folder: Of the training.
        learning: What learns.
        identity: Plain values that may not have changed.

    Raises:
        RunError: It is of another training, or damaged.
    """
    path = folder / _FOLDER
    if not path.is_dir():
        return None
    try:
        said: dict[str, Any] = read_json(path / _STATE)
        learnt = load_file(path / _TENSORS)
        other = [key for key, value in json.loads(json_text(identity)).items() if said[key] != value]
        if other:
            raise RunError(f"{folder} holds a training with other {' and '.join(other)}. Give another folder.")
        _put(learning, learnt)
    except (OSError, ValueError, KeyError, TypeError, RuntimeError, SafetensorError) as error:
        raise RunError(f"{path} is damaged: {type(error).__name__}: {error}. Delete it.") from error
    return said


@torch.no_grad()
def _put(learning: Learning, learnt: Mapping[str, Tensor]) -> None:
    for place, parameter in enumerate(learning.tuned):
        parameter.copy_(learnt[f"tuned.{place}"])
    learning.value.load_state_dict(_under(learnt, "value."))
    adam = learning.optimiser.state_dict()
    places = [place for group in adam["param_groups"] for place in group["params"]]
    adam["state"] = {place: kept for place in places if (kept := _under(learnt, f"adam.{place}."))}
    learning.optimiser.load_state_dict(adam)


def _under(tensors: Mapping[str, Tensor], prefix: str) -> dict[str, Tensor]:
    return {name.removeprefix(prefix): value for name, value in tensors.items() if name.startswith(prefix)}

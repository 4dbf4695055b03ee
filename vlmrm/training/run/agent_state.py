"""Everything an agent of Stable-Baselines3 has learnt and counted, as tensors, arrays and plain values.

Stable-Baselines3's own `save` pickles the agent, and its `load` runs whatever code the pickle holds. Here nothing is
pickled: an agent is made anew from its configuration, and these values are put into it.
"""

import math
import operator
import random
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from stable_baselines3.common.base_class import BaseAlgorithm
from torch import Tensor

from vlmrm.errors import RunError

_COUNTERS = (
    "num_timesteps",
    "_total_timesteps",
    "_num_timesteps_at_start",
    "_current_progress_remaining",
    "_episode_num",
    "_n_updates",
    "_n_calls",  # DQN: when the target network is due
    "exploration_rate",  # DQN
)
_SETTINGS = ("ent_coef_tensor",)  # of SAC and its kin, among what Stable-Baselines3 saves: a fixed ent_coef


@dataclass(frozen=True, kw_only=True, eq=False)
class AgentState:
    """The state of an agent between two rollouts."""

    tensors: dict[str, Tensor]
    """Networks, targets and optimisers."""
    replay: dict[str, np.ndarray]
    """The filled part of the replay buffer; empty: the algorithm has none, or it was left out."""
    values: dict[str, Any]
    """Counters, random states and the shape of nested optimiser states; plain values."""


def read_state(agent: BaseAlgorithm, *, replay: bool = True) -> AgentState:
    """The state of an agent; taken between two rollouts it is complete.

    Args:
        agent: Any algorithm of Stable-Baselines3.
        replay: Also the replay buffer.
    """
    _, variables = agent._get_torch_save_params()
    tensors: dict[str, Tensor] = {}
    learnt = {"modules": agent.get_parameters(), "variables": {name: _attribute(agent, name) for name in variables}}
    skeleton = _pack(learnt, "", tensors)
    tensors["random.torch"] = torch.get_rng_state()
    for index, state in enumerate(torch.cuda.get_rng_state_all() if torch.cuda.is_available() else []):
        tensors[f"random.cuda.{index}"] = state
    values = {
        "algorithm": type(agent).__name__,
        "learnt": skeleton,
        "counters": {name: getattr(agent, name) for name in _COUNTERS if hasattr(agent, name)},
        "random": {  # Stable-Baselines3 draws from the global ones
            "python": random.getstate(),
            "numpy": _plain(np.random.get_state(legacy=False)),  # noqa: NPY002
            "actions": _plain(agent.action_space.np_random.bit_generator.state),
        },
    }
    buffer = getattr(agent, "replay_buffer", None) if replay else None
    if buffer is None:
        return AgentState(tensors=tensors, replay={}, values=values)
    values["replay"] = {"pos": buffer.pos, "full": buffer.full, "rows": buffer.buffer_size, "envs": buffer.n_envs}
    # one row more than is filled: with optimize_memory_usage it holds the last successor
    filled = buffer.buffer_size if buffer.full else min(buffer.pos + 1, buffer.buffer_size)
    arrays = {name: array[:filled] for name, array in _arrays(buffer).items()}
    return AgentState(tensors=tensors, replay=arrays, values=values)


def write_state(agent: BaseAlgorithm, state: AgentState) -> None:
    """Put a state into an agent that was made with the same configuration.

    Also sets the global random states, from which Stable-Baselines3 draws.

    Raises:
        RunError: The state belongs to another algorithm, network or replay buffer.
    """
    write_learnt(agent, state)
    for name, value in state.values["counters"].items():
        setattr(agent, name, value)
    if "replay" in state.values:
        _write_replay(agent, state)
    _write_random(agent, state)


def write_learnt(agent: BaseAlgorithm, state: AgentState) -> None:
    """Put networks, targets and optimisers into an agent; its counters, replay buffer and random states stay.

    Raises:
        RunError: The state belongs to another algorithm or network.
    """
    if state.values["algorithm"] != type(agent).__name__:
        raise RunError(f"the checkpoint is of {state.values['algorithm']}, and the agent is {type(agent).__name__}.")
    learnt = _unpack(state.values["learnt"], state.tensors)
    try:
        agent.set_parameters(learnt["modules"], exact_match=True, device=agent.device)
        with torch.no_grad():
            for name, tensor in learnt["variables"].items():
                if name not in _SETTINGS:
                    _attribute(agent, name).copy_(tensor)
    except (RuntimeError, ValueError, KeyError, AttributeError) as error:
        raise RunError(f"the checkpoint was made with other networks than the agent has: {error}") from error


def start_new_episode(agent: BaseAlgorithm) -> None:
    """Cut the episode that was running when the state was read.

    The simulators' states are not stored, so that training goes on with new episodes; an n-step return must not reach
    from the old one into the new.
    """
    buffer: Any = getattr(agent, "replay_buffer", None)
    if buffer is None or (buffer.pos == 0 and not buffer.full):
        return
    last = buffer.pos - 1
    if buffer.optimize_memory_usage:
        buffer.dones[last] = True  # its successor is overwritten; Stable-Baselines3 does the same
    else:
        buffer.timeouts[last] = np.where(buffer.dones[last] > 0, buffer.timeouts[last], 1.0)


def _write_replay(agent: Any, state: AgentState) -> None:
    buffer, counted = agent.replay_buffer, state.values["replay"]
    if (counted["rows"], counted["envs"]) != (buffer.buffer_size, buffer.n_envs):
        raise RunError(
            f"the checkpoint's replay buffer has {counted['rows']} rows of {counted['envs']} environments, the agent's "
            f"{buffer.buffer_size} of {buffer.n_envs}."
        )
    arrays = _arrays(buffer)
    if arrays.keys() != state.replay.keys():
        raise RunError(f"the checkpoint's replay buffer holds {sorted(state.replay)}, the agent's {sorted(arrays)}.")
    for name, array in arrays.items():
        stored = state.replay[name]
        if stored.shape[1:] != array.shape[1:] or stored.dtype != array.dtype or len(stored) > len(array):
            raise RunError(
                f"{name} in the checkpoint's replay buffer is {stored.dtype} {stored.shape}, and {array.dtype} "
                f"{array.shape} is wanted."
            )
        array[: len(stored)] = stored
    buffer.pos, buffer.full = counted["pos"], counted["full"]


def _write_random(agent: BaseAlgorithm, state: AgentState) -> None:
    stored = state.values["random"]
    version, internal, gauss = stored["python"]
    random.setstate((version, tuple(internal), gauss))
    numpy_state = stored["numpy"]
    numpy_state["state"]["key"] = np.array(numpy_state["state"]["key"], dtype=np.uint32)
    np.random.set_state(numpy_state)  # noqa: NPY002
    agent.action_space.np_random.bit_generator.state = stored["actions"]
    torch.set_rng_state(state.tensors["random.torch"])
    cuda = [tensor for name, tensor in sorted(state.tensors.items()) if name.startswith("random.cuda.")]
    if cuda and torch.cuda.is_available() and torch.cuda.device_count() == len(cuda):
        torch.cuda.set_rng_state_all(cuda)


def _arrays(buffer: Any) -> dict[str, np.ndarray]:
    """The arrays of a replay buffer, one row per step; those of Dict observations one by one.

    A buffer that waits for rewards has them scored when it is asked for its state.
    """
    found: dict[str, np.ndarray] = {}
    for name, value in buffer.__getstate__().items():
        parts = {f"{name}.{key}": part for key, part in value.items()} if isinstance(value, dict) else {name: value}
        for part_name, part in parts.items():
            if isinstance(part, np.ndarray) and part.ndim >= 2 and len(part) == buffer.buffer_size:
                found[part_name] = part
    return found


def _attribute(agent: BaseAlgorithm, name: str) -> Any:
    return operator.attrgetter(name)(agent)


def _pack(tree: Any, path: str, tensors: dict[str, Tensor]) -> Any:
    """Move the tensors of a nested structure into `tensors`; what is left is JSON.

    Dictionaries become lists of pairs, since JSON would turn an optimiser's integer keys into text.
    """
    if isinstance(tree, Tensor):
        tensors[path] = tree.detach().to("cpu", copy=True).contiguous()
        return {"tensor": path}
    if isinstance(tree, Mapping):
        return {"pairs": [[key, _pack(value, f"{path}/{key}", tensors)] for key, value in tree.items()]}
    if isinstance(tree, list | tuple):
        items = [_pack(value, f"{path}/{index}", tensors) for index, value in enumerate(tree)]
        return {"tuple" if isinstance(tree, tuple) else "list": items}
    if isinstance(tree, float) and not math.isfinite(tree):
        return {"float": str(tree)}  # JSON has no number for it
    if tree is None or isinstance(tree, bool | int | float | str):
        return {"value": tree}
    raise RunError(f"the agent's state holds a {type(tree).__name__} at {path}, which cannot be stored without pickle.")


def _unpack(skeleton: Any, tensors: Mapping[str, Tensor]) -> Any:
    ((kind, content),) = skeleton.items()
    if kind == "tensor":
        return tensors[content]
    if kind == "pairs":
        return {key: _unpack(value, tensors) for key, value in content}
    if kind == "float":
        return float(content)
    if kind in ("tuple", "list"):
        items = [_unpack(value, tensors) for value in content]
        return tuple(items) if kind == "tuple" else items
    return content


def _plain(state: Any) -> Any:
    """Random states of NumPy as plain values."""
    if isinstance(state, Mapping):
        return {key: _plain(value) for key, value in state.items()}
    return state.tolist() if isinstance(state, np.ndarray | np.generic) else state

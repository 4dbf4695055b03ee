"""Small changes of large matrices: CLIP-LoRA and CLIP-SVD, how they become part of the weights, and how they go again.

Of a matrix W only a change is trained, which has few numbers and begins at 0:

    CLIP-LoRA    W + (alpha / r) B A,     A (r x in) at random, B (out x r) at 0     (arXiv 2405.18541)
    CLIP-SVD     W + U diag(c) V^T,       W = U diag(s) V^T, c at 0                  (arXiv 2509.03740)

CLIP-SVD trains the singular values, s + c here. Written as a change it leaves the model as it is, bit for bit, before
the first step, which U diag(s) V^T put together again would not. A merged change costs nothing: the model has as many
numbers as before.

By default the matrices are those of query, key and value in the attention layers of both towers. CLIP-SVD's paper takes
the rest of attention and the MLPs as well, from which neither method gained on the built-in models.
"""

import re
import threading
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn.utils import parametrize

from vlmrm.encoders.towers.inner import TOWERS, require_towers, tower_of
from vlmrm.errors import EncoderError

Weight = Float[Tensor, "o i"]

_PACKED = {  # how the names of such weights end in OpenCLIP, timm and transformers: the matrices in each
    "in_proj_weight": 3,
    "qkv.weight": 3,
    "kv.weight": 2,
    **dict.fromkeys(["q_proj_weight", "k_proj_weight", "v_proj_weight"], 1),
    **dict.fromkeys(["q_proj.weight", "k_proj.weight", "v_proj.weight"], 1),
    **dict.fromkeys(["query.weight", "key.weight", "value.weight"], 1),
    **dict.fromkeys(["q.weight", "k.weight", "v.weight"], 1),
}
_CHANGED = re.compile(r"^(.*?)parametrizations\.(\w+)\.original$")  # where torch keeps a weight that has a change


class _Held(threading.local):
    weights: dict[Any, Tensor] | None = None


_held = _Held()


@dataclass(frozen=True, eq=False)
class MatrixWeight:
    """A place where a model keeps one matrix, or several above each other."""

    owner: nn.Module
    """Layer that uses the weight."""
    name: str
    """Name of the weight in that layer."""
    packed: int
    """Number of matrices that the weight holds, one above the other."""

    @property
    def value(self) -> Weight:
        """The weight as the layer uses it."""
        weight: Tensor = getattr(self.owner, self.name)
        return weight


def attention_weights(model: nn.Module, *, towers: Collection[str] = TOWERS) -> list[MatrixWeight]:
    """Find all weights of query, key and value.

    Args:
        model: A model of OpenCLIP.
        towers: Towers to look into.

    Raises:
        EncoderError: There is none.

    Example:
        >>> [(weight.name, weight.packed) for weight in attention_weights(nn.MultiheadAttention(8, 2))]
        [('in_proj_weight', 3)]
    """
    found = _matrices(model, towers)
    if not found:
        raise EncoderError(
            f"{type(model).__name__} has no attention layer whose weights are known in {' or '.join(towers)}, so that "
            "nothing of it can be tuned. Take a ViT or ResNet of OpenCLIP, or the method coop, which changes no weight."
        )
    return found


class LowRankChange(nn.Module):
    """CLIP-LoRA's change of one weight.

    Args:
        weight: The weight to change.
        packed: Matrices in it, each with a change of its own.
        rank: Rank of each change.
        alpha: The change is multiplied by alpha / rank.
        generator: Draws A, on the CPU.
    """

    def __init__(
        self, weight: Weight, packed: int, *, rank: int, alpha: int | float, generator: torch.Generator
    ) -> None:
        super().__init__()
        rows, columns = weight.shape[0] // packed, weight.shape[1]
        start = torch.rand(packed, rank, columns, generator=generator) * 2 - 1  # p r i
        self.down = nn.Parameter((start / columns**0.5).to(weight.device, _precision(weight)))
        """The matrices A."""
        self.up = nn.Parameter(weight.new_zeros(packed, rows, rank, dtype=_precision(weight)))
        """The matrices B."""
        self.scale = alpha / rank

    def forward(self, weight: Weight) -> Weight:
        """The weight and its change."""
        return _once(self, lambda: weight + (self.scale * self.up @ self.down).reshape(weight.shape).to(weight.dtype))


class SingularValueChange(nn.Module):
    """CLIP-SVD's change of one weight.

    Args:
        weight: The weight to change.
        packed: Matrices in it, each with singular values of its own.
    """

    left: Float[Tensor, "p o s"]
    right: Float[Tensor, "p s i"]

    def __init__(self, weight: Weight, packed: int) -> None:
        super().__init__()
        matrices = weight.detach().reshape(packed, weight.shape[0] // packed, weight.shape[1])
        left, values, right = torch.linalg.svd(matrices.to(_precision(weight)), full_matrices=False)
        self.register_buffer("left", left)
        self.register_buffer("right", right)
        self.change = nn.Parameter(torch.zeros_like(values))
        """What is added to each singular value."""

    def forward(self, weight: Weight) -> Weight:
        """The weight and its change."""
        return _once(self, lambda: weight + self._moved().reshape(weight.shape).to(weight.dtype))

    def _moved(self) -> Float[Tensor, "p o i"]:
        return (self.left * self.change[:, None]) @ self.right


class WeightChanges:
    """Changes that layers add to their weights, until they are merged or taken off again.

    As a context it takes them off at its end. Changes of the same weights go in the order last on, first off.

    Args:
        weights: Weights that the layers shall use with a change.
        change: Makes the change of a weight that holds some matrices.

    Example:
        >>> layer = nn.MultiheadAttention(8, 2)
        >>> with WeightChanges(attention_weights(layer), SingularValueChange) as changes:
        ...     [parameter.shape for parameter in changes.trained]
        [torch.Size([3, 8])]
        >>> [name for name, _ in layer.named_parameters()][:2]
        ['in_proj_weight', 'in_proj_bias']
    """

    def __init__(self, weights: Sequence[MatrixWeight], change: Callable[[Weight, int], nn.Module]) -> None:
        self._on: list[tuple[MatrixWeight, nn.Module, list[str]]] = []
        try:
            with torch.inference_mode(False):
                for weight in weights:
                    made = change(weight.value, weight.packed)
                    order = list(weight.owner._parameters)
                    parametrize.register_parametrization(weight.owner, weight.name, made)
                    self._on.append((weight, made, order))
        except BaseException:
            self.remove()
            raise

    @property
    def trained(self) -> list[nn.Parameter]:
        """What there is to train."""
        return [parameter for _, made, _ in self._on for parameter in made.parameters()]

    def merge(self) -> None:
        """Make the changes part of the weights, and leave no trace of them otherwise.

        Raises:
            EncoderError: Later changes of the same weights are on.
        """
        self._take_off(merged=True)

    def remove(self) -> None:
        """Take the changes off, so that all is as it was, bit for bit; does nothing where they are off already.

        Raises:
            EncoderError: Later changes of the same weights are on.
        """
        self._take_off(merged=False)

    def _take_off(self, *, merged: bool) -> None:
        for weight, made, _ in self._on:
            if _changes_of(weight)[-1] is not made or (merged and len(_changes_of(weight)) > 1):
                raise EncoderError(
                    f"{weight.name} of {type(weight.owner).__name__} has several changes. Take off the last one first, "
                    "and merge one alone."
                )
        while self._on:
            weight, _, order = self._on.pop()
            if len(_changes_of(weight)) > 1:
                del _changes_of(weight)[-1]
                continue
            with torch.inference_mode(False):
                parametrize.remove_parametrizations(weight.owner, weight.name, leave_parametrized=merged)
            rest = weight.owner._parameters
            rest.update({name: rest.pop(name) for name in order if name in rest})

    def __enter__(self) -> "WeightChanges":
        return self

    def __exit__(self, *error: object) -> None:
        self.remove()


@contextmanager
def holding_weights(*, anew: bool = False) -> Iterator[None]:
    """Put each changed weight together once, however often layers of this thread ask for it, until the end.

    Args:
        anew: Do not use weights that a context around this one holds.
    """
    before = _held.weights
    _held.weights = {} if before is None or anew else before
    try:
        yield
    finally:
        _held.weights = before


def _once(change: nn.Module, make: Callable[[], Tensor]) -> Tensor:
    held = _held.weights
    if held is None:
        return make()
    key = (change, torch.is_grad_enabled())
    if key not in held:
        held[key] = make()
    return held[key]


def _precision(weight: Weight) -> torch.dtype:
    """What is trained has at least float32, where steps are smaller than half precision can tell apart."""
    return torch.promote_types(weight.dtype, torch.float32)


def _changes_of(weight: MatrixWeight) -> Any:
    return weight.owner.parametrizations[weight.name]  # type: ignore[index]  # a ModuleDict of torch


def _matrices(model: nn.Module, towers: Collection[str]) -> list[MatrixWeight]:
    require_towers(towers)
    found = []
    for place, parameter in model.named_parameters():
        path = _CHANGED.sub(r"\1\2", place)
        if parameter.ndim == 2 and "parametrizations." not in path and tower_of(path) in towers and _packed(path):
            owner, _, name = path.rpartition(".")
            found.append(MatrixWeight(model.get_submodule(owner), name, _packed(path)))
    return found


def _packed(path: str) -> int:
    """How many matrices of query, key and value a weight of this name holds."""
    return _PACKED.get(path.rpartition(".")[2]) or _PACKED.get(".".join(path.split(".")[-2:])) or 0

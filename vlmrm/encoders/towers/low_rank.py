"""Small changes of large matrices: CLIP-LoRA and CLIP-SVD, and how they become part of the weights.

Of a matrix W only a change is trained, which has few numbers and begins at 0:

    CLIP-LoRA    W + (alpha / r) B A,     A (r x in) at random, B (out x r) at 0     (arXiv 2405.18541)
    CLIP-SVD     W + U diag(c) V^T,       W = U diag(s) V^T, c at 0                  (arXiv 2509.03740)

CLIP-SVD trains the singular values, s + c here. Written as a change it leaves the model as it is, bit for bit, before
the first step, which U diag(s) V^T put together again would not. A merged change costs nothing: the model has as many
numbers as before.

The matrices are those of query, key and value in the attention layers of both towers. CLIP-SVD's paper takes the rest
of attention and the MLPs as well, from which neither method gained on the built-in models.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn.utils import parametrize

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
_UNUSED = "text_decoder."  # of CoCa, which writes captions


@dataclass(frozen=True, eq=False)
class AttentionWeight:
    """Where a model keeps matrices of query, key and value."""

    owner: nn.Module
    """The layer."""
    name: str
    """Of the layer's weight."""
    packed: int
    """How many matrices it holds, one above the other."""

    @property
    def value(self) -> Weight:
        """The weight as the layer uses it."""
        weight: Tensor = getattr(self.owner, self.name)
        return weight


def attention_weights(model: nn.Module) -> list[AttentionWeight]:
    """All weights of query, key and value in both towers.

    Args:
        model: Of OpenCLIP.

    Raises:
        EncoderError: There is none.

    Example:
        >>> [(weight.name, weight.packed) for weight in attention_weights(nn.MultiheadAttention(8, 2))]
        [('in_proj_weight', 3)]
    """
    found = []
    for path, parameter in model.named_parameters():
        owner, _, name = path.rpartition(".")
        packed = _PACKED.get(name) or _PACKED.get(".".join(path.split(".")[-2:]))
        if packed and parameter.ndim == 2 and not path.startswith(_UNUSED):
            found.append(AttentionWeight(model.get_submodule(owner), name, packed))
    if not found:
        raise EncoderError(
            f"{type(model).__name__} has no attention layer whose weights are known, so that nothing of it can be "
            "tuned. Take a ViT or ResNet of OpenCLIP, or learn_prompts, which leaves weights alone."
        )
    return found


class LowRankChange(nn.Module):
    """CLIP-LoRA's change of one weight.

    Args:
        weight: To be changed.
        packed: Matrices in it, each with a change of its own.
        rank: Of each change.
        alpha: The change is multiplied by alpha / rank.
        generator: Draws A, on the CPU.
    """

    def __init__(
        self, weight: Weight, packed: int, *, rank: int, alpha: int | float, generator: torch.Generator
    ) -> None:
        super().__init__()
        rows, columns = weight.shape[0] // packed, weight.shape[1]
        start = torch.rand(packed, rank, columns, generator=generator) * 2 - 1  # p r i
        self.down = nn.Parameter((start / columns**0.5).to(weight))
        """A."""
        self.up = nn.Parameter(weight.new_zeros(packed, rows, rank))
        """B."""
        self.scale = alpha / rank

    def forward(self, weight: Weight) -> Weight:
        """The weight and its change."""
        return weight + (self.scale * self.up @ self.down).reshape(weight.shape)


class SingularValueChange(nn.Module):
    """CLIP-SVD's change of one weight.

    Args:
        weight: To be changed.
        packed: Matrices in it, each with singular values of its own.
    """

    left: Float[Tensor, "p o s"]
    right: Float[Tensor, "p s i"]

    def __init__(self, weight: Weight, packed: int) -> None:
        super().__init__()
        matrices = weight.detach().reshape(packed, weight.shape[0] // packed, weight.shape[1])
        left, values, right = torch.linalg.svd(matrices, full_matrices=False)
        self.register_buffer("left", left)
        self.register_buffer("right", right)
        self.change = nn.Parameter(torch.zeros_like(values))
        """Of each singular value."""

    def forward(self, weight: Weight) -> Weight:
        """The weight and its change."""
        return weight + ((self.left * self.change[:, None]) @ self.right).reshape(weight.shape)


def add_changes(weights: Sequence[AttentionWeight], change: Callable[[Weight, int], nn.Module]) -> list[nn.Parameter]:
    """Let layers use their weights with a change.

    Args:
        weights: Whose values the layers shall use with a change.
        change: Makes the change of a weight that holds some matrices.

    Returns:
        What there is to train.
    """
    trained: list[nn.Parameter] = []
    for weight in weights:
        made = change(weight.value, weight.packed)
        parametrize.register_parametrization(weight.owner, weight.name, made)
        trained += made.parameters()
    return trained


def merge_changes(weights: Sequence[AttentionWeight]) -> None:
    """Make the changes part of the weights, and leave no trace of them otherwise."""
    for weight in weights:
        parametrize.remove_parametrizations(weight.owner, weight.name, leave_parametrized=True)

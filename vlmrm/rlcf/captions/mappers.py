"""What stands between an encoder and a language model: the embedding of a picture becomes words that no one says.

ClipCap (Mokady, Hertz and Bermano 2021, arXiv 2111.09734) has two forms of it:

    mlp           one hidden layer
    transformer   the embedding as a few vectors beside learned ones, through self-attention; the learned ones are kept
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor, nn

from vlmrm.errors import SpecError, near_matches


@dataclass(frozen=True, kw_only=True)
class MapperShape:
    """What a mapper is built from.

    Raises:
        SpecError: There is no such kind, or a size is impossible.
    """

    dim: int
    """Length of an embedding."""
    width: int
    """Length of a word of the language model."""
    kind: str = "mlp"
    """``mlp`` or ``transformer``."""
    prefix: int = 8
    """Number of words that a picture becomes."""
    hidden: int = 256
    """Width of the hidden layer of ``mlp``."""
    layers: int = 8
    """Layers of ``transformer``."""
    heads: int = 8
    """Attention heads of ``transformer``."""
    read: int = 10
    """Vectors that ``transformer`` reads the embedding as."""

    def __post_init__(self) -> None:
        if self.kind not in _KINDS:
            raise SpecError(f"unknown kind of mapper {self.kind!r}. Near: {near_matches(self.kind, _KINDS)}.")
        sizes = {name: value for name, value in asdict(self).items() if name != "kind"}
        for name, value in sizes.items():
            if value < 1:
                raise SpecError(f"{name} of a mapper is at least 1; got {value}.")

    def build(self) -> nn.Module:
        """Return a mapper with random weights: embeddings (n, dim) to words (n, prefix, width)."""
        mapper: nn.Module = _KINDS[self.kind](self)
        return mapper


class MlpMapper(nn.Module):
    """One hidden layer.

    Args:
        shape: Its sizes.

    Example:
        >>> MapperShape(dim=4, width=6, prefix=3).build()(torch.zeros(2, 4)).shape
        torch.Size([2, 3, 6])
    """

    def __init__(self, shape: MapperShape) -> None:
        super().__init__()
        self.shape = shape
        """What the mapper was built from."""
        self.layers = nn.Sequential(
            nn.Linear(shape.dim, shape.hidden), nn.Tanh(), nn.Linear(shape.hidden, shape.prefix * shape.width)
        )

    def forward(self, seen: Float[Tensor, "n d"]) -> Float[Tensor, "n p w"]:
        """Return the words of embeddings."""
        words: Tensor = self.layers(seen).unflatten(1, (self.shape.prefix, -1))
        return words


class TransformerMapper(nn.Module):
    """Self-attention over the embedding and learned vectors.

    Args:
        shape: Its sizes.

    Example:
        >>> shape = MapperShape(dim=4, width=8, kind="transformer", prefix=3, layers=1, heads=2, read=2)
        >>> shape.build()(torch.zeros(2, 4)).shape
        torch.Size([2, 3, 8])
    """

    def __init__(self, shape: MapperShape) -> None:
        super().__init__()
        self.shape = shape
        """What the mapper was built from."""
        self.read = nn.Linear(shape.dim, shape.read * shape.width)
        self.learned = nn.Parameter(torch.randn(shape.prefix, shape.width) / shape.width**0.5)
        layer = nn.TransformerEncoderLayer(
            shape.width, shape.heads, 2 * shape.width, dropout=0.0, batch_first=True, norm_first=True
        )
        self.layers = nn.TransformerEncoder(layer, shape.layers, enable_nested_tensor=False)

    def forward(self, seen: Float[Tensor, "n d"]) -> Float[Tensor, "n p w"]:
        """Return the words of embeddings."""
        said = self.read(seen).unflatten(1, (self.shape.read, -1))
        both = torch.cat([said, self.learned.expand(len(seen), -1, -1)], dim=1)
        words: Tensor = self.layers(both)[:, self.shape.read :]
        return words


_KINDS: Mapping[str, Any] = {"mlp": MlpMapper, "transformer": TransformerMapper}


def with_noise(
    embeddings: Float[Tensor, "n d"], variance: int | float, generator: torch.Generator
) -> Float[Tensor, "n d"]:
    """Return embeddings with noise, at unit length again: how CapDec trains a mapper on texts alone.

    CapDec (Nukrai, Mokady and Globerson 2022, arXiv 2211.00575) takes a variance of 0.016 in each of 512 dimensions, so
    that the noise is 2.9 times as long as the embedding.

    Args:
        embeddings: Unit-length embeddings of texts.
        variance: Of the noise in each dimension.
        generator: Source of the noise.
    """
    noise = torch.randn(embeddings.shape, generator=generator)
    return nn.functional.normalize(embeddings + variance**0.5 * noise, dim=1)

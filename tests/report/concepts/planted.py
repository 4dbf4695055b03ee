"""Embeddings that are made of a few known directions."""

from dataclasses import dataclass
from functools import cache

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn.functional import normalize

from vlmrm.report.concepts import AutoencoderOptions, SparseAutoencoder, train_autoencoder


@dataclass(frozen=True)
class Planted:
    """Unit-length embeddings, and the directions that they are made of."""

    embeddings: Float[Tensor, "n d"]
    directions: Float[Tensor, "k d"]


@cache
def plant(*, n=600, d=64, count=12, in_each=2, seed=0) -> Planted:
    """The same vector in every row, and 0.3 to 1 of `in_each` of `count` random directions, with noise of 0.01."""
    draws = torch.Generator().manual_seed(seed)
    directions = normalize(torch.randn(count, d, generator=draws), dim=1)
    amounts = torch.zeros(n, count)
    for row in amounts:
        row[torch.randperm(count, generator=draws)[:in_each]] = 0.3 + 0.7 * torch.rand(in_each, generator=draws)
    same = normalize(torch.randn(1, d, generator=draws), dim=1)
    noise = 0.01 * torch.randn(n, d, generator=draws) / d**0.5
    return Planted(normalize(same + amounts @ directions + noise, dim=1), directions)


@cache
def trained() -> SparseAutoencoder:
    """An autoencoder of twice as many latents as there are directions."""
    return train_autoencoder(plant().embeddings, AutoencoderOptions(latents=24))

"""What each latent does to a score: the score of an embedding less its score with the latent taken out.

A score expects embeddings of unit length, and what is left of one is shorter. To stretch it would raise the share of
all other directions, the mean of the frames among them, and a latent would seem to raise a reward only because the mean
is paid little. So what is missing is filled up along a direction v that the frames hardly use, once to either side, and
the two scores are averaged:

    y = x - a_k d_k,    h = sqrt(1 - |y|²),    v orthogonal to y,    effect = score(x) - mean of score(y ± h v)

Of a score that is linear in the embedding, as the cosine with a sentence g, that is a_k (d_k . g) exactly: the effects
of all latents, the mean and the rest sum to the score. Only where a latent points away from all else is y longer than
1, and it is then shortened, which changes little.
"""

from collections.abc import Callable

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn.functional import normalize

from vlmrm.report.concepts.autoencoder import SparseAutoencoder
from vlmrm.types import Embeddings

ScoreRows = Callable[[Embeddings], Float[np.ndarray, " n"]]
"""Scores embeddings of unit length, each by itself."""


def effects_of(score: ScoreRows, embeddings: Embeddings, found: SparseAutoencoder) -> Float[np.ndarray, "n l"]:
    """Return what each latent adds to the score of each frame; 0 where it is not active.

    Args:
        score: Scores embeddings.
        embeddings: Unit-length rows.
        found: The latents.

    Example:
        >>> goal = torch.tensor([1.0, 0.0, 0.0])
        >>> axes, nothing = torch.eye(3), torch.zeros(3)
        >>> found = SparseAutoencoder(mean=nothing, directions=axes, weights=axes, bias=nothing, active=2)
        >>> effects_of(lambda rows: (rows @ goal).double().numpy(), torch.tensor([[0.6, 0.8, 0.0]]), found).round(3)
        array([[0.6, 0. , 0. ]])
    """
    activations = found.activations(embeddings)
    rows, latents = activations.nonzero(as_tuple=True)
    left = embeddings[rows] - activations[rows, latents, None] * found.directions[latents]
    effects = np.zeros(tuple(activations.shape))
    effects[rows.numpy(), latents.numpy()] = score(embeddings)[rows.numpy()] - score_filled(score, left, embeddings)
    return effects


def score_filled(score: ScoreRows, shorter: Float[Tensor, "m d"], embeddings: Embeddings) -> Float[np.ndarray, " m"]:
    """Return the scores of rows that are filled up to unit length along what the embeddings hardly use.

    Args:
        score: Scores embeddings.
        shorter: What is left of embeddings, or what stands for them; one that is longer than 1 is shortened.
        embeddings: Unit-length rows.
    """
    if not len(shorter):
        return np.zeros(0)
    unused = torch.linalg.eigh(embeddings.T @ embeddings).eigenvectors[:, 0]  # of the smallest eigenvalue
    unit = normalize(shorter, dim=1)
    across = normalize(unused - (unit @ unused)[:, None] * unit, dim=1)
    missing = (1 - shorter.square().sum(dim=1, keepdim=True)).clamp(min=0).sqrt() * across
    sides = [score(normalize(shorter + side * missing, dim=1)) for side in (1, -1)]
    filled: Float[np.ndarray, " m"] = (sides[0] + sides[1]) / 2
    return filled

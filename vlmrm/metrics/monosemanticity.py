"""Monosemanticity of latents (Pach et al. 2025, arXiv 2504.02821): whether each is active on frames that look alike.

With the activations a_n of one latent, brought to 0 to 1 by its lowest and highest, and unit embeddings e_n of the
frames, best by another encoder than the one that is taken apart,

    MS = sum over pairs of a_n a_m (e_n . e_m) / sum over pairs of a_n a_m

Sums over pairs follow from sums over frames: twice the upper one is |sum of a_n e_n|² less the sum of a_n².
"""

import numpy as np
from jaxtyping import Float
from numpy.typing import ArrayLike

from vlmrm.errors import SpecError

_NOTHING = 1e-9  # weight of all pairs below which there is none: a latent that is active on one frame alone


def monosemanticity(activations: ArrayLike, embeddings: ArrayLike) -> Float[np.ndarray, " l"]:
    """Return the mean cosine of pairs of frames, weighted by how active each latent is on both.

    Args:
        activations: A row per frame and a column per latent, any scale.
        embeddings: A row per frame; their length does not count.

    Returns:
        At most 1, as of a latent that is active on frames of one embedding alone; NaN for one that is active on fewer
        than two frames, or on all alike.

    Raises:
        SpecError: The rows differ in number, there are fewer than two, or a number is not finite.

    Example:
        >>> alike_and_not = [[1.0, 1.0], [1.0, 0.0], [0.0, 1.0], [0.0, 0.0]]
        >>> monosemanticity(alike_and_not, [[1.0, 0.0], [1.0, 0.0], [0.0, 1.0], [0.0, 1.0]]).tolist()
        [1.0, 0.0]
    """
    active, unit = _rows(activations, "activations"), _unit(embeddings)
    if len(active) != len(unit):
        raise SpecError(f"activations and embeddings are one row per frame; got {len(active)} and {len(unit)} rows.")
    lowest, span = active.min(axis=0), np.ptp(active, axis=0)
    scaled = (active - lowest) / np.where(span > 0, span, 1.0)  # n l
    own = (scaled**2).sum(axis=0)
    alike = ((scaled.T @ unit) ** 2).sum(axis=1) - own
    weight = scaled.sum(axis=0) ** 2 - own
    known = (span > 0) & (weight > _NOTHING)
    found: Float[np.ndarray, " l"] = np.where(known, alike / np.where(known, weight, 1.0), np.nan)
    return found


def mean_similarity(embeddings: ArrayLike) -> float:
    """Return the mean cosine of all pairs of frames: the monosemanticity by chance.

    It is what any latent has on average if its activations are dealt out to the frames anew, since each pair of
    activations then meets each pair of frames equally often.

    Args:
        embeddings: A row per frame, at least two.

    Raises:
        SpecError: There are fewer than two rows, or a number is not finite.

    Example:
        >>> round(mean_similarity([[1.0, 0.0], [1.0, 0.0], [0.0, 1.0]]), 4)
        0.3333
    """
    unit = _unit(embeddings)
    n = len(unit)
    return float((np.square(unit.sum(axis=0)).sum() - n) / (n * (n - 1)))


def _unit(embeddings: ArrayLike) -> Float[np.ndarray, "n d"]:
    rows = _rows(embeddings, "embeddings")
    length = np.linalg.norm(rows, axis=1, keepdims=True)
    if not (length > 0).all():
        raise SpecError("an embedding of length 0 has no direction. Leave its frame out.")
    unit: Float[np.ndarray, "n d"] = rows / length
    return unit


def _rows(values: ArrayLike, name: str) -> Float[np.ndarray, "n c"]:
    rows = np.asarray(values, dtype=float)
    if rows.ndim != 2 or len(rows) < 2:
        raise SpecError(f"{name} are one row per frame, of at least two frames; got shape {rows.shape}.")
    if not np.isfinite(rows).all():
        raise SpecError(f"{int((~np.isfinite(rows)).sum())} of {rows.size} numbers of {name} are NaN or infinite.")
    return rows

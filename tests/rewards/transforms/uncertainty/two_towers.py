"""Activations and linear maps of two small towers, in double precision where that matters."""

import torch

from vlmrm.encoders.towers.projections import LinearProjection
from vlmrm.rewards.transforms.uncertainty.laplace import TowerSample, fit_posteriors

SCALE, BIAS = 7.0, -2.0


def normal(*shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def towers(n=40, k=3, a=6, b=5, d=4, seed=0):
    """Activations of frames and sentences, and maps, one of them with a bias."""
    frames = TowerSample(
        normal(n, a, seed=seed).float(),
        LinearProjection(normal(d, a, seed=seed + 1).float(), normal(d, seed=seed + 2).float()),
    )
    texts = TowerSample(normal(k, b, seed=seed + 3).float(), LinearProjection(normal(d, b, seed=seed + 4).float()))
    return frames, texts


def fitted(options=None, **sizes):
    return fit_posteriors(*towers(**sizes), **{"logit_scale": SCALE} | (options or {}))

"""The posterior of the last linear maps, against dense matrices and Monte Carlo in double precision."""

import math
from itertools import pairwise

import pytest
import torch
import vlmrm_envs as envs
from torch.nn.functional import cosine_similarity, normalize

from tests.rewards.transforms.uncertainty.two_towers import SCALE, fitted, normal, towers
from vlmrm.encoders import load_encoder
from vlmrm.encoders.towers.projections import PreProjection
from vlmrm.metrics.labelled_scores import auroc
from vlmrm.rewards.transforms.uncertainty.laplace import (
    TowerSample,
    best_prior_precision,
    curvatures,
    fit_posteriors,
)
from vlmrm.rewards.transforms.uncertainty.moments import reward_variance

CART, ARM = "cartpole/upright", "acrobot/up"


def test_variances_are_those_of_the_dense_matrix_normal():
    """With both factors inverted and multiplied out to a covariance of all 24 weights."""
    frames, texts = towers()
    prior, n = 0.3, len(frames.activations)
    posterior = fit_posteriors(frames, texts, logit_scale=SCALE, prior_precision=prior).frames
    phi = frames.activations.double()
    bend = curvatures(frames.embeddings, texts.embeddings, scale=SCALE)[0]
    left = math.sqrt(n) * phi.T @ phi / n + math.sqrt(prior) * torch.eye(6).double()
    right = math.sqrt(n) * bend + math.sqrt(prior) * torch.eye(4).double()
    covariance = torch.kron(left.inverse(), right.inverse())  # of W^T, row by row
    new = normal(3, 6, seed=9)
    for activation, variance in zip(new, posterior.variances(new.float()), strict=True):
        spread = torch.kron(activation[:, None].contiguous(), torch.eye(4).double())
        expected = (spread.T @ covariance @ spread).diagonal()
        torch.testing.assert_close(variance.double(), expected, rtol=1e-4, atol=0)


def test_the_sentences_count_once_for_each_frame():
    """120 observations of 3 sentences by 40 frames."""
    posteriors = fitted({"prior_precision": 1.0})
    assert (posteriors.frames.count, posteriors.texts.count) == (40, 120)


def test_cosines_under_maps_drawn_from_the_posterior_spread_as_told():
    """From activations to the variance of the cosine, with the map of each tower drawn 20,000 times."""
    frames, texts = towers(d=16, n=200, seed=3)
    posteriors = fit_posteriors(frames, texts, logit_scale=SCALE, count=1e5)
    total, towers_of = 0.0, ((frames, posteriors.frames, texts, 5), (texts, posteriors.texts, frames, 6))
    for sample, posterior, others, seed in towers_of:
        goal = normalize(others.embeddings[0], dim=0)
        variance = reward_variance(
            lambda rows, goal=goal: rows @ goal, sample.embeddings[:1], posterior.variances(sample.activations[:1])
        )
        noise = normal(20_000, 16, len(posterior.whitening), seed=seed)  # of whitened maps
        maps = posterior.spread.sqrt()[:, None] * (noise @ posterior.whitening)
        rows = sample.embeddings[0].double() + maps @ sample.activations[0].double()
        drawn = cosine_similarity(rows, goal.double()[None], dim=1)
        certain = float(cosine_similarity(sample.embeddings[:1], goal[None]))
        assert float(variance) == pytest.approx(float(drawn.var()), rel=0.05)
        assert certain == pytest.approx(float(drawn.mean()), abs=0.005)
        total += float(variance)
    assert total > 1e-4


def test_the_prior_precision_has_the_largest_evidence():
    """Against the evidence by determinants of the dense Hessian, on a fine grid."""
    frames, texts = towers()
    posterior = fit_posteriors(frames, texts, logit_scale=SCALE).frames
    phi, weight = frames.activations.double(), frames.projection.weight.double()
    bend = curvatures(frames.embeddings, texts.embeddings, scale=SCALE)[0]
    hessian = torch.kron(phi.T @ phi, bend)  # n A (x) B
    grid = torch.logspace(-3, 3, 2001, dtype=torch.float64)

    def evidence(prior):
        determinant = torch.linalg.slogdet(hessian + prior * torch.eye(24).double()).logabsdet
        return 0.5 * (24 * prior.log() - prior * weight.square().sum() - determinant)

    best = grid[torch.stack([evidence(prior) for prior in grid]).argmax()]
    assert posterior.prior_precision == pytest.approx(float(best), rel=0.01)


def test_the_best_prior_precision_follows_the_unit_of_the_activations():
    """Activations ten times as long and weights a tenth give the same embeddings."""
    seen, bent = normal(6).abs(), normal(4, seed=1).abs()
    best = best_prior_precision(seen, bent, count=50, squared_norm=3.0)
    assert best_prior_precision(100 * seen, bent, count=50, squared_norm=0.03) == pytest.approx(100 * best, rel=1e-9)


@pytest.mark.parametrize("squared_norm", [1e-12, 1.0, 1e12])
@pytest.mark.parametrize("curvature", [1e-12, 1.0, 1e12])
def test_the_best_prior_precision_is_found_at_any_scale(curvature, squared_norm):
    seen, bent = normal(6).abs(), curvature * normal(4, seed=1).abs()
    best = best_prior_precision(seen, bent, count=50, squared_norm=squared_norm)
    told = 50 * seen[:, None] * bent
    assert best * squared_norm == pytest.approx(float((told / (told + best)).sum()), rel=1e-6)


def test_variances_vanish_as_the_prior_grows_strong():
    frames, _ = towers()
    seen = [
        float(fitted({"prior_precision": prior}).frames.variances(frames.activations).max())
        for prior in (1e-2, 1.0, 1e4, 1e8)
    ]
    assert seen == sorted(seen, reverse=True)
    longest = float(frames.activations.square().sum(dim=1).max())
    assert seen[-1] == pytest.approx(longest / 1e8, rel=1e-2)


def test_more_data_never_raise_a_variance():
    activations = normal(30, 6, seed=8).float()
    texts = normal(30, 5, seed=9).float()
    fits = [fitted({"prior_precision": 0.5, "count": count}) for count in (1, 10, 1_000, 1e9)]
    for fewer, more in pairwise(fits):
        assert bool((more.frames.variances(activations) < fewer.frames.variances(activations)).all())
        assert bool((more.texts.variances(texts) < fewer.texts.variances(texts)).all())


def test_what_no_fitted_frame_showed_is_less_certain_than_what_all_showed():
    """Frames that only use the first three activations; two new ones of equal length."""
    frames, texts = towers()
    partly = frames.activations.clone()
    partly[:, 3:] = 0
    posterior = fit_posteriors(TowerSample(partly, frames.projection), texts, logit_scale=SCALE).frames
    shown, never = posterior.variances(torch.eye(6)[[0, 5]])
    assert bool((never > 5 * shown).all())


def test_variances_grow_with_the_square_of_the_activation():
    frames, _ = towers()
    posterior = fitted().frames
    plain = posterior.variances(frames.activations)
    torch.testing.assert_close(posterior.variances(3 * frames.activations), 9 * plain)


def test_how_activations_are_split_into_batches_never_changes_a_variance():
    frames, _ = towers()
    posterior = fitted().frames
    parts = torch.cat([posterior.variances(part) for part in frames.activations.split(7)])
    torch.testing.assert_close(parts, posterior.variances(frames.activations), rtol=1e-6, atol=0)


def test_the_order_of_the_frames_does_not_count():
    frames, texts = towers()
    turned = TowerSample(frames.activations.flip(0), frames.projection)
    one, other = (fit_posteriors(sample, texts, logit_scale=SCALE).frames for sample in (frames, turned))
    assert one.prior_precision == pytest.approx(other.prior_precision, rel=1e-5)
    torch.testing.assert_close(
        one.variances(frames.activations), other.variances(frames.activations), rtol=1e-4, atol=0
    )


def test_frames_from_elsewhere_are_less_certain_than_new_frames_of_the_same_scene():
    """The built-in model, told of 60 frames of the cart: noise, other colours, a blur and another scene."""
    encoder = load_encoder("sim-m", device="cpu")
    projections = PreProjection(encoder)
    drawn, other = (envs.labelled_frames(task, n, seed=1, size_px=128).frames for task, n in ((CART, 90), (ARM, 30)))
    known, new = drawn[:60], drawn[60:]
    noise = torch.randint(0, 256, new.shape, dtype=torch.uint8, generator=torch.Generator().manual_seed(0))
    task = envs.task(CART)
    texts = TowerSample(
        projections.text_activations([*task.reward.prompts.goal, *task.reward.prompts.baseline]), projections.text
    )
    posteriors = fit_posteriors(
        TowerSample(projections.frame_activations(known), projections.frames), texts, logit_scale=encoder.logit_scale
    )

    goal = normalize(texts.embeddings[0], dim=0)

    def std(frames):
        activations = projections.frame_activations(frames)
        variances = posteriors.frames.variances(activations)
        return reward_variance(lambda rows: rows @ goal, projections.frames(activations), variances).sqrt()

    inside = std(new)
    for shifted in (noise, 255 - new, other):
        labels = torch.arange(len(inside) + len(shifted)) >= len(inside)
        assert auroc(torch.cat([inside, std(shifted)]).numpy(), labels.numpy()) > 0.9

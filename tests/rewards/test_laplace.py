"""The posterior of the last linear maps, against autograd, dense matrices and Monte Carlo in double precision."""

import math
from itertools import pairwise

import pytest
import torch
from safetensors.torch import load_file, save_file
from torch.nn.functional import cosine_similarity, cross_entropy, logsigmoid, normalize

import envs
from vlmrm.encoders import load_encoder
from vlmrm.encoders.projections import LinearProjection, PreProjection
from vlmrm.errors import SpecError
from vlmrm.report.metrics import auroc
from vlmrm.rewards import laplace
from vlmrm.rewards.laplace import (
    ProjectionPosterior,
    TowerSample,
    best_prior_precision,
    curvatures,
    fit_posteriors,
    unit_mean_activation,
)
from vlmrm.rewards.projection import unit_mean
from vlmrm.rewards.uncertainty import probabilistic_cosine

SCALE, BIAS = 7.0, -2.0
CART, ARM = "cartpole/upright", "acrobot/up"


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


def logits(frame, texts):
    return SCALE * cosine_similarity(frame[None], texts, dim=1)


def expected_hessian(loss, shares, point):
    """Mean Hessian over the answers, each as likely as the model itself thinks."""
    parts = [
        share * torch.autograd.functional.hessian(lambda p, answer=answer: loss(p, answer), point)
        for answer, share in enumerate(shares)
    ]
    return torch.stack(parts).sum(dim=0)


def softmax_loss(frame, texts, answer):
    return cross_entropy(logits(frame, texts)[None], torch.tensor([answer]))


def sigmoid_loss(frame, text, answer):
    """0: they do not belong together; 1: they do."""
    logit = logits(frame, text[None])[0] + BIAS
    return -logsigmoid(logit if answer else -logit)


@pytest.mark.parametrize("lengths", [1.0, 30.0])
def test_the_curvature_in_a_frame_is_infonces_hessian_averaged_over_the_answers(lengths):
    """The Gauss-Newton matrix of a softmax is its Fisher matrix: the answers' mean Hessian, through the length too."""
    frames, texts = lengths * normal(3, 4), normal(3, 4, seed=1)
    expected = torch.zeros(4, 4, dtype=torch.float64)
    for frame in frames:
        shares = logits(frame, texts).softmax(dim=0)
        expected += expected_hessian(lambda p, answer: softmax_loss(p, texts, answer), shares, frame) / 3
    torch.testing.assert_close(curvatures(frames, texts, scale=SCALE)[0], expected)


def test_the_curvature_in_a_frame_is_the_gauss_newton_matrix_of_infonce():
    """The softmax's Hessian in the logits between the logits' Jacobian in the embedding."""
    frame, texts = normal(4), normal(3, 4, seed=1)
    jacobian = torch.autograd.functional.jacobian(lambda p: logits(p, texts), frame)
    bend = torch.autograd.functional.hessian(
        lambda values: cross_entropy(values[None], torch.tensor([1])), logits(frame, texts)
    )
    torch.testing.assert_close(curvatures(frame[None], texts, scale=SCALE)[0], jacobian.T @ bend @ jacobian)


def test_the_curvature_in_a_sentence_is_infonces_hessian_averaged_over_the_answers():
    frames, texts = normal(3, 4), 5 * normal(2, 4, seed=1)
    expected = torch.zeros(4, 4, dtype=torch.float64)
    for frame in frames:
        shares = logits(frame, texts).softmax(dim=0)
        for j in range(2):

            def loss(text, answer, frame=frame, j=j):
                return softmax_loss(frame, torch.cat([texts[:j], text[None], texts[j + 1 :]]), answer)

            expected += expected_hessian(loss, shares, texts[j]) / 6
    torch.testing.assert_close(curvatures(frames, texts, scale=SCALE)[1], expected)


def test_the_curvatures_of_a_sigmoid_are_its_hessians_averaged_over_the_answers():
    frames, texts = normal(3, 4), 5 * normal(2, 4, seed=1)
    in_frames, in_texts = torch.zeros(2, 4, 4, dtype=torch.float64)
    for frame in frames:
        for text in texts:
            yes = (logits(frame, text[None])[0] + BIAS).sigmoid()
            shares = (1 - yes, yes)
            in_frames += expected_hessian(lambda p, answer, t=text: sigmoid_loss(p, t, answer), shares, frame) / 3
            in_texts += expected_hessian(lambda p, answer, f=frame: sigmoid_loss(f, p, answer), shares, text) / 6
    ours = curvatures(frames, texts, scale=SCALE, bias=BIAS)
    torch.testing.assert_close(ours[0], in_frames)
    torch.testing.assert_close(ours[1], in_texts)


@pytest.mark.parametrize("bias", [None, BIAS])
def test_curvatures_are_positive_semi_definite_and_flat_along_the_embedding(bias):
    """A longer embedding has the same cosine."""
    frames, texts = normal(1, 6), normal(4, 6, seed=1)
    of_frame, of_texts = curvatures(frames, texts, scale=SCALE, bias=bias)
    assert torch.linalg.eigvalsh(of_frame).min() > -1e-12
    assert torch.linalg.eigvalsh(of_texts).min() > -1e-12
    assert (of_frame @ frames[0]).abs().max() < 1e-12
    assert of_frame.trace() > 0.1


def test_the_curvature_falls_with_the_square_of_the_length():
    frames, texts = normal(5, 6), normal(4, 6, seed=1)
    near, far = curvatures(frames, texts, scale=SCALE), curvatures(10 * frames, texts, scale=SCALE)
    torch.testing.assert_close(100 * far[0], near[0])
    torch.testing.assert_close(far[1], near[1])


def test_curvatures_do_not_depend_on_how_many_are_summed_at_once(monkeypatch):
    frames, texts = normal(9, 6), normal(4, 6, seed=1)
    whole = curvatures(frames, texts, scale=SCALE)
    for at_once in (1, 2 * texts.numel()):
        monkeypatch.setattr(laplace, "_ELEMENTS", at_once)
        for part, all_at_once in zip(curvatures(frames, texts, scale=SCALE), whole, strict=True):
            torch.testing.assert_close(part, all_at_once)


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
    """From activations to the variance of the cosine, with both maps drawn 20,000 times."""
    frames, texts = towers(d=16, n=200, seed=3)
    posteriors = fit_posteriors(frames, texts, logit_scale=SCALE, count=1e5)
    mean, variance = probabilistic_cosine(
        frames.embeddings[:1],
        posteriors.frames.variances(frames.activations[:1]),
        texts.embeddings[:1],
        posteriors.texts.variances(texts.activations[:1]),
    )
    sides = []
    for sample, posterior, seed in ((frames, posteriors.frames, 5), (texts, posteriors.texts, 6)):
        noise = normal(20_000, 16, len(posterior.whitening), seed=seed)  # of whitened maps
        maps = posterior.spread.sqrt()[:, None] * (noise @ posterior.whitening)
        sides.append(sample.embeddings[0].double() + maps @ sample.activations[0].double())
    drawn = cosine_similarity(*sides, dim=1)
    assert float(variance) == pytest.approx(float(drawn.var()), rel=0.05)
    assert float(mean) == pytest.approx(float(drawn.mean()), abs=0.005)
    assert float(variance) > 1e-4


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


def test_the_noise_of_two_sentences_is_correlated_as_far_as_their_activations_are_alike():
    posterior = ProjectionPosterior(torch.diag(torch.tensor([1.0, 2.0])).double(), torch.ones(3).double(), 1.0, 1)
    activations = torch.tensor([[1.0, 0.0], [0.0, 1.0], [3.0, 0.0], [-1.0, 0.5]])
    expected = torch.eye(4)
    expected[0, 2] = expected[2, 0] = 1
    expected[0, 3] = expected[3, 0] = expected[2, 3] = expected[3, 2] = -math.sqrt(0.5)
    expected[1, 3] = expected[3, 1] = math.sqrt(0.5)
    torch.testing.assert_close(posterior.correlations(activations), expected)


def test_a_prompt_of_several_sentences_has_an_activation_of_its_own():
    """Which the map takes to their mean, so that the posterior has a variance for it."""
    _, texts = towers()
    embedding, activation = unit_mean_activation(texts)
    torch.testing.assert_close(texts.projection(activation), embedding)
    torch.testing.assert_close(normalize(embedding, dim=1)[0], unit_mean(normalize(texts.embeddings, dim=1)))


def test_a_stored_posterior_gives_the_same_numbers(tmp_path):
    frames, _ = towers()
    posterior = fitted().frames
    save_file(posterior.to_tensors(), tmp_path / "posterior.safetensors")
    loaded = ProjectionPosterior.from_tensors(load_file(tmp_path / "posterior.safetensors"))
    assert torch.equal(loaded.variances(frames.activations), posterior.variances(frames.activations))
    assert torch.equal(loaded.correlations(frames.activations), posterior.correlations(frames.activations))
    assert (loaded.prior_precision, loaded.count) == (posterior.prior_precision, posterior.count)


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        ({"whitening": None}, "no stored posterior"),
        ({"numbers": torch.ones(3)}, "no stored posterior"),
        ({"spread": torch.ones(4, 1)}, "no stored posterior"),
        ({"whitening": torch.ones(6, 5)}, "not square"),
        ({"spread": torch.full((4,), math.nan)}, "NaN or infinity"),
    ],
)
def test_a_damaged_posterior_is_refused(damage, message):
    tensors = {name: tensor for name, tensor in (fitted().frames.to_tensors() | damage).items() if tensor is not None}
    with pytest.raises(SpecError, match=message):
        ProjectionPosterior.from_tensors(tensors)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"prior_precision": 0}, "prior_precision must be above 0; got 0"),
        ({"prior_precision": -1.0}, "prior_precision must be above 0"),
        ({"prior_precision": math.nan}, "prior_precision must be a number; got nan"),
        ({"count": 0}, "count must be above 0"),
        ({"logit_scale": math.inf}, "logit_scale must be a number; got inf"),
    ],
)
def test_numbers_that_cannot_be_meant_are_refused(options, message):
    with pytest.raises(SpecError, match=message):
        fitted(options)


def test_a_single_sentence_has_no_rival_and_so_no_curvature():
    with pytest.raises(SpecError, match="at least two sentences"):
        fitted(k=1)
    assert fitted({"logit_bias": BIAS}, k=1).frames.prior_precision > 0
    assert fitted({"prior_precision": 1.0}, k=1).frames.prior_precision == 1


def test_towers_of_two_models_are_refused():
    frames, _ = towers(d=4)
    _, texts = towers(d=5)
    with pytest.raises(SpecError, match="frames have 4 dimensions, those of sentences 5"):
        fit_posteriors(frames, texts, logit_scale=SCALE)


@pytest.mark.parametrize(
    ("activations", "message"),
    [
        (torch.zeros(0, 6), "one of them has no row"),
        (torch.zeros(3, 5), "these activations are 5 long and the projection takes 6"),
        (torch.full((3, 6), math.nan), "NaN or infinity among the activations"),
    ],
)
def test_activations_that_cannot_be_meant_are_refused(activations, message):
    with pytest.raises(SpecError, match=message):
        TowerSample(activations, LinearProjection(torch.ones(4, 6)))


def test_frames_from_elsewhere_are_less_certain_than_new_frames_of_the_same_scene():
    """The built-in model, told of 60 frames of the cart: noise, other colours, a blur and another scene."""
    encoder = load_encoder("sim-m", device="cpu")
    projections = PreProjection(encoder)
    drawn, other = (envs.labelled_frames(task, n, seed=1, size_px=128).frames for task, n in ((CART, 90), (ARM, 30)))
    known, new = drawn[:60], drawn[60:]
    noise = torch.randint(0, 256, new.shape, dtype=torch.uint8, generator=torch.Generator().manual_seed(0))
    task = envs.task(CART)
    texts = TowerSample(projections.text_activations([*task.prompts.goal, *task.prompts.baseline]), projections.text)
    posteriors = fit_posteriors(
        TowerSample(projections.frame_activations(known), projections.frames), texts, logit_scale=encoder.logit_scale
    )

    def std(frames):
        activations = projections.frame_activations(frames)
        _, variance = probabilistic_cosine(
            projections.frames(activations),
            posteriors.frames.variances(activations),
            texts.embeddings[:1],
            posteriors.texts.variances(texts.activations[:1]),
        )
        return variance[:, 0].sqrt()

    inside = std(new)
    for shifted in (noise, 255 - new, other):
        labels = torch.arange(len(inside) + len(shifted)) >= len(inside)
        assert auroc(torch.cat([inside, std(shifted)]).numpy(), labels.numpy()) > 0.9

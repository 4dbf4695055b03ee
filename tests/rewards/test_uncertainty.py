"""How sure a reward is, against Monte Carlo and definitions in double precision."""

import math
from functools import partial

import pytest
import torch
from torch.nn.functional import cosine_similarity, normalize

from vlmrm.errors import SpecError
from vlmrm.rewards.negatives import ContrastHead, SigmoidHead, SoftmaxHead, softmax_over_negatives
from vlmrm.rewards.projection import ProjectionHead
from vlmrm.rewards.uncertainty import (
    cosine_covariance,
    delta_variance,
    ensemble,
    lower_confidence,
    moderated_softmax,
    probabilistic_cosine,
    projection_gradient,
    reward_variance,
    softmax_gradient,
)

DRAWS = 30_000


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


def normal(*shape, seed=0):
    return torch.randn(*shape, generator=generator(seed), dtype=torch.float64)


def pair_at(cosine, *, d=64, noise=0.3, seed=0):
    """Two embeddings of lengths 50 and 3, and variances that add up to ``noise²`` and ``noise²/4`` of their squares."""
    first, other = normal(2, d, seed=seed)
    first = first / first.norm()
    other = other - other @ first * first
    second = cosine * first + math.sqrt(1 - cosine**2) * other / other.norm()
    spread = torch.rand(2, d, generator=generator(seed + 1), dtype=torch.float64)
    spread = spread / spread.sum(dim=1, keepdim=True) * noise**2
    return 50 * first[None], 2500 * spread[:1], 3 * second[None], 9 / 4 * spread[1:]


def several(n=4, k=3, d=48, noise=0.2, seed=0):
    """Frames and sentences that have something in common."""
    common = normal(d, seed=seed + 2)
    x, y = common + normal(n, d, seed=seed), common + normal(k, d, seed=seed + 1)
    variance = torch.rand(n + k, d, generator=generator(seed + 3), dtype=torch.float64) * noise**2
    return x, variance[:n], y, variance[n:]


def draws(mean, variance, seed):
    return mean + variance.sqrt() * normal(DRAWS, mean.shape[-1], seed=seed)


@pytest.mark.parametrize("noise", [0.1, 0.5, 1.0])
@pytest.mark.parametrize("cosine", [-0.6, 0.0, 0.3, 0.6, 0.9, 0.99])
def test_mean_and_variance_of_the_cosine_match_monte_carlo(cosine, noise):
    """Within 1 % (or 0.003 near 0) and 3 %, at any cosine and where the noise is as long as the embedding itself."""
    x, variance_x, y, variance_y = pair_at(cosine, noise=noise)
    drawn = cosine_similarity(draws(x, variance_x, 5), draws(y, variance_y, 6), dim=1)
    mean, variance = probabilistic_cosine(x, variance_x, y, variance_y)
    assert float(mean) == pytest.approx(float(drawn.mean()), rel=0.01, abs=0.003)
    assert float(variance) == pytest.approx(float(drawn.var()), rel=0.03)


def test_the_papers_variance_is_right_without_a_cosine_and_several_times_too_large_at_a_high_one():
    for cosine, least, most in ((0.0, 0.97, 1.03), (0.3, 1.04, 1.2), (0.9, 3, 6)):
        x, variance_x, y, variance_y = pair_at(cosine)
        drawn = cosine_similarity(draws(x, variance_x, 5), draws(y, variance_y, 6), dim=1)
        mean, variance = probabilistic_cosine(x, variance_x, y, variance_y, fixed_lengths=True)
        assert float(mean) == pytest.approx(float(drawn.mean()), rel=0.01, abs=0.003)
        assert least < float(variance / drawn.var()) < most


def test_both_variances_are_their_formulas():
    x, variance_x, y, variance_y = several()
    mean, variance = probabilistic_cosine(x, variance_x, y, variance_y)
    paper = probabilistic_cosine(x, variance_x, y, variance_y, fixed_lengths=True)[1]
    for i in range(len(x)):
        for j in range(len(y)):
            long_x, long_y = (x[i] ** 2 + variance_x[i]).sum(), (y[j] ** 2 + variance_y[j]).sum()
            assert float(mean[i, j]) == pytest.approx(float(x[i] @ y[j] / (long_x * long_y).sqrt()), rel=1e-9)
            noise = (x[i] ** 2 + variance_x[i]) * variance_y[j] + variance_x[i] * y[j] ** 2
            assert float(paper[i, j]) == pytest.approx(float(noise.sum() / long_x / long_y), rel=1e-9)
            c, a, b = mean[i, j], x[i] / long_x.sqrt(), y[j] / long_y.sqrt()
            s, t = variance_x[i] / long_x, variance_y[j] / long_y
            ours = s * (b - c * a) ** 2 + t * (a - c * b) ** 2 + s * t + 0.5 * c**2 * (s**2 + t**2)
            assert float(variance[i, j]) == pytest.approx(float(ours.sum()), rel=1e-9)


def test_certain_embeddings_have_their_cosine_and_no_variance():
    x, _, y, _ = several()
    mean, variance = probabilistic_cosine(x, torch.zeros_like(x), y, torch.zeros_like(y))
    torch.testing.assert_close(mean, normalize(x, dim=1) @ normalize(y, dim=1).T)
    assert variance.abs().max() < 1e-15


def test_the_unit_of_an_embedding_does_not_count():
    x, variance_x, y, variance_y = several()
    for scaled, plain in zip(
        probabilistic_cosine(7 * x, 49 * variance_x, y / 3, variance_y / 9),
        probabilistic_cosine(x, variance_x, y, variance_y),
        strict=True,
    ):
        torch.testing.assert_close(scaled, plain)


def test_noise_along_an_embedding_changes_its_length_and_not_its_cosine():
    x, y = torch.tensor([[10.0, 0.0]]), torch.tensor([[3.0, 4.0]])
    along, none = torch.tensor([[0.01, 0.0]]), torch.zeros(1, 2)
    assert float(probabilistic_cosine(x, along, y, none)[1]) < 1e-7
    paper = probabilistic_cosine(x, along, y, none, fixed_lengths=True)[1]
    assert float(paper) == pytest.approx(0.01 * 0.36 / 100, rel=1e-3)


def test_the_diagonal_of_the_covariance_is_the_variance():
    x, variance_x, y, variance_y = several()
    covariance = cosine_covariance(x, variance_x, y, variance_y)
    variance = probabilistic_cosine(x, variance_x, y, variance_y)[1]
    torch.testing.assert_close(covariance.diagonal(dim1=1, dim2=2), variance)
    assert torch.linalg.eigvalsh(covariance).min() > 0


@pytest.mark.parametrize(("correlation", "noise"), [(None, 0.2), (0.0, 0.2), (0.7, 0.2), (0.7, 3.0)])
def test_cosines_of_one_frame_vary_together_as_in_monte_carlo(correlation, noise):
    """Also where the sentences share noise, as under one map, and where there is more of it than signal."""
    x, variance_x, y, variance_y = several(n=1, k=2, noise=noise)
    shared = None if correlation is None else torch.tensor([[1.0, correlation], [correlation, 1.0]]).double()
    covariance = cosine_covariance(x, variance_x, y, variance_y, correlation_y=shared)[0]
    first, second = (normal(DRAWS, 48, seed=seed) for seed in (8, 9))
    r = correlation or 0.0
    drawn = (first, r * first + math.sqrt(1 - r**2) * second)
    frame = draws(x, variance_x, 7)
    cosines = [cosine_similarity(frame, y[j] + variance_y[j].sqrt() * drawn[j], dim=1) for j in (0, 1)]
    torch.testing.assert_close(covariance, torch.cov(torch.stack(cosines)), rtol=0.03, atol=2e-5)


def test_the_lengths_of_two_sentences_vary_together_whichever_sign_their_noise_has():
    """Where both point at the frame all that is left is how long the noise makes them: squares, which have no sign."""
    x, r = normal(1, 64), -0.7
    variance = torch.full((2, 64), 0.5 * float(x.square().mean()), dtype=torch.float64)
    shared = torch.tensor([[1.0, r], [r, 1.0]]).double()
    first, second = normal(2, DRAWS, 64, seed=8)
    noise = torch.stack([first, r * first + math.sqrt(1 - r**2) * second]) * variance[0].sqrt()
    expected = torch.cov(cosine_similarity(x, x + noise, dim=2))
    covariance = cosine_covariance(x, torch.zeros_like(x), x.expand(2, -1), variance, correlation_y=shared)[0]
    torch.testing.assert_close(covariance, expected, rtol=0.1, atol=0)


def test_the_contrast_of_two_like_sentences_is_certain_however_uncertain_the_frame():
    """Taken for independent, the noise of the two cosines would add up instead of cancelling."""
    x, variance_x, y, _ = several(n=3, k=1)
    twice, none = y.expand(2, -1), torch.zeros(2, y.shape[1], dtype=y.dtype)
    covariance = cosine_covariance(x, variance_x, twice, none)
    assert delta_variance(torch.tensor([[1.0, -1.0]]).double().expand(3, 2), covariance).abs().max() < 1e-15
    assert bool((covariance.diagonal(dim1=1, dim2=2) > 1e-5).all())


def test_the_variance_of_a_contrast_matches_monte_carlo():
    x, variance_x, y, variance_y = several(n=1, k=2)
    frame, first, second = draws(x, variance_x, 7), draws(y[:1], variance_y[:1], 8), draws(y[1:], variance_y[1:], 9)
    drawn = cosine_similarity(frame, first, dim=1) - cosine_similarity(frame, second, dim=1)
    covariance = cosine_covariance(x, variance_x, y, variance_y)
    variance = delta_variance(torch.tensor([[1.0, -1.0]]).double(), covariance)
    assert float(variance) == pytest.approx(float(drawn.var()), rel=0.03)


@pytest.mark.parametrize("temperature", [0.05, 1.0])
def test_the_slope_of_the_softmax_is_its_derivative(temperature):
    cosines = (0.3 * normal(5, 4)).requires_grad_()
    (expected,) = torch.autograd.grad((cosines / temperature).softmax(dim=1)[:, 0].sum(), cosines)
    torch.testing.assert_close(softmax_gradient(cosines.detach(), temperature=temperature), expected)


@pytest.mark.parametrize("alpha", [0.0, 0.3, 0.5, 1.0])
def test_the_two_ways_to_a_heads_variance_agree_where_only_the_frame_is_uncertain(alpha):
    """Through the slopes in the cosines, and through the gradient of the head itself."""
    x, variance_x, y, _ = several(noise=0.01)
    unit, seen = normalize(y, dim=1), normalize(x, dim=1)
    none = torch.zeros_like(y)
    cosines, covariance = seen @ unit.T, cosine_covariance(x, variance_x, y, none)
    slopes = projection_gradient(cosines[:, :2], float(unit[0] @ unit[1]), alpha=alpha)
    for head, gradient, involved in (
        (ProjectionHead(unit[0], unit[1], alpha), slopes, 2),
        (ContrastHead(unit[0], unit[1]), torch.tensor([[1.0, -1.0]]).double().expand(4, 2), 2),
        (SoftmaxHead(unit[0], unit[1:], 0.1), softmax_gradient(cosines, temperature=0.1), 3),
    ):
        through_cosines = delta_variance(gradient, covariance[:, :involved, :involved])
        torch.testing.assert_close(reward_variance(head, x, variance_x), through_cosines, rtol=2e-3, atol=0)


@pytest.mark.parametrize(
    "head",
    [
        lambda goal, other: ProjectionHead(goal, other, 0.5),
        lambda goal, other: SoftmaxHead(goal, other[None], 0.5),
        lambda goal, _: SigmoidHead(goal, 5.0, -2.0),
    ],
)
def test_the_variance_of_any_head_matches_monte_carlo(head):
    x, variance_x, y, _ = several(n=1, k=2, noise=0.1)
    filled = head(*normalize(y, dim=1))
    drawn = filled(normalize(draws(x, variance_x, 7), dim=1))
    assert float(reward_variance(filled, x, variance_x)) == pytest.approx(float(drawn.var()), rel=0.05)


def test_the_variance_of_a_head_stays_bounded_where_the_noise_drowns_the_frame():
    """A cosine lies in -1 to 1; without the noise's own share of the length its variance would grow for ever."""
    x, variance_x, y, _ = several(n=1, k=1)
    goal = normalize(y, dim=1)[0]
    for factor in (1.0, 100.0):
        drawn = normalize(draws(x, factor * variance_x, 7), dim=1) @ goal
        variance = reward_variance(lambda embeddings: embeddings @ goal, x, factor * variance_x)
        assert float(variance) == pytest.approx(float(drawn.var()), rel=0.25)


@pytest.mark.parametrize("size", [1, 3, 7])
def test_how_frames_are_split_into_batches_never_changes_a_variance(size):
    x, variance_x, y, variance_y = several(n=10)
    head = ProjectionHead(*normalize(y[:2], dim=1), 0.5)
    cuts = [slice(start, start + size) for start in range(0, 10, size)]
    for of in (
        lambda mean, variance: probabilistic_cosine(mean, variance, y, variance_y)[1],
        lambda mean, variance: cosine_covariance(mean, variance, y, variance_y),
        partial(reward_variance, head),
    ):
        parts = torch.cat([of(x[cut], variance_x[cut]) for cut in cuts])
        torch.testing.assert_close(parts, of(x, variance_x))


def test_a_variance_can_be_asked_for_in_inference_mode():
    """As a rollout is collected; a gradient is taken all the same."""
    x, variance_x, y, _ = several()
    unit = normalize(y, dim=1)
    head = SoftmaxHead(unit[0], unit[1:], 0.1)
    with torch.inference_mode():
        inside = reward_variance(head, x, variance_x)
    torch.testing.assert_close(inside, reward_variance(head, x, variance_x))


def test_a_head_with_a_threshold_has_no_slope_to_carry_noise():
    x, variance_x, y, _ = several()
    goal = normalize(y, dim=1)[0]
    with pytest.raises(SpecError, match="no gradient"):
        reward_variance(lambda embeddings: (embeddings @ goal > 0.5).double(), x, variance_x)


def test_a_softmax_of_certain_cosines_is_not_moderated():
    cosines, temperature = 0.3 * normal(6, 3), 0.1
    texts = torch.eye(3, dtype=torch.float64)
    plain = softmax_over_negatives(cosines, texts[0], texts[1:], temperature=temperature)
    none = torch.zeros(6, 3, 3, dtype=torch.float64)
    torch.testing.assert_close(moderated_softmax(cosines, none, temperature=temperature), plain)


def test_a_softmax_of_which_nothing_is_known_gives_every_sentence_its_share():
    covariance = 1e8 * torch.eye(4).double().expand(5, 4, 4)
    shares = moderated_softmax(0.3 * normal(5, 4), covariance, temperature=0.1)
    torch.testing.assert_close(shares, torch.full((5,), 0.25).double(), atol=1e-3, rtol=0)


def test_the_moderated_softmax_of_two_is_the_mean_over_the_noise():
    """Noise that both cosines share does not count: the correlation of 0.9 leaves a tenth of the variance."""
    covariance = 0.02 * torch.tensor([[1.0, 0.9], [0.9, 1.0]]).double()
    noise = normal(DRAWS, 2, seed=3) @ torch.linalg.cholesky(covariance).T
    cosines = torch.tensor([[0.3, 0.2]]).double()
    expected = ((cosines + noise) / 0.05).softmax(dim=1)[:, 0].mean()
    ours = moderated_softmax(cosines, covariance[None], temperature=0.05)
    assert float(ours) == pytest.approx(float(expected), rel=0.01)
    plain = float((cosines / 0.05).softmax(dim=1)[0, 0])
    assert plain - float(ours) > 0.03


def test_pessimism_takes_off_and_optimism_adds_what_is_not_known():
    mean, std = torch.tensor([0.5, 0.6, 0.7]), torch.tensor([0.0, 0.1, 0.3])
    rewards = {kappa: lower_confidence(mean, std, kappa=kappa) for kappa in (-1, 0, 1, 2.5)}
    torch.testing.assert_close(rewards[0], mean)
    torch.testing.assert_close(rewards[1], torch.tensor([0.5, 0.5, 0.4]))
    torch.testing.assert_close(rewards[2.5], torch.tensor([0.5, 0.35, -0.05]))
    torch.testing.assert_close(rewards[-1], torch.tensor([0.5, 0.7, 1.0]))


def test_an_ensembles_spread_is_the_unbiased_one():
    members = torch.tensor([[0.1, 0.4], [0.2, 0.4], [0.6, 0.4]])
    mean, std = ensemble(members)
    torch.testing.assert_close(mean, torch.tensor([0.3, 0.4]))
    torch.testing.assert_close(std, torch.from_numpy(members.numpy().std(axis=0, ddof=1)))


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda x, v, y, w: probabilistic_cosine(x, -v, y, w), "variances at least 0"),
        (lambda x, v, y, w: probabilistic_cosine(x, v, y * math.nan, w), "must be finite"),
        (lambda x, v, y, w: cosine_covariance(x, v, y, w * math.inf), "must be finite"),
        (lambda x, v, y, w: reward_variance(lambda e: e @ y[0], x * math.nan, v), "must be finite"),
        (lambda x, v, y, w: lower_confidence(x[:, 0], v[:, 0], kappa=math.inf), "kappa must be a number; got inf"),
        (lambda x, v, y, w: ensemble(x[:1]), "at least 2 members to disagree; got 1"),
        (lambda x, v, y, w: projection_gradient(x[:, :2], 1.0, alpha=0.5), "goal and baseline must differ"),
    ],
)
def test_what_cannot_be_meant_is_refused(call, message):
    x, variance_x, y, variance_y = several()
    with pytest.raises(SpecError, match=message):
        call(x, variance_x, y, variance_y)

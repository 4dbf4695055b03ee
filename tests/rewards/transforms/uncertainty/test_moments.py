"""How sure a reward is, against Monte Carlo and definitions in double precision."""

import math

import pytest
import torch
from torch.nn.functional import normalize

from vlmrm.errors import SpecError
from vlmrm.rewards.heads.auto_clip import AutoClipHead
from vlmrm.rewards.heads.contrast import ContrastHead
from vlmrm.rewards.heads.projection import ProjectionHead
from vlmrm.rewards.heads.sigmoid import SigmoidHead
from vlmrm.rewards.heads.softmax import SoftmaxHead, softmax_over_negatives
from vlmrm.rewards.transforms.uncertainty.moments import (
    ensemble,
    lower_confidence,
    moderated_softmax,
    reward_variance,
)

DRAWS = 30_000


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


def normal(*shape, seed=0):
    return torch.randn(*shape, generator=generator(seed), dtype=torch.float64)


def several(n=4, k=3, d=48, noise=0.2, seed=0):
    """Frames and sentences that have something in common."""
    common = normal(d, seed=seed + 2)
    x, y = common + normal(n, d, seed=seed), common + normal(k, d, seed=seed + 1)
    variance = torch.rand(n + k, d, generator=generator(seed + 3), dtype=torch.float64) * noise**2
    return x, variance[:n], y, variance[n:]


def draws(mean, variance, seed):
    return mean + variance.sqrt() * normal(DRAWS, mean.shape[-1], seed=seed)


@pytest.mark.parametrize(
    "head",
    [
        lambda goal, other: ProjectionHead(goal, other, 0.0),
        lambda goal, other: ProjectionHead(goal, other, 0.3),
        lambda goal, other: ProjectionHead(goal, other, 1.0),
        lambda goal, other: ContrastHead(goal, other),
        lambda goal, other: SoftmaxHead(goal, other[None], 0.1),
        lambda goal, _: SigmoidHead(goal, 10.0, -5.0),
    ],
    ids=["cosine", "projection 0.3", "projection 1", "contrast", "softmax", "sigmoid"],
)
def test_little_noise_spreads_any_head_as_the_slope_of_each_dimension_says(head):
    """By steps of each dimension up and down, and by draws: both know nothing of gradients."""
    x, variance_x, y, _ = several(noise=0.01)
    filled = head(*normalize(y[:2], dim=1))
    found = reward_variance(filled, x, variance_x)
    step = 1e-5 * torch.eye(x.shape[1], dtype=torch.float64)
    for frame, noise, variance in zip(x, variance_x, found, strict=True):
        up, down = (filled(normalize(frame + sign * step, dim=1)) for sign in (1, -1))
        expected = (((up - down) / 2e-5).square() * noise).sum()
        assert float(variance) == pytest.approx(float(expected), rel=2e-3)
        drawn = filled(normalize(draws(frame, noise, 7), dim=1))
        assert float(variance) == pytest.approx(float(drawn.var()), rel=0.03)


@pytest.mark.parametrize(
    "head",
    [
        lambda goal, other: ProjectionHead(goal, other, 0.5),
        lambda goal, other: SoftmaxHead(goal, other[None], 0.5),
        lambda goal, _: SigmoidHead(goal, 5.0, -2.0),
        lambda goal, other: ContrastHead(goal, other),
    ],
)
def test_the_variance_of_any_head_matches_monte_carlo(head):
    x, variance_x, y, _ = several(n=1, k=2, noise=0.1)
    filled = head(*normalize(y, dim=1))
    drawn = filled(normalize(draws(x, variance_x, 7), dim=1))
    assert float(reward_variance(filled, x, variance_x)) == pytest.approx(float(drawn.var()), rel=0.05)


@pytest.mark.parametrize(
    "head",
    [
        lambda goal, others: SoftmaxHead(goal, others, 0.03),
        lambda goal, others: SoftmaxHead(goal, others[:1], 0.03),
        lambda goal, _: SigmoidHead(goal, 30.0, -20.0),
        lambda goal, others: AutoClipHead(torch.stack([goal, *others])[None], 30.0),
    ],
    ids=["softmax", "softmax of two", "sigmoid", "auto_clip"],
)
def test_the_deviation_is_that_of_sampling_where_a_head_is_saturated(head):
    """Most rewards are below 0.05, where the slope alone gives as little as a tenth of the deviation."""
    x, variance, y, _ = several(n=20, k=4, noise=0.6)
    filled = head(normalize(y, dim=1)[0], normalize(y, dim=1)[1:])
    found = reward_variance(filled, x, variance).sqrt()
    noisy = x + variance.sqrt() * normal(5000, 1, x.shape[1], seed=7)
    drawn = filled(normalize(noisy.flatten(0, 1), dim=1)).reshape(5000, -1).std(dim=0)
    assert float(((found / drawn - 1).abs() < 0.3).double().mean()) >= 0.95


def test_the_variance_of_a_head_stays_bounded_where_the_noise_drowns_the_frame():
    """A cosine lies in -1 to 1; without the noise's own share of the length its variance would grow for ever."""
    x, variance_x, y, _ = several(n=1, k=1)
    goal = normalize(y, dim=1)[0]
    for factor in (1.0, 100.0):
        drawn = normalize(draws(x, factor * variance_x, 7), dim=1) @ goal
        variance = reward_variance(lambda embeddings: embeddings @ goal, x, factor * variance_x)
        assert float(variance) == pytest.approx(float(drawn.var()), rel=0.25)


def test_a_certain_embedding_has_no_variance():
    x, variance_x, y, _ = several()
    goal = normalize(y, dim=1)[0]
    assert reward_variance(lambda rows: rows @ goal, x, torch.zeros_like(variance_x)).tolist() == [0, 0, 0, 0]


def test_the_unit_of_an_embedding_does_not_count():
    x, variance_x, y, _ = several()
    head = ProjectionHead(*normalize(y[:2], dim=1), 0.5)
    torch.testing.assert_close(reward_variance(head, 7 * x, 49 * variance_x), reward_variance(head, x, variance_x))


def test_noise_along_an_embedding_changes_its_length_and_not_its_reward():
    x, goal = torch.tensor([[10.0, 0.0]]), torch.tensor([0.6, 0.8])
    along, across = torch.tensor([[0.01, 0.0]]), torch.tensor([[0.0, 0.01]])
    assert float(reward_variance(lambda rows: rows @ goal, x, along)) < 1e-7
    # the slope of the cosine across is 0.8 / 10, and the length 100.01 for 100
    sideways = reward_variance(lambda rows: rows @ goal, x, across)
    assert float(sideways) == pytest.approx(0.01 * 0.64 / 100 * 100 / 100.01, rel=1e-3)


def test_the_contrast_of_two_like_sentences_is_certain_however_uncertain_the_frame():
    """Taken for independent, the noise of the two cosines would add up instead of cancelling."""
    x, variance_x, y, _ = several(n=3, k=1)
    goal = normalize(y, dim=1)[0]
    assert reward_variance(ContrastHead(goal, goal), x, variance_x).abs().max() < 1e-15
    assert bool((reward_variance(lambda rows: rows @ goal, x, variance_x) > 1e-5).all())


@pytest.mark.parametrize("size", [1, 3, 7])
def test_how_frames_are_split_into_batches_never_changes_a_variance(size):
    x, variance_x, y, _ = several(n=10)
    head = ProjectionHead(*normalize(y[:2], dim=1), 0.5)
    cuts = [slice(start, start + size) for start in range(0, 10, size)]
    parts = torch.cat([reward_variance(head, x[cut], variance_x[cut]) for cut in cuts])
    torch.testing.assert_close(parts, reward_variance(head, x, variance_x))


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
        (lambda x, v, y: reward_variance(lambda e: e @ y[0], x, -v), "variances at least 0"),
        (lambda x, v, y: reward_variance(lambda e: e @ y[0], x, v * math.inf), "must be finite"),
        (lambda x, v, y: reward_variance(lambda e: e @ y[0], x * math.nan, v), "must be finite"),
        (lambda x, v, y: lower_confidence(x[:, 0], v[:, 0], kappa=math.inf), "kappa must be a number; got inf"),
        (lambda x, v, y: ensemble(x[:1]), "at least 2 members to disagree; got 1"),
    ],
)
def test_what_cannot_be_meant_is_refused(call, message):
    x, variance_x, y, _ = several()
    with pytest.raises(SpecError, match=message):
        call(x, variance_x, y)

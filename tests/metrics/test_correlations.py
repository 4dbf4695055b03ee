"""Rank correlations counted by hand."""

import time

import numpy as np
import pytest

from vlmrm.errors import SpecError
from vlmrm.metrics import kendall, spearman


def pairs_by_hand(a, b):
    """Kendall's tau-b from all pairs."""
    over, under = np.sign(a[:, None] - a[None, :]), np.sign(b[:, None] - b[None, :])
    return (over * under).sum() / np.sqrt((over != 0).sum() * (under != 0).sum())


@pytest.mark.parametrize("levels", [2, 5, 1000])
@pytest.mark.parametrize("seed", range(5))
def test_kendall_counts_all_pairs(seed, levels):
    a, b = np.random.default_rng(seed).integers(levels, size=(2, 57)).astype(float)
    assert kendall(a, b) == pytest.approx(pairs_by_hand(a, b))


@pytest.mark.parametrize("levels", [2, 5, 1000])
@pytest.mark.parametrize("seed", range(5))
def test_spearman_is_the_correlation_of_middle_ranks(seed, levels):
    a, b = np.random.default_rng(seed).integers(levels, size=(2, 57)).astype(float)
    ranks = [[(x > y).sum() + (x == y).sum() / 2 for x in y] for y in (a, b)]
    assert spearman(a, b) == pytest.approx(np.corrcoef(ranks)[0, 1])


def test_few_numbers_by_hand():
    """Of 1 2 3 4 against 1 3 2 4, one of six pairs is swapped; ranks differ by 1 twice: 1 - 6 · 2 / (4 · 15) = 0.8."""
    assert kendall([1, 2, 3, 4], [1, 3, 2, 4]) == pytest.approx(4 / 6)
    assert spearman([1, 2, 3, 4], [1, 3, 2, 4]) == pytest.approx(0.8)


@pytest.mark.parametrize("correlation", [spearman, kendall])
def test_order_is_all_that_counts(correlation):
    rng = np.random.default_rng(0)
    a, b = rng.normal(size=(2, 50))
    assert correlation(a, a**3 + 5) == pytest.approx(1)
    assert correlation(a, -np.exp(a)) == pytest.approx(-1)
    assert correlation(np.exp(a), b * 1e300) == pytest.approx(correlation(a, b))
    assert correlation(a, b) == pytest.approx(correlation(b, a))
    assert correlation(a, a) <= 1


@pytest.mark.parametrize("correlation", [spearman, kendall])
def test_a_constant_column_correlates_with_nothing(correlation):
    assert correlation([0.3, 0.3, 0.3], [1, 2, 3]) == 0.0
    assert correlation([1, 2, 3], [0.3, 0.3, 0.3]) == 0.0
    assert correlation([1], [2]) == 0.0


def test_twenty_thousand_numbers_take_no_square_of_memory_and_little_time():
    a, b = np.random.default_rng(0).normal(size=(2, 20_000))
    start = time.perf_counter()
    assert abs(kendall(a, b)) < 0.02  # the standard deviation of chance is 0.005
    assert abs(kendall(a, np.round(a + b)) - kendall(-a, -np.round(a + b))) < 1e-12
    assert time.perf_counter() - start < 2


@pytest.mark.parametrize("correlation", [spearman, kendall])
@pytest.mark.parametrize(
    ("a", "b", "said"),
    [
        ([1, 2], [1, 2, 3], "got 3 for 2"),
        ([], [], "at least one"),
        ([1, np.nan], [1, 2], "1 of 2 values"),
        ([1, 2], [np.inf, 2], "1 of 2 values"),
        ([[1, 2]], [[1, 2]], "one axis"),
    ],
)
def test_what_does_not_pair_up_is_refused(correlation, a, b, said):
    with pytest.raises(SpecError, match=said):
        correlation(a, b)

"""Calibration errors counted by hand and by their definition."""

import numpy as np
import pytest

from vlmrm.errors import SpecError
from vlmrm.metrics import ReliabilityBin, brier_score, expected_calibration_error, reliability


def test_bins_hold_their_upper_end_and_the_first_one_also_zero():
    found = reliability([0.0, 0.1, 0.2, 0.3, 0.30001, 1.0], [False, True, False, True, True, True])
    assert [one.count for one in found] == [2, 1, 1, 1, 1]
    assert [one.predicted for one in found] == pytest.approx([0.05, 0.2, 0.3, 0.30001, 1.0])
    assert [one.in_goal for one in found] == [0.5, 0, 1, 1, 1]


@pytest.mark.parametrize("bins", [1, 3, 7, 10, 20])
def test_a_probability_at_an_edge_falls_into_the_bin_below_however_it_is_rounded(bins):
    edges = [i / bins for i in range(1, bins + 1)]
    found = reliability([*edges, 0.0], [True] * bins + [False], bins=bins)
    assert [one.count for one in found] == [2] + [1] * (bins - 1)


def test_the_error_is_the_mean_gap_weighted_by_frames():
    """6 of 8 frames say 0.9 and 3 of these are right: 0.4 off; 2 say 0.2 and none is right: 0.2 off."""
    probabilities = [0.9] * 6 + [0.2] * 2
    labels = [True, True, True, False, False, False, False, False]
    assert expected_calibration_error(probabilities, labels) == pytest.approx(6 / 8 * 0.4 + 2 / 8 * 0.2)
    assert reliability([0.75] * 6 + [0.2] * 2, labels)[1] == ReliabilityBin(predicted=0.75, in_goal=0.5, count=6)


@pytest.mark.parametrize("bins", [1, 5, 10, 15])
@pytest.mark.parametrize("seed", range(4))
def test_the_error_is_that_of_the_definition(seed, bins):
    rng = np.random.default_rng(seed)
    probabilities = np.round(rng.random(200), 2)
    labels = rng.random(200) < probabilities**2
    total = 0.0
    for m in range(1, bins + 1):
        inside = (probabilities > (m - 1) / bins) & (probabilities <= m / bins) | (m == 1) & (probabilities == 0)
        if inside.any():
            total += inside.sum() / 200 * abs(labels[inside].mean() - probabilities[inside].mean())
    assert expected_calibration_error(probabilities, labels, bins=bins) == pytest.approx(total)


def test_probabilities_that_labels_are_drawn_by_are_calibrated_and_their_squares_are_not():
    rng = np.random.default_rng(0)
    probabilities = rng.random(20_000)
    labels = rng.random(20_000) < probabilities
    assert expected_calibration_error(probabilities, labels) < 0.02
    assert expected_calibration_error(probabilities**2, labels) == pytest.approx(1 / 2 - 1 / 3, abs=0.02)


def test_the_brier_score_is_zero_for_the_labels_one_for_their_opposite_and_p_times_1_less_p_for_their_share():
    labels = np.array([True, False, False, False])
    assert brier_score(labels, labels) == 0
    assert brier_score(~labels, labels) == 1
    assert brier_score(np.full(4, 0.25), labels) == pytest.approx(0.25 * 0.75)


@pytest.mark.parametrize("metric", [expected_calibration_error, brier_score, reliability])
def test_scores_that_are_no_probabilities_are_refused_with_what_to_do(metric):
    for scores in ([0.2, 1.2], [-0.1, 0.5]):
        with pytest.raises(SpecError, match=r"only probabilities are calibrated.*sigmoid or softmax"):
            metric(scores, [True, False])
    with pytest.raises(SpecError, match="no frames"):
        metric([], [])


def test_what_is_always_right_or_always_wrong_has_an_error_too():
    assert expected_calibration_error([0.75, 0.75], [True, True]) == 0.25
    assert expected_calibration_error([0.75, 0.75], [False, False]) == 0.75
    assert brier_score([0.5, 0.5], [True, True]) == 0.25


def test_no_bins_are_refused():
    with pytest.raises(SpecError, match="at least 1 bin; got 0"):
        reliability([0.2, 0.3], [True, False], bins=0)

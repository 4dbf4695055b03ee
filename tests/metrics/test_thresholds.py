"""Thresholds: that they keep what they promise, with ties and shares that floats round, and fire as rewards do."""

import numpy as np
import pytest
import torch

from vlmrm.errors import SpecError
from vlmrm.metrics import (
    at_threshold,
    false_positive_rate,
    roc_curve,
    threshold_at_false_positives,
)
from vlmrm.rewards.transforms.threshold import above, threshold_for


def some(seed, n=60, levels=None):
    rng = np.random.default_rng(seed)
    labels = rng.random(n) < 0.4
    scores = rng.normal(labels * 0.8, 1.0)
    return (np.round(scores * levels) / levels if levels else scores), labels


def candidates(scores):
    """Every threshold that tells frames apart, and those above and below all."""
    return [-np.inf, *sorted(set(scores)), np.inf]


@pytest.mark.parametrize("recall", [0.1, 0.5, 0.9, 1.0])
@pytest.mark.parametrize("levels", [None, 1, 3])
@pytest.mark.parametrize("seed", range(3))
def test_false_positives_are_those_of_the_highest_threshold_that_finds_enough(seed, levels, recall):
    scores, labels = some(seed, levels=levels)
    finding = [t for t in candidates(scores) if (scores[labels] > t).mean() >= recall]
    assert false_positive_rate(scores, labels, recall=recall) == (scores[~labels] > max(finding)).mean()


@pytest.mark.parametrize("share", [0.0, 0.01, 0.05, 0.1, 0.5, 0.99])
@pytest.mark.parametrize("levels", [None, 1, 3])
@pytest.mark.parametrize("seed", range(3))
def test_the_threshold_at_false_positives_is_the_lowest_that_lets_few_enough_through(seed, levels, share):
    scores, labels = some(seed, levels=levels)
    keeping = [t for t in candidates(scores) if (scores[~labels] > t).mean() <= share]
    assert threshold_at_false_positives(scores, labels, share=share) == min(keeping)


@pytest.mark.parametrize("frames", [1, 2, 7, 10, 49, 100])
def test_no_share_is_ever_passed_by_rounding_nor_missed(frames):
    scores = np.append(np.arange(frames, dtype=float), -1.0)
    labels = np.arange(frames + 1) == frames
    for passing in range(frames):
        threshold = threshold_at_false_positives(scores, labels, share=passing / frames)
        assert (scores[:-1] > threshold).sum() == passing


def test_a_share_of_nearly_one_still_names_a_score():
    assert threshold_at_false_positives([3.0, 2.0, 1.0, 9.0], [False, False, False, True], share=1 - 1e-12) == 1.0


@pytest.mark.parametrize("share", [0.0, 0.05, 0.1, 0.5])
@pytest.mark.parametrize("levels", [None, 3])
def test_calibrated_rewards_choose_the_same_threshold_and_pay_the_same_frames(levels, share):
    scores, labels = some(4, n=200, levels=levels)
    threshold = threshold_at_false_positives(scores, labels, share=share)
    assert threshold == threshold_for(torch.tensor(scores[~labels]), share)
    paid = above(torch.tensor(scores), threshold).numpy()
    found = at_threshold(scores, labels, threshold)
    assert (found.recall, found.false_positive_rate) == (paid[labels].mean(), paid[~labels].mean())


def test_a_threshold_is_counted_by_hand():
    found = at_threshold([0.9, 0.8, 0.5, 0.8, 0.5, 0.2, 0.1], [True, True, True, False, False, False, False], 0.5)
    assert found.threshold == 0.5
    assert found.recall == pytest.approx(2 / 3)  # 0.5 itself is not above 0.5
    assert found.false_positive_rate == 0.25
    assert found.precision == pytest.approx(2 / 3)


def test_a_threshold_above_all_scores_never_fires_and_one_below_all_always_does():
    scores, labels = [0.1, 0.2, 0.3], [True, False, False]
    never, always = at_threshold(scores, labels, 0.3), at_threshold(scores, labels, -np.inf)
    assert (never.recall, never.false_positive_rate, never.precision) == (0, 0, None)
    assert (always.recall, always.false_positive_rate, always.precision) == (1, 1, pytest.approx(1 / 3))


def test_where_the_lowest_score_of_all_must_be_found_everything_passes():
    assert false_positive_rate([0.1, 0.2], [True, False], recall=1.0) == 1


def test_a_perfect_reward_has_no_false_positives_and_a_constant_one_nothing_else():
    labels = [True, False, True, False]
    assert false_positive_rate([2.0, 1.0, 3.0, 0.0], labels, recall=1.0) == 0
    assert false_positive_rate([1.0, 1.0, 1.0, 1.0], labels) == 1


@pytest.mark.parametrize("levels", [None, 1, 3])
@pytest.mark.parametrize("seed", range(3))
def test_every_point_of_the_curve_is_what_its_threshold_does(seed, levels):
    scores, labels = some(seed, levels=levels)
    curve = roc_curve(scores, labels)
    assert len(curve.thresholds) == len(set(scores)) + 1
    for x, y, threshold in zip(curve.false_positive_rates, curve.recalls, curve.thresholds, strict=True):
        found = at_threshold(scores, labels, threshold)
        assert (x, y) == pytest.approx((found.false_positive_rate, found.recall))


def test_the_curve_runs_from_nothing_to_everything():
    curve = roc_curve([0.5, 0.5, 0.5], [True, False, True])
    assert (curve.false_positive_rates.tolist(), curve.recalls.tolist()) == ([0, 1], [0, 1])
    assert curve.thresholds.tolist() == [0.5, -np.inf]


def test_shares_and_thresholds_that_are_none_are_refused():
    scores, labels = [1.0, 0.0], [True, False]
    for recall in (0.0, 1.1, np.nan):
        with pytest.raises(SpecError, match="recall is a share"):
            false_positive_rate(scores, labels, recall=recall)
    for share in (-0.1, 1.0, np.nan):
        with pytest.raises(SpecError, match="0 to below 1"):
            threshold_at_false_positives(scores, labels, share=share)
    with pytest.raises(SpecError, match="threshold is NaN"):
        at_threshold(scores, labels, np.nan)
    with pytest.raises(SpecError, match="all in"):
        roc_curve(scores, [True, True])

"""The same numbers as scikit-learn and SciPy, over random scores with and without ties."""

import numpy as np
import pytest

from vlmrm.metrics import (
    at_threshold,
    auroc,
    average_precision,
    brier_score,
    goal_epic,
    interquartile_mean,
    kendall,
    reliability,
    roc_curve,
    spearman,
)

sklearn_metrics = pytest.importorskip("sklearn.metrics")
sklearn_calibration = pytest.importorskip("sklearn.calibration")
stats = pytest.importorskip("scipy.stats")

pytestmark = [pytest.mark.parametrize("levels", [None, 1, 3, 20]), pytest.mark.parametrize("seed", range(4))]


def some(seed, levels, n=173):
    rng = np.random.default_rng(seed)
    labels = rng.random(n) < 0.3
    scores = rng.normal(labels * 0.8, 1.0)
    return (np.round(scores * levels) / levels if levels else scores), labels


def test_ranking(seed, levels):
    scores, labels = some(seed, levels)
    assert auroc(scores, labels) == pytest.approx(sklearn_metrics.roc_auc_score(labels, scores))
    assert average_precision(scores, labels) == pytest.approx(sklearn_metrics.average_precision_score(labels, scores))


def test_goal_epic(seed, levels):
    scores, labels = some(seed, levels)
    correlation = stats.pearsonr(scores, labels).statistic
    assert goal_epic(scores, labels) == pytest.approx(np.sqrt((1 - correlation) / 2))


def test_roc_curve(seed, levels):
    """Their thresholds are fired at, and ours above: each of ours is the next of theirs."""
    scores, labels = some(seed, levels)
    curve = roc_curve(scores, labels)
    x, y, thresholds = sklearn_metrics.roc_curve(labels, scores, drop_intermediate=False)
    assert curve.false_positive_rates == pytest.approx(x)
    assert curve.recalls == pytest.approx(y)
    assert curve.thresholds[:-1].tolist() == thresholds[1:].tolist()


def test_one_threshold(seed, levels):
    scores, labels = some(seed, levels)
    found = at_threshold(scores, labels, 0.4)
    assert found.precision == pytest.approx(sklearn_metrics.precision_score(labels, scores > 0.4))
    assert found.recall == pytest.approx(sklearn_metrics.recall_score(labels, scores > 0.4))
    assert found.false_positive_rate == pytest.approx(1 - sklearn_metrics.recall_score(~labels, scores <= 0.4))


def test_calibration(seed, levels):
    scores, labels = some(seed, levels)
    probabilities = (scores - scores.min()) / np.ptp(scores)
    assert brier_score(probabilities, labels) == pytest.approx(sklearn_metrics.brier_score_loss(labels, probabilities))
    found = reliability(probabilities, labels, bins=8)
    shown, predicted = sklearn_calibration.calibration_curve(labels, probabilities, n_bins=8)
    assert [one.in_goal for one in found] == pytest.approx(shown.tolist())
    assert [one.predicted for one in found] == pytest.approx(predicted.tolist())


def test_correlations_of_ranks(seed, levels):
    (a, _), (b, _) = some(seed, levels), some(seed + 100, levels)
    for second in (b, a + b, -a):
        assert spearman(a, second) == pytest.approx(stats.spearmanr(a, second).statistic)
        assert kendall(a, second) == pytest.approx(stats.kendalltau(a, second).statistic)


def test_interquartile_mean(seed, levels):
    for n in range(1, 20):
        values, _ = some(seed, levels, n)
        assert interquartile_mean(values) == pytest.approx(stats.trim_mean(values, 0.25))

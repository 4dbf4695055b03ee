"""AUROC, average precision and the EPIC distance to a goal against what they are defined as, counted by hand."""

import numpy as np
import pytest

from vlmrm.errors import SpecError
from vlmrm.metrics import auroc, average_precision, goal_epic


def some(seed, n=60, levels=None):
    rng = np.random.default_rng(seed)
    labels = rng.random(n) < 0.4
    scores = rng.normal(labels * 0.8, 1.0)
    return (np.round(scores * levels) / levels if levels else scores), labels


@pytest.mark.parametrize("levels", [None, 1, 3])  # fewer levels, more ties
@pytest.mark.parametrize("seed", range(5))
def test_auroc_is_the_share_of_pairs_ranked_right(seed, levels):
    scores, labels = some(seed, levels=levels)
    pairs = np.sign(scores[labels][:, None] - scores[~labels][None, :])
    assert auroc(scores, labels) == pytest.approx((pairs + 1).mean() / 2)


@pytest.mark.parametrize("levels", [None, 1, 3])
@pytest.mark.parametrize("seed", range(5))
def test_average_precision_sums_precision_over_recall_steps(seed, levels):
    scores, labels = some(seed, levels=levels)
    total, before = 0.0, 0.0
    for threshold in sorted(set(scores), reverse=True):
        taken = scores >= threshold
        recall = (taken & labels).sum() / labels.sum()
        total += (recall - before) * labels[taken].mean()
        before = recall
    assert average_precision(scores, labels) == pytest.approx(total)


@pytest.mark.parametrize("seed", range(5))
def test_epic_is_that_of_the_pearson_correlation(seed):
    rewards, labels = some(seed)
    rho = np.corrcoef(rewards, labels)[0, 1]
    assert goal_epic(rewards, labels) == pytest.approx(np.sqrt((1 - rho) / 2))


@pytest.mark.parametrize("metric", [auroc, average_precision, goal_epic])
def test_scale_and_offset_change_nothing_and_neither_does_the_order_of_frames(metric):
    scores, labels = some(0)
    order = np.random.default_rng(1).permutation(len(scores))
    assert metric(3 * scores + 7, labels) == pytest.approx(metric(scores, labels))
    assert metric(scores[order], labels[order]) == pytest.approx(metric(scores, labels))


def test_the_best_the_worst_and_no_reward():
    labels = np.array([True, True, False, False, False])
    assert (auroc(labels, labels), average_precision(labels, labels), goal_epic(labels, labels)) == (1, 1, 0)
    assert (auroc(~labels, labels), goal_epic(~labels, labels)) == (0, pytest.approx(1))
    constant = np.full(5, 0.3)  # 0.3 - mean is 5e-17, which must not become a correlation
    assert auroc(constant, labels) == 0.5
    assert average_precision(constant, labels) == pytest.approx(0.4)
    assert goal_epic(constant, labels) == pytest.approx(np.sqrt(0.5))


def test_a_rare_goal_is_told_from_a_frequent_one_by_precision_and_not_by_auroc():
    rng = np.random.default_rng(0)
    goal, other = rng.normal(2, 1, 1000), rng.normal(0, 1, 10_000)
    few = (np.concatenate([goal[:100], other]), np.arange(10_100) < 100)
    many = (np.concatenate([goal, other[:1000]]), np.arange(2000) < 1000)
    assert auroc(*few) == pytest.approx(auroc(*many), abs=0.02)
    assert average_precision(*few) < average_precision(*many) - 0.3


@pytest.mark.parametrize(
    ("scores", "labels", "said"),
    [
        ([0.1, 0.2], [True, True], "all in"),
        ([0.1, 0.2], [False, False], "all outside"),
        ([], np.array([], dtype=bool), "no frames"),
        ([0.1, 0.2, 0.3], [True, False], "one per frame"),
        ([0.1, np.nan], [True, False], "1 of 2 scores"),
        ([0.1, 0.2], [0.0, 1.0], "Threshold it first"),
        ([0.1, 0.2], [0, 1], "Threshold it first"),
    ],
)
def test_what_cannot_be_measured_is_refused(scores, labels, said):
    for metric in (auroc, average_precision, goal_epic):
        with pytest.raises(SpecError, match=said):
            metric(scores, labels)

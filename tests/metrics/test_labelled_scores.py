"""AUROC, average precision and EPIC against what they are defined as, counted by hand."""

import numpy as np
import pytest

from vlmrm.errors import SpecError
from vlmrm.metrics.labelled_scores import auroc, average_precision, estimate, false_positive_rate, goal_epic


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


@pytest.mark.parametrize("recall", [0.1, 0.5, 0.9, 1.0])
@pytest.mark.parametrize("levels", [None, 3])
@pytest.mark.parametrize("seed", range(3))
def test_false_positives_are_counted_at_the_highest_threshold_that_finds_enough_goal_frames(seed, levels, recall):
    scores, labels = some(seed, levels=levels)
    finding = [t for t in set(scores) if (scores[labels] >= t).mean() >= recall - 1e-9]
    assert false_positive_rate(scores, labels, recall=recall) == pytest.approx((scores[~labels] >= max(finding)).mean())


def test_a_perfect_reward_has_no_false_positives_and_a_constant_one_nothing_else():
    labels = [True, False, True, False]
    assert false_positive_rate([2.0, 1.0, 3.0, 0.0], labels, recall=1.0) == 0
    assert false_positive_rate([1.0, 1.0, 1.0, 1.0], labels) == 1
    with pytest.raises(SpecError, match="recall is a share"):
        false_positive_rate([1.0, 0.0], [True, False], recall=0.0)


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
    assert (auroc(~labels, labels), goal_epic(~labels, labels)) == (0, 1)
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


def test_the_interval_covers_the_true_value_as_often_as_it_says():
    """True AUROC of two normal distributions one standard deviation apart: Φ(1/√2) = 0.7602."""
    inside = 0
    for seed in range(200):
        rng = np.random.default_rng(seed)
        labels = np.arange(120) < 50
        found = estimate(auroc, rng.normal(labels, 1.0), labels, resamples=200, seed=seed)
        inside += found.low <= 0.7602 <= found.high
    assert 180 <= inside <= 198  # 95 % of 200 is 190, with a standard deviation of 3


def test_the_same_seed_gives_the_same_interval_and_more_frames_a_narrower_one():
    scores, labels = some(0)
    first, again = (estimate(auroc, scores, labels, seed=4) for _ in range(2))
    assert first == again
    wide = estimate(auroc, np.tile(scores, 9), np.tile(labels, 9), seed=4)
    assert (first.high - first.low) / (wide.high - wide.low) == pytest.approx(3, rel=0.3)


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
    with pytest.raises(SpecError, match=said):
        estimate(auroc, scores, labels)


def test_the_interval_of_groups_covers_their_choice():
    """25 views with an effect of their own each: AUROC of N(d, 1) over N(0, 1), d of N(1, 1), is Φ(1/√3) = 0.7181."""
    covered = {"by view": 0, "by frame": 0}
    views = np.repeat(np.arange(25), 40)
    for seed in range(200):
        rng = np.random.default_rng(seed)
        labels = np.tile(np.arange(40) < 16, 25)
        scores = rng.normal(labels * rng.normal(1.0, 1.0, 25)[views], 1.0)
        for name, groups in (("by view", views), ("by frame", None)):
            found = estimate(auroc, scores, labels, groups=groups, resamples=100, seed=seed)
            covered[name] += found.low <= 0.7181 <= found.high
    assert covered["by view"] >= 170
    assert covered["by frame"] <= 140


def test_groups_of_one_kind_each_never_make_a_resample_of_one_kind():
    found = estimate(auroc, [0.0, 1.0, 2.0], [False, True, True], groups=["a", "b", "b"], resamples=50)
    assert (found.value, found.low, found.high) == (1, 1, 1)


def test_an_interval_needs_resamples_and_groups_that_fit():
    with pytest.raises(SpecError, match="resample"):
        estimate(auroc, [0.0, 1.0], [False, True], resamples=0)
    for groups in ([0, 0], [0, 1, 2], [[0, 1]]):
        with pytest.raises(SpecError, match="one group per frame and two of them"):
            estimate(auroc, [0.0, 1.0], [False, True], groups=groups)

"""Bootstrap intervals: what they cover, what they share, and that the fast way is the slow one."""

import time

import numpy as np
import pytest

from vlmrm.errors import SpecError
from vlmrm.metrics import (
    Estimate,
    auroc,
    average_precision,
    brier_score,
    estimate,
    estimates,
    false_positive_rate,
    goal_epic,
    paired_difference,
    resampling,
)
from vlmrm.metrics.resampling import resampled

METRICS = {"auroc": auroc, "precision": average_precision, "epic": goal_epic, "false positives": false_positive_rate}


def some(seed, n=60, levels=None):
    rng = np.random.default_rng(seed)
    labels = rng.random(n) < 0.4
    scores = rng.normal(labels * 0.8, 1.0)
    return (np.round(scores * levels) / levels if levels else scores), labels


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


@pytest.mark.parametrize("groups", [None, np.arange(60) // 4])
@pytest.mark.parametrize("levels", [None, 1, 3])  # fewer levels, more ties
@pytest.mark.parametrize("name", METRICS)
def test_all_resamples_at_once_give_what_a_call_for_each_gives(name, levels, groups):
    scores, labels = some(0, levels=levels)

    def called(scores, labels):
        return METRICS[name](scores, labels)

    at_once = estimate(METRICS[name], scores, labels, groups=groups, resamples=60, seed=2)
    one_by_one = estimate(called, scores, labels, groups=groups, resamples=60, seed=2)
    assert (at_once.low, at_once.high) == pytest.approx((one_by_one.low, one_by_one.high), abs=1e-12)
    assert at_once.value == one_by_one.value


def test_a_constant_reward_is_unrelated_in_every_resample_and_so_is_one_that_becomes_constant():
    labels = np.arange(20) < 10
    found = estimate(goal_epic, np.full(20, 0.3), labels)
    assert (found.low, found.high) == pytest.approx((np.sqrt(0.5), np.sqrt(0.5)))
    rare = np.where(np.arange(20) == 0, 1.0, 0.3)  # of 20 frames one differs, which a third of the resamples miss
    assert estimate(goal_epic, rare, labels).high == pytest.approx(np.sqrt(0.5))


def test_several_metrics_are_of_the_same_resamples_as_each_alone():
    scores, labels = some(1)
    together = estimates(METRICS, scores, labels, resamples=40, seed=3)
    assert together == {
        name: estimate(metric, scores, labels, resamples=40, seed=3) for name, metric in METRICS.items()
    }


def test_any_function_of_scores_and_labels_gets_an_interval():
    probabilities = np.random.default_rng(0).random(80)
    labels = np.arange(80) % 2 == 0
    found = estimates({"brier": brier_score, "goal": lambda s, y: float(s[y].mean())}, probabilities, labels)
    assert found["brier"].value == brier_score(probabilities, labels)
    standard_error = probabilities[labels].std() / np.sqrt(40)
    assert (found["goal"].high - found["goal"].low) / standard_error == pytest.approx(3.92, rel=0.15)


def test_resamples_in_blocks_count_as_many_as_were_asked_for(monkeypatch):
    labels = np.arange(10) < 4
    monkeypatch.setattr(resampling, "_AT_ONCE", 30)  # three resamples a block
    blocks = list(resampled(labels, groups=None, resamples=8, seed=0))
    assert [len(block) for block in blocks] == [3, 3, 2]
    drawn = np.concatenate(blocks)
    assert (drawn[:, labels].sum(axis=1) == 4).all()
    assert (drawn[:, ~labels].sum(axis=1) == 6).all()
    assert len(np.unique(drawn, axis=0)) == 8


def test_every_frame_is_drawn_once_on_average_and_with_the_variance_of_draws_with_replacement():
    drawn = np.concatenate(list(resampled(np.arange(40) < 20, groups=None, resamples=4000, seed=0)))
    assert drawn.mean(axis=0) == pytest.approx(np.ones(40), abs=0.08)  # five standard errors
    assert drawn.var() == pytest.approx(1 - 1 / 20, rel=0.02)


def test_groups_are_drawn_whole():
    groups = np.array([0, 0, 1, 1, 1, 2])
    drawn = np.concatenate(list(resampled(np.arange(6) % 2 == 0, groups=groups, resamples=50, seed=0)))
    for group in range(3):
        members = drawn[:, groups == group]
        assert (members == members[:, :1]).all()
    assert (drawn[:, [0, 2, 5]].sum(axis=1) == 3).all()


def test_a_group_that_holds_every_goal_frame_is_in_each_resample():
    labels = np.array([True, True, False, False, False])
    drawn = np.concatenate(list(resampled(labels, groups=[0, 0, 1, 2, 3], resamples=200, seed=0)))
    assert len(drawn) == 200
    assert (drawn[:, 0] > 0).all()
    assert (drawn[:, 2:].sum(axis=1) > 0).all()


def test_draws_of_groups_that_never_hold_both_kinds_end_with_an_error(monkeypatch):
    monkeypatch.setattr(resampling, "_ATTEMPTS", 1)  # half of all draws of one goal group and one other are of one kind
    with pytest.raises(SpecError, match=r"of 100 resamples of 2 groups hold only goal frames or only others"):
        list(resampled(np.array([True, False]), groups=[0, 1], resamples=100, seed=0))


def test_the_difference_of_a_reward_and_itself_is_nothing():
    scores, labels = some(0)
    for metric in METRICS.values():
        assert paired_difference(metric, scores, 2 * scores, labels) == Estimate(value=0.0, low=0.0, high=0.0) or (
            metric is goal_epic and abs(paired_difference(metric, scores, 2 * scores, labels).high) < 1e-12
        )


def test_a_difference_the_other_way_round_has_the_opposite_sign():
    (first, labels), (second, _) = some(0), some(1)
    there = paired_difference(auroc, first, second, labels)
    back = paired_difference(auroc, second, first, labels)
    assert (back.value, back.low, back.high) == pytest.approx((-there.value, -there.high, -there.low))
    assert there.value == auroc(first, labels) - auroc(second, labels)


def test_a_small_difference_of_like_rewards_is_seen_on_the_same_frames_where_two_intervals_overlap():
    rng = np.random.default_rng(0)
    labels = np.arange(300) < 120
    first = rng.normal(labels, 1.0)
    second = first + rng.normal(0, 0.4, 300)
    better, worse = estimate(auroc, first, labels), estimate(auroc, second, labels)
    assert better.low < worse.high
    assert paired_difference(auroc, first, second, labels).low > 0


def test_a_difference_is_of_the_resamples_that_estimate_draws_by_default():
    (first, labels), (second, _) = some(0), some(1)
    groups = np.arange(60) // 6
    found = paired_difference(auroc, first, second, labels, groups=groups, resamples=50)
    rows = np.concatenate(list(resampled(labels, groups=groups, resamples=50, seed=0))).astype(int)
    taken = [np.repeat(np.arange(60), row) for row in rows]
    drawn = [auroc(first[some], labels[some]) - auroc(second[some], labels[some]) for some in taken]
    assert (found.low, found.high) == pytest.approx(tuple(np.quantile(drawn, [0.025, 0.975])))


def test_a_difference_needs_scores_of_the_same_frames():
    with pytest.raises(SpecError, match="one per frame"):
        paired_difference(auroc, [0.1, 0.2], [0.1, 0.2, 0.3], [True, False])


def test_2000_frames_300_times_take_less_than_half_a_second():
    scores, labels = some(0, n=2000)
    taken = []
    for _ in range(3):
        start = time.perf_counter()
        estimate(auroc, scores, labels)
        taken.append(time.perf_counter() - start)
    assert min(taken) < 0.5

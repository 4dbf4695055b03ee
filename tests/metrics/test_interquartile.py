"""The interquartile mean by hand, and its interval over seeds."""

import numpy as np
import pytest

from vlmrm.errors import SpecError
from vlmrm.metrics import interquartile_mean, iqm_over_seeds


def test_a_quarter_rounded_down_is_left_out_at_each_end():
    assert interquartile_mean([5.0]) == 5
    assert interquartile_mean([0, 0, 9]) == 3  # a quarter of three is none
    assert interquartile_mean([100, 2, 1, -100]) == 1.5
    assert interquartile_mean([0, 0, 1, 2, 3, 100, 100]) == pytest.approx((0 + 1 + 2 + 3 + 100) / 5)
    assert interquartile_mean([0, 0, 1, 2, 3, 4, 100, 100]) == pytest.approx((1 + 2 + 3 + 4) / 4)


def test_numbers_of_any_shape_are_taken_together():
    table = np.arange(24.0).reshape(2, 3, 4)
    assert interquartile_mean(table) == interquartile_mean(table.ravel())


def test_one_wild_run_of_eight_moves_it_little():
    runs = np.array([0.8, 0.81, 0.82, 0.79, 0.8, 0.8, 0.83, 0.8])
    wild = np.append(runs[:-1], -50.0)
    assert interquartile_mean(wild) == pytest.approx(interquartile_mean(runs), abs=0.01)


def test_tasks_keep_their_number_of_seeds_so_that_only_seeds_vary():
    """Two tasks far apart, with no spread over seeds: to draw tasks would change the mean, to draw seeds does not."""
    found = iqm_over_seeds(np.array([[0.0, 1.0]] * 5))
    assert (found.low, found.value, found.high) == (0.5, 0.5, 0.5)


def test_an_array_and_numbers_by_task_are_the_same():
    table = np.random.default_rng(0).random((6, 3))
    by_task = {name: table[:, i].tolist() for i, name in enumerate("abc")}
    assert iqm_over_seeds(table, seed=4) == iqm_over_seeds(by_task, seed=4)


def test_tasks_may_have_different_numbers_of_seeds():
    found = iqm_over_seeds({"a": [0.0, 0.0], "b": [1.0] * 6})
    assert found.value == found.low == found.high == 1.0  # the middle four of eight


def test_the_interval_covers_the_true_mean_about_as_often_as_it_says():
    """Eight seeds of three tasks, normal around 0: the bootstrap of so few seeds is a little narrow."""
    inside = 0
    for seed in range(300):
        found = iqm_over_seeds(np.random.default_rng(seed).normal(size=(8, 3)), resamples=200, seed=seed)
        inside += found.low <= 0 <= found.high
    assert 258 <= inside <= 293  # 86 to 98 %


def test_what_gives_no_interval_is_refused():
    with pytest.raises(SpecError, match="two or more of each task; a, c has one"):
        iqm_over_seeds({"a": [0.1], "b": [0.1, 0.2], "c": [0.1]})
    with pytest.raises(SpecError, match="there is no task"):
        iqm_over_seeds({})
    with pytest.raises(SpecError, match="got shape"):
        iqm_over_seeds([0.1, 0.2])
    with pytest.raises(SpecError, match="1 of 2 results of a are NaN"):
        iqm_over_seeds({"a": [0.1, np.nan]})
    with pytest.raises(SpecError, match="at least 1 resample"):
        iqm_over_seeds([[0.1], [0.2]], resamples=0)
    with pytest.raises(SpecError, match="at least one"):
        interquartile_mean([])

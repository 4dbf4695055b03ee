"""Rewards of several goals on frames of each."""

import numpy as np
import pytest

from vlmrm.errors import SpecError
from vlmrm.metrics import DiagonalWins, confusion_matrix, diagonal_wins


def test_one_frame_a_goal_gives_the_z_scores_of_each_row():
    scores = np.random.default_rng(0).normal(size=(4, 4))
    expected = (scores - scores.mean(axis=1, keepdims=True)) / scores.std(axis=1, keepdims=True)
    assert confusion_matrix(scores, np.arange(4)) == pytest.approx(expected)


def test_frames_of_a_goal_are_averaged_in_deviations_over_all_frames():
    """The first reward has 4 and 2 on its own frames, 0 and 0 on the others: mean 1.5, variance 11/4."""
    matrix = confusion_matrix([[4, 2, 0, 0], [1, 1, 3, 3]], [0, 0, 1, 1])
    assert matrix[0] == pytest.approx(np.array([3 - 1.5, 0 - 1.5]) / np.sqrt(2.75))
    assert matrix[1] == pytest.approx([-1, 1])


def test_a_goal_with_many_frames_counts_for_no_more():
    few = confusion_matrix([[4, 2, 0, 1], [1, 0, 3, 3]], [0, 0, 1, 1])
    many = confusion_matrix([[4, 2] * 50 + [0, 1], [1, 0] * 50 + [3, 3]], [0] * 100 + [1, 1])
    assert many == pytest.approx(few)


def test_scale_and_offset_of_a_reward_change_nothing():
    rng = np.random.default_rng(0)
    scores, shown = rng.normal(size=(3, 60)), np.arange(60) % 3
    other = scores * np.array([[1.0], [100.0], [0.01]]) + np.array([[5.0], [-7.0], [0.0]])
    assert confusion_matrix(other, shown) == pytest.approx(confusion_matrix(scores, shown))


def test_a_reward_that_tells_nothing_has_entries_near_zero_and_a_constant_one_zeros():
    rng = np.random.default_rng(0)
    shown = np.arange(3000) % 3
    scores = np.stack([shown == 0, rng.normal(size=3000), np.full(3000, 0.3)])
    matrix = confusion_matrix(scores, shown)
    assert matrix[0] == pytest.approx(np.array([2, -1, -1]) / np.sqrt(2))
    assert np.abs(matrix[1]).max() < 0.1
    assert matrix[2].tolist() == [0, 0, 0]


def test_wins_are_counted_over_rows_and_over_columns():
    """Row 0 wins, row 1 prefers frames of goal 0, row 2 wins; column 1 is won by row 2."""
    matrix = [[2.0, 0.0, 0.1], [1.0, 0.5, -1.0], [0.0, 0.9, 1.0]]
    assert diagonal_wins(matrix) == DiagonalWins(rows=2 / 3, columns=2 / 3)
    assert diagonal_wins([[1.0, 0.0], [3.0, 2.0]]) == DiagonalWins(rows=0.5, columns=0.5)
    assert diagonal_wins([[1.0, 0.0], [2.0, 3.0]]) == DiagonalWins(rows=1.0, columns=0.5)


def test_a_tie_is_not_won():
    assert diagonal_wins(np.zeros((3, 3))) == DiagonalWins(rows=0.0, columns=0.0)


def test_what_does_not_fit_is_refused():
    with pytest.raises(SpecError, match="two or more rewards"):
        confusion_matrix([[1, 2]], [0, 0])
    with pytest.raises(SpecError, match="one goal per frame"):
        confusion_matrix([[1, 2], [3, 4]], [0, 1, 1])
    for shown in ([0, 0], [0, 2], [-1, 0]):
        with pytest.raises(SpecError, match="frames of each goal, numbered 0 to 1"):
            confusion_matrix([[1, 2], [3, 4]], shown)
    with pytest.raises(SpecError, match="1 of 4 scores are NaN"):
        confusion_matrix([[1, np.nan], [3, 4]], [0, 1])
    with pytest.raises(SpecError, match="as many rows as columns"):
        diagonal_wins([[1.0, 2.0]])

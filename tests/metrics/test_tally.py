"""Counts of frames at each score, of one set of frames and of resamples."""

import numpy as np
import pytest

from vlmrm.metrics.tally import (
    auroc_of,
    average_precision_of,
    false_positive_rate_of,
    goal_epic_of,
    lowest_found,
    tally_of,
)

SCORES, LABELS = np.array([0.2, 0.7, 0.2, 0.9, 0.7]), np.array([False, True, True, True, False])


def test_frames_are_counted_at_each_different_score():
    tally = tally_of(SCORES, LABELS)
    assert tally.levels.tolist() == [0.2, 0.7, 0.9]
    assert tally.goal.tolist() == [[1, 1, 1]]
    assert tally.other.tolist() == [[1, 1, 0]]


def test_a_frame_drawn_twice_counts_twice_and_one_not_drawn_not_at_all():
    counts = np.array([[2.0, 0, 1, 2, 0], [0, 1, 0, 0, 4]])
    tally = tally_of(SCORES, LABELS, counts)
    assert tally.goal.tolist() == [[1, 0, 2], [0, 1, 0]]
    assert tally.other.tolist() == [[2, 0, 0], [0, 4, 0]]


@pytest.mark.parametrize("metric", [auroc_of, average_precision_of, goal_epic_of, false_positive_rate_of])
def test_each_row_of_counts_is_measured_as_if_its_frames_were_repeated(metric):
    rng = np.random.default_rng(0)
    for _ in range(20):
        scores, labels = np.round(rng.normal(size=30), 1), np.arange(30) < 12
        counts = rng.integers(0, 3, size=(4, 30)).astype(float)
        repeated = [np.repeat(np.arange(30), row.astype(int)) for row in counts]
        alone = [metric(tally_of(scores[rows], labels[rows]))[0] for rows in repeated]
        assert metric(tally_of(scores, labels, counts)) == pytest.approx(np.array(alone), abs=1e-12)


def test_a_share_that_is_a_whole_number_of_goal_frames_needs_just_these():
    """0.07 · 100 is 7.000000000000001 in floats, and 7 of 100 goal frames are 7 %."""
    for frames in (3, 10, 49, 60, 100):
        tally = tally_of(np.arange(frames + 1.0), np.arange(frames + 1) > 0)  # goal frames score 1 to `frames`
        found = [lowest_found(tally, parts / frames)[0] for parts in range(1, frames + 1)]
        assert found == list(range(frames, 0, -1))
        more = [lowest_found(tally, np.nextafter(parts / frames, 1))[0] for parts in range(1, frames)]
        assert more == list(range(frames - 1, 0, -1))

"""Rewards over episodes: the order of time, and success against failure."""

import numpy as np
import pytest

from vlmrm.errors import SpecError
from vlmrm.metrics import episode_auroc, value_order_correlation


def test_the_correlation_is_a_mean_over_episodes_of_any_length():
    """Up 1, down -1, and 0 1 3 2 of which two ranks differ by 1: 1 - 6 · 2 / (4 · 15) = 0.8."""
    scores = [1, 2, 3, 9, 5, 4, 0, 1, 3, 2]
    steps = [0, 1, 2, 0, 1, 2, 0, 1, 2, 3]
    episodes = [7] * 3 + [3] * 3 + [5] * 4
    assert value_order_correlation(scores, steps, episodes) == pytest.approx((1 - 1 + 0.8) / 3)


def test_frames_may_come_in_any_order_and_time_in_any_unit():
    rng = np.random.default_rng(0)
    scores, steps, episodes = rng.normal(size=60), np.tile(np.arange(20), 3), np.repeat(["a", "b", "c"], 20)
    order = rng.permutation(60)
    plain = value_order_correlation(scores, steps, episodes)
    assert value_order_correlation(scores[order], 0.02 * steps[order] + 5, episodes[order]) == pytest.approx(plain)


def test_short_episodes_are_left_out_and_flat_ones_count_as_no_order():
    scores, steps, episodes = [1, 2, 3, 2, 1, 5, 5, 5], [0, 1, 2, 0, 1, 0, 1, 2], list("aaabbccc")
    assert value_order_correlation(scores, steps, episodes) == pytest.approx(0.5)  # of a and c


def test_without_an_episode_of_three_frames_there_is_no_order():
    with pytest.raises(SpecError, match="no episode has 3 frames"):
        value_order_correlation([1, 2, 1, 2], [0, 1, 0, 1], ["a", "a", "b", "b"])


def test_rising_failures_have_the_order_of_success_and_only_the_auroc_tells():
    """A failure that rises to a third of what success reaches."""
    rise = np.linspace(0, 1, 10)
    scores = np.concatenate([rise, rise, rise / 3, rise / 3])
    steps, episodes = np.tile(np.arange(10), 4), np.repeat([0, 1, 2, 3], 10)
    failed = episodes >= 2
    assert value_order_correlation(scores[failed], steps[failed], episodes[failed]) == pytest.approx(1)
    assert value_order_correlation(scores, steps, episodes) == pytest.approx(1)
    assert episode_auroc(scores, episodes, {0: True, 1: True, 2: False, 3: False}) == 1.0
    assert episode_auroc(scores, episodes, {0: False, 1: True, 2: True, 3: False}) == 0.5


def test_episodes_are_scored_by_their_mean_or_by_what_is_asked_for():
    """Means 0.5, 0.4 and 0.6; last frames 0.9, 0.1 and 0.2; highest 0.9, 0.7 and 1.0."""
    scores, episodes = [0.1, 0.9, 0.7, 0.1, 1.0, 0.2], list("aabbcc")
    succeeded = {"a": True, "b": False, "c": False}
    assert episode_auroc(scores, episodes, succeeded) == 0.5
    assert episode_auroc(scores, episodes, succeeded, reduce=lambda scores: scores[-1]) == 1.0
    assert episode_auroc(scores, episodes, succeeded, reduce=np.max) == 0.5


def test_the_last_frame_is_the_last_one_given_though_episodes_are_mixed():
    scores, episodes = [0.1, 0.8, 0.9, 0.2], ["a", "b", "a", "b"]
    found = episode_auroc(scores, episodes, {"a": True, "b": False}, reduce=lambda scores: scores[-1])
    assert found == 1.0


def test_episodes_that_only_one_side_knows_are_named():
    with pytest.raises(SpecError, match="only one of them knows b, z"):
        episode_auroc([0.1, 0.2], ["a", "b"], {"a": True, "z": False})
    with pytest.raises(SpecError, match="all in"):
        episode_auroc([0.1, 0.2], ["a", "b"], {"a": True, "b": True})
    with pytest.raises(SpecError, match="episodes are one name"):
        episode_auroc([0.1, 0.2], ["a"], {"a": True})
    with pytest.raises(SpecError, match="steps are one per score; got 2 for 3"):
        value_order_correlation([1, 2, 3], [0, 1], ["a", "a", "a"])

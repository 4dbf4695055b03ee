"""What a reward does where one success bound alone is missed."""

import numpy as np
import pytest

from vlmrm.errors import SpecError
from vlmrm.metrics import border_scores

BOUNDS = {"angle": (-10, 10), "height": (0.8, np.inf)}
STATES = {"angle": [0, -10, 12, 40, 0, 30], "height": [1, 1, 1, 1, 0.5, 0.2]}


def test_only_frames_that_meet_all_other_bounds_are_looked_at():
    """Inside are the first two; angle alone is missed by 12 and 40, height alone by the fifth, both by the last."""
    found = border_scores([0.9, 0.8, 0.5, 0.1, 0.85, 1.1], STATES, BOUNDS)
    angle, height = found["angle"], found["height"]
    assert (angle.variable, angle.inside, angle.outside, angle.auroc) == ("angle", 2, 2, 1.0)
    assert (height.inside, height.outside, height.auroc) == (2, 1, 0.5)
    assert angle.margin == pytest.approx((0.85 - 0.3) / 1.0)  # the span is 0.1 to 1.1, of all frames
    assert height.margin == pytest.approx(0.0)


def test_a_reward_may_tell_all_frames_well_and_one_border_not_at_all():
    """Easy frames miss both bounds; height is not seen."""
    states = {"angle": np.repeat([0, 20, 0, 90], 10), "height": np.repeat([1, 1, 0.7, 0.1], 10)}
    scores = -np.abs(states["angle"]) + np.tile(np.arange(10) / 100, 4)
    found = border_scores(scores, states, BOUNDS)
    assert (found["angle"].auroc, found["height"].auroc) == (1.0, 0.5)
    assert found["height"].margin == 0


def test_bounds_are_inclusive_on_both_sides():
    found = border_scores([1, 1, 0, 0], {"x": [-1, 1, -1.001, 1.001]}, {"x": (-1, 1)})
    assert (found["x"].inside, found["x"].outside, found["x"].auroc) == (2, 2, 1.0)


def test_near_leaves_out_frames_that_lie_far_beyond_the_bound():
    scores = [0.9, 0.8, 0.95, 0.1, 0.85, 1.1]
    found = border_scores(scores, STATES, BOUNDS, near={"angle": 2})
    assert (found["angle"].inside, found["angle"].outside, found["angle"].auroc) == (2, 1, 0.0)
    assert found["height"] == border_scores(scores, STATES, BOUNDS)["height"]


def test_where_one_side_is_empty_nothing_is_said():
    found = border_scores([0.1, 0.2], {"x": [0, 1]}, {"x": (-5, 5)})["x"]
    assert (found.inside, found.outside, found.auroc, found.margin) == (2, 0, None, None)
    found = border_scores([0.1, 0.2], {"x": [7, 8]}, {"x": (-5, 5)})["x"]
    assert (found.inside, found.outside, found.auroc, found.margin) == (0, 2, None, None)


def test_a_constant_reward_has_no_margin():
    found = border_scores([0.3, 0.3], {"x": [0, 9]}, {"x": (-5, 5)})["x"]
    assert (found.auroc, found.margin) == (0.5, 0.0)


def test_scale_and_offset_change_nothing():
    rng = np.random.default_rng(0)
    states = {"x": rng.normal(size=80), "y": rng.normal(size=80)}
    scores, bounds = rng.normal(size=80), {"x": (-1, 1), "y": (-np.inf, 0.5)}
    plain, other = border_scores(scores, states, bounds), border_scores(5 * scores - 3, states, bounds)
    for name in bounds:
        assert other[name].auroc == plain[name].auroc
        assert other[name].margin == pytest.approx(plain[name].margin)


def test_what_does_not_fit_is_refused():
    scores = [0.1, 0.2]
    with pytest.raises(SpecError, match=r"nothing is known of 'angel', which has bounds. Near: angle"):
        border_scores(scores, {"angle": [1, 2]}, {"angel": (0, 1)})
    with pytest.raises(SpecError, match="angle are one per score; got 3 for 2"):
        border_scores(scores, {"angle": [1, 2, 3]}, {"angle": (0, 1)})
    with pytest.raises(SpecError, match="low and high"):
        border_scores(scores, {"angle": [1, 2]}, {"angle": (1, 0)})
    with pytest.raises(SpecError, match="1 of 2 angle are NaN"):
        border_scores(scores, {"angle": [1, np.nan]}, {"angle": (0, 1)})
    for near in ({"other": 1}, {"angle": 0}):
        with pytest.raises(SpecError, match="distances above 0 for variables with bounds, angle"):
            border_scores(scores, {"angle": [1, 2]}, {"angle": (0, 1)}, near=near)

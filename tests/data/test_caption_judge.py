"""Shares over judged captions, and what others gain over them."""

import pytest

from vlmrm.data.caption_judge import JudgedCaption, difference, summary
from vlmrm.errors import SpecError


def judged(right, *, said=10, false=0, well=True):
    return JudgedCaption(right=right, said=said, false_objects=false, in_grammar=well)


BEFORE = [judged(2, said=4), judged(4, false=2), judged(6, false=1, well=False), judged(8)] * 25
AFTER = [judged(4), judged(6, false=1), judged(8), judged(10)] * 25


def test_the_shares_of_captions_by_hand():
    found = summary(BEFORE, 10)
    values = (found.facts_right.value, found.false_objects.value, found.in_grammar.value)
    assert values == pytest.approx((0.5, 0.5, 0.75))
    half = 1.96 * 0.05**0.5 / 100**0.5  # of the normal interval: the variance of 0.2, 0.4, 0.6 and 0.8 is 0.05
    assert (found.facts_right.low, found.facts_right.high) == pytest.approx((0.5 - half, 0.5 + half), abs=0.005)
    assert (found.false_objects.low, found.false_objects.high) == pytest.approx((0.4038, 0.5962), abs=1e-4)


def test_a_difference_is_paired():
    """Facts rise by two on each picture, so that they have no spread, however unlike the pictures are."""
    found = difference(BEFORE, AFTER, 10)
    assert [found.facts_right.value, found.facts_right.low, found.facts_right.high] == pytest.approx([0.2] * 3)
    assert (found.false_objects.value, found.in_grammar.value) == (-0.25, 0.25)
    assert found.false_objects.high < 0 < found.in_grammar.low


def test_groups_count_alike():
    before, after = [judged(5)] * 12, [judged(5)] * 10 + [judged(9)] * 2
    found = difference(before, after, 10, groups=["large"] * 10 + ["small"] * 2)
    assert found.facts_right.value == pytest.approx(0.2)
    assert difference(before, after, 10).facts_right.value == pytest.approx(0.4 * 2 / 12)


def test_what_cannot_be_summed_up_is_refused():
    with pytest.raises(SpecError, match="needs captions"):
        summary([], 10)
    with pytest.raises(SpecError, match="at most the 5 facts"):
        summary([judged(6)], 5)
    with pytest.raises(SpecError, match="got 2 and 1 captions"):
        difference(BEFORE[:2], AFTER[:1], 10)
    with pytest.raises(SpecError, match="a group for each"):
        difference(BEFORE[:2], AFTER[:2], 10, groups=["a"])

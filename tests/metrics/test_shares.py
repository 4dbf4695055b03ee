import pytest
from scipy.stats import binomtest

from vlmrm.errors import SpecError
from vlmrm.metrics import share_estimate


@pytest.mark.parametrize(("successes", "count"), [(0, 6), (6, 6), (1, 3), (50, 100), (999, 1000)])
def test_the_interval_of_a_share_is_wilsons(successes, count):
    found = share_estimate(successes, count)
    expected = binomtest(successes, count).proportion_ci(method="wilson")
    assert (found.value, found.low, found.high) == pytest.approx((successes / count, expected.low, expected.high))


@pytest.mark.parametrize(("successes", "count"), [(0, 0), (4, 3), (-1, 3)])
def test_what_is_no_share_is_refused(successes, count):
    with pytest.raises(SpecError, match="a share is that of successes"):
        share_estimate(successes, count)

"""The comparison of speeds says what its numbers allow, and runs from one end to the other."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent.parent.parent / "scripts"))

import compare_speed


@pytest.mark.parametrize(("count", "rank"), [(1, 0), (5, 0), (6, 0), (9, 1), (15, 3), (25, 7)])
def test_the_interval_holds_the_median_by_order_statistics(count, rank):
    """As tables of the sign test have it: at 9 values the second and the eighth hold it with 96 %, at 15 the fourth."""
    values = [float(value) for value in range(count)]
    assert compare_speed.order_interval(values[::-1]) == (rank, count - 1 - rank)


@pytest.mark.parametrize(
    ("ratios", "reached"),
    [
        ([1.0] * 9, True),
        ([0.98] * 9, True),
        ([0.97] * 9, False),
        ([0.96, 0.96, 0.96, 0.96, 0.97, 0.97, 0.97, 0.99, 0.99], True),  # 0.96 to 0.99 holds it and is narrow
        ([0.80, 0.80, 0.90, 0.90, 0.97, 0.97, 0.97, 0.99, 0.99], False),  # so wide that it holds anything
    ],
)
def test_a_speed_is_reached_by_its_median_or_by_a_narrow_interval(ratios, reached):
    assert compare_speed.is_reached(ratios) == reached


def test_a_version_is_compared_with_itself():
    command = [sys.executable, "scripts/compare_speed.py", "HEAD", "--pairs", "1", "--seconds", "0.01"]
    command += ["--cases", "sim-s", "--cpu-time"]
    done = subprocess.run(command, cwd=compare_speed.ROOT, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    (ratio,) = re.findall(
        r"sim-s, frames/s, new over old: median ([\d.]+) .*, 1 pairs: (?:reached|missed)", done.stdout
    )
    assert 0.2 < float(ratio) < 5

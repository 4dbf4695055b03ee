from dataclasses import fields

import pytest

from vlmrm.errors import RunError
from vlmrm.training.run.metrics import MetricsFile, MetricsRow

ROWS = [
    MetricsRow(step=0, time_s=0.1, eval_success=0.0),
    MetricsRow(step=10, time_s=1.25, train_vlm_reward=1 / 3),
    MetricsRow(step=20, time_s=2.5, train_vlm_reward=0.5, eval_success=0.75, frames_per_s=900.0),
]


@pytest.fixture
def metrics(tmp_path):
    file = MetricsFile(tmp_path / "metrics.csv")
    for row in ROWS:
        file.add(row)
    return file


def test_rows_come_back_exactly(metrics):
    assert metrics.read() == ROWS
    header = metrics.path.read_text().splitlines()[0]
    assert header.split(",") == [entry.name for entry in fields(MetricsRow)]


def test_a_file_that_is_not_there_has_no_rows(tmp_path):
    metrics = MetricsFile(tmp_path / "metrics.csv")
    assert metrics.read() == []
    assert metrics.keep_until(10) == []


def test_a_line_that_a_crash_cut_off_is_left_out_and_mended(metrics):
    with metrics.path.open("a") as file:
        file.write("30,3.5,,,0.1")
    assert metrics.read() == ROWS
    metrics.keep_until(20)
    metrics.add(MetricsRow(step=30, time_s=4.0))
    assert [row.step for row in metrics.read()] == [0, 10, 20, 30]


def test_rows_of_steps_that_are_taken_again_are_dropped(metrics):
    assert metrics.keep_until(15) == ROWS[:2]
    assert metrics.read() == ROWS[:2]
    assert metrics.keep_until(-1) == []


@pytest.mark.parametrize("text", ["step,time_s\n1,2\n", "a,b\n1,2\n"])
def test_another_kind_of_file_is_refused(text, tmp_path):
    path = tmp_path / "metrics.csv"
    path.write_text(text)
    with pytest.raises(RunError, match="is damaged"):
        MetricsFile(path).read()

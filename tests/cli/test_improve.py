import json

import pytest

from tests.cli.refusals import refused
from tests.training.toy_runs import TASK
from vlmrm.cli import main
from vlmrm.data import Label, LabelTable

SMALL = ["--labels", "12", "--rollouts", "2", "--exploit-search", "40", "--method", "prototypes", "--steps", "60"]
QUICK = ["--eval-episodes", "2", "--final-episodes", "2", "--eval-drawn", "0", "--no-videos", "--no-tensorboard"]


@pytest.fixture
def command(tmp_path, encoder):
    (tmp_path / "lamp.toml").write_text(TASK)
    given = ["improve", tmp_path / "lamp.toml", "--encoder", encoder, "--out", tmp_path / "better", *SMALL, *QUICK]
    return [str(word) for word in given]


def test_a_person_is_told_what_to_label_and_then_the_rounds_are_printed(command, tmp_path, capsys):
    assert main(command) == 0
    printed = capsys.readouterr()
    folder = tmp_path / "better" / "round_1"
    assert f"vlmrm label {folder / 'frames'} --labels {folder / 'labels.csv'}" in printed.out
    assert f"writing to {tmp_path / 'better'}" in printed.err
    rows = json.loads((folder / "frames.json").read_text())["frames"]
    labels = [Label(frame=row["frame"], in_goal=row["state"]["brightness"] >= 0.5) for row in rows]
    LabelTable(labels=tuple(labels)).write(folder / "labels.csv")
    assert main(command) == 0
    out = capsys.readouterr().out
    assert "lamp/bright, labelled by a person" in out
    assert "AUROC before" in out
    assert "\nrandom policy " in out
    assert f"wrote {tmp_path / 'better' / 'improve.html'} and {tmp_path / 'better' / 'improve.json'}" in out


def test_what_cannot_be_improved_is_one_clean_line(command, tmp_path, capsys):
    assert "unknown method 'svm'" in refused(capsys, *command, "--method", "svm")
    assert "labels must be a whole number of at least 4" in refused(capsys, *command, "--labels", "2")
    assert "give a task or an environment" in refused(capsys, "improve")
    assert not (tmp_path / "better").exists()

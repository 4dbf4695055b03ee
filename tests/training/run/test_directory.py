import json
import subprocess
from datetime import datetime

import pytest

from vlmrm.atomic import write_json
from vlmrm.errors import RunError
from vlmrm.training.run.directory import RunDirectory, run_name
from vlmrm.training.run.versions import environment_versions, git_revision


def git(*arguments):
    name = ["-c", "user.name=a", "-c", "user.email=a@b.c"]
    subprocess.run(["git", *name, *arguments], check=True, capture_output=True)


def test_a_new_run_takes_an_empty_folder_and_no_other(tmp_path):
    (tmp_path / "empty").mkdir()
    (tmp_path / "empty" / ".unfinished-config.json").write_text("{")  # a run that was killed at once
    assert list(RunDirectory.create(tmp_path / "empty").path.iterdir()) == []
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "a").write_text("")
    (tmp_path / "file").write_text("")
    for name in ("full", "file"):
        with pytest.raises(RunError, match=r"exists already and is not empty\. Choose another --out"):
            RunDirectory.create(tmp_path / name)


def test_only_a_run_is_opened_and_what_a_crash_left_is_cleared(tmp_path):
    with pytest.raises(RunError, match=r"is not a run directory: it has no config\.json"):
        RunDirectory.open(tmp_path)
    write_json(tmp_path / "config.json", {})
    (tmp_path / "checkpoints" / ".unfinished-step-1").mkdir(parents=True)
    run = RunDirectory.open(tmp_path)
    assert list(run.checkpoints.iterdir()) == []


def test_each_start_is_written_down_with_its_versions(tmp_path):
    run = RunDirectory.create(tmp_path / "run")
    run.versions.note(0, "weights")
    run.versions.note(500, None)
    entries = json.loads(run.versions.path.read_text())
    assert [entry["from_step"] for entry in entries] == [0, 500]
    assert [entry["encoder"] for entry in entries] == ["weights", None]
    environment = {"from_step", "time", "python", "platform", "packages", "git"}
    assert set(entries[0]) == environment | {"encoder", "second_reward", "scoring"}
    assert {"torch", "gymnasium", "stable-baselines3", "vlmrm"} <= set(entries[0]["packages"])


def test_a_run_goes_on_with_the_encoder_it_began_with_and_no_other(tmp_path):
    run = RunDirectory.create(tmp_path / "run")
    run.versions.require_same_encoder("weights")  # it has not begun yet
    run.versions.note(0, "weights")
    run.versions.require_same_encoder("weights")
    for other in ("others", None):
        with pytest.raises(RunError, match=rf"began with an encoder of fingerprint weights, .* is {other}\."):
            run.versions.require_same_encoder(other)


def test_a_run_without_a_text_reward_or_without_a_note_of_it_goes_on(tmp_path):
    run = RunDirectory.create(tmp_path / "run")
    run.versions.note(0, None)
    run.versions.require_same_encoder(None)
    write_json(run.versions.path, [{"from_step": 0, "first_look": [0.5]}])  # as it was written before
    run.versions.require_same_encoder("weights")


def test_the_git_revision_says_whether_files_differ_from_it(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert git_revision() is None
    git("init")
    (tmp_path / "a").write_text("1")
    git("add", "a")
    git("commit", "-m", "first")
    clean = git_revision()
    assert len(clean["revision"]) == 40
    assert not clean["dirty"]
    (tmp_path / "a").write_text("2")
    assert git_revision() == clean | {"dirty": True}
    assert environment_versions()["git"]["dirty"]


def test_without_git_there_is_no_revision(monkeypatch):
    monkeypatch.setenv("PATH", "")
    assert git_revision() is None


def test_names_of_runs_are_plain():
    name = run_name("lamp/bright", "local-dir:/home/me/model", 3, datetime(2030, 1, 2, 3, 4, 5))
    assert name == "lamp-bright-local-dir-home-me-model-seed3-20300102-030405"


def test_a_damaged_file_is_named(tmp_path):
    run = RunDirectory.create(tmp_path / "run")
    run.summary.write_text("{")
    with pytest.raises(RunError, match=r"summary\.json is missing or damaged"):
        run.read_json(run.summary)


def test_a_folder_that_cannot_be_made_says_so(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(RunError, match="cannot be made"):
        RunDirectory.create(tmp_path / "file" / "run")

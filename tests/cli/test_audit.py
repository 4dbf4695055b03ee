"""`vlmrm audit` on a task, on a reward from a file, and on files with labels."""

import json

import pytest

from tests.cli.refusals import refused
from tests.cli.test_report import labelled  # noqa: F401  a folder of pictures with a table of labels
from vlmrm.cli import main

REWARD = """
encoder = "sim-s"
alpha = 0.5

[prompts]
goal = "a pole held upright"
baseline = "a pole and a cart"
"""


@pytest.fixture
def reward(tmp_path):
    path = tmp_path / "reward.toml"
    path.write_text(REWARD)
    return path


def test_a_task_is_audited_with_its_own_reward(tmp_path, capsys):
    out = tmp_path / "page.html"
    words = ["--frames", "200", "--probes", "tells_goal", "negation", "sides", "--out", str(out)]
    assert main(["audit", "cartpole/upright", *words]) == 0
    printed = capsys.readouterr().out
    numbers = json.loads(out.with_suffix(".json").read_text())
    assert numbers["task"] == "cartpole/upright"
    assert numbers["frames"] == 200
    assert numbers["headline"] in printed
    assert "- warn: negation: With a negated goal" in printed
    assert f"wrote {out} and {out.with_suffix('.json')}" in printed


def test_another_reward_is_audited_on_the_states_of_a_task(reward, tmp_path):
    out = tmp_path / "page.html"
    words = ["--task", "cartpole/upright", "--frames", "100", "--probes", "borders", "--out", str(out)]
    assert main(["audit", str(reward), *words]) == 0
    numbers = json.loads(out.with_suffix(".json").read_text())
    assert numbers["spec"]["prompts"]["goal"] == ["a pole held upright"]
    assert numbers["probes"][0]["effect"] is not None


def test_pictures_with_labels_have_no_task_to_play(reward, labelled, tmp_path):  # noqa: F811
    out = tmp_path / "page.html"
    words = ["--labels", str(labelled / "labels.csv"), "--probes", "tells_goal", "random_policy", "--out", str(out)]
    assert main(["audit", str(reward), str(labelled / "frames"), *words]) == 0
    tells, plays = json.loads(out.with_suffix(".json").read_text())["probes"]
    assert tells["effect"]["value"] > 0.9
    assert (plays["verdict"], plays["effect"]) == ("left out", None)
    assert "no task to play" in plays["says"]


def test_what_cannot_be_audited_is_refused_in_one_line(reward, tmp_path, capsys):
    out = ["--out", tmp_path / "page.html"]
    assert "say which reward" in refused(capsys, "audit", *out)
    assert "on which frames" in refused(capsys, "audit", reward, *out)
    assert "no task 'cartpole/uprigt'. Near: cartpole/upright" in refused(
        capsys, "audit", reward, "--task", "cartpole/uprigt", *out
    )
    assert "unknown probe 'negatoin'" in refused(
        capsys, "audit", "cartpole/upright", "--probes", "negatoin", "--frames", "4", *out
    )
    assert "ends in .html" in refused(capsys, "audit", "cartpole/upright", "--out", tmp_path / "page.pdf")
    assert "no effect beside it" in refused(
        capsys, "audit", reward, "--task", "cartpole/upright", "--success", tmp_path, "--failure", tmp_path, *out
    )
    assert "nothing says which frames" in refused(capsys, "audit", reward, tmp_path, *out)


def test_a_page_that_is_there_is_kept(tmp_path, capsys):
    out = tmp_path / "page.html"
    out.write_text("mine")
    assert "is there already" in refused(capsys, "audit", "cartpole/upright", "--out", out)
    assert out.read_text() == "mine"


def test_numbers_never_take_the_place_of_the_reward(reward, tmp_path, capsys):
    spec = tmp_path / "reward.json"
    spec.write_text('{"encoder": "sim-s", "prompts": {"goal": "a pole held upright"}, "alpha": 0.0}')
    for force in ([], ["--force"]):
        asked = ["audit", spec, "--task", "cartpole/upright", "--out", tmp_path / "reward.html", *force]
        assert "reward.json is read, and would be written over" in refused(capsys, *asked)
    (tmp_path / "page.json").write_text("{}")
    asked = ["audit", "cartpole/upright", "--out", tmp_path / "page.html"]
    assert "page.json is there already, where the numbers of" in refused(capsys, *asked)
    assert "a pole held upright" in spec.read_text()


def test_labels_of_no_frames_and_frames_of_files_are_refused(reward, labelled, tmp_path, capsys):  # noqa: F811
    out = ["--out", tmp_path / "page.html"]
    for option, value in (("--labels", tmp_path / "nowhere.csv"), ("--goal-at", "3-5")):
        asked = ["audit", reward, "--task", "cartpole/upright", option, value, *out]
        assert f"{option} is of frames, and no SOURCE names any" in refused(capsys, *asked)
    asked = ["audit", reward, labelled / "frames", "--labels", labelled / "labels.csv", "--frames", "7", *out]
    assert "--frames is a number of states to draw" in refused(capsys, *asked)


@pytest.mark.parametrize("after", [[], ["--seed", "1"]])
def test_an_option_without_its_values_is_not_taken_as_left_out(capsys, tmp_path, after):
    out = ["--out", str(tmp_path / "page.html")]
    said = refused(capsys, "audit", "cartpole/upright", *out, "--probes", *after)
    assert said.endswith("--probes is followed by no value. Name at least one, or leave the option out.")
    assert "--models is followed by no value" in refused(capsys, "report", "cartpole/upright", *out, "--models", *after)

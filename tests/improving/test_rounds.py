"""What a loop takes over from one round to the next, and what it refuses before anybody labels a frame."""

import io
import json
import shutil
from dataclasses import replace

import numpy as np
import pytest

from tests.improving.labelling import ORACLE, PERSON, is_bright, label_all, rows_to_label
from tests.training.toy_runs import TASK
from vlmrm import PromptSet, RewardSpec
from vlmrm.data import Label, LabelTable
from vlmrm.errors import FrameError, RunError, SpecError
from vlmrm.improving import improve, loop
from vlmrm.improving.round_folder import RoundFolder
from vlmrm.training.options import RewardOptions
from vlmrm.training.progress import Progress


def test_a_reward_that_looks_back_has_no_search_and_it_is_said(config, tmp_path):
    back = replace(config, reward=replace(config.reward, over_time={"kind": "difference"}))
    waiting = improve(back, PERSON)
    assert waiting.rounds[0].remarks[0].startswith("Exploits are left out: what a step is paid depends on more")
    assert len(rows_to_label(tmp_path / "better" / "round_1")) > 3


def test_a_reward_of_several_cameras_is_refused_before_anybody_labels():
    reward = RewardSpec(encoder="sim-m", prompts=PromptSet("red"), cameras={"names": ["front", "side"]})
    with pytest.raises(SpecError, match="the pictures of front, side, and corrections are fitted to those of one"):
        loop._require_correctable(reward, "proker")
    crops = RewardSpec(encoder="sim-m", prompts=PromptSet("red"), views={"scales": [0.5]})
    with pytest.raises(SpecError, match="lora tunes an encoder"):
        loop._require_correctable(crops, "lora")


def test_a_round_whose_folder_is_deleted_proposes_other_frames(config, tmp_path):
    improve(config, PERSON)
    folder = tmp_path / "better" / "round_1"
    first = np.load(folder / "captured.npz")["frames"]
    shutil.rmtree(folder)
    improve(config, PERSON)
    assert not np.array_equal(np.load(folder / "captured.npz")["frames"], first)


def darkest_and_brightest(folder):
    """Labels of three frames of each kind."""
    ranked = [row["frame"] for row in sorted(rows_to_label(folder), key=lambda row: row["state"]["brightness"])]
    return dict.fromkeys(ranked[:3], False) | dict.fromkeys(ranked[-3:], True)


def test_frames_that_nobody_labelled_are_not_proposed_again(config, tmp_path):
    better = tmp_path / "better"
    improve(config, PERSON)
    ranked = [
        row["frame"] for row in sorted(rows_to_label(better / "round_1"), key=lambda row: row["state"]["brightness"])
    ]
    right = dict.fromkeys(ranked[:3], False) | dict.fromkeys(ranked[-3:], True)
    label_all(better / "round_1", lambda row: right.get(row["frame"]))
    improve(config, replace(PERSON, method="goal_pictures", rounds=2))
    first, second = (np.load(better / f"round_{k}" / "captured.npz")["frames"] for k in (1, 2))
    assert not {frame.tobytes() for frame in first} & {frame.tobytes() for frame in second}


def test_labels_that_were_fitted_never_judge_a_later_round(config, tmp_path):
    """Half of the frames are labelled, and the other half once the round is done."""
    folder, options = tmp_path / "better" / "round_1", replace(PERSON, method="goal_pictures")
    improve(config, options)
    right, said = darkest_and_brightest(folder), io.StringIO()
    label_all(folder, lambda row: right.get(row["frame"]))
    improve(config, options, progress=Progress(said))
    assert "round 1: 6 of 12 frames have a label; the others are left out." in said.getvalue()
    assert "<p>6 of 12 frames have a label" in (tmp_path / "better" / "improve.html").read_text()
    fitted = {one["frame"]: one["kept_aside"] for one in json.loads((folder / "correction.json").read_text())["frames"]}
    label_all(folder, is_bright)
    later = RoundFolder(folder, 1).read_labelled(0.4, seed=1)
    assert len(later.names) == 12
    now = dict(zip(later.names, later.kept_aside.tolist(), strict=True))
    assert {name: now[name] for name in fitted} == fitted


def test_a_fitted_round_says_when_its_labels_or_the_method_have_changed_since(config, tmp_path):
    folder, options = tmp_path / "better" / "round_1", replace(ORACLE, method="prototypes")
    config = replace(config, train=replace(config.train, steps=20))
    assert improve(config, options).rounds[0].remarks == []
    files, read = RoundFolder(folder, 1), [RoundFolder(folder, 1).read_labelled(0.4, seed=1)]
    assert files.what_changed(read, "prototypes") == ""
    changed = replace(read[0], in_goal=~read[0].in_goal)
    assert files.what_changed([changed], "prototypes").startswith("It was fitted to other labels, and stays")
    said = io.StringIO()
    (one,) = improve(config, replace(options, method="proker"), progress=Progress(said)).rounds
    told = f"It was fitted by prototypes, not proker, and stays as it is. To fit it anew, delete {files.reward} and"
    assert one.remarks[0].startswith(told)
    assert f"round 1: {told}" in said.getvalue()
    written = json.loads((folder / "correction.json").read_text())
    del written["labels"]  # as earlier versions wrote it
    (folder / "correction.json").write_text(json.dumps(written))
    assert files.what_changed([changed], "prototypes") == ""


def test_an_audit_is_refused_since_rounds_train_on_other_rewards(config, tmp_path):
    audited = replace(config, reward=replace(config.reward, audit="missing.json"))
    with pytest.raises(SpecError, match=r"each round trains on another; got audit='missing\.json'\. Leave it"):
        improve(audited, ORACLE)
    assert not (tmp_path / "better").exists()


def test_a_loop_does_not_go_on_with_another_reward_under_the_same_name(config, tmp_path):
    improve(config, PERSON)
    (tmp_path / "lamp.toml").write_text(TASK.replace('goal = "red"', 'goal = "blue"'))
    with pytest.raises(RunError, match=r"begun with other options: .*the reward as read\.prompts"):
        improve(config, PERSON)


def test_how_agents_are_evaluated_may_change(config):
    improve(config, PERSON)
    improve(replace(config, evaluation=replace(config.evaluation, episodes=2)), PERSON)


def test_labels_of_a_fitted_reward_are_said_to_be_unknown_here(config, tmp_path):
    first = improve(config, replace(ORACLE, method="prototypes")).rounds[0]
    fitted = tmp_path / "better" / "round_1" / "reward.json"
    said = io.StringIO()
    again = replace(
        config, reward=RewardOptions(source=str(fitted)), output=replace(config.output, folder=tmp_path / "again")
    )
    improve(again, PERSON, progress=Progress(said))
    assert f"was fitted to {first.correction.fitted} labels before" in said.getvalue()


@pytest.fixture
def three_frames(tmp_path):
    """A round whose frames are called 000.png, 001.png and 002.png."""
    (tmp_path / "round_1").mkdir()
    rows = [{"frame": f"{row:03d}.png"} for row in range(3)]
    (tmp_path / "round_1" / "frames.json").write_text(json.dumps({"frames": rows, "remarks": []}))
    return RoundFolder(tmp_path / "round_1", 1)


def test_names_of_labelled_frames_may_be_spelt_as_paths(three_frames):
    spelt = ["./000.png", " 001.png ", str(three_frames.frames / "002.png")]
    LabelTable(labels=tuple(Label(frame=name, in_goal=True) for name in spelt)).write(three_frames.labels)
    assert three_frames.read_labels() == dict.fromkeys(["000.png", "001.png", "002.png"], True)


def test_raters_who_spell_a_frame_differently_still_disagree(three_frames):
    two = (Label(frame="000.png", in_goal=True, rater="anna"), Label(frame="./000.png", in_goal=False, rater="ben"))
    LabelTable(labels=two).write(three_frames.labels)
    assert three_frames.read_labels() == {}
    LabelTable(labels=tuple(replace(one, rater="anna") for one in two)).write(three_frames.labels)
    with pytest.raises(FrameError, match=r"labels\.csv: 000\.png is labelled twice by rater 'anna'"):
        three_frames.read_labels()


@pytest.mark.parametrize("name", ["frames/000.png", "000.PNG", "003.png", "/000.png", "../000.png"])
def test_a_label_of_what_is_no_frame_of_the_round_is_refused_by_name(three_frames, name):
    labels = (Label(frame="000.png", in_goal=True), Label(frame=name, in_goal=False))
    LabelTable(labels=labels).write(three_frames.labels)
    with pytest.raises(FrameError, match=rf"labels what is not a frame of round 1: {name}\. Names are those"):
        three_frames.read_labels()

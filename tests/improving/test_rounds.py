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
from vlmrm.errors import RunError, SpecError
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
    right = darkest_and_brightest(folder)
    label_all(folder, lambda row: right.get(row["frame"]))
    improve(config, options)
    fitted = {one["frame"]: one["kept_aside"] for one in json.loads((folder / "correction.json").read_text())["frames"]}
    label_all(folder, is_bright)
    later = RoundFolder(folder, 1).read_labelled(0.4, seed=1)
    assert len(later.names) == 12
    now = dict(zip(later.names, later.kept_aside.tolist(), strict=True))
    assert {name: now[name] for name in fitted} == fitted


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

"""A reward is corrected by labels while an agent trains on it; what a round has written is not made again."""

import json
from dataclasses import replace
from itertools import combinations

import numpy as np
import pytest
import torch

from tests.improving.labelling import ORACLE, PERSON, is_bright, label_all, rows_to_label
from tests.training.toy_runs import TASK, Lamp, lamp_config, rows_of
from vlmrm import RewardModel
from vlmrm.data import LabelTable
from vlmrm.data.task_frames import random_policy
from vlmrm.errors import RunError, SpecError, UnknownTask, VlmrmError
from vlmrm.improving import ImproveOptions, improve
from vlmrm.improving.correcting import Correction, Judged, keep_aside
from vlmrm.improving.proposing import find_candidates, propose
from vlmrm.metrics import Estimate, auroc
from vlmrm.training import train
from vlmrm.training.plan import make_plan
from vlmrm.training.run_agents import RANDOM


def test_each_round_labels_corrects_and_trains_on(config, tmp_path):
    improvement = improve(config, replace(ORACLE, rounds=2, method="prototypes"))
    better = tmp_path / "better"
    for number, one in enumerate(improvement.rounds, start=1):
        folder = better / f"round_{number}"
        rows = {row["frame"]: row for row in rows_to_label(folder)}
        labels = {label.frame: label.in_goal for label in LabelTable.read(folder / "labels.csv").labels}
        assert labels == {name: is_bright(row) for name, row in rows.items()}
        assert len(list((folder / "frames").glob("*.png"))) == len(labels) == 12
        assert one.correction.fitted + one.correction.kept_aside == 12 * number
        assert one.success == one.summary.trained.success == rows_of(folder / "run")[-1].eval_success
    trained = json.loads((better / "round_2" / "run" / "config.json").read_text())
    assert trained["config"]["train"]["start_from"] == str(better / "round_1" / "run")
    assert trained["config"]["reward"]["source"] == str(better / "round_2" / "reward.json")
    assert rows_of(better / "round_2" / "run")[0].eval_success == rows_of(better / "round_1" / "run")[-1].eval_success
    origins = (better / "round_2" / "frames.json").read_text()
    assert "agent at the end" in origins
    assert "search for the best paid" in origins
    numbers = json.loads((better / "improve.json").read_text())
    assert numbers["before"]["policy"] == "random policy"
    assert [one["correction"]["refused"] for one in numbers["rounds"]] == [False, False]
    page = (better / "improve.html").read_text()
    assert page.count("<li><img") == 24
    assert "success bounds, which a user does not have" in page
    assert 'href="round_2/reward.json"' in page


def test_no_frame_is_labelled_twice(config, tmp_path):
    improve(config, replace(ORACLE, rounds=2, method="prototypes"))
    rounds = [tmp_path / "better" / f"round_{number}" / "captured.npz" for number in (1, 2)]
    first, second = ({frame.tobytes() for frame in np.load(path)["frames"]} for path in rounds)
    assert len(first) == len(second) == 12
    assert not first & second


def test_a_round_without_any_new_frame_is_refused(config):
    task = make_plan(config).task
    reward = RewardModel.from_spec(task.reward)
    found = find_candidates(reward, task, {RANDOM: random_policy}, ORACLE, seed=1)
    everything = propose(reward, found, 999, seed=1)
    assert "are distinct, fewer than 999" in everything.remarks[-1]
    with pytest.raises(SpecError, match=r"all frames that were found have been proposed before.*--rollouts"):
        propose(reward, found, 12, seed=1, earlier=everything.labelled.frames)


def test_the_numbers_are_those_of_the_labels_kept_aside(config, tmp_path):
    (one,) = improve(config, replace(ORACLE, method="prototypes")).rounds
    folder = tmp_path / "better" / "round_1"
    frames = torch.from_numpy(np.load(folder / "captured.npz")["frames"])
    found = one.correction
    aside = np.array([row.kept_aside for row in found.frames])
    in_goal = np.array([row.in_goal for row in found.frames])
    assert aside.sum() == found.kept_aside
    assert 0 < in_goal[aside].sum() < aside.sum()
    assert abs(in_goal[aside].sum() - 0.4 * in_goal.sum()) <= 1
    base = json.loads((folder / "run" / "config.json").read_text())["task"]["reward"]["encoder"]
    rewards = {
        "before": RewardModel.load(base, "red", alpha=0.0, device="cpu"),
        "after": RewardModel.from_spec(folder / "reward.json", device="cpu"),
    }
    for name, reward in rewards.items():
        scores = reward.score(frames).numpy()
        assert [getattr(row, name) for row in found.frames] == pytest.approx(scores.tolist(), abs=1e-5)
        assert getattr(found, name).auroc == pytest.approx(auroc(scores[aside], in_goal[aside]))
    before, after = (np.array([getattr(row, name) for row in found.frames]) for name in ("before", "after"))
    assert after.mean() == pytest.approx(before.mean(), abs=1e-4)  # on the scale that settings were chosen for
    assert after.std() == pytest.approx(before.std(), rel=1e-3)


def test_a_person_labels_and_the_same_call_goes_on(config, tmp_path):
    waiting = improve(config, PERSON)
    folder = tmp_path / "better" / "round_1"
    assert f"vlmrm label {folder / 'frames'} --labels {folder / 'labels.csv'}" in waiting.waiting
    assert not (folder / "labels.csv").exists()
    assert "in_goal" not in (folder / "frames.json").read_text()
    assert "12 frames wait for labels" in (tmp_path / "better" / "improve.html").read_text()
    label_all(folder, is_bright)
    before = {path: path.stat().st_mtime_ns for path in folder.rglob("*") if path.is_file()}
    done = improve(config, replace(PERSON, method="prototypes"))
    assert (done.waiting, done.labelled_by) == ("", "labelled by a person")
    assert done.rounds[0].summary.steps == 60
    assert {path: path.stat().st_mtime_ns for path in before} == before


def test_labels_of_one_kind_are_refused_with_what_to_do(config, tmp_path):
    improve(config, PERSON)
    label_all(tmp_path / "better" / "round_1", lambda row: False)
    with pytest.raises(SpecError, match=r"round 1: 0 of 12 labels say .* at least 2 of each.*Label more"):
        improve(config, PERSON)
    assert not (tmp_path / "better" / "round_1" / "reward.json").exists()


@pytest.mark.parametrize(
    ("after", "refused"),
    [((0.9, 1.0), True), ((1.0, 0.7), True), ((1.0, 0.8), False), ((1.0, 0.9), False)],
)
def test_a_reward_that_got_worse_is_refused_with_the_numbers(after, refused):
    judged = [Judged(auroc=one[0], average_precision=one[1]) for one in ((1.0, 0.8), after)]
    counts = {"fitted": 7, "fitted_goals": 2, "kept_aside": 5, "kept_aside_goals": 2}
    found = Correction(
        method="proker", before=judged[0], after=judged[1], gain=Estimate.alone(0.0), frames=[], **counts
    )
    assert found.refused is refused
    if not refused:
        found.require_no_worse("round 1")
        return
    numbers = rf"worse on the 5 labels kept aside, 2 of the goal: before AUROC 1\.000.*AUROC {after[0]:.3f}"
    with pytest.raises(RunError, match=numbers):
        found.require_no_worse("round 1")


def mixed_up(right, seed):
    """Labels with as many goals, right where they are kept aside and wrong where they are fitted, or nearly so.

    Which ones are kept aside hangs on the labels themselves, so that all are tried.
    """
    goals = combinations(range(len(right)), int(right.sum()))
    tried = (np.isin(np.arange(len(right)), rows) for rows in goals)
    return max(tried, key=lambda said: ((said == right) == keep_aside(said, PERSON.kept_aside, seed)).sum())


def test_a_round_that_makes_the_reward_worse_is_refused_until_its_labels_are_mended(config, tmp_path):
    """The goal is the dark. The first round says so; what is fitted in the second says that it is the bright."""
    options, better = replace(PERSON, method="goal_pictures", rounds=2), tmp_path / "better"
    config = replace(config, train=replace(config.train, steps=20))
    first, second = better / "round_1", better / "round_2"
    improve(config, options)
    ranked = [row["frame"] for row in sorted(rows_to_label(first), key=lambda row: row["state"]["brightness"])]
    right = dict.fromkeys(ranked[:2], True) | dict.fromkeys(ranked[-2:], False)
    label_all(first, lambda row: right.get(row["frame"]))
    improve(config, options)
    brightness = np.array([row["state"]["brightness"] for row in rows_to_label(second)])
    dark = brightness < np.median(brightness)
    wrong = dict(zip(brightness, mixed_up(dark, seed=2), strict=True))
    label_all(second, lambda row: wrong[row["state"]["brightness"]])
    before = {path: path.read_bytes() for path in (first / "reward.json", first / "run" / "config.json")}

    with pytest.raises(
        RunError, match=r"round 2 .*improve\.html.*worse on the 6 labels kept aside, 3 of the goal"
    ) as told:
        improve(config, options)
    found = json.loads((second / "correction.json").read_text())
    assert found["refused"]
    assert found["before"]["auroc"] > 0.8
    assert found["after"]["auroc"] < 0.5
    assert f"before AUROC {found['before']['auroc']:.3f}" in str(told.value)
    assert f"after goal_pictures AUROC {found['after']['auroc']:.3f}" in str(told.value)
    assert not (second / "reward.json").exists()
    assert not (second / "run").exists()
    page = (better / "improve.html").read_text()
    assert "1 of 2 rounds of labels are trained on" in page
    assert "it is refused and nothing is trained on it" in page

    label_all(second, lambda row: row["state"]["brightness"] < np.median(brightness))
    mended = improve(config, options).rounds[1]
    assert mended.correction.after.auroc == 1.0
    assert mended.summary.steps == 20
    assert {path: path.read_bytes() for path in before} == before
    trained = json.loads((second / "run" / "config.json").read_text())["config"]
    assert trained["train"]["start_from"] == str(first / "run")


def test_a_loop_that_broke_while_training_goes_on_and_makes_nothing_again(config, tmp_path, monkeypatch):
    original, count = Lamp.step, 0

    def breaks(self, button):
        nonlocal count
        count += self.render_mode is not None and (tmp_path / "better" / "round_1" / "reward.json").exists()
        if count == 45:
            raise ConnectionError("the lamp broke")
        return original(self, button)

    options = replace(ORACLE, method="prototypes")
    with monkeypatch.context() as patched:
        patched.setattr(Lamp, "step", breaks)
        with pytest.raises(ConnectionError):
            improve(config, options)
    folder = tmp_path / "better" / "round_1"
    before = {path: path.stat().st_mtime_ns for path in folder.iterdir() if path.is_file()}
    assert {path.name for path in before} >= {"frames.json", "labels.csv", "correction.json", "reward.json"}
    assert improve(config, options).rounds[0].summary.steps == 60
    assert {path: path.stat().st_mtime_ns for path in before} == before
    assert len(json.loads((folder / "run" / "versions.json").read_text())) == 2


def test_more_rounds_may_be_asked_for_and_nothing_else_of_the_training(config, tmp_path):
    options = replace(ORACLE, method="prototypes")
    improve(config, options)
    with pytest.raises(RunError, match=r"begun with other options: train\.seed, options\.kept_aside"):
        improve(
            replace(config, train=replace(config.train, seed=7)),
            replace(options, kept_aside=0.3, rounds=2),
        )
    assert len(improve(config, replace(options, rounds=2)).rounds) == 2


def test_the_first_round_begins_with_the_agent_of_a_run(config, tmp_path):
    first = replace(config, output=replace(config.output, folder=tmp_path / "run"))
    success = train(first).trained.success
    started = replace(config, train=replace(config.train, start_from=tmp_path / "run"))
    improvement = improve(started, replace(ORACLE, method="prototypes"))
    name, evaluated = improvement.before
    assert (name, evaluated.success) == ("agent of run", success)
    assert "agent at the end, episode" in (tmp_path / "better" / "round_1" / "frames.json").read_text()
    trained = json.loads((tmp_path / "better" / "round_1" / "run" / "config.json").read_text())
    assert trained["config"]["train"]["start_from"] == str(tmp_path / "run")


def test_a_simulator_that_cannot_be_set_has_no_exploits_and_it_is_said(config, tmp_path):
    (tmp_path / "lamp.toml").write_text("\n".join(line for line in TASK.splitlines() if not line.startswith("sweep")))
    waiting = improve(config, PERSON)
    assert waiting.rounds[0].remarks[0].startswith("Exploits are left out: lamp/bright: Lamp cannot be set to a state.")
    assert "Exploits are left out" in (tmp_path / "better" / "improve.html").read_text()
    assert "search for" not in (tmp_path / "better" / "round_1" / "frames.json").read_text()


def test_a_simulator_that_ignores_what_it_is_set_to_has_no_exploits_either(config, monkeypatch):
    monkeypatch.setattr(Lamp, "place", lambda lamp, value: None)
    said = improve(config, replace(PERSON, exploit_search=20)).rounds[0].remarks[0]
    assert said.startswith("Exploits are left out: lamp/bright: Lamp cannot be set to a state. It was set to 6 states")


def test_a_person_may_label_a_task_without_success_bounds(config, tmp_path):
    (tmp_path / "lamp.toml").write_text("\n".join(line for line in TASK.splitlines() if not line.startswith("success")))
    with pytest.raises(SpecError, match=r"lamp/bright has no success bounds, so that only a person can label"):
        improve(config, ORACLE)
    person = replace(PERSON, method="prototypes", rollouts=6)
    improve(config, person)
    label_all(tmp_path / "better" / "round_1", lambda row: row["state"]["brightness"] > 0.2)
    done = improve(config, person)
    assert done.success_column == "env return"
    assert float(done.rows()[1][1][-1]) == pytest.approx(done.rounds[0].summary.trained.env_return, rel=1e-3)


@pytest.mark.parametrize(
    ("changes", "options", "error", "said"),
    [
        ({"reward": "env"}, {}, SpecError, "own reward cannot be corrected"),
        ({}, {"method": "prokr"}, SpecError, "unknown method 'prokr'. Near: proker"),
        ({"task": "lamp/brigt"}, {}, UnknownTask, "no task 'lamp/brigt'"),
        ({"start_from": "nowhere"}, {}, RunError, "nowhere"),
    ],
)
def test_what_cannot_be_improved_is_refused_before_anything_is_written(
    changes, options, error, said, tmp_path, encoder
):
    given = {"encoder": encoder, "out": tmp_path / "better"} | changes
    if "reward" in given:
        del given["encoder"]
    if "start_from" in given:
        given["start_from"] = tmp_path / given["start_from"]
    with pytest.raises(error, match=said):
        improve(lamp_config(tmp_path, **given), replace(ORACLE, **options))
    assert not (tmp_path / "better").exists()


@pytest.mark.parametrize(
    "changes", [{"labels": 3}, {"kept_aside": 1.0}, {"rounds": 0}, {"exploit_search": -1}, {"exploit_search": 8}]
)
def test_impossible_numbers_are_refused(changes):
    with pytest.raises(VlmrmError, match="fewer than a population" if 8 in changes.values() else next(iter(changes))):
        ImproveOptions(**changes)

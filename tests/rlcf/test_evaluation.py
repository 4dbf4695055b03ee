"""Results beside their controls, kept answers, and several processes."""

import json
from dataclasses import replace

import numpy as np
import pytest
import torch

from vlmrm import RewardModel, RewardSpec
from vlmrm.errors import FrameError, RunError, SpecError
from vlmrm.metrics import accuracy_difference, flips
from vlmrm.rlcf import Adapter, AdaptOptions, ClipClassifier, Guard, ViewOptions
from vlmrm.rlcf.answer_sets import Classes
from vlmrm.rlcf.evaluation import evaluate
from vlmrm.rlcf.kept_answers import KeptAnswers
from vlmrm.rlcf.labelled import Labelled
from vlmrm.rlcf.results import MethodResult, QueryResult
from vlmrm.rlcf.running import run_method
from vlmrm.rlcf.setup import AdaptedMethod, Setup

CLASSES = ("stands upright", "hangs down", "points left")
OPTIONS = AdaptOptions(steps=2, learning_rate=1e-3, candidates=2, views=ViewOptions(count=4, smallest=0.8, flip=False))
SETUP = Setup(
    policy="random:sim-xs",
    answers=Classes(CLASSES, "the pole {}"),
    reward=RewardSpec.from_dict({"encoder": "random:sim-s", "alpha": 0.0}),
    adapted={"rlcf": AdaptedMethod(options=OPTIONS), "never": AdaptedMethod(options=replace(OPTIONS, reset="never"))},
    training_free=("zero", "mta", "tda", "template_mean", "auto_clip"),
    templates=("the pole {}", "a pole that {}"),
    candidates=2,
    views=OPTIONS.views,
)
PICTURES = torch.randint(0, 256, (5, 64, 64, 3), generator=torch.Generator().manual_seed(0), dtype=torch.uint8)
SHOWN = Labelled(PICTURES, np.array([0, 1, 2, 0, 1]))


def test_every_method_answers_every_picture(tmp_path):
    for method in SETUP.methods:
        found = run_method(SETUP, method, SHOWN, tmp_path)
        assert len(found.each) == 5
        assert 0 <= found.accuracy.value <= 1
        assert len(found.accuracy_after_each()) == (2 if method in SETUP.adapted else 0)
        assert found.share_adapted == (method in SETUP.adapted)


def test_what_is_there_is_not_computed_again_and_a_line_that_was_cut_off_is(tmp_path):
    whole = run_method(SETUP, "rlcf", SHOWN, tmp_path / "whole").each
    run_method(SETUP, "rlcf", SHOWN, tmp_path / "part")
    (file,) = (tmp_path / "part").glob("rlcf.*.jsonl")
    lines = file.read_text().splitlines(keepends=True)
    lines[1] = json.dumps({**json.loads(lines[1]), "answer": 99}) + "\n"  # would be another one
    file.write_text("".join(lines[:3]) + lines[3][:20])
    told = []
    again = run_method(SETUP, "rlcf", SHOWN, tmp_path / "part", progress=lambda done, total: told.append(done)).each
    assert told == [1, 2, 3]
    assert again[0].answer == 99
    assert again[1:] == whole[1:]


def test_two_processes_say_what_one_says(tmp_path):
    alone = run_method(SETUP, "rlcf", SHOWN, tmp_path / "one").each
    assert run_method(SETUP, "rlcf", SHOWN, tmp_path / "two", workers=2).each == alone
    assert len(list((tmp_path / "two").glob("rlcf.*.jsonl"))) == 2


def test_a_method_that_remembers_begins_anew_where_it_was_interrupted(tmp_path):
    whole = run_method(SETUP, "never", SHOWN, tmp_path / "whole", workers=2).each
    run_method(SETUP, "never", SHOWN, tmp_path / "part")
    (file,) = (tmp_path / "part").glob("never.*.jsonl")
    file.write_text("".join(file.read_text().splitlines(keepends=True)[:3]))
    assert run_method(SETUP, "never", SHOWN, tmp_path / "part").each == whole


def test_answers_of_other_settings_are_refused(tmp_path):
    run_method(SETUP, "rlcf", SHOWN, tmp_path)
    other = replace(SETUP, adapted={"rlcf": AdaptedMethod(options=replace(OPTIONS, steps=3))})
    with pytest.raises(RunError, match="other settings: options"):
        run_method(other, "rlcf", SHOWN, tmp_path)
    with pytest.raises(RunError, match="other settings: queries"):
        run_method(SETUP, "rlcf", Labelled(PICTURES, np.array([0, 1, 2, 0, 0])), tmp_path)
    (tmp_path / "zero.0.jsonl").write_text("{}\n[\n")
    with pytest.raises(RunError, match="damaged"):
        KeptAnswers(tmp_path, "zero", {}, QueryResult).read()


def test_evaluate_gives_the_record_with_every_control():
    classifier = ClipClassifier.load("random:sim-xs", CLASSES, "the pole {}")
    adapter = Adapter(classifier, RewardModel.from_spec(SETUP.reward), options=OPTIONS, guard=Guard("certainty", 0.0))
    found = evaluate(adapter, PICTURES, SHOWN.labels)
    assert list(found.methods) == [
        "zero_shot", "reward_only", "best_of_k", "ensemble", "self_reward", "kd", "adapted",
    ]  # fmt: skip
    assert found.methods["zero_shot"].each[0].answer == int(classifier.logits(PICTURES[:1]).argmax())
    assert found.methods["zero_shot"].divergence == 0 < found.methods["adapted"].divergence
    said = found.to_dict()
    assert said["protocol"]["guard"] == {"sign": "certainty", "threshold": 0.0}
    assert said["methods"]["kd"].keys() >= {"gain", "mended", "spoilt", "accuracy", "calibration_error"}
    json.dumps(said)
    with pytest.raises(FrameError, match="5 queries and 1 labels"):
        evaluate(adapter, PICTURES, [0])
    with pytest.raises(FrameError, match="0 to 2"):
        evaluate(adapter, PICTURES, [0, 1, 2, 3, 0])


def said(answers, ranks=None):
    pictures = [
        QueryResult(answer=one, chance=0.5, rank=rank) for one, rank in zip(answers, ranks or answers, strict=True)
    ]
    return MethodResult(name="some", each=pictures, labels=[(0,)] * 4)


def test_gains_and_flips_by_hand():
    before, after = said([0, 1, 1, 2]), said([0, 0, 0, 1])
    assert (before.accuracy.value, after.accuracy.value) == (0.25, 0.75)
    assert after.gain_over(before).value == pytest.approx(0.5)
    assert (after.flips_from(before).mended, after.flips_from(before).spoilt) == (2, 0)
    assert before.right_among(2) == 0.75
    assert after.calibration_error == pytest.approx(0.25)


def test_a_mean_over_cells_counts_each_cell_alike():
    before, after = [0] * 100 + [0] * 4, [0] * 100 + [1] * 4
    cells = ["large"] * 100 + ["small"] * 4
    assert accuracy_difference(before, after, groups=cells).value == pytest.approx(0.5)
    assert accuracy_difference(before, after).value == pytest.approx(4 / 104)
    assert flips(before, after).mended == 4


def test_unknown_methods_are_named():
    with pytest.raises(SpecError, match="tda"):
        Setup(policy="sim-xs", answers=Classes(CLASSES), training_free=("tdaa",))
    with pytest.raises(SpecError, match="rlcf"):
        SETUP.make("rlfc")


def test_a_control_gives_the_answer_of_highest_reward_whatever_head_the_reward_has():
    """A head with a baseline ranks otherwise than the cosines of its encoder."""
    spec = RewardSpec.from_dict(
        {"encoder": "random:sim-s", "prompts": {"goal": "a", "baseline": "a lamp"}, "alpha": 1.0}
    )
    reward = RewardModel.from_spec(spec)
    classifier = ClipClassifier.load("random:sim-xs", CLASSES, "the pole {}")
    with Adapter(classifier, reward, options=OPTIONS)(PICTURES[0]) as tuned:
        controls = tuned.controls(PICTURES[0])
    scores = reward.score_pairs(PICTURES[:1], list(classifier.sentences))[0]
    assert controls["reward_only"].argmax() == scores.argmax()
    policy = classifier.logits(PICTURES[:1])
    assert controls["best_of_k"].sort().values.equal(policy.sort().values)  # exchanged, and no chance invented


def test_controls_of_a_reward_whose_texts_compete_are_made_the_same_way():
    classifier = ClipClassifier.load("random:sim-xs", CLASSES, "the pole {}")
    softmax = RewardModel.from_spec(RewardSpec.from_dict({"encoder": "random:sim-s", "head": "softmax"}))
    adapter = Adapter(classifier, softmax, options=replace(OPTIONS, rivals="texts"))
    assert evaluate(adapter, PICTURES[:1], [0]).methods["self_reward"].each[0].adapted


def test_a_traced_answer_has_its_own_chance_and_others_stay_what_they_were():
    traced = QueryResult(answer=2, chance=0.9, rank=0, after_each=(1, 2), chance_after_each=(0.4, 0.9))
    kept_off = QueryResult(answer=0, chance=0.6, rank=1)
    found = MethodResult(name="some", each=[traced, kept_off], labels=[(1,), (0,)])
    assert found.accuracy_after_each() == [1.0, 0.5]
    assert (found.after(1).each[0].chance, found.after(1).each[1]) == (0.4, kept_off)


def test_other_pictures_with_the_same_labels_are_not_taken_for_these(tmp_path):
    run_method(SETUP, "zero_shot", SHOWN, tmp_path)
    with pytest.raises(RunError, match="other settings: queries"):
        run_method(SETUP, "zero_shot", Labelled(255 - PICTURES, SHOWN.labels), tmp_path)
    with pytest.raises(SpecError, match="by a name"):
        AdaptedMethod(options=AdaptOptions(tune=lambda name: True))

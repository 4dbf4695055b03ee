"""The report of an adaptation: numbers that can be counted on fingers, and what stands on its page."""

import json
from dataclasses import replace

import numpy as np
import pytest

from vlmrm.errors import FrameError, SpecError
from vlmrm.report import AdaptationReport
from vlmrm.rlcf.results import Evaluation, MethodResult, QueryResult

LABELS = np.array([0] * 10 + [1] * 10)
CLASSES = ("cat", "dog <b>", "bird")
PICTURES = np.random.default_rng(0).integers(0, 256, (20, 24, 32, 3), np.uint8)
ZERO_SHOT = [0] * 4 + [1] * 6 + [1] * 4 + [2] * 6
"""8 of 20 are right: 6 cats are taken for dogs, 6 dogs for birds."""


def method(name, answers, *, chance=0.5, steps=()):
    """What a method says; the right class is first where it is right, second elsewhere."""
    pictures = [
        QueryResult(
            answer=answer, chance=chance, rank=int(answer != label), adapted=bool(steps), moved=float(bool(steps)),
            after_each=tuple(said[place] for said in steps), chance_after_each=(chance,) * len(steps),
        )
        for place, (answer, label) in enumerate(zip(answers, LABELS, strict=True))
    ]  # fmt: skip
    return MethodResult(name=name, each=pictures, labels=[(int(one),) for one in LABELS])


def report(adapted, **others):
    """A report of an adapted method of two steps, the first of which says what zero-shot says."""
    methods = {"zero_shot": method("zero_shot", ZERO_SHOT)}
    methods |= {name: method(name, answers) for name, answers in others.items()}
    methods["adapted"] = method("adapted", adapted, chance=0.75, steps=(ZERO_SHOT, adapted))
    protocol = {
        "policy": "sim-xs",
        "policy_weights": "abc123",
        "options": {"method": "rlcf", "candidates": 2, "seed": 7},
    }
    evaluation = Evaluation(methods=methods, answers=CLASSES, protocol=protocol)
    return AdaptationReport(evaluation=evaluation, queries=PICTURES)


ADAPTED = [1, *[0] * 9, *[1] * 9, 2]
"""18 of 20: 11 mended, and the first one spoilt."""


def test_numbers_are_those_that_can_be_counted():
    found = report(ADAPTED, best_of_k=ZERO_SHOT)
    assert found.headline == "Adaptation by rlcf gains 50.0 points over zero-shot on 20 queries among 3 answers."
    assert found.verdict.word == "good"
    assert found.verdict.sentence.startswith("Right on 90 % of the queries (95 % interval ")
    assert "where zero-shot is right on 40 %: +50.0 points" in found.verdict.sentence
    assert found.verdict.reasons[0].startswith("Surely better than the best of 2: +50.0 points (+")
    assert [one.place for one in found.mended] == [4, 5, 6, 7, 8, 9, 14, 15, 16, 17, 18]
    (spoilt,) = found.spoilt
    assert (spoilt.place, spoilt.before, spoilt.before_chance, spoilt.after, spoilt.after_chance) == (
        0,
        0,
        0.5,
        1,
        0.75,
    )
    assert [(one.label, one.answer, one.before, one.after) for one in found.confusions] == [(0, 1, 6, 1), (1, 2, 6, 1)]
    said = json.loads(json.dumps(found.to_dict()))
    assert said["right_among"] == {"candidates": 2, "share": 1.0}
    assert said["leads"]["best_of_k"]["value"] == 0.5
    assert said["methods"]["adapted"]["mended"] == 11


def test_what_a_control_does_better_is_not_good():
    found = report([0] * 10 + ZERO_SHOT[10:], reward_only=LABELS.tolist())
    assert found.gains["adapted"].low > 0
    assert found.verdict.word == "weak"
    assert found.verdict.reasons[0].startswith("Surely worse than the reward alone: \N{MINUS SIGN}30.0 points")


@pytest.mark.parametrize(
    ("adapted", "word", "said"),
    [
        (ZERO_SHOT, "useless", "equals zero-shot"),
        ([1, *ZERO_SHOT[1:]], "useless", "loses 5.0 points to zero-shot"),
        ([*ZERO_SHOT[:9], 0, *ZERO_SHOT[10:]], "weak", "gains 5.0 points over zero-shot"),
    ],
)
def test_chance_and_losses_are_no_gain(adapted, word, said):
    found = report(adapted)
    assert found.verdict.word == word
    assert said in found.headline
    assert found.verdict.sentence.endswith(", which may be chance.")


def test_the_surest_of_the_new_answers_come_first():
    found = report(ADAPTED)
    pictures = [replace(one, chance=0.9) if place == 16 else one for place, one in enumerate(found.judged.each)]
    judged = replace(found.judged, each=pictures)
    evaluation = replace(found.evaluation, methods={**found.evaluation.methods, "adapted": judged})
    assert [one.place for one in replace(found, evaluation=evaluation).mended][:2] == [16, 4]


def test_a_page_shows_what_was_turned_and_escapes_what_others_wrote():
    found = replace(report(ADAPTED, reward_only=LABELS.tolist()), names=[f"<i>{n}" for n in range(20)])
    page = found.html()
    assert page.count("data:image/webp") == 9  # eight of those mended, and one spoilt
    assert "Mended: 11" in page
    assert "The reward alone is right on 11 of them. Here are the 8 with the surest new answers." in page
    assert "The reward alone is wrong on 0 of them." in page
    assert "dog &lt;b&gt;" in page
    assert "dog <b>" not in page
    assert "&lt;i&gt;0" in page
    assert "<i>" not in page
    assert "zero-shot, 50 %:" in page
    assert "adapted, 75 %:" in page
    assert "options.seed</th><td>7</td>" in page
    assert "Accuracy over steps" in page
    assert "Of 11 mended answers 0 lay beyond these" in page


def test_a_page_without_steps_reward_or_flips_says_so():
    usual = report(ADAPTED).usual
    evaluation = Evaluation(methods={"zero_shot": usual, "zero": usual}, answers=CLASSES)
    page = AdaptationReport(evaluation=evaluation, queries=PICTURES, main="zero").html()
    assert page.count("<p>None.</p>") == 2
    assert "Accuracy over steps" not in page
    assert "Adaptation by zero equals zero-shot" in page


def test_what_does_not_belong_together_is_refused(tmp_path):
    found = report(ADAPTED)
    with pytest.raises(SpecError, match="main='rlcf'"):
        replace(found, main="rlcf")
    with pytest.raises(SpecError, match="main='zero_shot'"):
        replace(found, main="zero_shot")
    with pytest.raises(FrameError, match="20 answers, 19 queries"):
        replace(found, queries=PICTURES[1:])
    with pytest.raises(FrameError, match="1 names"):
        replace(found, names=["one"])

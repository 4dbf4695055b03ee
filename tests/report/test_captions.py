"""What a report of captions says, by numbers that can be checked by hand."""

import numpy as np
import pytest

from tests.report.captions import SAID, caption_report, described_report
from vlmrm.errors import FrameError, SpecError


def test_facts_decide_where_a_judge_knows_them():
    report = caption_report()
    assert report.decider == "facts"
    assert {name: values.tolist() for name, values in report.values.items()} == {
        "zero_shot": [1, 0, 0], "best_of_k": [1, 0.5, 0], "adapted": [1, 1, 0.5],
    }  # fmt: skip
    assert report.gains["adapted"].value == pytest.approx(0.5)
    assert report.leads["best_of_k"].value == pytest.approx(1 / 3)
    assert report.headline == "Adapted captions of 3 pictures gain 50.0 points by facts."
    assert report.after_each == [pytest.approx(5 / 6)]


def test_references_decide_where_nobody_knows_facts_and_else_the_reward_itself():
    by_references = caption_report(judge=None)
    assert by_references.decider == "CIDEr-D"
    assert by_references.values["zero_shot"][0] > by_references.values["zero_shot"][2]
    alone = caption_report(judge=None, references=())
    assert alone.decider == "the reward itself"
    assert alone.verdict.word == "weak"  # although each caption is paid more
    assert alone.gains["adapted"].low > 0


def test_a_reward_that_rises_while_captions_get_worse_is_fooled():
    turned = {"zero_shot": "adapted", "adapted": "zero_shot", "best_of_k": "best_of_k"}
    methods = caption_report().methods
    report = caption_report(methods={name: methods[other] for name, other in turned.items()})
    assert report.verdict.word == "useless"
    many = caption_report(
        methods={
            name: type(methods[other])(name=name, each=[*methods[other].each] * 20) for name, other in turned.items()
        },
        pictures=report.pictures.repeat(20, 1, 1, 1),
        rewards={name: np.repeat(values, 20) for name, values in report.rewards.items()},
        references=[*report.references] * 20,
        judge=_Twenty(report.judge),
        rewards_after_each=(),
    )
    assert "The reward rises while the captions get worse: it is fooled." in many.verdict.reasons


class _Twenty:
    """A judge of three pictures, twenty times over."""

    facts = 2

    def __init__(self, judge):
        self._judge = judge

    def judge(self, place, caption):
        return self._judge.judge(place % 3, caption)


def test_the_page_marks_facts_and_escapes_words():
    page = caption_report().html()
    assert "<b>star</b>" not in page
    assert "&lt;b&gt;" in page
    assert '<del class="useless">blue</del>' in page
    assert '<span class="good">red</span>' in page
    assert "Judged by facts, never by the reward." in page
    assert "judged by the reward that adapted them" in caption_report(judge=None, references=()).html()


def test_what_does_not_fit_is_refused():
    with pytest.raises(SpecError, match="compares a method with zero_shot"):
        caption_report(main="rlcf")
    with pytest.raises(FrameError, match="each of 3 pictures has its caption"):
        caption_report(references=[["a star"]])


def test_words_that_stay_are_one_spell():
    report = described_report()
    assert [(one.first, one.last, one.caption) for one in report.spells] == [
        (0, 5, "a pole up"), (10, 10, "a pole <b>down</b>"), (15, 15, "a pole up"),
    ]  # fmt: skip
    assert report.spells[0].reward == pytest.approx(np.linspace(0, 1, 20)[:6].mean())
    assert "3 things in 4 frames" in report.headline
    page = report.html()
    assert "<i>x</i>" not in page
    assert page.count("<svg") == 1
    assert "<svg" not in described_report(rewards=None).html()
    with pytest.raises(FrameError, match="each frame that is described"):
        described_report(captions=["a pole up"])


def test_the_numbers_are_plain_values(tmp_path):
    for report in (caption_report(), described_report()):
        path = report.save(tmp_path / "page.html")
        assert path.with_suffix(".json").read_text().startswith("{")
    assert caption_report().to_dict()["captions"][1] == {
        "picture": "1",
        **{name: said[1] for name, said in SAID.items()},
    }

"""What an audit is: probes asked by name, left out with a reason, and saved as numbers and a page."""

import importlib
import json
from dataclasses import replace

import jaxtyping
import numpy as np
import pytest
import torch

from tests.contracts.test_outside_packages import install  # noqa: F401  puts a package among the installed ones
from tests.report.audit.audits import red_frames
from tests.report.test_evaluation import reds
from tests.toys import red_function, red_reward
from vlmrm.data import Scores
from vlmrm.data.labelled import LabelledFrames
from vlmrm.errors import FrameError, SpecError, VlmrmWarning
from vlmrm.fitting import fit
from vlmrm.metrics import Estimate
from vlmrm.report.audit import BUILT_IN, PROBES, Exhibit, Finding, Limits, Probe, audit
from vlmrm.report.audit.estimating import estimate_pairs

LANGUAGE = [name for name in BUILT_IN if PROBES[name].family == "language"]
THEIRS = """
from vlmrm.metrics import Estimate
from vlmrm.report.audit import Finding, Limits, Probe

LIMITS = Limits(passes=0.0, fails=1.0)
PROBE = Probe(
    name="brightness", family="pictures", question="Is it bright?", measures="brightness", limits=LIMITS,
    run=lambda audited: Finding.judged(LIMITS, Estimate(value=0.5, low=0.4, high=0.6), "It is grey."),
)
"""


def test_the_name_of_each_probe_is_its_name_in_the_registry():
    assert [PROBES[name].name for name in BUILT_IN] == list(BUILT_IN)


@pytest.mark.parametrize(
    ("value", "low", "high", "word"),
    [
        (0.95, 0.9, 1.0, "pass"),
        (0.95, 0.5, 1.0, "warn"),  # the interval reaches what fails
        (0.7, 0.65, 0.75, "warn"),
        (0.5, 0.4, 0.6, "fail"),
        (0.95, np.nan, np.nan, "warn"),  # nobody knows how far it would move
    ],
)
def test_a_verdict_needs_the_value_and_its_interval(value, low, high, word):
    effect = Estimate(value=value, low=low, high=high)
    assert Limits(passes=0.9, fails=0.6).verdict(effect) == word
    upside_down = Estimate(value=-value, low=-high, high=-low)
    assert Limits(passes=-0.9, fails=-0.6).verdict(upside_down) == word


def test_limits_that_are_one_are_refused():
    with pytest.raises(SpecError, match=r"pass and fail at 0\.5"):
        Limits(passes=0.5, fails=0.5)


def test_a_family_that_no_page_has_is_refused():
    with pytest.raises(SpecError, match="is of one of goal, language"):
        Probe(
            name="a", family="smells", question="", measures="", limits=Limits(passes=1, fails=0), run=Finding.left_out
        )


def test_a_function_has_no_sentences_and_every_probe_of_language_says_so():
    found = audit(red_function(), red_frames(), probes=LANGUAGE)
    assert {one.finding.verdict for one in found.answered} == {"left out"}
    assert all("no sentence" in one.finding.says for one in found.answered)
    assert found.verdict == "left out"


def test_a_reward_that_takes_no_other_sentence_is_left_out_in_its_own_words():
    corrected = fit(red_reward(), red_frames().frames[[0, 59]], [1.0, 0.0])
    found = audit(corrected, red_frames(), probes=["negation"]).finding("negation")
    assert found.verdict == "left out"
    assert "its frames are labelled for one goal, not for each text" in found.says


def test_a_reward_that_looks_back_is_asked_about_each_frame_by_itself():
    found = audit(red_reward(over_time={"kind": "difference"}), red_frames(), probes=["negation"])
    assert found.finding("negation").effect.value == 0.0


def test_labels_of_one_kind_are_refused():
    frames = red_frames().take(np.arange(30))
    with pytest.raises(SpecError, match="no frame outside of the goal among 30"):
        audit(red_reward(), frames)


def test_a_table_of_scores_is_refused():
    scores = Scores(name="theirs", by_key={"frame 0": 0.0})
    with pytest.raises(SpecError, match="theirs is a table of scores"):
        audit(scores, red_frames())


def test_an_unknown_probe_is_refused_with_the_nearest():
    with pytest.raises(SpecError, match=r"unknown probe 'negations'\. Near: negation"):
        audit(red_reward(), red_frames(), probes=["negations"])


def test_each_frame_is_read_once_for_all_sentences():
    reward = red_reward()
    audit(reward, red_frames(), probes=["tells_goal", *LANGUAGE])
    assert reward.encoder.batches == [60]


def test_probes_of_other_packages_are_asked_only_by_name(install, tmp_path):  # noqa: F811
    install("theirs", "[vlmrm.probes]\nbrightness = {package}.probe:PROBE\n")
    (tmp_path / "theirs" / "probe.py").write_text(THEIRS)
    assert "brightness" in PROBES
    assert "brightness" not in BUILT_IN
    found = audit(red_function(), red_frames(), probes=["brightness"])
    assert (found.verdict, found.finding("brightness").says) == ("warn", "It is grey.")


def test_a_name_of_ours_cannot_be_taken(install):  # noqa: F811
    install("theirs", "[vlmrm.probes]\nnegation = {package}.probe:PROBE\n")
    with pytest.raises(SpecError, match="'negation' is offered by more than one package"):
        audit(red_function(), red_frames(), probes=["negation"])


def test_numbers_and_page_are_saved_side_by_side(tmp_path):
    found = audit(red_reward(), red_frames(), probes=["tells_goal", "negation", "sides"])
    page = found.save(tmp_path / "audit.html").read_text()
    numbers = json.loads((tmp_path / "audit.json").read_text())
    assert numbers["headline"] == found.headline
    assert [one["name"] for one in numbers["probes"]] == ["tells_goal", "negation", "sides"]
    assert numbers["probes"][0]["effect"]["value"] == 1.0
    assert numbers["probes"][2]["effect"] is None
    assert numbers["spec_hash"] == red_reward().spec.hash()
    assert "Does it read “not”, “no” and “without”?" in page
    assert "NaN" not in (tmp_path / "audit.json").read_text()


def test_what_a_frame_is_called_is_text_and_no_markup(tmp_path):
    frames = red_frames()
    frames = type(frames)(frames=frames.frames, in_goal=~frames.in_goal, names=["<b>bold</b>"] * 60)
    page = audit(red_reward(), frames, probes=["tells_goal"]).save(tmp_path / "audit.html").read_text()
    assert "<b>bold" not in page
    assert "&lt;b&gt;bold" in page


def test_of_many_frames_some_of_each_label_are_kept(monkeypatch):
    monkeypatch.setattr("vlmrm.report.audit.audited.MOST", 10)
    found = audit(red_reward(), red_frames(), probes=["tells_goal"])
    assert found.frames <= 20
    assert 5 <= found.in_goal <= 10


def test_every_second_label_keeps_both(monkeypatch):
    """Were every second frame kept whatever its label, only one label would be left."""
    monkeypatch.setattr("vlmrm.report.audit.audited.MOST", 10)
    frames = red_frames()
    order = torch.stack([torch.arange(30), torch.arange(30, 60)], dim=1).flatten().numpy()
    found = audit(red_reward(), frames.take(order), probes=["tells_goal"])
    assert 5 <= found.in_goal <= 10
    assert 5 <= found.frames - found.in_goal <= 10


@pytest.mark.parametrize("each", [1, 4])
def test_a_few_frames_pass_nothing(each):
    """Those that are drawn anew are nearly the same ones, and an interval of no width would say that all is known."""
    frames = reds([0.9, 0.8, 0.85, 0.95][:each] + [0.1, 0.2, 0.15, 0.05][:each], [True] * each + [False] * each)
    found = audit(red_function(), frames, probes=["tells_goal", "false_alarms", "light", "sharpness"])
    assert found.counted("pass") == 0
    assert found.finding("tells_goal").verdict == "warn"
    assert "in 100 % of all pairs (no interval)" in found.finding("tells_goal").says
    assert not any(one.finding.effect.known for one in found.answered if one.finding.effect is not None)


def test_frames_of_a_few_groups_have_no_interval():
    """Of 30 frames on either side that come from four videos each, as of as many frames."""
    frames = red_frames(groups=[f"{i % 4} {i < 30}" for i in range(60)])
    found = audit(red_function(), frames, probes=["tells_goal", "false_alarms"])
    assert [one.finding.verdict for one in found.answered] == ["warn", "warn"]
    assert not any(one.finding.effect.known for one in found.answered)


def test_pairs_of_a_few_frames_have_no_interval():
    frames, rows = red_frames(), np.arange(12)
    for some, known in ((4, False), (5, True)):
        effect = estimate_pairs(np.tile([0.0, 1.0], 6), (rows % some, 30 + rows), frames, seed=0)
        assert (effect.value, effect.known) == (0.5, known)


def test_frames_of_two_sizes_are_refused():
    batch = reds([0.9, 0.1], [True, False])
    other = replace(batch, frames=batch.frames.repeat(1, 2, 2, 1))
    with pytest.raises(FrameError, match=r"frames of several sizes .* 8x8, frame 0 16x16"):
        LabelledFrames.join([batch, other])


def break_off(audited):
    raise ZeroDivisionError("no such number")


def empty_scores(audited):
    audited.scores[:] = 0


@pytest.mark.parametrize(
    ("answer", "why"),
    [
        (break_off, "it broke off with ZeroDivisionError: no such number"),
        (lambda audited: None, "it answered with NoneType instead of a Finding"),
        (lambda audited: "pass", "it answered with str instead of a Finding"),
        (empty_scores, "it broke off with ValueError: assignment destination is read-only"),
    ],
)
def test_a_probe_that_breaks_off_leaves_the_others_their_say(answer, why, install, tmp_path):  # noqa: F811
    install("theirs", "[vlmrm.probes]\nbroken = {package}.probe:PROBE\n")
    (tmp_path / "theirs" / "probe.py").write_text("PROBE = None")
    limits = Limits(passes=1, fails=0)
    importlib.import_module("theirs.probe").PROBE = Probe(
        name="broken", family="goal", question="?", measures="nothing", limits=limits, run=answer
    )
    with pytest.warns(VlmrmWarning, match=f"probe broken: {why}"):
        found = audit(red_function(), red_frames(), probes=["broken", "tells_goal"])
    assert (found.finding("broken").verdict, found.finding("broken").says) == ("left out", why)
    assert found.finding("tells_goal").verdict == "pass"
    assert why in found.html()


@pytest.fixture
def as_shipped():
    """Without the checks of types that tests have and the installed package has not."""
    jaxtyping.config.update("jaxtyping_disable", True)
    yield
    jaxtyping.config.update("jaxtyping_disable", False)


@pytest.mark.usefixtures("as_shipped")
@pytest.mark.parametrize(
    ("words", "says"),
    [
        ({"verdict": "PASS"}, r"one of fail, warn, pass, left out; got 'PASS'"),
        ({"verdict": "pass", "effect": 0.5}, r"an Estimate of a finite number; got 0\.5"),
        (
            {"verdict": "pass", "effect": Estimate.alone(np.nan)},
            r"an Estimate of a finite number; got Estimate\(value=nan",
        ),
    ],
)
def test_a_finding_that_no_page_could_show_is_refused(words, says):
    with pytest.raises(SpecError, match=says):
        Finding(says="", **words)


@pytest.mark.usefixtures("as_shipped")
def test_a_picture_that_no_page_could_show_is_refused():
    with pytest.raises(SpecError, match=r"uint8 \(h, w, 3\); got uint8 of shape \(8, 8\)"):
        Exhibit(text="", says="", picture=np.zeros((8, 8), np.uint8))


@pytest.mark.parametrize(
    ("value", "says"),
    [
        ("probe:shine", r"probe 'brightness' is a function\. Name a record of vlmrm\.report\.audit\.Probe"),
        ("probe:OTHER", r"probe 'brightness' calls itself 'glow'\. Give both"),
    ],
)
def test_what_is_no_probe_of_its_name_is_refused_before_any_is_asked(value, says, install, tmp_path):  # noqa: F811
    install("theirs", f"[vlmrm.probes]\nbrightness = {{package}}.{value}\n")
    other = "from dataclasses import replace\nOTHER = replace(PROBE, name='glow')\ndef shine(audited): pass\n"
    (tmp_path / "theirs" / "probe.py").write_text(THEIRS + other)
    with pytest.raises(SpecError, match=says):
        audit(red_function(), red_frames(), probes=["tells_goal", "brightness"])


def test_a_seed_below_0_is_refused_of_frames_in_memory_too():
    with pytest.raises(SpecError, match="seed must be a whole number of at least 0; got -1"):
        audit(red_function(), red_frames(), probes=["tells_goal"], seed=-1)


def test_an_audit_without_a_probe_is_refused():
    with pytest.raises(SpecError, match="says nothing"):
        audit(red_function(), red_frames(), probes=[])

"""Probes of sentences, on an encoder that reads the last colour of a sentence, and on a built-in model."""

from dataclasses import replace

import numpy as np
import pytest

from tests.report.audit.audits import audit_cartpole, red_frames
from tests.report.test_evaluation import reds
from tests.toys import ColourEncoder, red_function, red_spec
from vlmrm.data.labelled import GivenFrames
from vlmrm.frames.side_by_side import put_together
from vlmrm.prompts import PromptSet
from vlmrm.report.audit import audit, paraphrases
from vlmrm.report.audit.audited import gather
from vlmrm.report.audit.compared import Compared
from vlmrm.report.scorers import Encoders, scorer_of
from vlmrm.rewards import RewardModel
from vlmrm.tasks import SuccessRule, Task

pytestmark = pytest.mark.filterwarnings("ignore::vlmrm.errors.WordingWarning")  # some goals are worded badly on purpose


def found(probe, goal="red", **words):
    """What a probe finds of a goal, read by its last colour."""
    reward = RewardModel(ColourEncoder(), red_spec(prompts=PromptSet(goal, **words)))
    return audit(reward, red_frames(groups=[f"{i % 20}" for i in range(60)]), probes=[probe]).finding(probe)


def test_a_negation_that_is_not_read_is_a_warning_until_the_reward_uses_one():
    """The encoder reads "not red" as "red", so a goal frame is always paid more: chance 0 for the others."""
    plain, used = found("negation"), found("negation", "a thing that is not red")
    assert (plain.verdict, plain.effect.value) == ("warn", 0.0)
    assert used.effect.value == 1.0  # it tells the goal's own frames, which "not red" should
    assert (
        "in 17 % more than all 5 (0.167 [0.167, 0.167]; chance is 17 %)" in plain.says
    )  # six of one pay share a frame
    assert plain.exhibits[-1].text.startswith("red | not … | no … |")
    assert plain.exhibits[-1].says.startswith("one of 6: the first is chosen in 17 % of the goal frames")
    negative = found("negation", negatives="a thing without green")
    assert negative.verdict == "fail"
    assert "“a thing without green” has a negation" in negative.says


def test_one_of_several_is_chosen_where_it_is_paid_more_than_all_others():
    """In pairs "red" beats each of two others in two of three goal frames, and both of them only in one."""
    frames = GivenFrames(frames=reds([0.9, 0.8, 0.7, 0.1], [True, True, True, False]))
    audited = gather(scorer_of(red_function(), Encoders()), frames)
    others = np.array([[0.0, 0.0], [2.0, 0.0], [0.0, 2.0], [0.0, 0.0]])
    compared = Compared(
        audited=audited, own=["red"] * 2, others=["not red", "no red"], own_scores=np.ones((4, 2)), scores=others
    )
    assert 1 - compared.paid_more().mean() == pytest.approx(2 / 3)
    assert compared.chosen().value == pytest.approx(1 / 3)


@pytest.mark.parametrize("join", ["mean", "lowest"])
def test_of_several_cameras_a_sentence_is_exchanged_for_all_of_them(join):
    """The same picture from both sides says of every sentence what it says alone."""
    probes = ["negation", "attributes", "paraphrases", "nonsense", "orders"]
    prompts, shown = PromptSet("a red thing"), red_frames(groups=[f"{i % 20}" for i in range(60)])
    twice = replace(shown, frames=put_together([shown.frames] * 2))
    both = red_spec(prompts=prompts, cameras={"names": ["left", "right"], "join": join})
    joined = audit(RewardModel(ColourEncoder(), both), twice, probes=probes)
    alone = audit(RewardModel(ColourEncoder(), red_spec(prompts=prompts)), shown, probes=probes)
    for name in probes:
        assert joined.finding(name).verdict == alone.finding(name).verdict != "left out"
        assert joined.finding(name).effect.value == pytest.approx(alone.finding(name).effect.value, abs=1e-6)


def test_sentences_of_a_camera_of_its_own_cannot_be_exchanged():
    shown = replace(red_frames(), frames=put_together([red_frames().frames] * 2))
    own = red_spec(cameras={"names": ["left", "right"], "prompts": {"left": "green"}})
    found = audit(RewardModel(ColourEncoder(), own), shown, probes=["negation"]).finding("negation")
    assert found.verdict == "left out"
    assert "left have sentences of their own, whatever the text says" in found.says


def test_another_colour_is_paid_less_by_an_encoder_of_colours():
    colour = found("attributes", "a red thing")
    assert colour.verdict == "pass"
    assert 0.99 < colour.effect.value < 1.0  # the darkest of thirty goal frames is nearer to black
    assert len(colour.exhibits) == 6  # of seven other colours


@pytest.mark.parametrize(
    ("goals", "says"),
    [
        (("a red thing", "a blue thing"), "are all told right in 100 % of the fours (1.000 [1.000, 1.000]; chance is"),
        (("two things in red", "three things in red"), "are all told right in 0 % of the fours"),
        (("a red thing", "a thing that is blue"), None),
    ],
)
def test_a_goal_that_differs_in_such_a_word_is_told_by_two_pictures_and_two_sentences(goals, says, monkeypatch):
    """Six pictures of each of two tasks' goals; an encoder of colours reads no counts."""
    known = {
        name: Task(
            name=name,
            description="",
            env_id="tests/Colours-v0",
            reward=red_spec(encoder="sim-s", prompts=PromptSet(goal)),
            success=SuccessRule(where={"x": bounds}, within_last=1, at_least=1),
        )
        for name, goal, bounds in zip(("own", "twin"), goals, ((0, 1), (2, 3)), strict=True)
    }
    monkeypatch.setattr("vlmrm.report.audit.fours.all_tasks", lambda: known)
    shown = reds([0.9] * 6 + [0.0] * 6, [True] * 6 + [False] * 6, states={"x": np.repeat([0.5, 2.5], 6)})
    shown.frames[6:, ..., 2] = 230
    reward = RewardModel(ColourEncoder(), red_spec(prompts=PromptSet(goals[0])))
    said = audit(reward, GivenFrames(frames=shown, task=known["own"]), probes=["attributes"]).finding("attributes").says
    if says is None:
        assert "With the goal" not in said
    else:
        assert f"With the goal of twin, two pictures and two sentences {says}" in said
        alike = "0 %, and one picture for both sentences in 0 %" if "100" in says else "50 %, and one picture"
        assert f"one sentence is paid more in both pictures in {alike}" in said


def test_the_word_that_is_read_worst_decides():
    """Colours are read and counts are not: "three things in red" is paid as much as the goal."""
    count = found("attributes", "two things in red")
    assert (count.verdict, count.effect.value) == ("warn", 0.5)


def test_words_in_another_order_are_the_same_to_a_bag_of_words():
    order = found("word_order", "a thing that is red")
    assert order.verdict == "warn"
    assert order.effect.value == 0.5  # ties everywhere


def test_without_a_word_to_exchange_a_probe_is_left_out():
    assert found("sides").verdict == "left out"
    assert "no word for a side" in found("sides").says


def test_an_order_as_the_goal_fails_where_it_is_not_understood():
    order = found("orders", "move the green cart")
    assert (order.verdict, order.effect.value) == ("fail", 0.5)  # nothing in these frames is green
    assert "“move the green cart” is a motion or an order" in order.says


def test_a_state_said_as_an_order_loses_nothing_where_only_its_colour_is_read():
    order = found("orders")
    assert (order.verdict, order.effect.value) == ("pass", 0.0)


def test_at_least_twenty_wordings_are_tried_of_any_goal():
    said = found("paraphrases", "a strange red thing").says
    assert int(said.split()[0]) >= 20


def test_two_words_of_a_kind_take_each_others_places():
    """COLA: of "a blue thing on red" the last colour is read, and of "a red thing on blue" the other one."""
    swapped = found("attributes", "a blue thing on red")
    assert swapped.effect.value > 0.99
    assert [one.text for one in swapped.exhibits] == ["a red thing on blue"]


def test_the_shipped_reward_reads_no_negation_and_an_opposite():
    shipped = audit_cartpole("negation", "opposites", "paraphrases")
    assert shipped.finding("negation").verdict == "warn"
    assert shipped.finding("negation").effect.value < 0.05
    assert shipped.finding("opposites").verdict == "pass"
    assert shipped.finding("paraphrases").verdict == "pass"


def test_two_goals_of_a_scene_count_only_if_both_pictures_and_both_sentences_are_right():
    told = audit_cartpole("other_goals").finding("other_goals")
    assert told.effect.value > 0.9
    assert "cartpole/hanging" in told.says
    same = audit_cartpole("other_goals", goal="pole and cart", baseline="a picture").finding("other_goals")
    assert same.effect.value < told.effect.value


def test_frames_from_memory_show_no_other_goal():
    assert found("other_goals").verdict == "left out"


@pytest.mark.parametrize("goal", ["an image of a cat", "a photo of a zebra", "a picture of a kneeling robot", "zebra"])
def test_every_goal_has_twenty_other_wordings(goal):
    said = paraphrases._wordings(goal)
    assert len(set(said)) == len(said) >= 20
    assert goal not in said

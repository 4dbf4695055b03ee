"""Probes of pictures that stand still and of stages, on rewards that look back."""

from dataclasses import replace
from functools import cache

import numpy as np
import pytest
import torch

from tests.report.audit.audits import TASK, N, red_frames
from tests.toys import ColourClipEncoder, ColourEncoder, red_reward, red_spec
from vlmrm.data.labelled import LabelledFrames
from vlmrm.data.task_frames import TaskStates
from vlmrm.prompts import PromptSet
from vlmrm.report.audit import audit
from vlmrm.rewards import RewardModel

SHORT = replace(TASK, episode_steps=30)
COLOURS = [(255, 0, 0), (0, 255, 0), (0, 0, 255), (0, 0, 0)]  # the last shows no stage


@pytest.fixture(autouse=True)
def few_steps(monkeypatch):
    monkeypatch.setattr("vlmrm.report.audit.played._STEPS", 1)


@cache
def frozen(subtract=0.0, **over_time):
    """What a still picture earns of the task's reward over time, whose scores are lowered by some number."""
    spec = replace(SHORT.reward, over_time=over_time, scaling={"subtract": subtract})
    return audit(spec, TaskStates(task=SHORT, n=N), probes=["frozen_frames"]).finding("frozen_frames")


def test_a_difference_pays_nothing_for_one_picture():
    found = frozen(kind="difference")
    assert found.verdict == "pass"
    assert abs(found.effect.value) < 1e-5


def test_shaping_of_scores_below_0_pays_for_a_picture_that_stands_still():
    """A step of a still picture is paid (gamma - 1) m: with m near -5 and gamma 0.9 half of a point, thirty times."""
    found = frozen(subtract=5.0, kind="shaping", gamma=0.9)
    assert found.verdict == "fail"
    assert found.effect.value > 10
    assert found.exhibits[0].picture is not None


def test_who_pays_for_staying_is_warned_of_a_camera_that_hangs():
    found = frozen(kind="window", length=4)
    assert found.verdict in ("warn", "pass")
    assert "a camera that hangs there is paid as well" in found.says


def stages(*goal, **over_time):
    """What is found of milestones on ten frames of each colour, of which the last colour is the goal."""
    colours = torch.tensor([COLOURS[i % 4] for i in range(40)], dtype=torch.uint8)
    frames = colours[:, None, None].expand(-1, 8, 8, 3).contiguous()
    names = [str(i) for i in range(40)]
    shown = LabelledFrames(frames=frames, in_goal=np.arange(40) % 4 == 2, names=names)
    said = {"kind": "milestones", "temperature": 0.1, "hold": 2} | over_time
    spec = red_spec(prompts=PromptSet(goal, negatives="black"), alpha=None, over_time=said)
    return audit(RewardModel(ColourEncoder(), spec), shown, probes=["stages"]).finding("stages")


def test_milestones_in_their_order_are_paid_and_broken_sequences_less():
    """Three stages: three left out, two exchanged, two gone through again, on five rows of frames each."""
    found = stages("red", "green", "blue")
    assert (found.verdict, found.effect.value) == ("pass", 1.0)
    assert "All 3 stages in their order are paid 1.00" in found.says
    assert "100 % with a stage left out, 100 % with two exchanged, 100 % with one gone through again" in found.says
    assert (round(found.effect.low, 3), found.effect.high) == (0.566, 1.0)  # Wilson's of 5 of 5 rows, not of 35 orders
    assert found.exhibits == []


def test_milestones_that_anything_reaches_are_paid_whatever_is_left_out():
    """With a threshold of 0 every frame shows the next milestone, so that seven of seven orders are paid alike."""
    found = stages("red", "green", "blue", threshold=0.0)
    assert found.verdict == "fail"
    assert {"without stage 1", "without stage 2", "without stage 3"} <= {one.text for one in found.exhibits}


def test_a_reward_that_is_paid_for_any_order_fails_by_that_alone(monkeypatch):
    """Paid for each stage that was shown: nothing less for two exchanged, as it should for a stage left out."""
    monkeypatch.setattr("vlmrm.report.audit.stages.steps_paid", lambda audited, seen, rows: np.unique(rows[1:]) * 0 + 1)
    found = stages("red", "green", "blue")
    assert (found.verdict, found.effect.value) == ("fail", 0.0)
    assert "100 % with a stage left out, 0 % with two exchanged" in found.says
    assert {one.text for one in found.exhibits} == {"stage 2 before stage 1", "stage 3 before stage 2"}


def on_colours(*probes, goal, **over_time):
    """What probes find of milestones on frames of the first colours, of which blue is the goal."""
    colours = torch.tensor([COLOURS[i % 4] for i in range(40)], dtype=torch.uint8)
    shown = LabelledFrames(
        frames=colours[:, None, None].expand(-1, 8, 8, 3).contiguous(), in_goal=np.arange(40) % 4 == 2,
        names=[str(i) for i in range(40)],
    )  # fmt: skip
    said = {"kind": "milestones", "temperature": 0.1, "hold": 1} | over_time
    spec = red_spec(prompts=PromptSet(goal, negatives="black"), alpha=None, over_time=said)
    return audit(RewardModel(ColourEncoder(), spec), shown, probes=probes)


def test_no_sentence_of_milestones_is_judged_as_if_it_were_the_goal():
    """Blue frames are the goal of red, green, blue, and a perfect reward of red alone would look useless on them."""
    found = on_colours("tells_goal", "negation", "nonsense", "paraphrases", goal=("red", "green", "blue"))
    assert found.finding("tells_goal").effect.value == 1.0
    for name in ("negation", "nonsense", "paraphrases"):
        assert found.finding(name).verdict == "left out"
        assert "only beside the others" in found.finding(name).says


def test_milestones_pay_once_for_the_way_and_nothing_for_a_second_time():
    """They are paid for the farthest step: a lap earns what the way there did, and the next one nothing."""
    spec = replace(
        SHORT.reward, prompts=PromptSet(("a pole leaning to the right", SHORT.reward.prompts.goal[0])), alpha=None,
        scaling=None, threshold=None, over_time={"kind": "milestones"},
    )  # fmt: skip
    found = audit(spec, TaskStates(task=SHORT, n=N), probes=["loops", "reversed", "shuffled"])
    assert found.finding("loops").verdict == "pass"
    assert abs(found.finding("loops").effect.value) < 1e-5
    for name in ("reversed", "shuffled"):  # a pole that comes up again leaves the first milestone
        assert "may lie farther from the goal" in found.finding(name).says


def test_a_reward_of_clips_has_no_embedding_of_a_frame_that_a_sentence_could_meet():
    spec = red_spec(prompts=PromptSet("red", negatives="black"), over_time={"kind": "clip"}, alpha=None, head="softmax")
    found = audit(RewardModel(ColourClipEncoder(), spec), red_frames(), probes=["negation", "nonsense"])
    assert {one.finding.verdict for one in found.answered} == {"left out"}
    assert "no embeddings of single frames" in found.finding("negation").says


def test_a_reward_of_one_sentence_has_no_stages():
    found = audit(red_reward(), red_frames(), probes=["stages", "frozen_frames"])
    assert "has no milestones" in found.finding("stages").says
    assert "scores each frame by itself" in found.finding("frozen_frames").says

"""The rule of the verdict, case by case, on scores made for each."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch

from vlmrm.data import LabelledFrames
from vlmrm.report.measures import measure
from vlmrm.report.nearness import Nearness
from vlmrm.report.scorers import BASELINE
from vlmrm.report.verdict import FEW_GROUPS, judge, mistakes_removed
from vlmrm.tasks import SuccessRule

N = 400
IN_GOAL = np.arange(N) < 100
RNG = np.random.default_rng(0)
RESULTS = Path(__file__).parents[2] / "experiments" / "results"


def labels(in_goal=IN_GOAL, **words):
    names = [str(i) for i in range(len(in_goal))]
    return LabelledFrames(
        frames=torch.empty(len(names), 0, 0, 3, dtype=torch.uint8), in_goal=in_goal, names=names, **words
    )


def apart(distance, in_goal=IN_GOAL):
    """Normal scores, those of goal frames higher by so many standard deviations."""
    return np.random.default_rng(1).normal(size=len(in_goal)) + distance * in_goal


def verdict(scores, *, controls=None, about=None, in_goal=IN_GOAL):
    return judge(measure(scores, labels(in_goal), controls=controls or {}, rule=None), about=about)


def test_goal_frames_far_above_others_are_good():
    found = verdict(apart(5), controls={"a zebra": RNG.normal(size=N)})
    assert found.word == "good"
    assert found.reasons == ()
    assert "its best control, a zebra, does in" in found.sentence


@pytest.mark.parametrize(("distance", "word"), [(5, "good"), (1.2, "weak"), (0.1, "useless")])
def test_the_nearer_they_come_the_worse_the_word(distance, word):
    assert verdict(apart(distance)).word == word


@pytest.mark.parametrize(
    ("scores", "reason"),
    [
        (np.zeros(N), "the same number on every frame"),
        (-apart(5), "upside down"),
        (np.minimum(apart(5), -0.8), "are paid as much as the best goal frame"),
    ],
)
def test_what_teaches_nothing_is_useless_and_says_why(scores, reason):
    found = verdict(scores)
    assert found.word == "useless"
    assert any(reason in said for said in found.reasons)


def test_a_control_that_does_as_well_makes_the_best_auroc_useless():
    """A model that is blind to the task ranks goal states first by chance, whatever the sentence."""
    scores = apart(4)
    found = verdict(scores, controls={"“a zebra grazing”": scores + 0.01 * RNG.normal(size=N)})
    assert found.word == "useless"
    assert "“a zebra grazing” does as well" in found.reasons[0]


def test_a_reward_that_does_no_better_than_its_baseline_is_weak_and_not_useless():
    """The plain scene may look like the goal, as a pole on its cart mostly hangs."""
    scores = apart(4)
    found = verdict(scores, controls={BASELINE: scores + 0.01 * RNG.normal(size=N)})
    assert found.word == "weak"
    assert "the baseline as the goal does nearly as well" in found.reasons[0]
    both = {BASELINE: scores + 0.01 * RNG.normal(size=N), "“a zebra”": scores - 0.05 * IN_GOAL}
    assert verdict(scores, controls=both).word == "useless"


def test_near_1_the_mistakes_count_and_not_the_difference():
    """0.99 beside 0.95 makes a fifth of the control's mistakes; 0.96 beside 0.95 makes nearly all of them."""
    control = apart(2.33)
    assert verdict(apart(4), controls={"c": control}).word == "good"
    slightly = measure(control + 0.25 * IN_GOAL, labels(), controls={"c": control}, rule=None)
    assert mistakes_removed(slightly) < 0.5
    assert judge(slightly).word == "weak"


def test_a_sentence_that_is_about_nothing_here_is_useless_however_it_ranks():
    assert verdict(apart(5), about=0.0).word == "useless"
    assert verdict(apart(5), about=0.3).word == "weak"
    assert verdict(apart(5), about=0.9).word == "good"


def test_few_frames_are_never_good():
    few = np.arange(40) < 8
    found = verdict(apart(9, few), in_goal=few)
    assert found.word == "weak"
    assert found.reasons == ("only 8 frames are in the goal, which is too few for more: label 20",)


def on_groups(goal, other, scores=None):
    """The verdict on 25 frames in each of some groups in the goal and some outside, nearly alike within a group."""
    in_goal = np.repeat([True] * goal + [False] * other, 25)
    known = labels(in_goal, groups=np.repeat(np.arange(goal + other), 25).astype(str).tolist())
    measures = measure(5.0 * in_goal if scores is None else scores, known, controls={"c": 0.0 * in_goal}, rule=None)
    return measures, judge(measures)


@pytest.mark.parametrize(("goal", "other"), [(1, 1), (1, 30), (30, 1)])
def test_one_video_of_a_kind_gives_no_interval_and_no_good_verdict(goal, other):
    """Every resample holds the same video, so that whatever reward ranks it first would do so in 100 % to 100 %."""
    measures, found = on_groups(goal, other)
    assert (measures.goal_groups, measures.other_groups) == (goal, other)
    assert measures.auroc.value == 1.0
    assert not any(known.known for known in (measures.auroc, measures.epic, measures.controls[0].gain))
    assert found.word == "weak"
    assert "of all pairs (no interval: one group holds all" in found.sentence
    assert any("come from 1 episode, video or view, which is too few" in reason for reason in found.reasons)


def test_few_videos_of_a_kind_are_never_good_and_enough_are():
    assert on_groups(FEW_GROUPS - 1, 30)[1].word == "weak"
    assert on_groups(30, FEW_GROUPS - 1)[1].word == "weak"
    assert on_groups(FEW_GROUPS, FEW_GROUPS)[1].word == "good"


def test_without_an_interval_a_reward_may_still_be_useless():
    in_goal = np.repeat([True, False], 25)
    assert on_groups(1, 1, -1.0 * in_goal)[1].word == "useless"
    assert on_groups(1, 1, np.tile(np.arange(25.0), 2))[1].word == "useless"


def test_states_made_on_purpose_may_share_the_one_pose_that_the_goal_is():
    groups = ["kneeling" if inside else f"pose {i % 30}" for i, inside in enumerate(IN_GOAL)]
    known = labels(groups=groups, kinds=["goal" if inside else "other" for inside in IN_GOAL])
    measures = measure(apart(5), known, controls={}, rule=None)
    assert (measures.goal_groups, measures.no_interval) == (None, "")
    assert judge(measures).word == "good"


def test_a_goal_nearer_than_the_scenes_other_sentences_is_about_the_scene():
    assert Nearness(goal=0.6, nonsense=0.1, best=0.5, other="a pole").share == pytest.approx(1.25)
    assert Nearness(goal=0.1, nonsense=0.2, best=0.5, other="a pole").share == 0.0
    assert Nearness(goal=0.3, nonsense=0.2, best=0.1, other="a pole").share == 1.0


def test_the_border_is_told_apart_where_the_whole_hides_it():
    """Frames that miss one bound far away are easy; those that miss the other alone are not seen at all."""
    lean, height = np.tile([0.0, 50.0], N // 2), np.where(np.arange(N) < 200, 1.0, 0.0)
    rule = SuccessRule(where={"lean": (0, 35), "height": (0.5, 2)}, within_last=1, at_least=1)
    inside = (lean <= 35) & (height > 0.5)
    known = labels(inside, states={"lean": lean, "height": height})
    found = measure(height + 1e-3 * RNG.normal(size=N), known, controls={}, rule=rule)
    assert found.auroc.value > 0.8
    assert found.borders["height"].auroc == 1.0
    assert found.borders["lean"].auroc == pytest.approx(0.5, abs=0.1)


@pytest.mark.parametrize(("page", "count", "fewest"), [("verdicts_settling", 20, 20), ("verdicts", 40, 38)])
def test_verdicts_on_rewards_made_on_purpose_agree_with_what_is_true_of_them(page, count, fewest):
    rows = json.loads((RESULTS / f"{page}.json").read_text())
    assert len(rows) == count
    assert sum(row["verdict"] == row["truth"] for row in rows) >= fewest
    assert not [row for row in rows if row["truth"] == "useless" and row["verdict"] == "good"]
    assert {row["truth"] for row in rows} == {"good", "weak", "useless"}

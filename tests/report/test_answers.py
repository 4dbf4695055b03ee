"""What a page answers to questions, on numbers made for each."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from vlmrm.data import LabelledFrames
from vlmrm.report.answers import Evidence, answers_of
from vlmrm.report.candidates import Candidate
from vlmrm.report.encounters import _encounter
from vlmrm.report.measures import measure
from vlmrm.report.scorers import BASELINE, NONSENSE, Encoders, scorer_of
from vlmrm.rewards import FunctionReward
from vlmrm.tasks import SuccessRule

BORDER = "Can it tell the border that an agent will meet?"
BOUNDS = ("lean", "height", "speed")


def evidence(scores, in_goal, *, states=None, controls=None):
    """What is known of a reward with these scores; each variable of the state has the bounds 0 to 1."""
    labels = LabelledFrames(
        frames=torch.empty(len(in_goal), 0, 0, 3, dtype=torch.uint8),
        in_goal=in_goal,
        names=[str(i) for i in range(len(in_goal))],
        states=states or {},
    )
    rule = SuccessRule(where=dict.fromkeys(states or {}, (0.0, 1.0)), within_last=1, at_least=1) if states else None
    reward = scorer_of(lambda frames: frames[:, 0, 0, 0], Encoders())
    return Evidence(
        candidate=Candidate(name="reward", scorer=reward),
        measures=measure(scores, labels, controls=controls or {}, rule=rule),
        goal_median=float(np.median(scores[in_goal])),
        other_median=float(np.median(scores[~in_goal])),
        curves=[],
        state_map=None,
        nearness=None,
        encounters=None,
        labels=labels,
    )


def answer(question, known):
    found = {one.question: one for one in answers_of(known)}
    return found.get(question)


def at_borders(**misses):
    """20 frames that meet all bounds and are paid 1, some that miss one alone, paid 0, and 5 that miss all."""
    rows = [{}] * 20 + [{name: 2.0} for name, n in misses.items() for _ in range(n)] + [dict.fromkeys(BOUNDS, 2.0)] * 5
    states = {name: np.array([row.get(name, 0.5) for row in rows]) for name in BOUNDS}
    in_goal = np.arange(len(rows)) < 20
    return evidence(in_goal.astype(float), in_goal, states=states)


def test_yes_takes_near_misses_of_every_bound():
    found = answer(BORDER, at_borders(lean=10, height=12, speed=30))
    assert found.level == "fine"
    assert found.answer.startswith(
        "Yes. AUROC where one bound alone is missed: lean 1.00 (margin 100 % of the span, 20 "
    )
    assert "height 1.00 (margin 100 % of the span, 20 frames inside, 12 outside)" in found.answer


@pytest.mark.parametrize(
    ("misses", "known", "said"),
    [
        ({"lean": 10}, 1, "No frame misses one of these alone, so that nothing is known of them: height, speed."),
        ({"lean": 10, "height": 9, "speed": 10}, 2, "Fewer than 10 frames on a side, so that little is known: height."),
    ],
)
def test_bounds_without_near_misses_enough_are_named_and_the_answer_is_no_yes(misses, known, said):
    found = answer(BORDER, at_borders(**misses))
    assert found.level == "unknown"
    assert found.answer.startswith(f"Partly: {known} of 3 bounds have near misses enough.")
    assert said in found.answer


def test_the_reward_goes_with_a_variable_by_ranks():
    """Of 4 frames, 5 of 6 pairs fall; by hand: Spearman -1 + 6 * 2 / (4 * 15), Kendall (1 - 5) / 6."""
    states = {"lean": np.array([0.0, 0.5, 3.0, 2.0])}
    goes = evidence(np.array([4.0, 3.0, 2.0, 1.0]), np.arange(4) < 2, states=states).measures.correlations["lean"]
    assert goes.spearman == pytest.approx(-0.8)
    assert goes.kendall == pytest.approx(-2 / 3)


def test_signal_to_offset_is_that_of_each_episode():
    """1 and 3 have a deviation of 1 around 2, and -4 twice has none; over all four it would be 2.7 times 1."""
    found = _encounter(
        np.array([1.0, 3.0, -4.0, -4.0]),
        np.array([0, 0, 1, 1]),
        np.array([True, False, True, False]),
        FunctionReward(lambda frames: frames[:, 0, 0, 0].float()),
    )
    assert found.signal_to_offset == pytest.approx((0.5 + 0.0) / 2)


def test_where_no_bound_is_missed_alone_nothing_is_known_of_the_border():
    found = answer(BORDER, at_borders())
    assert (found.level, found.answer.split(",")[0]) == ("unknown", "No frame misses one bound alone")


def test_a_border_that_is_not_seen_is_said_first():
    blind = at_borders(lean=10)
    lean = replace(blind.measures.borders["lean"], auroc=0.5)
    blind = replace(blind, measures=replace(blind.measures, borders={**blind.measures.borders, "lean": lean}))
    found = answer(BORDER, blind)
    assert found.answer.startswith("Not all of it.")
    assert "It hardly sees lean" in found.advice


@pytest.mark.parametrize(("nonsense", "baseline", "asked"), [(1, -1, True), (1, 1, False), (0, -1, False)])
def test_that_the_baseline_does_the_work_is_said_where_any_sentence_does(nonsense, baseline, asked):
    """Each score is 1 in the goal and 0 outside, its reverse, or noise."""
    in_goal = np.arange(60) < 20
    scores = {1: 1.0 * in_goal, -1: -1.0 * in_goal, 0: np.random.default_rng(0).random(60)}
    controls = {f"“{sentence}”": scores[1] for sentence in NONSENSE[1:]} | {f"“{NONSENSE[0]}”": scores[nonsense]}
    known = evidence(scores[1], in_goal, controls=controls | {BASELINE: scores[baseline]})
    found = answer("Does it matter what the goal says?", known)
    assert (found is not None) == asked
    if asked:
        assert found.answer.startswith(
            "No: all 5 sentences about something else reach the AUROC of the goal (at least 1.00"
        )
        assert found.answer.endswith(
            "as the baseline alone reaches 0.00, so that the direction away from the baseline does the work."
        )

"""Whether a reward takes one goal of its scene for another."""

from dataclasses import replace

import numpy as np
import pytest
import vlmrm_envs as envs

from tests.toys import red_function
from vlmrm.report import scene_goals
from vlmrm.report.scene_goals import compare_goals
from vlmrm.report.scorers import Encoders, scorer_of

TASK, OTHER = envs.task("pendulum/upright"), envs.task("pendulum/hanging")


@pytest.fixture(scope="module")
def encoders():
    return Encoders()


def test_each_sentence_is_highest_on_frames_of_its_own_goal(encoders):
    found = compare_goals(scorer_of(TASK.reward, encoders), TASK)
    assert list(found.names) == ["pendulum/upright", "pendulum/hanging"]
    assert min(found.frames) >= 5
    np.testing.assert_allclose(found.matrix, [[1, -1], [-1, 1]], atol=0.05)  # z-scores of two classes far apart
    assert found.mistaken_for is None
    assert found.right == 1.0


def test_a_sentence_about_the_other_goal_is_found_out(encoders):
    wrong = replace(TASK.reward, prompts=replace(OTHER.reward.prompts))
    found = compare_goals(scorer_of(wrong, encoders), TASK)
    assert found.mistaken_for == "pendulum/hanging"
    assert found.right == 0.5


def test_what_has_no_sentence_or_no_neighbour_is_compared_with_nothing(encoders):
    assert compare_goals(scorer_of(red_function(), encoders), TASK) is None
    alone = envs.task("acrobot/up")
    assert compare_goals(scorer_of(alone.reward, encoders), alone) is None


def test_a_goal_whose_states_cannot_be_drawn_is_left_out(encoders, monkeypatch):
    broken = replace(OTHER, name="pendulum/broken", states="vlmrm_envs.labelled:nothing_here")
    monkeypatch.setattr(scene_goals, "all_tasks", lambda: {task.name: task for task in (TASK, OTHER, broken)})
    found = compare_goals(scorer_of(TASK.reward, encoders), TASK)
    assert list(found.names) == ["pendulum/upright", "pendulum/hanging"]

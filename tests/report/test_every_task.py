"""A report of every registered task, on so few frames that it costs little: that it can be made, not what it says."""

from functools import cache

import pytest

from vlmrm.data import TaskStates
from vlmrm.encoders import load_encoder
from vlmrm.report import evaluate
from vlmrm.rewards import RewardModel
from vlmrm.tasks import all_tasks, find_task

shared = cache(load_encoder)


@pytest.mark.parametrize("name", sorted(all_tasks()))
def test_the_reward_of_every_task_can_be_judged(name, monkeypatch):
    monkeypatch.setattr("vlmrm.report.evaluation.meet", lambda candidates, task: None)  # plays episodes
    monkeypatch.setattr("vlmrm.report.evaluation.compare_goals", lambda scorer, task: None)  # draws the scene's others
    task = find_task(name)
    reward = RewardModel(shared(task.reward.encoder), task.reward)
    report = evaluate(reward, TaskStates(task=task, n=36, seed=2), controls=False)
    measures = report.best.evidence.measures
    assert measures.goal_frames + measures.other_frames == 36
    assert set(measures.borders) == set(task.success.where)
    assert [answer for answer in report.best.answers if answer.question.startswith("Can it tell the border")]

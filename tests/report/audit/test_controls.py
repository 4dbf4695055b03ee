"""Rewards that must fail an audit, and a shipped one that must not."""

import numpy as np
import pytest
import torch

from tests.report.audit.audits import TASK, N, audit_cartpole
from vlmrm.data.task_frames import TaskStates
from vlmrm.report.audit import audit
from vlmrm.rewards import FunctionReward, RewardModel
from vlmrm.tasks import find_task

GOAL = ("tells_goal", "false_alarms", "borders")


def fails(found):
    return {one.probe.name for one in found.answered if one.finding.verdict == "fail"}


def test_the_shipped_reward_fails_nothing_about_its_goal():
    assert {audit_cartpole(*GOAL).finding(name).verdict for name in GOAL} == {"pass"}


def test_a_constant_reward_fails():
    found = audit(lambda frames: torch.full((len(frames),), 0.7), TaskStates(task=TASK, n=N), probes=GOAL)
    assert fails(found) == set(GOAL)
    assert "the same number on every frame" in found.finding("tells_goal").says


def test_of_a_reward_that_tells_nothing_nothing_is_lost_and_no_such_probe_passes(monkeypatch):
    monkeypatch.setattr("vlmrm.report.audit.climbed._LEAST", 9)
    found = audit(lambda frames: torch.full((len(frames),), 0.7), TaskStates(task=TASK, n=N))
    left = {one.probe.name for one in found.answered if one.finding.verdict == "left out"}
    assert {"sharpness", "light", "texture", "mirror", "random_policy", "doing_nothing", "survival_bonus"} <= left
    assert "AUROC 0.50" in found.finding("light").says
    assert found.counted("pass") == 0
    assert found.finding("exploits").verdict == "fail"  # what it pays best is any state


@pytest.mark.filterwarnings("ignore::vlmrm.errors.OutOfDomainWarning")
def test_the_prompt_of_another_task_fails():
    """Prompts shuffled among tasks: the mountain's sentence on pictures of a cart."""
    other = find_task("mountain_car/flag").reward.require_prompts()
    found = audit_cartpole("tells_goal", goal=other.goal[0], baseline=other.baseline[0])
    assert found.verdict == "fail"


def test_a_prompt_that_fires_everywhere_fails():
    """True of every picture of the scene, whatever the pole does."""
    found = audit_cartpole(*GOAL, goal="pole and cart", baseline="a picture")
    assert "false_alarms" in fails(found)


def test_a_reward_that_rises_all_the_way_and_never_finishes_fails_at_the_border():
    """It follows the angle down to 30 degrees and is flat from there on: any order in time is right, and no goal is."""
    right = RewardModel.from_spec(TASK.reward)
    states = TaskStates(task=TASK, n=N)
    angles = np.concatenate([np.abs(batch.states["angle_deg"]) for batch in states.batches(right.capture)])
    drawn = torch.cat([batch.frames for batch in states.batches(right.capture)])
    paid = {frame.numpy().tobytes(): -max(angle, 30.0) for frame, angle in zip(drawn, angles, strict=True)}
    flat = FunctionReward(lambda frames: torch.tensor([paid[frame.numpy().tobytes()] for frame in frames]), name="flat")
    flat.capture = right.capture
    found = audit(flat, states, probes=("tells_goal", "borders", "nearer_pairs"))
    assert found.finding("nearer_pairs").effect.value > 0.8
    assert found.finding("tells_goal").effect.value > 0.9
    assert "borders" in fails(found)

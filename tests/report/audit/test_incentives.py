"""Probes of what is paid for nothing and over time, on episodes of CartPole and of a world that ends early."""

from dataclasses import replace
from functools import cache

import gymnasium as gym
import numpy as np
import pytest
from gymnasium.envs.classic_control import MountainCarEnv

from tests.report.audit.audits import TASK, N
from tests.report.test_evaluation import reds
from tests.toys import ColourEncoder, red_spec
from vlmrm.data.labelled import GivenFrames
from vlmrm.data.task_frames import TaskStates
from vlmrm.report.audit import audit, survival_bonus
from vlmrm.report.audit.audited import gather
from vlmrm.report.audit.estimating import estimate_on
from vlmrm.report.audit.played import play
from vlmrm.report.scorers import Encoders, scorer_of
from vlmrm.rewards import FunctionReward, RewardModel
from vlmrm.tasks import SuccessRule, Sweep, Task, find_task

INCENTIVES = ("random_policy", "doing_nothing", "survival_bonus")
TIME = ("reversed", "shuffled", "loops")
SHORT = replace(TASK, episode_steps=30)


@pytest.fixture(autouse=True)
def few_steps(monkeypatch):
    monkeypatch.setattr("vlmrm.report.audit.played._STEPS", 1)


@pytest.fixture
def counting():
    """A task in the world of `tests.toys`, whose episodes the environment ends after three steps."""
    name = "tests/EndsEarly-v0"
    if name not in gym.registry:
        gym.register(name, entry_point="tests.toys:CountingEnv")
    return Task(
        name="counting/red",
        description="",
        env_id=name,
        env_kwargs={"ends_by": "terminated"},
        episode_steps=10,
        reward=red_spec(encoder="sim-s"),
    )


@cache
def over_time(kind, **options):
    spec = replace(SHORT.reward, over_time={"kind": kind, **options})
    return audit(spec, TaskStates(task=SHORT, n=N), probes=[*TIME, "random_policy"])


def test_a_reward_of_single_frames_knows_no_order():
    found = audit(SHORT.reward, TaskStates(task=SHORT, n=N), probes=TIME)
    assert {one.finding.verdict for one in found.answered} == {"left out"}
    assert "scores each frame by itself" in found.finding("loops").says


def test_a_difference_pays_for_coming_nearer_and_nothing_for_there_and_back():
    found = over_time("difference")
    assert found.finding("reversed").effect.value == 1.0
    assert abs(found.finding("loops").effect.value) < 1e-5
    assert found.finding("loops").verdict == "pass"


def test_a_reward_that_smooths_states_is_not_asked_about_their_order():
    """The mean of the last four scores pays for staying, there and back as well: no fault of it."""
    found = over_time("window", length=4)
    assert {found.finding(name).verdict for name in TIME} == {"left out"}
    assert "pays for staying in a frame" in found.finding("loops").says


def test_what_single_frames_are_paid_is_not_asked_of_a_reward_that_looks_back():
    found = over_time("difference")
    assert found.finding("random_policy").verdict == "left out"
    assert "depends on more than one frame" in found.finding("random_policy").says
    assert found.remarks[0].startswith("The reward looks back.")


def test_episodes_start_alike_for_both_policies():
    scorer = scorer_of(SHORT.reward, Encoders())
    one, two = (play(scorer, SHORT, seed=seed) for seed in (0, 0))
    assert np.array_equal(one.scores, two.scores)
    assert len(one.episodes) == 5
    assert {len(rows) for rows in one.episodes.values()} == {31}


def test_who_pays_for_anything_pays_a_policy_that_does_not_try():
    """A reward that pays 1 for most of what is not the goal as well; the task's own pays the same policy less."""
    right = RewardModel.from_spec(SHORT.reward)
    states = TaskStates(task=SHORT, n=N)
    everywhere = FunctionReward(lambda frames: 1.0 + (right.score(frames) < -0.15).float() * -0.01, name="everywhere")
    everywhere.capture = right.capture
    found = audit(everywhere, states, probes=INCENTIVES)
    honest = audit(right, states, probes=INCENTIVES)
    paid, fair = (one.finding("doing_nothing").effect.value for one in (found, honest))
    assert fair < paid
    assert "in 5 episodes" in found.finding("random_policy").says


def test_without_an_early_end_nothing_is_paid_for_living_longer():
    found = audit(SHORT.reward, TaskStates(task=SHORT, n=N), probes=["survival_bonus"]).finding("survival_bonus")
    assert found.verdict == "left out"
    assert "none of 5 random episodes early and none of 8 that began in the goal" in found.says


class FlagCar(MountainCarEnv):
    """Ends an episode at the flag, as Gymnasium's does, where no random policy comes in some steps."""

    def step(self, action):
        observation, reward, terminated, truncated, info = super().step(action)
        return observation, reward, terminated, truncated, info | {"state": self.state_variables()}

    def state_variables(self):
        return {"x_m": float(self.state[0])}


class PlacedCar(FlagCar):
    """The same, and can be placed."""

    def place(self, value):
        self.state = np.array([value, 0.0], dtype=np.float32)


def flag_car(car, offset):
    """What the probe says of frames of the flag that are paid 1, others 0, and all of them the offset more."""
    name = f"tests/{car.__name__}-v0"
    if name not in gym.registry:
        gym.register(name, entry_point=car)
    task = replace(
        find_task("mountain_car/flag"),
        env_id=name,
        env_kwargs={},
        episode_steps=20,
        success=SuccessRule(where={"x_m": (0.5, 0.6)}, within_last=1, at_least=1),
        sweep=Sweep(variable="x_m", low=-1.2, high=0.6, label="x"),
    )
    x = np.concatenate([np.linspace(0.5, 0.6, 12), np.linspace(-1.2, 0.4, 12)])
    frames = reds([1.0] * 12 + [0.0] * 12, x >= 0.5, states={"x_m": x})
    paid = FunctionReward(lambda shown: (shown[:, 0, 0, 0] > 128).float() + offset, name="paid")
    return audit(paid, GivenFrames(frames=frames, task=task), probes=["survival_bonus"]).finding("survival_bonus")


@pytest.mark.parametrize(
    ("offset", "verdict", "effect"),
    [(0.0, "pass", 0.0), (0.02, "warn", 20 * 0.02 / 1.02), (5.0, "fail", 20 * 5 / 6), (-5.0, "pass", 0.0)],
)
def test_where_the_goal_ends_an_episode_missing_it_is_weighed_against_finishing(offset, verdict, effect):
    found = flag_car(PlacedCar, offset)
    assert found.verdict == verdict
    assert found.effect.value == pytest.approx(effect, abs=1e-5)
    assert "ends episodes in the goal" in found.says
    assert f"for all 20 steps of an episode {20 * offset:.3f}" in found.says


def test_an_end_that_nobody_can_know_of_is_not_denied():
    found = flag_car(FlagCar, 5.0)
    assert found.verdict == "left out"
    assert "nobody knows whether it ends one in the goal: " in found.says
    assert "FlagCar cannot be set to a state" in found.says


def test_a_reward_turned_upside_down_has_no_way_to_the_goal():
    right = RewardModel.from_spec(SHORT.reward)
    wrong = FunctionReward(lambda frames: -right.score(frames), name="wrong")
    wrong.capture = right.capture
    found = audit(wrong, TaskStates(task=SHORT, n=N), probes=["random_policy"]).finding("random_policy")
    assert found.verdict == "left out"
    assert "hardly tells the goal (AUROC 0.0" in found.says


@pytest.mark.parametrize(("offset", "verdict"), [(0.0, "pass"), (5.0, "fail")])
def test_a_constant_is_a_survival_bonus_where_episodes_end_early(counting, offset, verdict):
    """Frames of goal and of others are paid 1 and 0, and the offset more; each episode ends after three steps."""
    frames = reds([1.0] * 12 + [0.0] * 12, [True] * 12 + [False] * 12, groups=[f"{i % 6}" for i in range(24)])
    paid = FunctionReward(lambda shown: (shown[:, 0, 0, 0] > 128).float() + offset, name="paid")
    found = audit(paid, GivenFrames(frames=frames, task=counting), probes=["survival_bonus"]).finding("survival_bonus")
    assert (found.verdict, found.effect.value) == (verdict, offset)
    assert "ended 5 of 5 random episodes early" in found.says


def test_where_nobody_knows_the_goal_no_policy_is_said_to_miss_it(counting):
    frames = GivenFrames(frames=reds([0.9] * 9 + [0.1] * 9, [True] * 9 + [False] * 9), task=counting)
    found = audit(RewardModel(ColourEncoder(), red_spec()), frames, probes=["random_policy"]).finding("random_policy")
    assert found.verdict == "left out"
    assert "has no success bounds" in found.says


def test_a_resample_without_a_way_to_the_goal_leaves_a_failure_one():
    """Two levels, the upper one in 55 % of the goal frames: in some resamples the median goal frame is paid nothing."""
    paid = FunctionReward(lambda frames: frames[..., 0].double().mean(dim=(1, 2)) / 255, name="levels")
    frames = reds([1.0] * 55 + [0.4] * 45 + [0.4] * 100, [True] * 100 + [False] * 100)
    audited = gather(scorer_of(paid, Encoders()), GivenFrames(frames=frames, task=TASK))
    effect = estimate_on(survival_bonus._offset, audited.scores, audited.labels)
    assert effect.value == pytest.approx(0.4 / 0.6, abs=0.01)
    assert effect.high == 100.0

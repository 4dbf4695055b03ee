import pytest

from tests.training.toy_runs import Lamp
from vlmrm.errors import SpecError
from vlmrm.tasks import SuccessRule
from vlmrm.wrappers import JudgeSuccess, RewardGoal

RULE = SuccessRule(where={"brightness": (0.5, 1.0)}, within_last=5, at_least=5)


def test_each_step_in_the_goal_pays_one_and_others_nothing():
    env = RewardGoal(JudgeSuccess(Lamp(), RULE))
    env.reset(seed=0)
    env.unwrapped.brightness = 0.0
    assert [env.step(action)[1] for action in (1, 1, 1, 1, 0, 0)] == [0.0, 0.0, 1.0, 1.0, 1.0, 0.0]


def test_without_a_judge_there_is_no_goal():
    with pytest.raises(SpecError, match="no JudgeSuccess"):
        RewardGoal(Lamp())

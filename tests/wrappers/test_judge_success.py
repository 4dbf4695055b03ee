import gymnasium as gym
import pytest
from gymnasium.wrappers import Autoreset
from stable_baselines3 import DQN
from stable_baselines3.common.monitor import Monitor

from tests.toys import CountingEnv
from vlmrm.errors import SpecError
from vlmrm.tasks import SuccessRule
from vlmrm.wrappers import CaptureFrame, JudgeSuccess

LATE = SuccessRule(where={"t": (3, 4)}, within_last=3, at_least=2)


def verdicts(env, steps, key="is_success"):
    return [env.step(0)[-1][key] for _ in range(steps)]


def test_success_is_judged_on_the_last_steps_only():
    """Steps 3 and 4 lie inside. After step 4 both are among the last three, after step 6 only step 4 is."""
    env = JudgeSuccess(CountingEnv(lengths=(6,)), LATE)
    env.reset()
    assert verdicts(env, 6) == [False, False, False, True, True, False]


def test_each_step_has_its_own_verdict():
    env = JudgeSuccess(CountingEnv(lengths=(6,)), LATE)
    env.reset()
    assert verdicts(env, 6, "in_goal") == [False, False, True, True, False, False]


def test_a_success_does_not_survive_the_reset():
    env = JudgeSuccess(CountingEnv(lengths=(4, 2)), LATE)
    env.reset()
    assert verdicts(env, 4)[-1]
    env.reset()
    assert verdicts(env, 2) == [False, False]


def test_a_success_does_not_survive_an_inner_autoreset():
    """The fifth step is the reset; with the old episode remembered, steps 3 and 4 would still be among the last."""
    env = JudgeSuccess(Autoreset(CountingEnv(lengths=(4, 2))), LATE)
    env.reset()
    assert verdicts(env, 7) == [False, False, False, True, False, False, False]


def test_an_episode_shorter_than_the_window_is_judged_on_the_steps_it_has():
    rule = SuccessRule(where={"t": (1, 9)}, within_last=100, at_least=2)
    env = JudgeSuccess(CountingEnv(lengths=(3,)), rule)
    env.reset()
    assert verdicts(env, 3) == [False, True, True]


def test_an_unreported_variable_is_named_at_the_first_reset():
    env = JudgeSuccess(CountingEnv(), SuccessRule(where={"tt": (0, 1)}, within_last=1, at_least=1))
    with pytest.raises(SpecError, match=r"no 'tt'.*Near: t\."):
        env.reset()


def test_an_environment_without_state_is_refused_at_the_first_step():
    env = JudgeSuccess(gym.make("CartPole-v1"), LATE)
    env.reset()
    with pytest.raises(SpecError, match=r"no info\['state'\]"):
        env.step(0)


def test_the_spec_makes_the_same_environment_again_from_json():
    env = JudgeSuccess(gym.make("CartPole-v1"), LATE)
    again = gym.make(gym.envs.registration.EnvSpec.from_json(env.spec.to_json()))
    assert again.rule == LATE


def test_stable_baselines_reads_the_verdict_of_each_episode():
    """Episodes of 4 and 2 steps by turns: the first reaches the goal, the second does not."""
    env = Monitor(JudgeSuccess(CaptureFrame(CountingEnv(lengths=(4, 2))), LATE))
    model = DQN("MlpPolicy", env, learning_starts=100, buffer_size=50, seed=0).learn(12)
    assert list(model.ep_success_buffer) == [True, False, True, False]

import gymnasium as gym
import numpy as np
import pytest
from gymnasium.spaces import Box, Discrete

from tests.toys import RED_PER_STEP, CountingEnv, red_reward
from vlmrm.errors import SpecError
from vlmrm.tasks import SuccessRule
from vlmrm.training.acting import RandomPolicy
from vlmrm.training.episodes import evaluate, mean_of, play
from vlmrm.wrappers import CaptureFrame, JudgeSuccess


class SeedEnv(gym.Env):
    """Lasts as many steps as its seed has ones, and pays its action; success is to see a 3."""

    observation_space = Box(0, 100, (1,))
    action_space = Discrete(5)

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        self.seed, self.t, self.length = seed, 0, seed % 4 + 1
        return np.array([seed], np.float32), {}

    def step(self, action):
        self.t += 1
        info = {"is_success": bool(action == 3)}
        return np.array([self.seed], np.float32), float(action), self.t == self.length, False, info


class SaysItsSeed:
    """Its action is what it sees, modulo 5."""

    def predict(self, observation, state=None, episode_start=None, deterministic=False):
        assert deterministic
        return observation[:, 0].astype(int) % 5, None


def test_each_episode_has_its_own_seed_length_return_and_success():
    records = evaluate(SaysItsSeed(), SeedEnv, episodes=6, seed=10)
    assert [record.seed for record in records] == [10, 11, 12, 13, 14, 15]
    assert [record.steps for record in records] == [3, 4, 1, 2, 3, 4]
    assert [record.env_return for record in records] == [0.0, 4.0, 2.0, 6.0, 12.0, 0.0]
    assert [record.success for record in records] == [False, False, False, True, False, False]


class CountsItsSteps:
    """Remembers how many steps each of its episodes has had, and says so."""

    def predict(self, observation, state=None, episode_start=None, deterministic=False):
        state = np.where(episode_start, 0, 0 if state is None else state) + 1
        return state, state


def test_what_a_policy_remembers_stays_with_its_episode_when_others_end():
    records = evaluate(CountsItsSteps(), SeedEnv, episodes=25, seed=10)
    assert [record.env_return for record in records] == [sum(range(1, record.steps + 1)) for record in records]
    assert {record.steps for record in records} == {1, 2, 3, 4}


def test_more_episodes_than_run_side_by_side_give_the_same_first_ones():
    few, many = (evaluate(SaysItsSeed(), SeedEnv, episodes=n, seed=0) for n in (5, 47))
    assert many[:5] == few
    assert len({record.seed for record in many}) == 47


def test_success_of_one_episode_does_not_leak_into_the_next():
    """Environments are used again; an earlier system never cleared its success flag."""
    rule = SuccessRule(where={"t": (3, 9)}, within_last=1, at_least=1)

    def make():
        return JudgeSuccess(CountingEnv((3, 1)), rule)  # the first episode succeeds, the second is too short

    records = evaluate(RandomPolicy(Discrete(2), seed=0), make, episodes=40, seed=0)
    assert [record.success for record in records] == [True] * 20 + [False] * 20


def test_frames_are_scored_after_each_episode_and_only_those_after_a_step():
    reward = red_reward()
    records = evaluate(
        RandomPolicy(Discrete(2), seed=0), lambda: CaptureFrame(CountingEnv((3, 5))), episodes=2, seed=0, reward=reward
    )
    assert reward.encoder.batches == [3, 5]
    shown = [np.mean([t + 1 for t in range(1, length + 1)]) * RED_PER_STEP / 255 for length in (3, 5)]
    assert [record.vlm_reward for record in records] == pytest.approx(shown)


def test_without_a_success_rule_success_is_unknown_not_zero():
    records = evaluate(RandomPolicy(Discrete(2), seed=0), CountingEnv, episodes=2, seed=0)
    assert mean_of(records).success is None
    assert mean_of(records).vlm_reward is None
    assert mean_of(records).env_return == -1 - 2 - 3


def test_the_random_policy_draws_from_the_whole_space_by_its_own_seed():
    policy = RandomPolicy(Box(-2, 2, (3,)), seed=1)
    before = np.random.get_state()[1].copy()  # noqa: NPY002
    actions, _ = policy.predict(np.zeros((200, 4)))
    assert actions.shape == (200, 3)
    assert actions.min() < -1.8
    assert actions.max() > 1.8
    np.testing.assert_array_equal(np.random.get_state()[1], before)  # noqa: NPY002
    np.testing.assert_array_equal(actions, RandomPolicy(Box(-2, 2, (3,)), seed=1).predict(np.zeros((200, 4)))[0])


def test_an_evaluation_of_no_episode_is_refused():
    with pytest.raises(SpecError, match="at least 1 episode; got 0"):
        evaluate(SaysItsSeed(), SeedEnv, episodes=0, seed=0)


def test_environments_are_closed_also_after_an_error():
    closed = []

    class Fragile(SeedEnv):
        def step(self, action):
            raise RuntimeError("broken")

        def close(self):
            closed.append(self)

    with pytest.raises(RuntimeError, match="broken"):
        evaluate(SaysItsSeed(), Fragile, episodes=2, seed=0)
    assert len(closed) == 2


def test_an_episode_is_played_to_its_end():
    first, *steps = play(RandomPolicy(Discrete(2), seed=0), CaptureFrame(CountingEnv((4,))), seed=0)
    assert first["frame"].max() == RED_PER_STEP
    assert [info["env_reward"] for info in steps] == [-1, -2, -3, -4]
    assert steps[-1]["frame"].max() == 5 * RED_PER_STEP

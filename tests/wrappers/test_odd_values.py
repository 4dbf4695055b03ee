"""Environments that return rewards, flags and frames of unusual forms, at every door."""

import warnings

import gymnasium as gym
import numpy as np
import pytest
import torch
from gymnasium.utils.env_checker import check_env
from gymnasium.vector import AutoresetMode, SyncVectorEnv

from tests.toys import CountingEnv, red_function, red_reward, red_spec, steps_shown
from tests.wrappers.test_adapters import ADAPTERS, SHOWN, relabelled, step_by_step
from vlmrm.errors import EnvValueWarning, FrameError, PairingError
from vlmrm.wrappers import CaptureFrame, JudgeSuccess, VLMReward
from vlmrm.wrappers.plain_values import PlainValues, plain_flags, plain_numbers
from vlmrm.wrappers.vector import VLMReward as VectorVLMReward


def odd(pay=lambda reward: reward, end=lambda flag: flag, tell=lambda info: info):
    """A CountingEnv whose values are changed into another form."""

    class Odd(CountingEnv):
        def step(self, action):
            obs, reward, terminated, truncated, info = super().step(action)
            return obs, pay(reward), end(terminated), end(truncated), tell(info)

    return Odd


@pytest.mark.parametrize("rewards_of", ADAPTERS)
@pytest.mark.parametrize(
    "kind",
    [
        odd(pay=lambda reward: np.array([reward])),
        odd(pay=lambda reward: torch.tensor(reward)),
        odd(pay=lambda reward: float("nan")),
        odd(end=int),
        odd(end=lambda flag: np.array([flag])),
        odd(end=np.bool_),
    ],
    ids=["reward (1,)", "tensor", "nan", "int flags", "flags (1,)", "numpy flags"],
)
def test_the_picture_is_paid_whatever_form_the_environments_own_values_have(kind, rewards_of):
    looks_back = red_reward(over_time={"kind": "shaping", "gamma": 0.99})
    assert steps_shown(rewards_of(red_reward(), kind=kind)[:, 0]) == SHOWN
    np.testing.assert_array_equal(rewards_of(looks_back, kind=kind), rewards_of(looks_back))


@pytest.mark.parametrize("rewards_of", ADAPTERS)
@pytest.mark.parametrize(
    ("pay", "said"),
    [
        (lambda reward: None, "returned None"),
        (lambda reward: np.ones(2), r"returned a value of type ndarray and shape \(2,\)"),
    ],
)
def test_an_own_reward_that_is_not_a_number_is_named_in_a_warning_and_the_picture_is_paid(pay, said, rewards_of):
    with pytest.warns(EnvValueWarning, match=rf"<Odd instance> {said} as its reward.*env_reward in the infos is NaN"):
        rewards = rewards_of(red_reward(), kind=odd(pay))
    assert steps_shown(rewards[:, 0]) == SHOWN


@pytest.mark.parametrize("rewards_of", ADAPTERS)
def test_an_own_reward_that_counts_must_be_a_finite_number(rewards_of):
    with pytest.raises(PairingError, match=r"own reward of environment 0 is .*nan.*, and env_weight=0\.5 adds"):
        rewards_of(red_reward(), kind=odd(lambda reward: float("nan")), env_weight=0.5)
    paid = rewards_of(red_reward(), kind=odd(lambda reward: np.array([reward])), env_weight=0.5)
    np.testing.assert_array_equal(paid, rewards_of(red_reward(), env_weight=0.5))


@pytest.mark.parametrize("rewards_of", ADAPTERS)
@pytest.mark.parametrize("end", [lambda flag: None, lambda flag: np.array([flag, flag]), lambda flag: "no"])
def test_a_flag_that_is_neither_true_nor_false_is_named_with_its_environment(end, rewards_of):
    with pytest.raises(PairingError, match=r"terminated of <Odd instance> is .*; it must be true or false"):
        rewards_of(red_reward(), kind=odd(end=end))


@pytest.mark.parametrize("rewards_of", ADAPTERS)
def test_an_info_that_is_not_a_dictionary_is_refused(rewards_of):
    with pytest.raises(PairingError, match=r"<Odd instance> returned None as its info"):
        rewards_of(red_reward(), kind=odd(tell=lambda info: None))


def test_values_of_a_wrapper_around_the_captured_frames_are_read_too():
    class Outside(gym.Wrapper):
        def step(self, action):
            obs, reward, terminated, truncated, info = self.env.step(action)
            return obs, np.array([reward]), int(terminated), np.array([truncated]), info

    env = VLMReward(Outside(CaptureFrame(CountingEnv())), red_reward())
    env.reset()
    _, _, terminated, truncated, info = env.step(0)
    assert (terminated, truncated, info["env_reward"]) == (False, False, -1.0)


def test_values_of_vector_environments_are_read_one_by_one_and_counted():
    assert plain_numbers(np.array([[1.0], [2.0]]), 2).tolist() == [1.0, 2.0]
    assert plain_flags([1, False, np.True_], 3, "dones").tolist() == [True, False, True]
    with pytest.raises(PairingError, match=r"3 environments returned .* as their rewards"):
        plain_numbers([1.0, 2.0], 3)
    with pytest.raises(PairingError, match=r"dones of environment 1 is 2"):
        plain_flags([1, 2], 2, "dones")


def test_plain_values_are_those_of_the_environment():
    env = PlainValues(odd(lambda reward: np.array([reward]), int)())
    env.reset()
    assert env.step(0)[1:] == (-1.0, False, False, {"state": {"t": 1.0}})


class Growing(CountingEnv):
    """Its picture is one pixel higher after every step."""

    def render(self):
        self.size = (8 + self.t, 8)
        return super().render()


class Tall(CountingEnv):
    def render(self):
        self.size = (16, 8)
        return super().render()


@pytest.mark.parametrize("rewards_of", ADAPTERS)
def test_frames_that_change_their_size_are_paid_where_the_reward_says_how_to_shrink_them(rewards_of):
    rewards = rewards_of(red_reward(), kind=Growing)
    assert np.abs(np.array(steps_shown(rewards[:, 0])) - SHOWN).max() < 0.1


@pytest.mark.parametrize("rewards_of", [relabelled, step_by_step])
def test_frames_of_several_sizes_that_nothing_shrinks_are_refused_with_the_remedy(rewards_of):
    def grow(lengths):
        Growing.count = getattr(Growing, "count", 0) + 1
        return Growing(lengths) if Growing.count % 2 else Tall(lengths)

    with pytest.raises(
        FrameError, match=r"must have one size; got \(\d+, 8, 3\).*CaptureFrame\(env, reward\.capture\)"
    ):
        rewards_of(red_function(), kind=grow)


def test_gymnasiums_error_about_frames_of_two_sizes_says_what_to_do():
    envs = SyncVectorEnv([lambda: CaptureFrame(CountingEnv()), lambda: CaptureFrame(Tall())])
    envs = VectorVLMReward(envs, red_function())
    with pytest.raises(FrameError, match=r"different sizes, CaptureFrame\(env, reward\.capture\)"):
        envs.reset()


def structure(info):
    return {key: structure(value) if isinstance(value, dict) else type(value) for key, value in info.items()}


def test_the_infos_of_a_reset_and_of_a_step_have_the_same_keys_and_types():
    """Collectors of data sets, Minari's for one, take no others."""
    from vlmrm.tasks import SuccessRule

    rule = SuccessRule(where={"t": (2, 9)}, within_last=3, at_least=2)
    env = VLMReward(JudgeSuccess(CountingEnv(), rule), red_reward())
    first = env.reset()[1]
    assert structure(first) == structure(env.step(0)[-1])
    assert {"frame", "env_reward", "vlm_reward", "in_goal", "is_success"} <= set(first)
    assert (first["env_reward"], first["vlm_reward"], first["in_goal"], first["is_success"]) == (0.0, 0.0, False, False)


@pytest.mark.parametrize("mode", list(AutoresetMode))
def test_the_infos_of_a_vector_environment_have_the_same_keys_at_reset_and_step(mode):
    envs = SyncVectorEnv([lambda: CaptureFrame(CountingEnv((9,)))] * 2, autoreset_mode=mode)
    envs = VectorVLMReward(envs, red_reward())
    first, then = envs.reset()[1], envs.step(np.zeros(2, int))[-1]
    assert {key: np.asarray(value).shape for key, value in first.items() if "state" not in key} == {
        key: np.asarray(value).shape for key, value in then.items() if "state" not in key
    }
    assert (first["vlm_reward"].tolist(), first["_vlm_reward"].tolist()) == ([0.0, 0.0], [True, True])
    assert envs.autoreset_mode is mode  # under the name that other libraries ask for


@pytest.mark.usefixtures("colour_models")
def test_gymnasiums_checker_of_environments_has_no_complaint():
    """It makes the environment again from its spec, once in each of its render modes."""
    env = VLMReward(gym.make("CartPole-v1", render_mode="rgb_array"), red_spec())
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", r".*(different from the unwrapped version|A Box observation space m)")
        check_env(env)

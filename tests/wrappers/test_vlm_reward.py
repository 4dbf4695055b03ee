import json

import gymnasium as gym
import pytest
from gymnasium.wrappers import Autoreset

from tests import toys
from tests.toys import SIZE_PX, UNSCORED, ColourEncoder, CountingEnv, red_spec, steps_shown
from vlmrm import RewardModel
from vlmrm.errors import FrameError, PairingError, SurvivalBonusWarning
from vlmrm.frames.preprocessing import Preprocessing
from vlmrm.wrappers import CaptureFrame, VLMReward


def steps_rewarded(env, steps):
    return steps_shown([env.step(0)[1] for _ in range(steps)])


def test_the_reward_is_the_score_of_the_frame_after_the_step(red_reward):
    env = VLMReward(CountingEnv(lengths=(4,)), red_reward)
    env.reset()
    assert steps_rewarded(env, 4) == [1, 2, 3, 4]


def test_both_rewards_and_the_frame_are_in_info(red_reward):
    env = VLMReward(CountingEnv(), red_reward)
    assert env.reset()[1]["frame"].shape == (SIZE_PX, SIZE_PX, 3)
    env.step(0)
    _, reward, _, _, info = env.step(0)
    assert (type(reward), type(info["env_reward"]), type(info["vlm_reward"])) == (float, float, float)
    assert (info["vlm_reward"], info["env_reward"]) == (reward, -2.0)
    assert info["frame"].shape == (SIZE_PX, SIZE_PX, 3)


@pytest.mark.filterwarnings("ignore::vlmrm.errors.SurvivalBonusWarning")  # terminating is what is tested
@pytest.mark.parametrize("ends_by", ["truncated", "terminated"])
def test_a_time_limit_stays_a_time_limit_and_a_termination_a_termination(red_reward, ends_by):
    env = VLMReward(CountingEnv(lengths=(2,), ends_by=ends_by), red_reward)
    env.reset()
    ends = [env.step(0)[2:4] for _ in range(2)]
    assert ends == [(False, False), (ends_by == "terminated", ends_by == "truncated")]


def test_it_uses_the_frames_that_are_captured_already(red_reward):
    captured = CaptureFrame(CountingEnv(), red_reward.encoder.preprocessing)
    assert VLMReward(captured, red_reward).env is captured


def test_the_reset_step_of_an_inner_autoreset_is_not_scored(red_reward):
    env = VLMReward(Autoreset(CountingEnv(lengths=(2,))), red_reward)
    env.reset()
    assert steps_rewarded(env, 6) == [1, 2, UNSCORED, 1, 2, UNSCORED]
    assert sum(red_reward.encoder.batches) == 4


def test_a_reset_by_hand_makes_an_inner_autoreset_forget(red_reward):
    env = VLMReward(Autoreset(CountingEnv(lengths=(2,))), red_reward)
    env.reset()
    steps_rewarded(env, 2)
    env.reset()
    assert steps_rewarded(env, 2) == [1, 2]


def test_an_outer_autoreset_works_as_usual(red_reward):
    env = Autoreset(VLMReward(CountingEnv(lengths=(2,)), red_reward))
    env.reset()
    assert steps_rewarded(env, 5) == [1, 2, UNSCORED, 1, 2]


def test_any_environment_that_renders_can_be_rewarded(red_reward):
    """CartPole draws dark shapes on white: red is as strong as green and blue, hence about 1/sqrt(3)."""
    env = VLMReward(gym.make("CartPole-v1", render_mode="rgb_array"), red_reward)
    env.reset(seed=0)
    assert env.step(0)[1] == pytest.approx(3**-0.5, abs=0.01)


@pytest.mark.usefixtures("colour_models")
@pytest.mark.parametrize("given", [red_spec(), red_spec().to_dict()])
def test_a_spec_or_its_dictionary_is_loaded_first(given):
    env = VLMReward(CountingEnv(), given)
    env.reset()
    assert steps_rewarded(env, 2) == [1, 2]


def test_the_spec_makes_the_same_environment_again_from_json(colour_models):
    spec = red_spec(scaling={"subtract": 0.25})
    env = VLMReward(
        gym.make("CartPole-v1", render_mode="rgb_array"), RewardModel(ColourEncoder(), spec), env_weight=0.5
    )
    written = env.spec.to_json()
    said = json.loads(written)["additional_wrappers"][-1]["kwargs"]
    assert said == {"reward": spec.to_dict(), "env_weight": 0.5, "end_on_reward": False}
    again = gym.make(gym.envs.registration.EnvSpec.from_json(written))
    for one in (env, again):
        one.reset(seed=0)
    paid = env.step(0)[1]
    assert paid == again.step(0)[1]
    assert paid == pytest.approx(3**-0.5 - 0.25 + 0.5, abs=0.01)
    assert len(colour_models) == 1


def test_the_model_is_never_copied(red_reward):
    """Gymnasium deep-copies what RecordConstructorArgs is given; ColourEncoder raises when it is copied."""
    env = VLMReward(gym.make("CartPole-v1", render_mode="rgb_array"), red_reward)
    assert env.spec is not None
    assert env._rewards.reward is red_reward


def test_an_environment_that_does_not_render_is_refused_at_once(red_reward):
    with pytest.raises(FrameError, match=r'render_mode="rgb_array"'):
        VLMReward(gym.make("CartPole-v1"), red_reward)


def test_frames_shrunk_for_another_encoder_are_refused(red_reward):
    other = Preprocessing(size_px=2 * SIZE_PX, mean=(0.0, 0.0, 0.0), std=(1.0, 1.0, 1.0))
    with pytest.raises(PairingError, match="another encoder"):
        VLMReward(CaptureFrame(CountingEnv(), other), red_reward)


def test_two_rewards_around_one_environment_are_refused(red_reward):
    with pytest.raises(PairingError, match="already"):
        VLMReward(VLMReward(CountingEnv(), red_reward), red_reward)


def test_a_wrapper_that_takes_the_frame_out_of_info_is_named_in_the_error(red_reward):
    class DropInfo(gym.Wrapper):
        def step(self, action):
            return (*self.env.step(action)[:4], {"left": 1})

    env = VLMReward(DropInfo(CaptureFrame(CountingEnv())), red_reward)
    env.reset()
    with pytest.raises(PairingError, match="no frame in its info, only left"):
        env.step(0)


def test_a_scaling_is_applied_to_every_score(red_reward):
    centred = toys.red_reward(scaling={"subtract": 0.5})
    plain, centred = VLMReward(CountingEnv(), red_reward), VLMReward(CountingEnv(), centred)
    for env in (plain, centred):
        env.reset()
    assert [centred.step(0)[1] for _ in range(3)] == pytest.approx([plain.step(0)[1] - 0.5 for _ in range(3)])


def test_early_termination_under_a_constant_reward_warns_once_with_the_numbers(red_reward):
    """Steps 1 to 3 are worth 40, 60 and 80 of 255: on average 0.235, with a spread of 0.064."""
    env = VLMReward(CountingEnv(lengths=(3,), ends_by="terminated"), red_reward)
    env.reset()
    said = r"0\.235 on average with a spread of only 0\.064.*scaling = \{ subtract = 0\.2353 \}"
    with pytest.warns(SurvivalBonusWarning, match=said):
        steps_rewarded(env, 3)
    env.reset()
    steps_rewarded(env, 3)  # warnings are errors here: a second one would fail


@pytest.mark.parametrize(("ends_by", "subtract"), [("truncated", 0.0), ("terminated", 0.2353)])
def test_neither_a_time_limit_nor_a_centred_reward_warns(ends_by, subtract):
    reward = toys.red_reward(scaling={"subtract": subtract})
    env = VLMReward(CountingEnv(lengths=(3,), ends_by=ends_by), reward)
    env.reset()
    steps_rewarded(env, 3)


def test_a_constant_penalty_that_pays_for_dying_warns_too():
    """The average of the three scores less 1 is -0.765; taking 0.2353 off instead of 1 centres them."""
    reward = toys.red_reward(scaling={"subtract": 1.0})
    env = VLMReward(CountingEnv(lengths=(3,), ends_by="terminated"), reward)
    env.reset()
    said = r"-0\.765 on average.*paid to end the episode.*scaling = \{ subtract = 0\.2353 \}"
    with pytest.warns(SurvivalBonusWarning, match=said):
        steps_rewarded(env, 3)

"""The quality of pictures is part of a reward: kept in what is recorded, and refused where it is another."""

from dataclasses import replace

import gymnasium as gym
import numpy as np
import pytest
from stable_baselines3 import SAC
from stable_baselines3.common.vec_env import DummyVecEnv

from vlmrm import PromptSet, RewardModel
from vlmrm.agents import RelabelCallback, VecVLMReward
from vlmrm.errors import PairingError
from vlmrm.wrappers import CaptureFrame, RenderMujoco, VLMReward
from vlmrm.wrappers import vector as vectors

mujoco = pytest.importorskip("mujoco")
bindings = pytest.importorskip("tests.rendering.bindings")


RED_BOX = """<mujoco><visual><headlight ambient='1 1 1' diffuse='0 0 0' specular='0 0 0'/></visual><worldbody>
<camera name='front' pos='0 -4 0' euler='90 0 0'/><geom type='box' size='.5 .5 .5' euler='0 30 0' rgba='1 0 0 1'/>
</worldbody></mujoco>"""


@pytest.fixture(scope="module")
def reward():
    return RewardModel.load("sim-xs", PromptSet("a hopper standing", "a hopper"))


def hopper(quality):
    env = gym.make("Hopper-v5", render_mode="rgb_array", width=64, height=64)
    return env if quality is None else RenderMujoco(env, quality=quality, size_px=64)


def asks_for(reward, quality):
    return RewardModel(reward.encoder, replace(reward.spec, render_quality=quality))


@pytest.mark.parametrize(("drawn", "kept"), [("fast", "fast"), ("full", "full"), (None, "full")])
def test_what_was_drawn_is_recorded(reward, drawn, kept):
    """Gymnasium's own pictures of MuJoCo are as the XML says: full."""
    env = VLMReward(hopper(drawn), reward)
    assert env.spec.additional_wrappers[-1].kwargs["reward"]["render_quality"] == kept
    assert VLMReward(env.env, asks_for(reward, kept)).spec is not None


def test_an_environment_that_has_no_quality_fits_any_reward(reward):
    env = VLMReward(gym.make("CartPole-v1", render_mode="rgb_array"), asks_for(reward, "fast"))
    assert env.spec.additional_wrappers[-1].kwargs["reward"]["render_quality"] == "fast"


@pytest.mark.parametrize(("drawn", "wanted"), [("fast", "full"), ("full", "fast"), (None, "fast")])
def test_another_quality_than_the_rewards_is_refused_by_all_that_pay(reward, drawn, wanted):
    other = asks_for(reward, wanted)

    def captured():
        return CaptureFrame(hopper(drawn), reward.capture)

    with pytest.raises(PairingError, match=f"render_quality='{wanted}'"):
        VLMReward(hopper(drawn), other)
    with pytest.raises(PairingError, match=f"render_quality='{wanted}'"):
        vectors.VLMReward(gym.vector.SyncVectorEnv([captured]), other)
    with pytest.raises(PairingError, match=f"render_quality='{wanted}'"):
        VecVLMReward(DummyVecEnv([captured]), other)
    with pytest.raises(PairingError, match=f"render_quality='{wanted}'"):
        SAC("MlpPolicy", DummyVecEnv([captured])).learn(1, callback=RelabelCallback(other))


@pytest.mark.parametrize(("drawn", "wanted"), [("fast", "full"), (None, "fast")])
def test_the_quality_of_an_environment_inside_another_is_known(reward, drawn, wanted):
    env = bindings.Maze(hopper(drawn))
    with pytest.raises(PairingError, match=f"render_quality='{wanted}'"):
        VLMReward(env, asks_for(reward, wanted))
    assert CaptureFrame(env).drawn_quality == (drawn or "full")


def test_the_model_of_another_binding_is_found():
    assert CaptureFrame(bindings.ByHand("box", "1 0 0")).drawn_quality == "full"


@pytest.mark.parametrize("quality", ["fast", "full"])
def test_fast_pictures_have_hard_edges(quality):
    """Red before black has two colours without antialiasing, and others at its edges with it."""
    env = gym.Env()
    env.render_mode, env.model = "rgb_array", mujoco.MjModel.from_xml_string(RED_BOX)
    env.data = mujoco.MjData(env.model)
    mujoco.mj_forward(env.model, env.data)
    picture = RenderMujoco(env, "front", quality=quality, size_px=64).render()
    colours = len(np.unique(picture.reshape(-1, 3), axis=0))
    assert (colours == 2) == (quality == "fast")

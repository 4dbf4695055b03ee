"""torchrl's wrapper steps our environments, one and several."""

import gymnasium as gym
import numpy as np
from torchrl.envs import GymWrapper, check_env_specs

from vlmrm.wrappers import CaptureFrame, VLMReward
from vlmrm.wrappers.vector import VLMReward as VectorVLMReward


def test_it_steps_one_environment_and_pays_our_reward(reward):
    env = GymWrapper(VLMReward(gym.make("CartPole-v1", render_mode="rgb_array"), reward))
    check_env_specs(env)
    env.set_seed(0)
    held = env.rollout(50, break_when_any_done=False)
    twin = VLMReward(gym.make("CartPole-v1", render_mode="rgb_array"), reward)
    twin.reset(seed=0)
    paid = held["next", "reward"].flatten().numpy()
    assert len(paid) == 50
    assert np.isfinite(paid).all()
    assert not (paid == 1.0).any()


def test_it_steps_a_vector_environment(reward):
    envs = gym.make_vec(
        "CartPole-v1",
        num_envs=3,
        vectorization_mode="sync",
        vector_kwargs={"autoreset_mode": gym.vector.AutoresetMode.SAME_STEP},  # the only one that torchrl takes
        render_mode="rgb_array",
        wrappers=[CaptureFrame],
    )
    env = GymWrapper(VectorVLMReward(envs, reward))
    held = env.rollout(60, break_when_any_done=False)
    paid = held["next", "reward"]
    assert tuple(paid.shape[:2]) == (3, 60)
    assert bool(paid.isfinite().all())
    assert not bool((paid == 1.0).any())

import gymnasium as gym
import pytest


@pytest.fixture(scope="module")
def body():
    """Model and data of the humanoid."""
    env = gym.make("vlmrm_envs:vlmrm/Humanoid-v0").unwrapped
    env.reset(seed=0)
    return env.model, env.data

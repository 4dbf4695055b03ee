"""The rewards of the three tasks that take a constant off, as today's weights of the built-in models give them."""

import numpy as np
import pytest
import vlmrm_envs as envs

from vlmrm import RewardModel
from vlmrm.wrappers.make_env import MakeEnv

PAID = {  # along the sweep, from its first value on, in six steps
    "cartpole/upright": [-0.2020385, -0.2838123, -0.0632398, 0.2004284, -0.0686384, -0.3103796],
    "cartpole/hanging": [0.2675554, 0.1169665, -0.1324813, -0.0743457, -0.0881698, 0.1404421],
    "hopper/stand": [-0.6313882, -0.3983684, -0.0589107, 0.101368, 0.0374086, -0.2522042],
}


@pytest.mark.parametrize("name", PAID)
def test_what_a_task_pays_for_its_pictures_stays(name):
    if name.startswith("hopper"):
        pytest.importorskip("mujoco")
    task = envs.task(name)
    reward = RewardModel.from_spec(task.reward, device="cpu")
    env = MakeEnv(task=task, pictures=True, preprocessing=reward.capture)()
    try:
        env.reset(seed=0)
        frames = []
        for value in np.linspace(task.sweep.low, task.sweep.high, 7)[:-1]:
            env.unwrapped.place(float(value))
            frames.append(env.render())
    finally:
        env.close()
    np.testing.assert_allclose(reward.score(np.stack(frames)).numpy(), PAID[name], atol=1e-6)

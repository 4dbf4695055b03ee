"""The rewards of the three tasks that take a constant off, as they were while `train.offset` did it after scoring."""

import numpy as np
import pytest
import vlmrm_envs as envs

from vlmrm import RewardModel
from vlmrm.wrappers.make_env import MakeEnv

PAID = {  # along the sweep, from its first value on, in six steps
    "cartpole/upright": [-0.2478566, -0.3127853, -0.0894001, 0.1775391, -0.1084582, -0.3138847],
    "cartpole/hanging": [0.2518171, 0.0273013, -0.1456116, -0.1346947, -0.1680852, 0.0657704],
    "hopper/stand": [-0.8722566, -0.4028285, -0.0021844, 0.1532047, 0.0851595, -0.2760944],
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

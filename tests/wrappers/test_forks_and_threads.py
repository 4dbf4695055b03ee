"""Workers shrink frames with torch: none waits for threads that stayed behind, and none is sent a model."""

import doctest
import os
import subprocess
import sys

import cloudpickle
import numpy as np
import pytest

from vlmrm.agents import vec_reward
from vlmrm.wrappers import vector

EVERY_KIND = """
import multiprocessing
from functools import partial

import gymnasium as gym

from vlmrm.wrappers import CaptureFrame

def make(size):
    return CaptureFrame(gym.make("CartPole-v1", render_mode="rgb_array"), size)

def brightness(frames):
    sizes.add(frames.shape[1])
    return frames.float().mean(dim=(1, 2, 3))

def of_stable_baselines(kind, **start):
    envs = VecVLMReward(kind([partial(make, size)], **start), reward)
    envs.seed(0)
    envs.reset()
    return envs, envs.step([0])[1]

def of_gymnasium(kind, **start):
    envs = VLMReward(kind([partial(make, size)], **start), reward)
    envs.reset(seed=0)
    return envs, envs.step([0])[1]

if __name__ == "__main__":
    multiprocessing.set_forkserver_preload(
        ["vlmrm.wrappers.capture_frame", "stable_baselines3.common.vec_env", "gymnasium.envs.classic_control.cartpole"]
    )
    multiprocessing.get_context("forkserver").Process(target=print).start()  # it imports while this does
    from gymnasium.vector import AsyncVectorEnv, SyncVectorEnv
    from stable_baselines3.common.vec_env import DummyVecEnv, SubprocVecEnv
    from vlmrm.rewards import FunctionReward
    from vlmrm.agents import VecVLMReward
    from vlmrm.frames import Preprocessing
    from vlmrm.wrappers.vector import VLMReward
    size = Preprocessing(size_px=224, mean=(0.5, 0.5, 0.5), std=(0.5, 0.5, 0.5), resize_mode="squash")
    sizes, reward = set(), FunctionReward(brightness)
    for run, single, processes, word in (
        (of_stable_baselines, DummyVecEnv, SubprocVecEnv, "start_method"),
        (of_gymnasium, SyncVectorEnv, AsyncVectorEnv, "context"),
    ):
        for kind, start in [(single, {}), *((processes, {word: start}) for start in ("fork", "forkserver", "spawn"))]:
            envs, rewards = run(kind, **start)
            print(f"{rewards[0]:.2f}", *sizes, kind.__name__, *start.values(), flush=True)
            envs.close()
"""


def test_frames_of_224_pixels_come_from_every_kind_of_worker_on_two_threads(tmp_path):
    """Torch shares out large frames to threads, which a forked worker lacks: it once waited for them for ever."""
    script = tmp_path / "script.py"
    script.write_text(EVERY_KIND)
    command = [sys.executable, "-W", "ignore", str(script)]
    variables = os.environ | {"OMP_NUM_THREADS": "2"}
    done = subprocess.run(command, env=variables, capture_output=True, text=True, timeout=150, check=False)
    assert done.returncode == 0, done.stderr
    lines = [line.split() for line in done.stdout.splitlines() if line]
    assert len(lines) == 8
    assert {(reward, size) for reward, size, *_ in lines} == {(lines[0][0], "224")}


@pytest.mark.parametrize("documented", [vector.VLMReward, vec_reward.VecVLMReward])
def test_what_the_examples_send_to_a_worker_is_small(documented):
    """A closure that held the reward took a model of megabytes into each worker."""
    example = doctest.DocTestParser().get_examples(documented.__doc__)
    names = {"__name__": "__main__"}  # as in a user's script, whose functions are sent whole
    names |= {"np": np, documented.__name__: documented}
    exec("".join(line.source for line in example), names)
    assert len(cloudpickle.dumps(names["make" if "make" in names else "capture"])) < 100_000

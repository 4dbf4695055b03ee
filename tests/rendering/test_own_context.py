"""Environments that draw in one thread: each picture is the one that the environment draws alone, or an error."""

import gc
import os
import subprocess
import sys

import gymnasium as gym
import numpy as np
import pytest

from tests.toys import CountingEnv
from vlmrm.errors import FrameError
from vlmrm.rendering import egl
from vlmrm.wrappers import CaptureFrame, RenderMujoco

mujoco = pytest.importorskip("mujoco")
bindings = pytest.importorskip("tests.rendering.bindings")

if os.environ.get("MUJOCO_GL") != "egl":
    pytest.skip("another window system draws", allow_module_level=True)


def pusher():
    return CaptureFrame(gym.make("Pusher-v5", render_mode="rgb_array", width=96, height=96))


def frame(env):
    return env.reset(seed=0)[1]["frame"]


def red_box(**options):
    return CaptureFrame(bindings.ByHand("box", "1 0 0", **options))


def green_ball(**options):
    return CaptureFrame(bindings.ByHand("sphere", "0 1 0", **options))


def alone(make):
    env = make()
    picture = frame(env)
    assert picture.any()
    env.close()
    return picture


@pytest.mark.parametrize("make", [lambda: CaptureFrame(bindings.maze()), red_box], ids=["held inside", "by hand"])
def test_an_environment_draws_beside_others_what_it_draws_alone(make):
    env, wanted = make(), alone(make)
    others = [pusher(), green_ball()]
    for _ in range(2):
        np.testing.assert_array_equal(frame(env), wanted)
        for other in others:
            assert frame(other).any()


def test_a_context_of_another_binding_to_egl_is_kept_apart_too():
    theirs = bindings.context_of_another_egl()
    env, wanted = red_box(context=theirs), alone(red_box)
    frame(env)
    frame(pusher())
    np.testing.assert_array_equal(frame(env), wanted)


def test_closing_and_forgetting_one_environment_leaves_the_pictures_of_another():
    """Gymnasium frees a viewer's buffers in whichever context is current: the other's pictures were black."""
    env = CaptureFrame(gym.make("InvertedPendulum-v5", render_mode="rgb_array", width=64, height=64))
    plain, captured = gym.make("Pusher-v5", render_mode="rgb_array"), pusher()
    plain.reset(seed=0)
    plain.render()
    frame(captured)
    wanted = frame(env)
    plain.close()
    captured.close()
    del plain, captured
    gc.collect()
    np.testing.assert_array_equal(frame(env), wanted)


def test_a_plain_environment_beside_a_captured_one_keeps_its_own_context():
    plain = gym.make("Pusher-v5", render_mode="rgb_array", width=64, height=64)
    plain.reset(seed=0)
    wanted = plain.render()
    box = red_box()
    frame(box)
    ours = RenderMujoco(gym.make("InvertedPendulum-v5", render_mode="rgb_array"), size_px=64)
    ours.reset(seed=0)
    ours.render()
    np.testing.assert_array_equal(plain.render(), wanted)


def test_a_context_that_was_made_before_anybody_could_see_whose_it_is_is_refused():
    box, ball = red_box(at_once=True), green_ball(at_once=True)
    for env in (box, ball):
        with pytest.raises(FrameError, match=r"draws into whichever OpenGL context is current.*in reset\(\) or render"):
            frame(env)


class Speckled(CountingEnv):
    """Draws another picture each time."""

    def __init__(self):
        super().__init__()
        self.drawn = 0

    def render(self):
        self.drawn += 1
        return np.full((8, 8, 3), self.drawn, np.uint8)


def test_an_environment_that_needs_no_opengl_draws_beside_one_that_does():
    plain = gym.make("Pusher-v5", render_mode="rgb_array", width=64, height=64)
    plain.reset(seed=0)
    plain.render()  # its context stays current
    assert egl.current() is not None
    assert frame(CaptureFrame(CountingEnv()))[0, 0, 0] == 20
    assert frame(CaptureFrame(Speckled())).any()
    assert egl.current() is not None


FORKED = """
import sys
import gymnasium as gym
import torch
from tests.rendering import bindings
from tests.toys import CountingEnv
from vlmrm.wrappers import CaptureFrame

class Threads(CountingEnv):
    def render(self):
        return super().render() + torch.get_num_threads()

def first_frame(make):
    envs = gym.vector.AsyncVectorEnv([lambda: CaptureFrame(make())], context="fork")
    try:
        print(envs.reset(seed=0)[1]["frame"][0, 0, 0, 0], flush=True)
    except Exception as error:
        print(error, flush=True)
    envs.close(terminate=True)

if __name__ == "__main__":
    theirs = bindings.context_of_another_egl()
    by_hand = lambda: bindings.ByHand("box", "1 0 0", theirs)
    torch.set_num_threads(2)
    first_frame(by_hand)
    CaptureFrame(by_hand()).reset()
    for make in (by_hand, bindings.maze, Threads):
        first_frame(make)
"""


def test_a_fork_of_a_process_that_drew_by_any_binding_refuses_to_draw_by_any_and_waits_for_none():
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", FORKED], capture_output=True, text=True, timeout=120, check=False
    )
    before, by_hand, inside, threads = done.stdout.splitlines()
    assert before.isdigit(), done.stderr
    for said in (by_hand, inside):
        assert 'context="forkserver"' in said
    assert threads == "21"  # red of the first step, and one thread


NOTHING_DRAWS = """
import ctypes, os
from vlmrm.rendering import egl
found, of_ctypes = [], ctypes.CDLL
ctypes.CDLL = lambda name, **options: found.append(name) or of_ctypes(name, **options)
assert [egl.current() for _ in range(100)] == [None] * 100
assert found.count("libEGL.so.1") == 1, found
ctypes.CDLL = of_ctypes
import mujoco
context = mujoco.GLContext(64, 64)
context.make_current()
assert egl.current() is not None
"""


def test_egl_is_looked_for_once_until_somebody_loads_a_library():
    # a search that fails costs 50 microseconds, and each step asks several times
    subprocess.run([sys.executable, "-c", NOTHING_DRAWS], check=True, timeout=120)

"""Environments that draw with MuJoCo in other ways than Gymnasium's own do."""

import importlib.util
import sys
from typing import ClassVar

import gymnasium as gym
import mujoco
import numpy as np

SCENE = """<mujoco><worldbody><light pos='0 0 4'/><camera name='front' pos='0 -4 0' euler='90 0 0'/>
<geom type='{shape}' size='.5 .5 .5' rgba='{colour} 1'/></worldbody></mujoco>"""


class Maze(gym.Env):
    """Holds another environment and shows its pictures, as the mazes of Gymnasium-Robotics do."""

    def __init__(self, inner):
        self.robot = {"inside": [inner]}
        self.metadata, self.render_mode = inner.metadata, inner.render_mode
        self.observation_space, self.action_space = inner.observation_space, inner.action_space

    def reset(self, *, seed=None, options=None):
        return self.robot["inside"][0].reset(seed=seed)

    def step(self, action):
        return self.robot["inside"][0].step(action)

    def render(self):
        return self.robot["inside"][0].render()


def maze(env_id="InvertedPendulum-v5"):
    return Maze(gym.make(env_id, render_mode="rgb_array", width=64, height=64))


class Pointer:
    """Keeps model and data as dm_control's ``physics`` does."""

    def __init__(self, ptr):
        self.ptr = ptr


class Physics:
    def __init__(self, xml):
        self.model = Pointer(mujoco.MjModel.from_xml_string(xml))
        self.data = Pointer(mujoco.MjData(self.model.ptr))
        mujoco.mj_forward(self.model.ptr, self.data.ptr)


class ByHand(gym.Env):
    """Draws with a context that it makes current once, in its first reset or before."""

    metadata: ClassVar = {"render_modes": ["rgb_array"]}
    observation_space = action_space = gym.spaces.Discrete(1)
    render_mode = "rgb_array"

    def __init__(self, shape, colour, context=None, *, at_once=False):
        self.physics = Physics(SCENE.format(shape=shape, colour=colour))
        self.make_context, self.gl = context or mujoco.GLContext, None
        if at_once:
            self._start()

    def _start(self):
        self.gl = self.make_context(64, 64)
        self.gl.make_current()
        model = self.physics.model.ptr
        self.scene = mujoco.MjvScene(model, 100)
        self.buffers = mujoco.MjrContext(model, mujoco.mjtFontScale.mjFONTSCALE_150)
        mujoco.mjr_setBuffer(mujoco.mjtFramebuffer.mjFB_OFFSCREEN, self.buffers)
        self.camera = mujoco.MjvCamera()
        self.camera.type, self.camera.fixedcamid = mujoco.mjtCamera.mjCAMERA_FIXED, 0

    def reset(self, *, seed=None, options=None):
        if self.gl is None:
            self._start()
        return 0, {}

    def step(self, action):
        return 0, 0.0, False, False, {}

    def render(self):
        picture, whole = np.zeros((64, 64, 3), np.uint8), mujoco.MjrRect(0, 0, 64, 64)
        option, everything = mujoco.MjvOption(), mujoco.mjtCatBit.mjCAT_ALL
        model, data = self.physics.model.ptr, self.physics.data.ptr
        mujoco.mjv_updateScene(model, data, option, None, self.camera, everything, self.scene)
        mujoco.mjr_render(whole, self.scene, self.buffers)
        mujoco.mjr_readPixels(picture, None, whole, self.buffers)
        return picture[::-1]


def context_of_another_egl():
    """The class of contexts of a second binding to EGL, with a display of its own, as dm_control has one."""
    spec = importlib.util.find_spec("mujoco.egl")
    another = importlib.util.spec_from_file_location("another_egl", spec.origin)
    module = importlib.util.module_from_spec(another)
    sys.modules["another_egl"] = module
    another.loader.exec_module(module)
    return module.GLContext

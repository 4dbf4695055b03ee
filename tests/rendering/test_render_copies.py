"""Copies, forks and models that are made anew: a picture is of the present state, or an error."""

import copy
import pickle
import subprocess
import sys

import gymnasium as gym
import numpy as np
import pytest

from vlmrm import PromptSet, RewardModel
from vlmrm.errors import SpecError
from vlmrm.rendering import Camera
from vlmrm.wrappers import CaptureFrame, RenderMujoco, VLMReward

mujoco = pytest.importorskip("mujoco")
MujocoEnv = pytest.importorskip("gymnasium.envs.mujoco").MujocoEnv
MujocoRenderer = pytest.importorskip("gymnasium.envs.mujoco.mujoco_rendering").MujocoRenderer

TORSO = Camera(track="torso", distance_m=3.0)
BALL = """<mujoco><worldbody><light pos='0 0 4'/><camera name='{camera}' pos='0 -4 1' euler='90 0 0'/>
<body name='{body}' pos='0 0 2'><freejoint/><geom size='{radius}' rgba='1 0 0 1'/></body></worldbody></mujoco>"""


class Balls(gym.Env):
    """Lets another ball fall after each reset, in a model of its own."""

    observation_space = action_space = gym.spaces.Discrete(1)
    camera, body = "front", "ball"

    def __init__(self):
        self.render_mode, self.radius = "rgb_array", 0.2
        self._load()

    def _load(self):
        xml = BALL.format(camera=self.camera, body=self.body, radius=self.radius)
        self.model = mujoco.MjModel.from_xml_string(xml)
        self.data = mujoco.MjData(self.model)
        mujoco.mj_forward(self.model, self.data)

    def reset(self, *, seed=None, options=None):
        self.radius += 0.2
        self._load()
        return 0, {}

    def step(self, action):
        for _ in range(100):
            mujoco.mj_step(self.model, self.data)
        return 0, 0.0, False, False, {}


def drawn(camera=TORSO, **options):
    return RenderMujoco(gym.make("Hopper-v5", render_mode="rgb_array"), camera, quality="fast", size_px=48, **options)


def through_pickle(env):
    return pickle.loads(pickle.dumps(env))


@pytest.mark.parametrize("camera", [TORSO, None], ids=["a camera", "its own view"])
@pytest.mark.parametrize("duplicate", [copy.deepcopy, through_pickle])
@pytest.mark.parametrize("before", [True, False], ids=["drawn before", "not drawn"])
def test_a_copy_draws_its_own_state(before, duplicate, camera):
    """It once drew the state that the original had when it was copied, for ever."""
    original = drawn(camera)
    original.reset(seed=0)
    if before:
        original.render()
    copied, expected = duplicate(original), drawn(camera)
    for env in (copied, expected):
        env.reset(seed=3)
        env.action_space.seed(0)
        for _ in range(10):
            env.step(env.action_space.sample())
    np.testing.assert_array_equal(copied.render(), expected.render())
    assert (copied.render() != original.render()).any()


@pytest.mark.filterwarnings("ignore::vlmrm.errors.OutOfDomainWarning")  # 48 pixels from a camera that it has not seen
def test_what_is_around_it_can_be_copied_too():
    reward = RewardModel.load("sim-xs", PromptSet("a hopper standing", "a hopper"))
    env = VLMReward(CaptureFrame(drawn(), reward.capture), reward)
    env.reset(seed=0)
    env.step(env.action_space.sample())
    copied = through_pickle(copy.deepcopy(env))
    action = np.zeros(3, np.float32)
    for each in (env, copied):
        each.reset(seed=5)
    first, second = (each.step(action)[4] for each in (env, copied))
    assert first["vlm_reward"] == pytest.approx(second["vlm_reward"], abs=1e-6)


def test_a_model_made_anew_is_the_one_that_is_drawn():
    env = RenderMujoco(Balls(), "front", size_px=64)
    reds = []
    for _ in range(3):
        env.reset()
        reds.append(int((env.render()[..., 0] > 60).sum()))
    assert reds[0] < reds[1] < reds[2]
    before = env.render()
    env.step(0)
    assert (env.render() != before).any()


def test_a_model_made_anew_without_the_camera_is_refused():
    inner = Balls()
    env = RenderMujoco(inner, Camera(name="front"), size_px=32)
    env.render()
    inner.camera = "back"
    env.reset()
    with pytest.raises(SpecError, match=r"no camera 'front'. Near: back"):
        env.render()


class Growing(MujocoEnv):
    """Gymnasium's kind, with a larger ball and another renderer after each reset."""

    def __init__(self, path, **options):
        self.radius, self.path = 0.2, path
        super().__init__(str(self._write()), 1, gym.spaces.Box(-1, 1, (1,)), render_mode="rgb_array", **options)

    def _write(self):
        self.path.write_text(BALL.format(camera="front", body="ball", radius=self.radius))
        return self.path

    def reset(self, *, seed=None, options=None):
        self.radius += 0.3
        self._write()
        self.model, self.data = self._initialize_simulation()
        mujoco.mj_forward(self.model, self.data)
        self.mujoco_renderer.close()
        self.mujoco_renderer = MujocoRenderer(self.model, self.data, camera_id=self.camera_id)
        return 0, {}


def test_an_environments_own_view_is_that_of_its_present_model(tmp_path):
    """Its camera was once the first model's: the body was not in the picture, or Python ended."""
    env = RenderMujoco(Growing(tmp_path / "ball.xml"), size_px=64)
    for _ in range(3):
        env.reset()
        fresh = RenderMujoco(env.env, size_px=64)
        np.testing.assert_array_equal(env.render(), fresh.render())
        assert (env.render()[..., 0] > 60).any()
    env.unwrapped.camera_id = 2
    env.reset()
    with pytest.raises(SpecError, match="camera_id must be the number"):
        env.render()


INHERITED = """
import os, signal, sys
import gymnasium as gym
from vlmrm.errors import FrameError
from vlmrm.wrappers import CaptureFrame, RenderMujoco

env = gym.make("Hopper-v5", render_mode="rgb_array")
env = CaptureFrame(RenderMujoco(env, size_px=64) if sys.argv[1] == "ours" else env)
env.reset(seed=0)
child = os.fork()
if child == 0:
    signal.alarm(60)  # ends it where it waits for ever
    try:
        env.reset(seed=0)
    except FrameError as error:
        print(error, flush=True)
    os._exit(0)
sys.exit(os.waitpid(child, 0)[1])
"""


@pytest.mark.parametrize("renderer", ["ours", "gymnasiums"])
def test_a_fork_does_not_draw_with_the_renderer_that_it_inherited(renderer):
    command = [sys.executable, "-W", "ignore", "-c", INHERITED, renderer]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    assert "OpenGL does not survive a fork" in done.stdout


FORKED = """
import sys
import gymnasium as gym
from vlmrm.wrappers import CaptureFrame, RenderMujoco

def make():
    env = gym.make("Hopper-v5", render_mode="rgb_array")
    return CaptureFrame(RenderMujoco(env, size_px=64) if sys.argv[1] == "ours" else env)

def fork():
    venv = gym.vector.AsyncVectorEnv([make, make], context="fork")
    try:
        obs, infos = venv.reset(seed=0)
        print("frames", infos["frame"].shape)
    except Exception as error:
        print(type(error).__name__, error)
    venv.close(terminate=True)

if __name__ == "__main__":
    fork()
    make().reset(seed=0)
    fork()
"""


@pytest.mark.parametrize("renderer", ["ours", "gymnasiums"])
def test_a_fork_of_a_process_that_drew_refuses_to_draw_and_does_not_wait_for_ever(renderer):
    command = [sys.executable, "-W", "ignore", "-c", FORKED, renderer]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    not_drawn, drawn = done.stdout.splitlines()
    assert not_drawn.startswith("frames (2, "), done.stderr
    assert 'context="forkserver"' in drawn, done.stderr


def test_a_cameras_name_is_a_camera():
    named, given = drawn("track"), drawn(Camera(name="track"))
    for env in (named, given):
        env.reset(seed=0)
    np.testing.assert_array_equal(named.render(), given.render())
    with pytest.raises(SpecError, match="no camera 'trak'"):
        drawn("trak")
    assert gym.make(named.spec).get_wrapper_attr("quality") == "fast"

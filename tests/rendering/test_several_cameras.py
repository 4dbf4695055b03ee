"""Several cameras of one moment of a MuJoCo environment, through every door that an agent is rewarded by."""

import json
from dataclasses import replace

import gymnasium as gym
import numpy as np
import pytest
import torch
from stable_baselines3 import SAC
from stable_baselines3.common.vec_env import DummyVecEnv

from vlmrm import PromptSet, RewardModel, RewardSpec
from vlmrm.agents import RelabelCallback, VecVLMReward
from vlmrm.encoders import load_encoder
from vlmrm.errors import FrameError, PairingError, SpecError
from vlmrm.rendering import Camera
from vlmrm.tasks import Task
from vlmrm.wrappers import CaptureFrame, RenderMujoco, VLMReward
from vlmrm.wrappers.make_env import MakeEnv
from vlmrm.wrappers.vector import VLMReward as VectorVLMReward

pytest.importorskip("mujoco")

CAMERAS = {
    name: Camera(lookat_m=(0, 0, 0.2), distance_m=3.2, azimuth_deg=azimuth)
    for name, azimuth in (("front", 90), ("side", 150))
}
PUSH = np.array([2.0], np.float32)


@pytest.fixture(scope="module")
def reward():
    """On a scale without a constant part, of which training would warn; the scale comes after the join."""
    spec = RewardSpec(
        encoder="sim-xs",
        prompts=PromptSet("a pole standing straight up", "a pole on a cart"),
        cameras={"names": ["front", "side"], "join": "lowest"},
        scaling={"subtract": 0.825, "divide": 0.1},
    )
    return RewardModel(load_encoder("sim-xs", device="cpu"), spec)


class OwnPictures(gym.Wrapper):
    """Keeps what each camera draws by itself after each step."""

    def __init__(self, env):
        super().__init__(env)
        self.alone = {name: RenderMujoco(env, camera, size_px=64, quality="fast") for name, camera in CAMERAS.items()}
        self.kept = []

    def step(self, action):
        answer = self.env.step(action)
        self.kept.append([one.render() for one in self.alone.values()])
        return answer


def pendulum():
    return OwnPictures(gym.make("InvertedPendulum-v5", render_mode="rgb_array"))


def drawn(env, cameras=CAMERAS):
    return RenderMujoco(env, size_px=64, quality="fast", cameras=cameras)


def by_hand(reward, kept):
    """Each camera's own pictures scored by the reward of one camera, and the lower score, scaled."""
    one = RewardModel(reward.encoder, replace(reward.spec, cameras=None, scaling=None))
    front, side = (one.score(list(pictures)) for pictures in zip(*kept, strict=True))
    return ((torch.minimum(front, side) - 0.825) / 0.1).numpy()


def test_a_frame_is_each_cameras_own_picture_side_by_side():
    env = CaptureFrame(drawn(pendulum()))
    env.reset(seed=0)
    frame = env.step(PUSH)[4]["frame"]
    np.testing.assert_array_equal(frame, np.concatenate(env.get_wrapper_attr("kept")[-1], axis=1))
    assert frame.shape == (64, 128, 3)
    assert np.abs(frame[:, :64].astype(int) - frame[:, 64:]).max() > 50  # the cameras see different things


def test_another_size_of_the_same_views():
    env = drawn(pendulum())
    env.reset(seed=0)
    np.testing.assert_array_equal(
        env.at_size(32).render(), RenderMujoco(env.env, size_px=32, quality="fast", cameras=CAMERAS).render()
    )


def test_the_wrapper_pays_what_is_scored_by_hand(reward):
    env = VLMReward(drawn(pendulum()), reward)
    env.reset(seed=0)
    paid = [env.step(PUSH)[1] for _ in range(4)]
    np.testing.assert_allclose(paid, by_hand(reward, env.get_wrapper_attr("kept")), atol=1e-5)
    assert np.ptp(paid) > 0.1


def test_an_environment_is_made_again_with_its_cameras(reward):
    env = VLMReward(drawn(gym.make("InvertedPendulum-v5", render_mode="rgb_array")), reward)
    again = gym.make(env.spec)
    first, second = (one.reset(seed=0)[1]["frame"] for one in (env, again))
    np.testing.assert_array_equal(first, second)
    assert again.get_wrapper_attr("drawn_cameras") == ("front", "side")


def test_the_vector_environments_pay_what_is_scored_by_hand(reward):
    made = [CaptureFrame(drawn(pendulum()), reward.capture) for _ in range(2)]
    venv = VecVLMReward(DummyVecEnv([lambda env=env: env for env in made]), reward)
    venv.seed(0)
    venv.reset()
    paid = np.stack([venv.step(np.stack([PUSH, -PUSH]))[1] for _ in range(8)])  # over the end of an episode
    for number, env in enumerate(made):
        np.testing.assert_allclose(paid[:, number], by_hand(reward, env.get_wrapper_attr("kept")), atol=1e-5)


def test_gymnasiums_vector_environments_do_so_too(reward):
    made = [CaptureFrame(drawn(pendulum()), reward.capture) for _ in range(2)]
    envs = VectorVLMReward(gym.vector.SyncVectorEnv([lambda env=env: env for env in made]), reward)
    envs.reset(seed=0)
    paid = np.stack([envs.step(np.stack([PUSH, -PUSH]))[1] for _ in range(3)])
    for number, env in enumerate(made):
        np.testing.assert_allclose(paid[:, number], by_hand(reward, env.get_wrapper_attr("kept")), atol=1e-5)


def test_the_callback_writes_what_is_scored_by_hand(reward):
    env = CaptureFrame(drawn(pendulum()), reward.capture)
    agent = SAC("MlpPolicy", env, train_freq=6, learning_starts=100, buffer_size=50, seed=0)
    agent.learn(12, callback=RelabelCallback(reward))
    stored = agent.replay_buffer.rewards[:12, 0]
    np.testing.assert_allclose(stored, by_hand(reward, env.get_wrapper_attr("kept")), atol=1e-5)


@pytest.mark.parametrize(
    ("cameras", "error", "message"),
    [
        (
            {"side": CAMERAS["side"], "front": CAMERAS["front"]},
            PairingError,
            "cameras front, side .* show the cameras side, front",
        ),
        ({"front": CAMERAS["front"]}, FrameError, "reads 2 pictures side by side .* the pictures of front"),
        (None, FrameError, "reads 2 pictures side by side .* the picture of one camera"),
    ],
)
def test_other_cameras_than_the_reward_names_are_refused(reward, cameras, error, message):
    with pytest.raises(error, match=message):
        VLMReward(drawn(pendulum(), cameras), reward)
    captured = CaptureFrame(drawn(pendulum(), cameras))
    with pytest.raises(PairingError, match="Draw with RenderMujoco"):
        VecVLMReward(DummyVecEnv([lambda: captured]), reward)


def test_a_reward_of_one_picture_refuses_two(reward):
    one = RewardModel(reward.encoder, replace(reward.spec, cameras=None))
    with pytest.raises(FrameError, match=r"reads one picture in each frame, .* front, side side by side"):
        VLMReward(drawn(pendulum()), one)


@pytest.mark.parametrize(
    ("cameras", "message"),
    [
        ({"front": {"trak": "cart"}}, r"unknown key cameras\.front\.trak\. Near: track"),
        ({"": CAMERAS["front"]}, "cameras are cameras by name"),
        ({"front": "nowhere"}, "no camera 'nowhere'"),
    ],
)
def test_what_is_no_camera_is_refused(cameras, message):
    with pytest.raises(SpecError, match=message):
        drawn(pendulum(), cameras)


def test_one_camera_and_several_are_not_given_together():
    with pytest.raises(SpecError, match="one camera, or several by name"):
        RenderMujoco(pendulum(), CAMERAS["front"], cameras=CAMERAS)


TASK = {
    "name": "pendulum/upright",
    "description": "",
    "env_id": "InvertedPendulum-v5",
    "episode_steps": 20,
    "render_quality": "fast",
    "cameras": {name: camera.to_dict() for name, camera in CAMERAS.items()},
    "reward": {"encoder": "sim-xs", "prompts": {"goal": "a pole standing straight up"}},
}


def test_a_task_with_two_cameras_survives_its_file(tmp_path):
    task = Task.from_dict(TASK)
    assert Task.from_dict(json.loads(json.dumps(task.to_dict()))) == task
    assert list(task.drawn_cameras) == ["front", "side"]
    assert task.reward.cameras.names == ("front", "side")
    assert task.reward.cameras.join == "mean"
    assert not task.draws_itself


def test_a_task_draws_the_cameras_that_its_reward_names_in_its_order():
    task = Task.from_dict(TASK | {"reward": TASK["reward"] | {"cameras": {"names": ["side", "front"]}}})
    reward = RewardModel.from_spec(task.reward, device="cpu")
    turned, as_given = (
        MakeEnv(task=task, pictures=True, preprocessing=reward.capture)(),
        MakeEnv(task=Task.from_dict(TASK), pictures=True, preprocessing=reward.capture)(),
    )
    left, right = (env.reset(seed=0)[1]["frame"] for env in (turned, as_given))
    assert left.shape == (64, 128, 3)
    np.testing.assert_array_equal(left[:, :64], right[:, 64:])


@pytest.mark.parametrize(
    ("said", "message"),
    [
        (
            {"reward": TASK["reward"] | {"cameras": {"names": ["fornt", "side"]}}},
            "'fornt' that there is not. Near: front",
        ),
        ({"camera": {"name": "x"}}, "has one camera, and its reward joins front, side"),
        ({"cameras": {"front": {"distance": 3}}}, r"unknown key cameras\.front\.distance"),
        ({"cameras": ["front"]}, "cameras are cameras by name"),
    ],
)
def test_cameras_of_a_task_that_cannot_be_meant_are_refused(said, message):
    with pytest.raises(SpecError, match=message):
        Task.from_dict(TASK | said)

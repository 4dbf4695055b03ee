from typing import ClassVar

import gymnasium as gym
import numpy as np
import pytest
from PIL import Image

from tests.toys import RED_PER_STEP, SIZE_PX, ColourEncoder, CountingEnv
from vlmrm.errors import FrameError, SpecError
from vlmrm.wrappers import CaptureFrame

PREPROCESSING = ColourEncoder().preprocessing


def test_the_frame_in_info_is_the_one_after_the_step():
    env = CaptureFrame(CountingEnv(lengths=(3,)))
    frames = [env.reset()[1]["frame"]] + [env.step(0)[-1]["frame"] for _ in range(3)]
    assert [frame[0, 0, 0] / RED_PER_STEP for frame in frames] == [1, 2, 3, 4]


def test_the_frame_of_a_second_episode_starts_again():
    env = CaptureFrame(CountingEnv(lengths=(2,)))
    env.reset()
    env.step(0)
    env.step(0)
    assert env.reset()[1]["frame"][0, 0, 0] == RED_PER_STEP


def test_everything_else_passes_through_untouched():
    env = CaptureFrame(CountingEnv(lengths=(1,)))
    env.reset()
    obs, reward, terminated, truncated, info = env.step(0)
    assert (obs, reward, terminated, truncated, info["state"]) == (np.float32([1]), -1.0, False, True, {"t": 1.0})


@pytest.mark.parametrize("size", [(40, 60), (SIZE_PX, 2 * SIZE_PX), (SIZE_PX, SIZE_PX)])
def test_frames_are_shrunk_to_the_size_of_the_encoder(size):
    env = CaptureFrame(CountingEnv(size=size), PREPROCESSING)
    env.reset()
    frame = env.step(0)[-1]["frame"]
    assert (frame.shape, frame.dtype) == ((SIZE_PX, SIZE_PX, 3), np.uint8)
    assert np.abs(frame[..., 0].astype(int) - 2 * RED_PER_STEP).max() <= 1


class SharedBuffer(CountingEnv):
    """Draws every picture into the same array, as some environments do."""

    buffer = np.zeros((SIZE_PX, SIZE_PX, 3), np.uint8)

    def render(self):
        self.buffer[:] = super().render()
        return self.buffer


@pytest.mark.parametrize("preprocessing", [None, PREPROCESSING])
def test_a_frame_keeps_its_picture_when_the_environment_draws_into_the_same_array(preprocessing):
    env = CaptureFrame(SharedBuffer(), preprocessing)
    first = env.reset()[1]["frame"]
    env.step(0)
    assert (first[..., 0] == RED_PER_STEP).all()


@pytest.mark.parametrize("mode", [None, "human", "rgb_array_list"])
def test_an_environment_without_rgb_pictures_is_refused_at_once(mode):
    with pytest.raises(FrameError, match=r'render_mode="rgb_array"'):
        CaptureFrame(CountingEnv(render_mode=mode))


@pytest.mark.parametrize(
    ("picture", "said"),
    [
        (None, "nothing"),
        ([np.zeros((4, 4, 3), np.uint8)], "a list"),
        (np.zeros((1, 4, 4, 3), np.uint8), r"shape \(1, 4, 4, 3\)"),
        (np.zeros((4, 4), np.uint8), r"what <CountingEnv instance> rendered .*got \(4, 4\)\. For a grey picture use"),
        (Image.new("RGB", (6, 4)), r"PIL\.Image\.Image of shape \(4, 6, 3\)"),
        (np.zeros((4, 4, 4), np.uint8), r"\(h, w, 3\)"),
        (np.zeros((4, 4, 3), np.float32), "uint8"),
    ],
)
def test_a_picture_that_is_not_rgb_is_refused_at_the_first_reset(picture, said):
    env = CountingEnv()
    env.render = lambda: picture
    with pytest.raises(FrameError, match=said):
        CaptureFrame(env).reset()


def test_the_spec_makes_the_same_environment_again():
    env = CaptureFrame(gym.make("CartPole-v1", render_mode="rgb_array"), PREPROCESSING)
    again = gym.make(gym.envs.registration.EnvSpec.from_json(env.spec.to_json()))
    assert again.get_wrapper_attr("capture_preprocessing") == PREPROCESSING
    assert again.reset()[1]["frame"].shape == (SIZE_PX, SIZE_PX, 3)


class ListsOnly(CountingEnv):
    metadata: ClassVar = {"render_modes": ["rgb_array_list", "human"]}


def test_an_environment_whose_render_modes_lack_rgb_array_is_refused_at_once():
    """Gymnasium only warns of the mode, and its checker fails at the first picture."""
    with pytest.raises(FrameError, match=r"its render modes are rgb_array_list, human, and rgb_array is needed"):
        CaptureFrame(ListsOnly())


def broken():
    raise KeyError("paint")


def test_a_fault_in_render_is_not_taken_for_a_missing_library():
    env = CountingEnv()
    env.render = broken
    with pytest.raises(FrameError, match=r"could not draw \(KeyError: 'paint'\). Its render\(\) raised") as refused:
        CaptureFrame(env).reset()
    assert "libegl" not in str(refused.value)


def test_a_mujoco_environment_whose_first_picture_fails_is_told_what_opengl_needs():
    env = CaptureFrame(ant())
    env.unwrapped.render = broken
    with pytest.raises(FrameError, match=r"KeyError: 'paint'.*If it is OpenGL that fails: .*libegl1"):
        env.reset(seed=0)


def test_a_mujoco_environment_that_has_drawn_does_not_lack_opengl():
    env = CaptureFrame(ant())
    env.reset(seed=0)
    env.unwrapped.render = broken
    with pytest.raises(FrameError, match="KeyError: 'paint'") as refused:
        env.step(np.zeros(8))
    assert "libegl" not in str(refused.value)


def ant(**options):
    pytest.importorskip("mujoco")
    return gym.make("Ant-v5", render_mode="rgb_array", **{"width": 64, "height": 64} | options)


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"camera_name": "nope"}, SpecError, "no camera 'nope'. It has: track"),
        ({"camera_id": 1}, SpecError, "one of the model's 1 cameras, from 0, or -1 for a free one; got 1"),
        ({"camera_id": "track"}, SpecError, "got 'track'"),
        ({"default_camera_config": {"far": 2.0}}, SpecError, "cannot take default_camera_config"),
        ({"default_camera_config": {"lookat": [0, 0]}}, SpecError, "cannot take default_camera_config"),
        ({"default_camera_config": 5}, SpecError, "cannot take default_camera_config=5"),
        (
            {"default_camera_config": {"distance": 2.0}, "camera_name": "track"},
            FrameError,
            r"ignored: .*distance = 2\.0",
        ),
        ({"default_camera_config": {"distance": 4.0}, "camera_id": 0}, FrameError, "ignored"),  # as the default says
        ({"default_camera_config": {"type": 1}, "camera_id": -1}, FrameError, "ignored: .*type = 1"),
        (  # a copy of Gymnasium's default with another distance
            {"default_camera_config": {"trackbodyid": 1, "distance": 2.0}, "camera_id": -1},
            FrameError,
            "trackbodyid = 1, and Gymnasium's camera follows nothing",
        ),
        (  # the model's own camera does follow
            {"default_camera_config": {"trackbodyid": 1, "distance": 2.0}, "camera_name": "track"},
            FrameError,
            "and the model's camera 0 draws",
        ),
        ({"width": 100_000}, FrameError, "too large for OpenGL"),
        ({"width": -4}, FrameError, "at least 1 pixel wide and high; got -4 x 64"),
    ],
)
def test_a_picture_other_than_the_environment_was_asked_for_is_refused(options, error, message):
    """Gymnasium draws some picture, or ends the process; a picture that is too large is not libEGL's fault."""
    with pytest.raises(error, match=message) as refused:
        CaptureFrame(ant(**options)).reset(seed=0)
    assert "libegl" not in str(refused.value)


def test_a_picture_larger_than_its_buffer_is_refused():
    """Gymnasium's viewer leaves the rest black."""
    env = ant()
    env.unwrapped.mujoco_renderer.width = 2000
    with pytest.raises(FrameError, match=r"2000 x 64 is larger than the model's offscreen buffer of"):
        CaptureFrame(env)


def test_a_renderer_of_another_kind_that_ignores_the_configuration_is_found_out_by_its_first_picture():
    from gymnasium.envs.mujoco.mujoco_rendering import MujocoRenderer

    class Careless(MujocoRenderer):
        def _set_cam_config(self):
            pass

    env = ant()
    inner = env.unwrapped
    inner.mujoco_renderer = Careless(inner.model, inner.data, {"distance": 2.0}, 64, 64, camera_id=-1)
    captured = CaptureFrame(env)
    with pytest.raises(FrameError, match=r"ignored: it says distance = 2\.0, and it draws with distance = 8\.0"):
        captured.reset(seed=0)


def test_a_configuration_that_applies_and_one_that_nobody_asked_for_are_drawn():
    config = {"distance": 3.0, "lookat": np.array([0.0, 0.0, 1.0]), "trackbodyid": -1}
    world = config | {"trackbodyid": 0}
    given = [{"default_camera_config": chosen, "camera_id": -1} for chosen in (config, world)]
    for options in ({}, {"camera_name": "track"}, *given):
        assert CaptureFrame(ant(**options)).reset(seed=0)[1]["frame"].shape == (64, 64, 3)


def frames_of(envs):
    """Of the reset and two steps, the environments taking turns."""
    frames = [[env.reset(seed=0)[1]["frame"]] for env in envs]
    for _ in range(2):
        for env, seen in zip(envs, frames, strict=True):
            seen.append(env.step(np.zeros(env.action_space.shape, np.float32))[-1]["frame"])
    return frames


def test_two_different_mujoco_environments_give_the_frames_that_each_gives_alone():
    """gymnasium 1.4 leaves the last viewer's GL context current, and the other environment is drawn wrongly."""
    pytest.importorskip("mujoco")

    def make(name):
        return CaptureFrame(gym.make(name, render_mode="rgb_array", width=64, height=64))

    names = ["InvertedPendulum-v5", "InvertedDoublePendulum-v5"]
    alone = []
    for name in names:
        env = make(name)
        alone += frames_of([env])
        env.close()
    together = frames_of([make(name) for name in names])
    np.testing.assert_array_equal(together, alone)

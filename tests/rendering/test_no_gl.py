"""A machine that cannot draw says which package is missing, and does everything that needs no picture."""

import os
import subprocess
import sys

import pytest

WITHOUT_EGL = """
import ctypes

class Loader(ctypes.CDLL):
    def __init__(self, name, *args, **kwargs):
        if "libEGL" in str(name):
            raise OSError(f"{name}: cannot open shared object file: No such file or directory")
        super().__init__(name, *args, **kwargs)

ctypes.CDLL = ctypes.cdll._dlltype = Loader  # PyOpenGL takes the latter
"""
DRAW = """
import gymnasium as gym
from vlmrm.errors import FrameError
from vlmrm.wrappers import RenderMujoco
env = RenderMujoco(gym.make("Hopper-v5", render_mode="rgb_array"))
env.reset()
try:
    env.render()
except FrameError as error:
    print(error)
"""
LABELLED = """
import vlmrm_envs as envs
from vlmrm.errors import FrameError
try:
    envs.labelled_frames("humanoid/kneeling", 4, seed=0)
except FrameError as error:
    print(error)
"""


_SET_BY_OTHERS = ("DISPLAY", "WAYLAND_DISPLAY", "MUJOCO_GL", "PYOPENGL_PLATFORM")  # mujoco itself sets the last


def run(code, *arguments, **variables):
    """In a process of its own, on a machine without a display."""
    kept = {k: v for k, v in os.environ.items() if k not in _SET_BY_OTHERS}
    command = [sys.executable, "-W", "ignore", "-c", code, *map(str, arguments)]
    return subprocess.run(command, env=kept | variables, capture_output=True, text=True, timeout=300, check=False)


def train(*arguments, **variables):
    return run(
        f"{WITHOUT_EGL}\nimport sys\nfrom vlmrm.cli import main\nsys.exit(main(sys.argv[1:]))", *arguments, **variables
    )


@pytest.mark.parametrize("code", [DRAW, LABELLED])
def test_without_libegl_a_picture_says_what_to_install(code):
    done = run(WITHOUT_EGL + code)
    assert "apt-get install libegl1" in done.stdout, done.stderr
    assert "MUJOCO_GL must be egl" in done.stdout
    assert "and is not set" in done.stdout


HUMANOID, HOPPER = ["humanoid/kneeling", "--small"], ["--env", "Hopper-v5", "--goal", "a hopper"]


@pytest.mark.parametrize(
    ("what", "chosen"), [(HUMANOID, "egl"), (HUMANOID, "osmesa"), (HOPPER, "egl"), (HOPPER, "nonsense")]
)
def test_training_says_so_before_it_begins_whatever_was_chosen(what, chosen, tmp_path):
    """MuJoCo looks for GL as it is imported, and its own error is an AttributeError of None, or worse."""
    done = train("train", *what, "--steps", "300", "--out", tmp_path / "run", MUJOCO_GL=chosen)
    assert done.returncode == 2
    assert "Traceback" not in done.stderr
    assert "apt-get install libegl1" in done.stderr
    assert f"and is {chosen!r}" in done.stderr
    assert not (tmp_path / "run").exists()


def test_a_backend_that_mujoco_could_not_load_is_not_called_imported_too_early():
    done = run(DRAW, MUJOCO_GL="osmesa", PYOPENGL_PLATFORM="egl")
    assert "apt-get install libegl1" in done.stdout, done.stderr
    assert "and is 'osmesa'" in done.stdout


def test_without_libegl_an_agent_can_still_be_trained_on_the_own_reward(tmp_path):
    short = ["--steps", "300", "--eval-every", "300", "--eval-episodes", "1", "--final-episodes", "1"]
    plain = ["--reward", "env", "--no-videos", "--no-tensorboard", "--hyperparameters", "learning_starts = 100"]
    done = train("train", "hopper/stand", *plain, *short, "--out", tmp_path / "run")
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "run" / "summary.json").is_file()


def test_mujoco_that_was_imported_too_early_is_named():
    done = run(f"import mujoco\n{DRAW}")
    assert "mujoco was imported before MUJOCO_GL was set to 'egl'" in done.stdout, done.stderr

import os
import signal
import subprocess
import sys

import pytest

from vlmrm.rendering.headless import render_offscreen


@pytest.fixture
def variables(monkeypatch):
    """A Linux machine without a display; the returned function reads what rendering depends on."""
    names = ("MUJOCO_GL", "SDL_VIDEODRIVER", "DISPLAY", "WAYLAND_DISPLAY")
    for name in names:
        monkeypatch.setenv(name, "")  # so that monkeypatch gives back the old value whatever happens below
        monkeypatch.delenv(name)
    monkeypatch.setattr(sys, "platform", "linux")
    return lambda: {name: os.environ[name] for name in names if name in os.environ}


def test_without_a_display_pictures_are_drawn_into_memory(variables):
    render_offscreen()
    assert variables() == {"MUJOCO_GL": "egl", "SDL_VIDEODRIVER": "dummy"}


def test_a_choice_that_was_made_stays(variables, monkeypatch):
    monkeypatch.setenv("MUJOCO_GL", "osmesa")
    render_offscreen()
    assert variables()["MUJOCO_GL"] == "osmesa"


@pytest.mark.parametrize("display", ["DISPLAY", "WAYLAND_DISPLAY"])
def test_with_a_display_nothing_changes(variables, monkeypatch, display):
    monkeypatch.setenv(display, ":0")
    render_offscreen()
    assert variables() == {display: ":0"}


def test_on_another_system_nothing_changes(variables, monkeypatch):
    monkeypatch.setattr(sys, "platform", "darwin")
    render_offscreen()
    assert variables() == {}


DRAWS = """
import os, signal, time
import gymnasium as gym
import vlmrm.wrappers
env = gym.make("CartPole-v1", render_mode="rgb_array")
env.reset()
env.render()
os.kill(os.getpid(), signal.SIGTERM)
time.sleep(5)
"""


def test_a_program_that_has_drawn_ends_when_it_is_told_to():
    """SDL, which pygame draws with, once took SIGTERM for itself."""
    done = subprocess.run([sys.executable, "-W", "ignore", "-c", DRAWS], timeout=60, check=False)
    assert done.returncode == -signal.SIGTERM

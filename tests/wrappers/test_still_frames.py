"""Environments whose picture never changes."""

import warnings

import numpy as np
import pytest

from tests.toys import CountingEnv
from vlmrm.errors import StillFramesWarning
from vlmrm.wrappers import CaptureFrame


class Painted(CountingEnv):
    """Paints each step of an episode in the next of some greys, then stays at the last."""

    def __init__(self, *greys, steps=12):
        super().__init__(lengths=(steps,))
        self.greys = greys

    def render(self):
        return np.full((8, 8, 3), self.greys[min(self.t, len(self.greys) - 1)], np.uint8)


def play(env, episodes):
    for _ in range(episodes):
        env.reset()
        while not env.step(0)[3]:
            pass
    env.reset()


@pytest.mark.parametrize(("grey", "said"), [(0, "are black"), (90, "are one and the same picture")])
def test_two_whole_episodes_of_one_picture_are_reported_once(grey, said):
    env = CaptureFrame(Painted(grey))
    with pytest.warns(StillFramesWarning, match=f"all frames of 2 whole .* {said}") as caught:
        play(env, 6)
    assert len(caught) == 1


def test_one_long_episode_of_one_picture_is_enough():
    env = CaptureFrame(Painted(90, steps=600))
    env.reset()
    for _ in range(498):
        env.step(0)
    with pytest.warns(StillFramesWarning, match="the same picture"):
        env.step(0)


@pytest.mark.parametrize(
    ("env", "why"),
    [
        (Painted(0, 90), "it changes after the first step"),
        (Painted(*range(12)), "it changes with every step"),
        (Painted(90, steps=3), "its episodes are too short to tell"),
    ],
)
def test_a_picture_that_changes_or_is_hardly_seen_is_none(env, why):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        play(CaptureFrame(env), 4)


def test_still_episodes_with_one_that_moves_between_them_are_not_reported():
    class Sometimes(Painted):
        def render(self):
            self.greys = (0, 90) if self.episode % 2 else (90,)
            return super().render()

    with warnings.catch_warnings():
        warnings.simplefilter("error")
        play(CaptureFrame(Sometimes(90)), 6)

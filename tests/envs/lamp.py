"""A made-up scene, as its author would write its file: a lamp that slides along a wire."""

from typing import ClassVar

import gymnasium as gym
import numpy as np
from vlmrm_envs.concepts import Concept, beyond, near
from vlmrm_envs.flat_pictures import FlatPictures, in_colours_for
from vlmrm_envs.scenes.scene import Scene
from vlmrm_envs.wording import Wording

WALL, SHADE = (255, 255, 255), (205, 50, 50)


class Lamp(gym.Env):
    """A red square, 8 px wide, before a white wall; its middle is `position_m` from the middle, -1 to 1."""

    metadata: ClassVar = {"render_modes": ["rgb_array"]}
    observation_space = gym.spaces.Box(-1, 1, (1,))
    action_space = gym.spaces.Box(-1, 1, (1,))

    def __init__(self, render_mode=None):
        self.render_mode, self.position = render_mode, 0.0

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        self.position = 0.0
        return np.zeros(1, np.float32), {"state": self.state_variables()}

    def step(self, action):
        self.position = float(np.clip(self.position + 0.1 * action[0], -1, 1))
        return np.array([self.position], np.float32), 0.0, False, False, {"state": self.state_variables()}

    def state_variables(self):
        return {"position_m": self.position}

    def place(self, value):
        self.position = value

    def render(self):
        picture = np.full((64, 64, 3), WALL, np.uint8)
        middle = round(32 + 24 * self.position)
        picture[28:36, middle - 4 : middle + 4] = SHADE
        return picture


def _anywhere(env, rng):
    env.place(float(rng.uniform(-1, 1)))
    return {"position": env.position}


SCENE = Scene(
    name="lamp",
    title="Lamp",
    seed=100,
    environment=Lamp,
    pictures=FlatPictures(
        randomise=_anywhere, own_colours=("red", "white"), repaint=in_colours_for((WALL, SHADE)), shifts=False
    ),
    concepts=(
        Concept(("shines in the middle", "is half way along the {p}"), near(0.0, 0.2)),
        Concept(("shines on the left",), beyond(lambda shown: -shown["position"], 0.1)),
        Concept(("shines on the right",), beyond(lambda shown: shown["position"], 0.1)),
    ),
    wording=Wording(
        things=("lamp", "lantern"),
        places=("wire", "cable"),
        stated=("the {t} {s}", "a {t} on a {p} {s}"),
        plain=("a {t} on a {p}",),
    ),
)

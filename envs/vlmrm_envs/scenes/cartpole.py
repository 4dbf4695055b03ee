"""CartPole with the whole circle: the pole may fall and swing, and nothing but the clock ends an episode."""

import math
from collections.abc import Mapping
from typing import Any, Literal

import numpy as np
from gymnasium import spaces
from gymnasium.envs.classic_control.cartpole import CartPoleEnv
from numpy.typing import NDArray

from vlmrm_envs.flat_pictures import FlatPictures, in_colours_for
from vlmrm_envs.rods import ALL_ROUND, ROD_CONCEPTS, random_angle
from vlmrm_envs.sayings import FOLDER
from vlmrm_envs.scenes.scene import Scene
from vlmrm_envs.wording import Wording

_UPRIGHT_DEG = 12.0  # CartPole-v1's own failure angle
_REACH_M = 2.4  # CartPole-v1's own failure distance; here there is a wall
VIEW_M = 3.4  # wall and pole: CartPole-v1's picture ends at the wall, and a pole that leans over it cannot be seen


class CartPole(CartPoleEnv):
    """Gymnasium's CartPole without its terminations, as in Rocamonde et al. 2024, appendix C.

    The angle is kept in -180..180 degrees, and observed as cosine and sine, so that it does not jump where the pole
    hangs; at the ends of the track the cart stops at a wall. The environment's own reward is CartPole-v1's: 1 for each
    step within 12 degrees of the goal direction and off the walls, else 0.
    ``info["state"]`` has ``angle_deg`` (0 upright, positive leans right), ``hanging_deg`` (0 hanging) and ``x_m``. The
    picture is a little wider than CartPole-v1's, so that the whole pole is always in it: nothing that success is judged
    on may be out of sight of what pays.

    Args:
        render_mode: ``rgb_array``, ``human`` or None.
        goal: What the environment's own reward counts: the pole ``upright`` or ``hanging``.
        start: ``upright``, Gymnasium's own starts, or ``anywhere``: the pole at any angle, as the pendulum starts.

    Example:
        >>> env = CartPole(render_mode="rgb_array")
        >>> env.place(180.0)
        >>> env.state_variables()["hanging_deg"]
        0.0
    """

    def __init__(
        self,
        render_mode: str | None = None,
        goal: Literal["upright", "hanging"] = "upright",
        start: Literal["upright", "anywhere"] = "upright",
    ) -> None:
        self._start = start
        super().__init__(render_mode=render_mode)
        self.x_threshold = VIEW_M  # only decides how much the picture shows; the wall stands where it did
        self.state: Any  # x, its speed, the angle, its speed
        self._goal_variable = {"upright": "angle_deg", "hanging": "hanging_deg"}[goal]
        high = np.array([_REACH_M, np.inf, 1.0, 1.0, np.inf], dtype=np.float32)
        self.observation_space = spaces.Box(-high, high, dtype=np.float32)

    def step(self, action: Any) -> tuple[NDArray[np.float32], float, bool, bool, dict[str, Any]]:
        """One step of Gymnasium's physics, then wall and angle; never terminates."""
        self.steps_beyond_terminated = None  # the parent thinks the episode over once the pole has fallen
        _, _, theta_before, theta_dot_before = self.state
        super().step(action)
        x, x_dot, theta, theta_dot = self.state
        if abs(x) >= _REACH_M:
            x = math.copysign(_REACH_M, x)
            if x * x_dot >= 0:  # the wall holds the cart, whatever pushes it; the pole swings from a fixed hinge
                x_dot = 0.0
                theta_dot = theta_dot_before + self.tau * self.gravity * math.sin(theta_before) / (4 / 3 * self.length)
        theta = (theta + math.pi) % (2 * math.pi) - math.pi
        self.state = np.array((x, x_dot, theta, theta_dot))
        state = self.state_variables()
        reward = float(abs(state[self._goal_variable]) <= _UPRIGHT_DEG and abs(x) < _REACH_M)
        return self._observation(), reward, False, False, {"state": state}

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[NDArray[np.float32], dict[str, Any]]:
        """Every state variable within 0.05 of upright and still; or that, with the pole at any angle."""
        super().reset(seed=seed, options=options)
        if self._start == "anywhere":
            self.state[2] = self.np_random.uniform(-math.pi, math.pi)
        return self._observation(), {"state": self.state_variables()}

    def state_variables(self) -> dict[str, float]:
        """The simulator's state in the units that success is judged in."""
        x, _, theta, _ = self.state
        angle = math.degrees(theta)
        return {"angle_deg": angle, "hanging_deg": 180.0 - abs(angle), "x_m": float(x)}

    def place(self, value: float) -> None:
        """Put the pole at an angle (degrees from upright, positive to the right), the cart still in the middle."""
        self.state = np.array((0.0, 0.0, math.radians(value), 0.0))

    def settable_variables(self) -> dict[str, tuple[float, float]]:
        """Bounds of what `set_variables` sets: all that a picture shows."""
        return {"angle_deg": (-180.0, 180.0), "x_m": (-_REACH_M, _REACH_M)}

    def set_variables(self, values: Mapping[str, float]) -> None:
        """Put pole and cart somewhere, still."""
        self.state = np.array((values["x_m"], 0.0, math.radians(values["angle_deg"]), 0.0))

    def _observation(self) -> NDArray[np.float32]:
        """Place and speed of the cart; cosine, sine and speed of the angle, which itself jumps where the pole hangs."""
        x, x_dot, theta, theta_dot = self.state
        return np.array((x, x_dot, math.cos(theta), math.sin(theta), theta_dot), dtype=np.float32)


def _any_state(env: CartPole, rng: np.random.Generator) -> dict[str, float]:
    angle, position = random_angle(rng), float(rng.uniform(-2.4, 2.4))
    env.state = np.array((position, 0.0, angle, 0.0))
    env.x_threshold = float(rng.choice([VIEW_M, _REACH_M]))  # our picture, and CartPole-v1's
    return {"angle": angle, "second": 0.0, "position": position}


_WORDING = Wording(
    things=("pole", "rod", "stick"), places=("cart", "trolley", "wagon"),
    stated=(
        "the {t} on the {p} {s}", "a {t} hinged to a {p} {s}", "a {p} carrying a {t} that {s}", "the {t} {s}",
        "picture of a {p} whose {t} {s}", "we see a {p} on a track, the {t} {s}",
    ),
    plain=(
        "a {t} attached to a {p} that moves along a track", "a {p} rolling on a rail with a {t} hinged to it",
        "the game of balancing a {t} on a moving {p}", "a simple drawing of a {p} and its {t} on a line",
        "simulation of a {t} and a {p} on a track",
    ),
    stated_on_track=(
        "the {p} is {w} and the {t} {s}", "the {t} {s} while the {p} stands {w}", "a {p} {w}, its {t} {s}",
        "the {t} on a {p} {w} {s}", "a {t} that {s}, with the {p} {w}",
    ),
    on_track=(
        "the {p} is {w}", "a {p} {w} with its {t}", "a {t} on a {p} {w}", "the {t} and the {p} are {w}",
    ),
)  # fmt: skip

SCENE = Scene(
    name="cartpole",
    title="CartPole",
    seed=0,
    environment=CartPole,
    pictures=FlatPictures(
        randomise=_any_state,
        own_colours=("tan", "white"),
        repaint=in_colours_for(((255, 255, 255), (202, 152, 101), (0, 0, 0), (129, 132, 203))),
        zooms_in=lambda shown: abs(shown["position"]) < 1.5,
    ),
    concepts=ROD_CONCEPTS,
    classes=ALL_ROUND,
    wording=_WORDING,
    sayings=(FOLDER / "rods.toml", FOLDER / "cartpole.toml"),
)

"""Gymnasium's Acrobot without its termination."""

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
from gymnasium.envs.classic_control.acrobot import AcrobotEnv
from numpy.typing import NDArray

from vlmrm_envs.concepts import Columns, Concept, LogTruth, Numbers, around, beyond, conjunction
from vlmrm_envs.flat_pictures import FlatPictures, in_colours_for
from vlmrm_envs.rods import random_angle
from vlmrm_envs.sayings import FOLDER
from vlmrm_envs.scenes.scene import Scene
from vlmrm_envs.wording import Wording


class Acrobot(AcrobotEnv):
    """Gymnasium's Acrobot: swing a two-link arm up with a motor in its elbow; the episode goes on at the top.

    ``info["state"]`` has ``tip_m``, the height of the tip above the pivot, -2..2, with the line at 1, and
    ``upper_link_deg`` (0 hanging, positive to the right). The environment's own reward is Gymnasium's: 0 for each step
    with the tip above the line, else -1.

    Example:
        >>> env = Acrobot(render_mode="rgb_array")
        >>> env.place(180.0)
        >>> round(env.state_variables()["tip_m"], 6)
        2.0
    """

    def step(self, a: Any) -> tuple[NDArray[np.float32], float, bool, bool, dict[str, Any]]:
        """One step of Gymnasium's physics; never terminates."""
        observation, reward, _, truncated, _ = super().step(a)
        return observation, float(reward), False, bool(truncated), {"state": self.state_variables()}

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[NDArray[np.float32], dict[str, Any]]:
        """Gymnasium's own starts: hanging, within 0.1 of still."""
        observation, _ = super().reset(seed=seed, options=options)
        return observation, {"state": self.state_variables()}

    def state_variables(self) -> dict[str, float]:
        """The simulator's state in the units that success is judged in."""
        first, second = float(self.state[0]), float(self.state[1])
        upper = (math.degrees(first) + 180.0) % 360.0 - 180.0
        return {"tip_m": -math.cos(first) - math.cos(first + second), "upper_link_deg": upper}

    def place(self, value: float) -> None:
        """Put the stretched arm at an angle (degrees from hanging, positive to the right), still."""
        self.state: Any = np.array((math.radians(value), 0.0, 0.0, 0.0), dtype=np.float32)

    def settable_variables(self) -> dict[str, tuple[float, float]]:
        """Bounds of what `set_variables` sets: the upper link from hanging, the lower one from the upper."""
        return {"upper_link_deg": (-180.0, 180.0), "elbow_deg": (-180.0, 180.0)}

    def set_variables(self, values: Mapping[str, float]) -> None:
        """Put both links somewhere, still."""
        links = np.radians((values["upper_link_deg"], values["elbow_deg"]))
        self.state = np.array((*links, 0.0, 0.0), dtype=np.float32)


def _any_state(env: Acrobot, rng: np.random.Generator) -> dict[str, float]:
    first, second = random_angle(rng), random_angle(rng)
    if rng.random() < 0.4:
        second = first + float(rng.normal(0, 0.5))
    # Gymnasium counts from hanging, the second link from the first; positive is to the right in its picture.
    env.state = np.array((np.pi - first, first - second, 0.0, 0.0))
    return {"angle": first, "second": float((second + np.pi) % (2 * np.pi) - np.pi), "position": 0.0}


def _tip(shown: Columns) -> Numbers:
    """Height of the arm's tip above its pivot, -2 to 2."""
    height: Numbers = np.cos(shown["angle"].astype(float)) + np.cos(shown["second"].astype(float))
    return height


def _tip_at(height: float) -> LogTruth:
    return lambda shown: -0.5 * ((_tip(shown) - height) / 0.25) ** 2


def _tip_to(sign: int) -> LogTruth:
    """How far the tip is to one side; -1 left, 1 right."""
    return lambda shown: sign * (np.sin(shown["angle"].astype(float)) + np.sin(shown["second"].astype(float)))


def _to_the(side: str, sign: int) -> list[Concept]:
    level = conjunction(around(sign * 90, 5), around(sign * 90, 5, of="second"))
    return [
        Concept((f"is stretched to the {side}", f"points horizontally to the {side}"), level),
        Concept((f"is on the {side} side", f"swings to the {side}"), beyond(_tip_to(sign), 0.25)),
    ]


_UP, _DOWN = around(0, 4), around(180, 4)
_SECOND_UP, _SECOND_DOWN = around(0, 4, of="second"), around(180, 4, of="second")
_CONCEPTS = (  # of the tip, the links, the shape
    Concept(
        ("has both links raised", "stands straight up", "is stretched upwards", "is balanced upright, fully raised",
         "reaches up as high as it can", "points to the sky with both links", "is swung up over the top"),
        conjunction(_UP, _SECOND_UP),
    ),
    Concept(
        ("hangs straight down", "has both links hanging", "dangles at the bottom", "is at rest, hanging low",
         "points to the ground with both links"),
        conjunction(_DOWN, _SECOND_DOWN),
    ),
    Concept(
        ("has its tip above the line", "reaches over the line", "has its end higher than the bar",
         "crosses the horizontal line at the top"),
        beyond(lambda s: _tip(s) - 1.0, 0.2),
    ),
    Concept(
        ("has its tip below the line", "stays under the line", "does not reach the line"),
        beyond(lambda s: 1.0 - _tip(s), 0.2),
    ),
    Concept(("has its tip very high", "lifts its end to the highest point"), lambda s: 2.5 * (_tip(s) - 2.0)),
    Concept(("has its tip very low", "drops its end to the lowest point"), lambda s: 2.5 * (-2.0 - _tip(s))),
    Concept(
        ("is folded", "is bent back on itself", "has its links side by side"),
        lambda s: 5.0 * (-np.cos((s["angle"] - s["second"]).astype(float)) - 1),
    ),
    Concept(
        ("is stretched out", "is straight", "has its links in one line"),
        lambda s: 8.0 * (np.cos((s["angle"] - s["second"]).astype(float)) - 1),
    ),
    Concept(("has its upper link raised and its lower link hanging",), conjunction(_UP, _SECOND_DOWN)),
    Concept(("has its upper link hanging and its lower link raised",), conjunction(_DOWN, _SECOND_UP)),
    *_to_the("left", -1),
    *_to_the("right", 1),
    *(Concept((f"has its tip at height {tenths / 10:g}",), _tip_at(tenths / 10)) for tenths in range(-20, 21, 5)),
)  # fmt: skip

_WORDING = Wording(
    things=("double pendulum", "two-link arm", "jointed arm"), places=("line", "bar"),
    stated=(
        "the {t} {s}", "a {t} under a {p} {s}", "picture of a {t} that {s}", "the {t} with a motor in its elbow {s}",
        "a {t} turning around its pivot {s}",
    ),
    plain=(
        "a {t} that swings below a {p}", "the acrobot, a {t} under a {p}",
        "a simple drawing of a {t} and a horizontal {p}", "simulation of a {t} with a motor in the elbow",
        "two links joined by an elbow, a {t} under a {p}",
    ),
)  # fmt: skip

_CLASSES = (
    "has both links raised", "hangs straight down", "is folded", "is stretched to the left",
    "is stretched to the right",
)  # fmt: skip

SCENE = Scene(
    name="acrobot",
    title="Acrobot",
    seed=3,
    environment=Acrobot,
    pictures=FlatPictures(
        randomise=_any_state,
        own_colours=("teal", "white"),
        repaint=in_colours_for(((255, 255, 255), (0, 204, 204), (204, 204, 0), (0, 0, 0))),
        zooms_in=lambda shown: False,  # the arm fills its picture
    ),
    concepts=_CONCEPTS,
    classes=_CLASSES,
    wording=_WORDING,
    sayings=(FOLDER / "acrobot.toml",),
)

"""What can be said of a picture, and how true it is: graded predicates over the simulator's state.

A `Concept` has phrases that express it and a log-truth, 0 where it holds entirely and falling with the distance from
there. Graded truth makes near-duplicate sentences share their pictures instead of being each other's negatives, and
it makes the reward fall smoothly from the goal to its opposite, which an agent needs in order to find it.
"""

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vlmrm_envs.mujoco_concepts import MUJOCO_CONCEPTS
from vlmrm_envs.states import Concept, LogTruth, SceneStates

Numbers = NDArray[np.floating[Any]]


def _around(centre_deg: float, sharpness: float, *, of: str = "angle") -> LogTruth:
    """Von Mises: true at an angle, falling as sharpness * (cos - 1); a sharpness of 6 halves at 28 degrees."""
    centre = math.radians(centre_deg)
    return lambda states: sharpness * (np.cos(states[of].astype(float) - centre) - 1)


def _towards(centre_deg: float, *, of: str = "angle") -> LogTruth:
    """Like `_around`, with a tip: half true at 18 degrees, and an agent feels every degree up to the very goal."""
    centre = math.radians(centre_deg)

    def log_truth(states: SceneStates) -> Numbers:
        away = states[of].astype(float) - centre
        falling: Numbers = 3 * (np.cos(away) - 1) - 4 * np.abs(np.sin(away / 2))
        return falling

    return log_truth


def _near_tip(centre: float, width: float) -> LogTruth:
    """Like `_near`, with a tip."""

    def log_truth(states: SceneStates) -> Numbers:
        away = np.abs(states["position"].astype(float) - centre) / width
        falling: Numbers = -0.4 * away**2 - 0.8 * away
        return falling

    return log_truth


def _near(centre: float, width: float) -> LogTruth:
    """Gaussian in the position."""
    return lambda states: -0.5 * ((states["position"].astype(float) - centre) / width) ** 2


def _beyond(signed: LogTruth, width: float) -> LogTruth:
    """Soft step: true where the signed distance is well above 0."""
    return lambda states: -np.logaddexp(0.0, -signed(states) / width)


def _both(first: LogTruth, second: LogTruth) -> LogTruth:
    return lambda states: first(states) + second(states)


def _either(first: LogTruth, second: LogTruth) -> LogTruth:
    return lambda states: np.maximum(first(states), second(states))


def _rod_concepts() -> list[Concept]:
    """Directions of one rod: the pole of the cart, the pendulum."""
    upright = (
        "stands upright", "is upright", "is vertical", "stands vertically", "points straight up", "points upwards",
        "is raised to the top", "points at the sky", "stands on end", "stands tall", "reaches straight upward",
        "is balanced in the vertical position", "is standing up straight", "is held up vertically",
        "is balanced above its {p}", "stands on top of the {p}", "rises straight above the {p}", "is up, vertically",
        "is balanced upright over the {p}", "stands straight on top", "is in a vertically raised position",
    )  # fmt: skip
    exactly = (
        "stands perfectly upright", "is exactly vertical", "does not lean at all", "stands dead straight up",
        "is balanced without any tilt", "is precisely vertical, pointing up", "balances steadily on top",
    )  # fmt: skip
    hanging = (
        "hangs down", "hangs straight down", "points downwards", "dangles below", "is hanging at the bottom",
        "points at the ground", "is upside down", "hangs vertically", "has dropped to the lowest point",
        "is hanging limp", "points straight to the floor", "has swung to the bottom", "hangs below its {p}",
        "is under the {p}", "is straight down below the {p}", "dangles from the {p}", "is hanging vertically down",
    )  # fmt: skip
    at_rest = (
        "hangs exactly straight down", "rests at the very bottom", "hangs plumb", "points precisely downwards",
        "hangs down without any tilt", "is at rest below the {p}", "rests under its {p}, straight down",
    )  # fmt: skip
    concepts = [
        Concept(upright, _towards(0)),
        Concept(exactly, _around(0, 30)),
        Concept(hanging, _towards(180)),
        Concept(at_rest, _around(180, 30)),
        Concept(
            ("is horizontal", "lies flat", "is level with the ground", "lies sideways", "sticks out to the side"),
            _either(_around(90, 12), _around(-90, 12)),
        ),
        Concept(
            ("has fallen over", "has tipped over", "fell down", "is not balanced", "has lost its balance"),
            _beyond(lambda s: 0.6 - np.cos(s["angle"].astype(float)), 0.15),
        ),
        Concept(
            ("is above the axle", "is in the upper half", "is higher than its hinge", "is up in the air"),
            _beyond(lambda s: np.cos(s["angle"].astype(float)), 0.15),
        ),
        Concept(
            ("is below the axle", "is in the lower half", "is lower than its hinge"),
            _beyond(lambda s: -np.cos(s["angle"].astype(float)), 0.15),
        ),
    ]
    for side, sign in (("left", -1), ("right", 1)):
        concepts += _leaning(side, sign)
    return concepts


def _leaning(side: str, sign: int) -> list[Concept]:
    """Everything that is said of one side, from a slight tilt to a number of degrees."""
    away = [
        (20, 20, ("leans slightly to the {}", "tilts a little to the {}", "is almost upright, leaning {}")),
        (45, 12, ("leans diagonally to the {}", "points up and to the {}", "is tilted halfway to the {}")),
        (90, 12, ("points horizontally to the {}", "lies flat to the {}", "sticks out to the {}")),
        (135, 12, ("points down and to the {}", "slopes downwards to the {}")),
        (160, 20, ("hangs slightly to the {}", "hangs down, swung a little to the {}")),
    ]
    concepts = [
        Concept(tuple(p.format(side) for p in phrases), _around(sign * degrees, sharpness))
        for degrees, sharpness, phrases in away
    ]
    concepts.append(
        Concept(
            tuple(p.format(side) for p in ("leans to the {}", "is on the {} side", "tilts {}", "falls to the {}")),
            _beyond(lambda s: sign * np.sin(s["angle"].astype(float)), 0.12),
        )
    )
    for degrees in range(10, 180, 10):
        wording = (f"is tilted {degrees} degrees to the {side}", f"is {degrees} degrees {side} of vertical")
        concepts.append(Concept(wording, _around(sign * degrees, 50)))
    return concepts


def _cart_places() -> list[Concept]:
    """Where the cart is; joined to what the pole does."""
    return [
        Concept(("in the middle", "at the centre of the track", "halfway along the rail"), _near(0.0, 0.7)),
        Concept(("on the left side", "left of the middle", "in the left half"), _beyond(lambda s: -s["position"], 0.3)),
        Concept(
            ("on the right side", "right of the middle", "in the right half"), _beyond(lambda s: s["position"], 0.3)
        ),
        Concept(("at the left edge", "at the far left end of the track"), _near(-2.2, 0.4)),
        Concept(("at the right edge", "at the far right end of the track"), _near(2.2, 0.4)),
    ]


def _mountain_concepts() -> list[Concept]:
    """Where the car is on the track: the flag stands at 0.45, the valley's bottom is at -0.52."""
    top = (
        "is at the summit", "has reached the flag", "is on top", "stands right beside the yellow flag",
        "is at the highest point", "has climbed all the way up to the flag", "is up at the peak by the flag",
        "is parked next to the flag", "has arrived at the goal", "touches the yellow flag at the summit",
        "is on the peak", "sits at the peak", "stands at the peak of the {p}", "is next to the yellow flag",
        "waits next to the flag at the peak", "is at the top of the {p}", "is on the {p} top next to its flag",
        "is beside the flag", "has made it to the peak and the flag", "is right next to the flag of the {p}",
        "is at the peak", "has reached the peak", "is on the very top, next to a yellow flag", "is by the flag",
        "stands next to the flag", "is at the flag on the peak", "is up on the peak of the {p}",
    )  # fmt: skip
    bottom = (
        "is at the bottom", "is down in the valley", "sits at the lowest point", "is stuck at the foot",
        "rests in the dip between the slopes", "is far below the peak", "is at the foot of the {p}",
        "is at the bottom of the {p}", "is low in the valley, away from the peak", "is in the valley of the {p}",
    )  # fmt: skip
    left = (
        "is at the far left", "is at the left edge", "is high on the left slope", "has rolled far away from the flag",
        "is at the left border, opposite the flag", "has climbed up the left side as far as it can go",
        "is as far from the yellow flag as possible", "is up on the left end of the {p}", "is far away from the flag",
        "is at the left end, far from the peak", "sits high on the slope at the far left of the {p}",
    )  # fmt: skip
    concepts = [
        Concept(top, _near_tip(0.45, 0.28)),
        Concept(tuple(f"{p} exactly" for p in top[:4]), _near(0.45, 0.08)),
        Concept(bottom, _near(-0.52, 0.2)),
        Concept(left, _near_tip(-1.2, 0.28)),
        Concept(("is right at the border of the picture on the left",), _near(-1.2, 0.08)),
        Concept(
            (
                "is on the right slope",
                "climbs the right side",
                "drives up towards the flag",
                "is halfway up to the flag",
            ),
            _near(0.0, 0.18),
        ),
        Concept(("is just below the summit", "has almost reached the flag", "is close to the top"), _near(0.27, 0.12)),
        Concept(("is on the left slope", "backs up the left side", "is left of the valley"), _near(-0.85, 0.18)),
        Concept(("is on the left", "is in the left half"), _beyond(lambda s: -0.52 - s["position"], 0.12)),
        Concept(("is on the right", "is in the right half"), _beyond(lambda s: s["position"] + 0.3, 0.12)),
        Concept(
            ("is high up", "is at a great height", "has gained height"),
            _beyond(lambda s: np.sin(3 * s["position"].astype(float)), 0.2),
        ),
    ]
    for percent in range(0, 101, 10):  # of the way from the left edge to the flag
        place = -1.2 + 1.65 * percent / 100
        wording = (f"is {percent} percent of the way from the left edge to the flag",)
        concepts.append(Concept(wording, _near(place, 0.08)))
    return concepts


def _tip(states: SceneStates) -> Numbers:
    """Height of the arm's tip above its pivot, -2 to 2."""
    height: Numbers = np.cos(states["angle"].astype(float)) + np.cos(states["second"].astype(float))
    return height


def _tip_at(height: float) -> LogTruth:
    return lambda states: -0.5 * ((_tip(states) - height) / 0.25) ** 2


def _tip_to(sign: int) -> LogTruth:
    """How far the tip is to one side; -1 left, 1 right."""
    return lambda states: sign * (np.sin(states["angle"].astype(float)) + np.sin(states["second"].astype(float)))


def _arm_concepts() -> list[Concept]:
    """The two-link arm: its tip, its links, its shape."""
    up, down = _around(0, 4), _around(180, 4)
    second_up, second_down = _around(0, 4, of="second"), _around(180, 4, of="second")
    concepts = [
        Concept(
            ("has both links raised", "stands straight up", "is stretched upwards", "is balanced upright, fully raised",
             "reaches up as high as it can", "points to the sky with both links", "is swung up over the top"),
            _both(up, second_up),
        ),
        Concept(
            ("hangs straight down", "has both links hanging", "dangles at the bottom", "is at rest, hanging low",
             "points to the ground with both links"),
            _both(down, second_down),
        ),
        Concept(
            ("has its tip above the line", "reaches over the line", "has its end higher than the bar",
             "crosses the horizontal line at the top"),
            _beyond(lambda s: _tip(s) - 1.0, 0.2),
        ),
        Concept(
            ("has its tip below the line", "stays under the line", "does not reach the line"),
            _beyond(lambda s: 1.0 - _tip(s), 0.2),
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
        Concept(("has its upper link raised and its lower link hanging",), _both(up, second_down)),
        Concept(("has its upper link hanging and its lower link raised",), _both(down, second_up)),
    ]  # fmt: skip
    for side, sign in (("left", -1), ("right", 1)):
        level = _both(_around(sign * 90, 5), _around(sign * 90, 5, of="second"))
        concepts.append(Concept((f"is stretched to the {side}", f"points horizontally to the {side}"), level))
        concepts.append(Concept((f"is on the {side} side", f"swings to the {side}"), _beyond(_tip_to(sign), 0.25)))
    for tenths in range(-20, 21, 5):
        wording = (f"has its tip at height {tenths / 10:g}",)
        concepts.append(Concept(wording, _tip_at(tenths / 10)))
    return concepts


def _possible(concepts: list[Concept], **columns: Numbers) -> list[Concept]:
    """Those that are at least half true of some of the states."""
    states = SceneStates.of("inverted_pendulum", **columns)
    return [concept for concept in concepts if concept.log_truth(states).max() > math.log(0.5)]


CONCEPTS: dict[str, list[Concept]] = {
    "cartpole": _rod_concepts(),
    "mountain_car": _mountain_concepts(),
    "pendulum": _rod_concepts(),
    "acrobot": _arm_concepts(),
    "inverted_pendulum": _possible(_rod_concepts(), angle=np.radians(np.arange(-88, 89))),  # its hinge goes no lower
    **{scene: make() for scene, make in MUJOCO_CONCEPTS.items()},
}
"""What can be said of the thing that moves, by scene."""

CART_PLACES = _cart_places()
"""What can be said of the cart besides."""

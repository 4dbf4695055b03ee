"""Rods that turn: what is said of their directions, and directions at random; for poles, pendulums and arms."""

import numpy as np

from vlmrm_envs.concepts import Concept, around, beyond, either, towards

_UPRIGHT = (
    "stands upright", "is upright", "is vertical", "stands vertically", "points straight up", "points upwards",
    "is raised to the top", "points at the sky", "stands on end", "stands tall", "reaches straight upward",
    "is balanced in the vertical position", "is standing up straight", "is held up vertically",
    "is balanced above its {p}", "stands on top of the {p}", "rises straight above the {p}", "is up, vertically",
    "is balanced upright over the {p}", "stands straight on top", "is in a vertically raised position",
)  # fmt: skip
_EXACTLY = (
    "stands perfectly upright", "is exactly vertical", "does not lean at all", "stands dead straight up",
    "is balanced without any tilt", "is precisely vertical, pointing up", "balances steadily on top",
)  # fmt: skip
_HANGING = (
    "hangs down", "hangs straight down", "points downwards", "dangles below", "is hanging at the bottom",
    "points at the ground", "is upside down", "hangs vertically", "has dropped to the lowest point",
    "is hanging limp", "points straight to the floor", "has swung to the bottom", "hangs below its {p}",
    "is under the {p}", "is straight down below the {p}", "dangles from the {p}", "is hanging vertically down",
)  # fmt: skip
_AT_REST = (
    "hangs exactly straight down", "rests at the very bottom", "hangs plumb", "points precisely downwards",
    "hangs down without any tilt", "is at rest below the {p}", "rests under its {p}, straight down",
)  # fmt: skip


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
        Concept(tuple(p.format(side) for p in phrases), around(sign * degrees, sharpness))
        for degrees, sharpness, phrases in away
    ]
    concepts.append(
        Concept(
            tuple(p.format(side) for p in ("leans to the {}", "is on the {} side", "tilts {}", "falls to the {}")),
            beyond(lambda s: sign * np.sin(s["angle"].astype(float)), 0.12),
        )
    )
    for degrees in range(10, 180, 10):
        wording = (f"is tilted {degrees} degrees to the {side}", f"is {degrees} degrees {side} of vertical")
        concepts.append(Concept(wording, around(sign * degrees, 50)))
    return concepts


ALL_ROUND = (
    "stands upright", "leans diagonally to the right", "points horizontally to the right",
    "points down and to the right", "hangs down", "points down and to the left",
    "points horizontally to the left", "leans diagonally to the left",
)  # fmt: skip
"""First phrases of the states of a rod that turns all round, none of which holds with another."""

ROD_CONCEPTS = (
    Concept(_UPRIGHT, towards(0)),
    Concept(_EXACTLY, around(0, 30)),
    Concept(_HANGING, towards(180)),
    Concept(_AT_REST, around(180, 30)),
    Concept(
        ("is horizontal", "lies flat", "is level with the ground", "lies sideways", "sticks out to the side"),
        either(around(90, 12), around(-90, 12)),
    ),
    Concept(
        ("has fallen over", "has tipped over", "fell down", "is not balanced", "has lost its balance"),
        beyond(lambda s: 0.6 - np.cos(s["angle"].astype(float)), 0.15),
    ),
    Concept(
        ("is above the axle", "is in the upper half", "is higher than its hinge", "is up in the air"),
        beyond(lambda s: np.cos(s["angle"].astype(float)), 0.15),
    ),
    Concept(
        ("is below the axle", "is in the lower half", "is lower than its hinge"),
        beyond(lambda s: -np.cos(s["angle"].astype(float)), 0.15),
    ),
    *_leaning("left", -1),
    *_leaning("right", 1),
)
"""What is said of the direction of a rod: of the pole on its cart, of the pendulum."""


def random_angle(rng: np.random.Generator) -> float:
    """Anywhere on the circle, more often near the top and the bottom, where rewards are decided."""
    spread = rng.choice([0.12, 0.4, 4.0], p=[0.15, 0.2, 0.65])
    centre = rng.choice([0.0, np.pi], p=[0.6, 0.4])
    angle = centre + (rng.normal(0, spread) if spread < 1 else rng.uniform(-np.pi, np.pi))
    return float((angle + np.pi) % (2 * np.pi) - np.pi)

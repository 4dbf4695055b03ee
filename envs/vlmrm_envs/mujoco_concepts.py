"""What can be said of the MuJoCo scenes, and how true it is; see `vlmrm_envs.concepts` for the others."""

from collections.abc import Callable, Mapping

from vlmrm_envs.graded import inside
from vlmrm_envs.humanoid_concepts import humanoid_concepts
from vlmrm_envs.states import Concept

_ON_THE_FLOOR = (-1, 0.06, 0.05)  # of the lowest point of a body


def _reacher() -> list[Concept]:
    near = "tip_to_ball_m"
    concepts = [
        Concept(
            ("touches the ball", "has its tip on the ball", "reaches the red ball", "points its finger at the ball",
             "has its fingertip right at the ball", "is touching the target", "holds its finger to the red target"),
            inside(**{near: (0, 0.012, 0.02)}),
        ),
        Concept(("nearly touches the ball", "has its tip close to the ball"), inside(**{near: (0.02, 0.05, 0.012)})),
        Concept(("is some way off the ball",), inside(**{near: (0.07, 0.13, 0.02)})),
        Concept(
            ("is far from the ball", "points away from the red ball"),
            inside(**{near: (0.16, 1, 0.03)}),
        ),
        Concept(("does not reach the target", "misses the ball"), inside(**{near: (0.04, 1, 0.015)})),
        Concept(("is stretched out", "has a straight elbow"), inside(elbow_bend_deg=(0, 20, 15))),
        Concept(("is folded", "has a sharply bent elbow"), inside(elbow_bend_deg=(120, 180, 20))),
    ]  # fmt: skip
    for side, bounds in (("left", (-1, -0.08, 0.04)), ("right", (0.08, 1, 0.04))):
        concepts.append(Concept((f"has its tip on the {side}", f"points to the {side}"), inside(tip_x_m=bounds)))
        concepts.append(Concept((f"lies with the ball on the {side}",), inside(ball_x_m=bounds)))
    for edge, bounds in (("top", (0.1, 1, 0.04)), ("bottom", (-1, -0.1, 0.04))):
        phrases = (
            f"points to the {edge}", f"has its tip near the {edge} edge", f"is turned towards the {edge}",
            f"has its fingertip at the {edge}", f"is reaching over to the {edge} edge",
        )  # fmt: skip
        concepts.append(Concept(phrases, inside(tip_y_m=bounds)))
    return concepts


def _hopper() -> list[Concept]:
    low = inside(torso_height_m=(0, 0.35, 0.1))
    concepts = [
        Concept(
            ("stands upright", "is standing on its leg", "stands tall on a single foot", "is balanced on one leg",
             "keeps upright on its only leg", "stands straight up", "is upright and stretched"),
            inside(tilt_deg=(-12, 12, 10), torso_height_m=(1.05, 1.6, 0.1), lowest_m=_ON_THE_FLOOR),
        ),
        Concept(
            ("crouches on its leg", "stands with a bent leg", "is upright but low"),
            inside(tilt_deg=(-20, 20, 10), torso_height_m=(0.6, 0.95, 0.08), lowest_m=_ON_THE_FLOOR),
        ),
        Concept(("has fallen over", "lies on the floor", "lies flat on the ground"), low),
        Concept(("is in the air", "hops high", "jumps off the floor"), inside(lowest_m=(0.15, 2, 0.05))),
    ]  # fmt: skip
    for way, sign in (("forwards", 1), ("backwards", -1)):
        for degrees, phrase in ((25, "leans a little {}"), (50, "tips over {}"), (85, "has fallen {}")):
            concepts.append(
                Concept((phrase.format(way),), inside(tilt_deg=(sign * degrees - 8, sign * degrees + 8, 10)))
            )
    return concepts


def _cheetah() -> list[Concept]:
    concepts = [
        Concept(
            ("is on its feet", "stands on its legs", "stands the right way up"),
            inside(pitch_deg=(-25, 25, 15), lowest_m=_ON_THE_FLOOR),
        ),
        Concept(("is the right way up", "has its legs below it"), inside(pitch_deg=(-25, 25, 15))),
        Concept(
            ("lies on its back", "is on its back with its legs up", "rolled over onto its back", "lies belly up",
             "lies upside down"),
            inside(off_back_deg=(0, 25, 15), lowest_m=_ON_THE_FLOOR),
        ),
        Concept(("is upside down", "has turned over", "has its legs above it"), inside(off_back_deg=(0, 25, 15))),
        Concept(("stands on its hind legs", "rears up", "points its nose up"), inside(pitch_deg=(-115, -60, 12))),
        Concept(("stands on its head", "has its nose in the ground"), inside(pitch_deg=(60, 115, 12))),
        Concept(("is in the air", "leaps off the ground"), inside(lowest_m=(0.15, 2, 0.05))),
    ]  # fmt: skip
    for way, sign in (("up", -1), ("down", 1)):
        for degrees in (30, 60, 90, 120, 150):
            bounds = (sign * degrees - 8.0, sign * degrees + 8.0, 10.0)
            concepts.append(Concept((f"is pitched {degrees} degrees, nose {way}",), inside(pitch_deg=bounds)))
    return concepts


def _ant() -> list[Concept]:
    concepts = [
        Concept(
            ("stands on its feet", "is the right way up", "walks on its four legs", "has its legs below its body"),
            inside(tilt_deg=(0, 20, 15)),
        ),
        Concept(
            ("is upside down", "lies on its back", "has been turned over", "is flipped onto its back",
             "has flipped over", "rolled over, legs up", "has its legs in the air"),
            inside(tilt_deg=(155, 180, 15)),
        ),
        Concept(("is on its side", "stands on edge", "is tilted halfway over"), inside(tilt_deg=(75, 105, 15))),
    ]  # fmt: skip
    for degrees in (30, 60, 90, 120, 150):
        wording = (f"is tilted by {degrees} degrees",)
        concepts.append(Concept(wording, inside(tilt_deg=(degrees - 10.0, degrees + 10.0, 10.0))))
    return concepts


MUJOCO_CONCEPTS: Mapping[str, Callable[[], list[Concept]]] = {
    "humanoid": humanoid_concepts,
    "reacher": _reacher,
    "hopper": _hopper,
    "half_cheetah": _cheetah,
    "ant": _ant,
}
"""By scene; the inverted pendulum is a rod like the others."""

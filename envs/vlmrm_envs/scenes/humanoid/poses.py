"""Poses of the humanoid: the tasks' goals, what looks like them and is not, and anything else a body does.

A `Pose` is a range for every joint that matters; `vlmrm_envs.scenes.humanoid.put.put` draws one from it and sets the
body on the floor. Whether what comes out is a goal is decided by the oracle of the task (`SuccessRule` on
`humanoid_state`), never by the pose's name.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from vlmrm_envs.scenes.humanoid.state import SIDES

Range = tuple[float, float]
Joints = Mapping[str, Range]


@dataclass(frozen=True, kw_only=True)
class Pose:
    """Ranges of joint angles, in degrees, and how the body stands in the world."""

    joints: Joints
    """Ranges by the name of the joint; a joint without one stays within 4 degrees of straight."""
    pitch_deg: Range = (-3.0, 3.0)
    """Pitch of the torso; positive leans forwards."""
    on_its_shins: bool = False
    """Whether the pitch counts from where the shins lie flat on the floor, which hips and knees decide."""
    roll_deg: Range = (-3.0, 3.0)
    """Roll of the torso; positive leans to the left."""
    lift_m: Range = (0.0, 0.0)
    """Height of the lowest point above the floor."""
    settle_s: float = 0.0
    """Time for which it falls and comes to rest, with its joints held, where touching the floor matters."""
    arms: tuple[str, ...] = ("down", "loose", "forward")
    """Names in `ARMS` that it may have; not those that would prop it up where it is to lie."""


def _legs(**ranges: Range) -> dict[str, Range]:
    """The same for both legs; the model's axes are mirrored."""
    return {f"{side}_{joint}": limits for joint, limits in ranges.items() for side in SIDES}


def _leg(side: str, **ranges: Range) -> dict[str, Range]:
    return {f"{side}_{joint}": limits for joint, limits in ranges.items()}


def _arm(side: str, shoulder1: Range, shoulder2: Range, elbow: Range) -> dict[str, Range]:
    """As the right arm counts; the left arm's shoulder turns the other way."""
    if side == "left":
        shoulder1, shoulder2 = ((-high, -low) for low, high in (shoulder1, shoulder2))
    return {f"{side}_shoulder1": shoulder1, f"{side}_shoulder2": shoulder2, f"{side}_elbow": elbow}


def _arms(shoulder1: Range, shoulder2: Range, elbow: Range) -> dict[str, Range]:
    return _arm("right", shoulder1, shoulder2, elbow) | _arm("left", shoulder1, shoulder2, elbow)


_DOWN: tuple[Range, Range, Range] = ((36, 50), (-45, -28), (-90, -75))
_RAISED: tuple[Range, Range, Range] = ((-85, -70), (10, 35), (-90, -70))
_ON_HIPS: tuple[Range, Range, Range] = ((45, 58), (-84, -68), (-14, 4))
_FOLDED_OVER: tuple[Range, Range, Range] = ((57, 60), (20, 28), (-46, -36))  # one forearm over the other
_FOLDED_UNDER: tuple[Range, Range, Range] = ((56, 60), (-3, 3), (-38, -28))

ARMS: Mapping[str, Joints] = {
    "down": _arms(*_DOWN),
    "loose": _arms((-20, 40), (-40, 20), (-60, 30)),
    "forward": _arms((-12, 4), (34, 52), (-90, -70)),
    "raised": _arms(*_RAISED),
    "one raised": _arm("right", *_RAISED) | _arm("left", *_DOWN),
    "sideways": _arms((-56, -44), (-42, -28), (-90, -75)),
    "on hips": _arms(*_ON_HIPS),
    "one on hip": _arm("right", *_ON_HIPS) | _arm("left", *_DOWN),
    "crossed": _arm("right", *_FOLDED_OVER) | _arm("left", *_FOLDED_UNDER),
    "before the chest": _arms((26, 38), (4, 18), (-36, -14)),
    "in the lap": _arms((45, 58), (-25, -5), (-40, -10)),
}
"""Ranges of the arms' joints by what the arms do."""

_SEATED_ARMS = ("forward", "before the chest", "in the lap")
"""Those that do not reach the floor: a seated body would prop itself up on its hands."""

_ROUND_BACK: dict[str, Range] = {"abdomen_y": (-60, -45)}  # hips alone bend too little for bent knees on a low seat
_STRAIGHT = _legs(hip_y=(-8, 4), knee=(-12, -3))

POSES: Mapping[str, Pose] = {
    "standing": Pose(joints=_STRAIGHT),
    "standing, arms raised": Pose(joints=_STRAIGHT, arms=("raised",)),
    "standing, one arm raised": Pose(joints=_STRAIGHT, arms=("one raised",)),
    "standing, arms forward": Pose(joints=_STRAIGHT, arms=("forward",)),
    "standing, arms sideways": Pose(joints=_STRAIGHT, arms=("sideways",)),
    "standing, hands on hips": Pose(joints=_STRAIGHT, arms=("on hips",)),
    "standing, one hand on its hip": Pose(joints=_STRAIGHT, arms=("one on hip",)),
    "standing, arms crossed": Pose(joints=_STRAIGHT, arms=("crossed",)),
    "standing, hands before the chest": Pose(joints=_STRAIGHT, arms=("before the chest",)),
    "one leg, knee raised": Pose(
        joints=_leg("right", hip_y=(-6, 2), knee=(-10, -3)) | _leg("left", hip_y=(-100, -60), knee=(-120, -60)),
    ),
    "one leg, foot behind": Pose(
        joints=_leg("right", hip_y=(-6, 2), knee=(-10, -3)) | _leg("left", hip_y=(-5, 15), knee=(-130, -70)),
    ),
    "stepping": Pose(
        joints=_leg("right", hip_y=(-35, -20), knee=(-25, -5)) | _leg("left", hip_y=(5, 14), knee=(-25, -8)),
    ),
    "kneeling": Pose(joints=_legs(hip_y=(-10, 10), hip_z=(-15, 5), knee=(-100, -80)), settle_s=0.2),
    "sitting on the heels": Pose(joints=_legs(hip_y=(-80, -60), hip_z=(-20, 0), knee=(-160, -148)), settle_s=0.3),
    "kneeling, leaning back": Pose(
        joints=_legs(hip_y=(12, 20), hip_z=(-15, 5), knee=(-130, -114)), on_its_shins=True, settle_s=0.1
    ),
    "kneeling, bent forwards": Pose(
        joints=_legs(hip_y=(-62, -48), hip_z=(-15, 5), knee=(-96, -86)), on_its_shins=True, settle_s=0.1
    ),
    "on one knee": Pose(
        joints=_leg("right", hip_y=(-5, 8), knee=(-100, -82)) | _leg("left", hip_y=(-95, -80), knee=(-100, -85)),
        settle_s=0.05,
    ),
    "squatting": Pose(joints=_legs(hip_y=(-110, -85), hip_z=(-25, 0), knee=(-135, -105)), pitch_deg=(5, 30)),
    "half squatting": Pose(joints=_legs(hip_y=(-70, -40), knee=(-85, -55)), pitch_deg=(5, 20)),
    "lotus": Pose(
        joints=_ROUND_BACK | _legs(hip_x=(-5, 5), hip_z=(-60, -48), hip_y=(-110, -104), knee=(-150, -130)),
        pitch_deg=(6, 14),
        settle_s=0.3,
        arms=_SEATED_ARMS,
    ),
    "squatting, knees wide": Pose(
        joints=_legs(hip_x=(-5, 5), hip_z=(-60, -40), hip_y=(-110, -95), knee=(-140, -115)), pitch_deg=(0, 20)
    ),
    "sitting, legs stretched": Pose(joints=_legs(hip_y=(-95, -82), hip_z=(-8, 4), knee=(-15, -3)), settle_s=0.2),
    "sitting, knees drawn up": Pose(
        joints=_ROUND_BACK | _legs(hip_y=(-110, -104), hip_z=(-8, 4), knee=(-140, -115)),
        settle_s=0.3,
        arms=_SEATED_ARMS,
    ),
    "side splits": Pose(
        joints=_legs(hip_x=(-25, -18), hip_z=(-60, -54), hip_y=(-92, -74), knee=(-10, -3)), settle_s=0.2
    ),
    "sitting, legs half apart": Pose(
        joints=_legs(hip_x=(-8, 2), hip_z=(-32, -18), hip_y=(-92, -80), knee=(-15, -3)), settle_s=0.2
    ),
    "front splits": Pose(
        joints=_leg("right", hip_y=(-108, -98), knee=(-10, -3)) | _leg("left", hip_y=(12, 20), knee=(-12, -3)),
        pitch_deg=(40, 50),
        settle_s=0.1,
    ),
    "kicking": Pose(
        joints=_leg("right", hip_y=(-105, -75), knee=(-10, -3)) | _leg("left", hip_y=(-5, 5), knee=(-12, -3)),
    ),
    "straddling, standing": Pose(joints=_legs(hip_x=(-25, -18), hip_y=(-8, 4), knee=(-10, -3))),
    "bowing": Pose(joints=_legs(hip_y=(-80, -50), knee=(-12, -3)), pitch_deg=(50, 80)),
    "on hands and knees": Pose(
        joints=_legs(hip_y=(-95, -80), knee=(-100, -85)), pitch_deg=(80, 95), arms=("forward",), settle_s=0.3
    ),
    "lying on its back": Pose(joints=_STRAIGHT, pitch_deg=(-95, -80), settle_s=0.2),
    "lying on its front": Pose(joints=_STRAIGHT, pitch_deg=(80, 95), settle_s=0.2, arms=("down",)),
    "lying on its side": Pose(joints=_legs(hip_y=(-60, 0), knee=(-60, -5)), roll_deg=(80, 95), settle_s=0.2),
    "jumping": Pose(joints=_STRAIGHT, lift_m=(0.15, 0.5), arms=("down", "loose", "raised", "sideways")),
    "leaning": Pose(joints=_STRAIGHT, pitch_deg=(25, 50)),
}
"""The poses by name; a test puts the body into each."""


_STANDING = tuple(name for name in POSES if name.startswith("standing"))

GOALS: Mapping[str, tuple[str, ...]] = {
    "kneeling": ("kneeling", "sitting on the heels"),
    "lotus": ("lotus",),
    "standing_up": (*_STANDING, "straddling, standing"),
    "arms_raised": ("standing, arms raised",),
    "splits": ("side splits",),
    "hands_on_hips": ("standing, hands on hips",),
    "arms_crossed": ("standing, arms crossed",),
    "one_leg": ("one leg, knee raised", "one leg, foot behind", "kicking"),
}
"""Poses that a task's oracle accepts as a rule, by the second part of the task's name."""

LOOK_ALIKES: Mapping[str, tuple[str, ...]] = {
    "kneeling": (
        "squatting", "half squatting", "on one knee", "lotus", "sitting, legs stretched", "sitting, knees drawn up",
        "on hands and knees", "bowing", "kneeling, leaning back", "kneeling, bent forwards",
    ),
    "lotus": (
        "sitting on the heels", "squatting", "sitting, knees drawn up", "sitting, legs stretched", "side splits",
        "sitting, legs half apart", "kneeling", "squatting, knees wide",
    ),
    "standing_up": (
        "half squatting", "leaning", "jumping", "kneeling", "one leg, knee raised", "one leg, foot behind", "bowing",
    ),
    "arms_raised": (
        "standing, one arm raised", "standing, arms sideways", "standing, arms forward", "jumping", "standing",
    ),
    "splits": (
        "sitting, legs half apart", "front splits", "sitting, legs stretched", "straddling, standing", "lotus",
        "kicking",
    ),
    "hands_on_hips": (
        "standing, one hand on its hip", "standing, arms crossed", "standing, arms sideways", "standing",
        "standing, hands before the chest",
    ),
    "arms_crossed": (
        "standing, hands before the chest", "standing, arms forward", "standing, hands on hips", "standing",
        "standing, one hand on its hip",
    ),
    "one_leg": ("standing", "stepping", "jumping", "on one knee", "straddling, standing", "front splits"),
}  # fmt: skip
"""Poses that look like a task's goal and that its oracle rejects as a rule, by the second part of the task's name."""

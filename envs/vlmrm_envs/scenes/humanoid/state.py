"""What a humanoid's body does, in numbers that a pose can be judged by: heights, angles, contacts.

All of them come from the simulator's own state, none from a picture. Left and right are told apart only where a pose
needs it: most numbers are the lesser or the greater one of the two sides, so that bounds on them hold for mirrored
poses alike.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from vlmrm_envs.mujoco_bodies import lowest_point_m

SIDES = ("left", "right")

Vector = NDArray[np.floating[Any]]

_WAIST_M = np.array([0.0, 0.17, -0.32])  # left, from the torso


def humanoid_state(model: Any, data: Any) -> dict[str, float]:
    """The state of Gymnasium's humanoid by name.

    Heights are above the floor and of the middle of what is named: the sole is 0.075 m below a foot, the kneecap 0.06 m
    below a knee. ``x`` is forwards, ``y`` to the left and ``z`` along the spine, seen from the torso.

    Args:
        model: Its `mujoco.MjModel`.
        data: Its `mujoco.MjData`, after `mj_forward` or a step.

    Returns:
        - ``torso_tilt_deg``: of the spine from the vertical, 0 to 180.
        - ``head_height_m``, ``pelvis_height_m``.
        - ``seat_height_m``: of the lowest point of the pelvis; 0 where it sits on the floor.
        - ``lower_knee_m``, ``higher_knee_m``, ``lower_foot_m``, ``higher_foot_m``, ``lower_hand_m``: heights.
        - ``pelvis_above_knees_m``: of the pelvis above the higher knee.
        - ``least_knee_bend_deg``, ``most_knee_bend_deg``: 0 is a straight leg.
        - ``feet_on_floor``: how many of them touch it, 0 to 2.
        - ``legs_apart_deg``: between the lines from the hips to the feet.
        - ``feet_sideways``: 1 where one foot is left of the other, 0 where one is before the other.
        - ``feet_front_m``: of the foot that is less far in front of the pelvis; below 0 behind it.
        - ``knees_apart_m``, ``far_foot_m``: between the knees, and from the pelvis to the foot farther away.
        - ``hands_above_head_m``: of the lower hand above the middle of the head.
        - ``hand_to_waist_m``: from a hand to the waist of its side; the greater one.
        - ``near_hand_to_waist_m``: the same of the nearer one.
        - ``least_elbow_bend_deg``, ``most_elbow_bend_deg``: 0 is an arm as straight as the model's can be, 19.5 degrees
          short of a line.
        - ``facing_up``: 1 with the chest to the sky, -1 with it to the floor.
        - ``elbow_out_m``: of an elbow from the middle plane of the body, outwards; the lesser one.
        - ``hands_crossed_m``: how far each hand is on the other's side of the other, less than 0 where they are not.
        - ``hands_front_m``: of the hand that is less far in front of the chest.
        - ``lowest_hand_z_m``, ``highest_hand_z_m``: along the spine, from the shoulders' height.
    """
    body = {name: np.array(data.body(name).xpos) for name in ("torso", "pelvis", *_both("{}_shin", "{}_thigh"))}
    geom = {name: np.array(data.geom(name).xpos) for name in ("head", *_both("{}_foot", "{}_hand"))}
    elbow = [np.array(data.body(f"{side}_lower_arm").xpos) for side in SIDES]
    hip, knee = ([body[f"{side}_{part}"] for side in SIDES] for part in ("thigh", "shin"))
    foot, hand = ([geom[f"{side}_{part}"] for side in SIDES] for part in ("foot", "hand"))
    torso = np.array(data.body("torso").xmat).reshape(3, 3)  # columns: forwards, left, along the spine
    elbow_bends = [90 + float(np.degrees(data.joint(f"{side}_elbow").qpos[0])) for side in SIDES]
    bends = [-np.degrees(data.joint(f"{side}_knee").qpos[0]) for side in SIDES]
    return {
        "torso_tilt_deg": float(np.degrees(np.arccos(np.clip(torso[2, 2], -1, 1)))),
        "facing_up": float(torso[2, 0]),
        "head_height_m": float(geom["head"][2]),
        "pelvis_height_m": float(body["pelvis"][2]),
        "seat_height_m": lowest_point_m(model, data, "butt"),
        "pelvis_above_knees_m": float(body["pelvis"][2] - max(part[2] for part in knee)),
        "least_knee_bend_deg": float(min(bends)),
        "most_knee_bend_deg": float(max(bends)),
        "feet_on_floor": float(_touching_floor(model, data, [f"{side}_foot" for side in SIDES])),
        **_legs(hip, knee, foot, body["pelvis"], torso),
        **_arms([torso.T @ (part - body["torso"]) for part in hand], [torso.T @ (e - body["torso"]) for e in elbow]),
        "lower_hand_m": float(min(part[2] for part in hand)),
        "hands_above_head_m": float(min(part[2] for part in hand) - geom["head"][2]),
        "least_elbow_bend_deg": min(elbow_bends),
        "most_elbow_bend_deg": max(elbow_bends),
    }


def _legs(hip: list[Vector], knee: list[Vector], foot: list[Vector], pelvis: Vector, torso: Vector) -> dict[str, float]:
    legs = [f - h for f, h in zip(foot, hip, strict=True)]
    cosine = legs[0] @ legs[1] / (np.linalg.norm(legs[0]) * np.linalg.norm(legs[1]))
    between = foot[0] - foot[1]
    return {
        "lower_knee_m": float(min(part[2] for part in knee)),
        "higher_knee_m": float(max(part[2] for part in knee)),
        "lower_foot_m": float(min(part[2] for part in foot)),
        "higher_foot_m": float(max(part[2] for part in foot)),
        "legs_apart_deg": float(np.degrees(np.arccos(np.clip(cosine, -1, 1)))),
        "feet_sideways": float(abs(torso[:, 1] @ between) / max(float(np.linalg.norm(between)), 1e-9)),
        "feet_front_m": float(min(torso[:, 0] @ (part - pelvis) for part in foot)),
        "knees_apart_m": _distance(knee[0], knee[1]),
        "far_foot_m": max(_distance(part, pelvis) for part in foot),
    }


def _arms(hand: list[Vector], elbow: list[Vector]) -> dict[str, float]:
    """Of hands and elbows as the torso sees them."""
    to_waist = _distance(hand[0], _WAIST_M), _distance(hand[1], _WAIST_M * (1, -1, 1))
    return {
        "hand_to_waist_m": max(to_waist),
        "near_hand_to_waist_m": min(to_waist),
        "elbow_out_m": float(min(elbow[0][1], -elbow[1][1])),
        "hands_crossed_m": float(hand[1][1] - hand[0][1]),
        "hands_front_m": float(min(part[0] for part in hand)),
        "lowest_hand_z_m": float(min(part[2] for part in hand)),
        "highest_hand_z_m": float(max(part[2] for part in hand)),
    }


def _touching_floor(model: Any, data: Any, geoms: list[str]) -> int:
    floor, wanted = model.geom("floor").id, {model.geom(name).id for name in geoms}
    touching = set()
    for pair in data.contact.geom[: data.ncon]:
        if floor in pair:
            touching |= wanted & {int(pair[0]), int(pair[1])}
    return len(touching)


def _both(*names: str) -> list[str]:
    return [name.format(side) for name in names for side in SIDES]


def _distance(one: Vector, other: Vector) -> float:
    return float(np.linalg.norm(one - other))

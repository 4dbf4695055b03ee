"""What sentences say of the humanoid is true of the poses that the oracles accept, and false of their look-alikes."""

import numpy as np
import pytest
import vlmrm_envs as envs
from vlmrm_envs.scenes.humanoid.concepts import HUMANOID_CONCEPTS
from vlmrm_envs.scenes.humanoid.poses import GOALS, LOOK_ALIKES, POSES
from vlmrm_envs.scenes.humanoid.put import place, put
from vlmrm_envs.scenes.humanoid.state import humanoid_state

SAID = {  # a training phrase that means what the task's prompt says
    "kneeling": "is on both knees",
    "lotus": "sits cross-legged",
    "standing_up": "stands on both feet",
    "arms_raised": "holds its two arms up",
    "splits": "does a split to the sides",
    "hands_on_hips": "rests its hands at the waist",
    "arms_crossed": "has folded arms",
    "one_leg": "balances on one foot",
}
HALF_TRUE = np.log(0.5)


def truths(phrase, poses, body, each=25):
    rng = np.random.default_rng(0)
    rows = []
    for pose in poses:
        for _ in range(each):
            put(*body, POSES[pose], rng)
            rows.append(humanoid_state(*body))
    return truth(phrase, rows)


def truth(phrase, rows):
    (concept,) = [concept for concept in HUMANOID_CONCEPTS if phrase in concept.phrases]
    return concept.log_truth({name: np.array([row[name] for row in rows], np.float32) for name in rows[0]})


@pytest.mark.parametrize("task", SAID)
def test_a_sentence_is_true_of_the_goal_and_false_of_its_look_alikes(task, body):
    goal, other = (truths(SAID[task], poses[task], body) for poses in (GOALS, LOOK_ALIKES))
    assert (goal > HALF_TRUE).mean() > 0.8
    assert (other > HALF_TRUE).mean() < 0.1


@pytest.mark.parametrize(
    ("phrase", "said_of", "not_of"),
    [
        ("leans back on its knees", ["kneeling, leaning back"], ["kneeling", "kneeling, bent forwards"]),
        (
            "bends forwards on its knees",
            ["kneeling, bent forwards"],
            ["kneeling", "kneeling, leaning back", "on hands and knees"],
        ),
        ("squats with its knees wide", ["squatting, knees wide"], ["lotus", "sitting, knees drawn up", "on one knee"]),
        (
            "holds both hands before its chest",
            ["standing, hands before the chest"],
            ["standing, arms crossed", "standing, arms forward"],
        ),
        ("sits with its knees drawn up", ["sitting, knees drawn up"], ["lotus", "squatting", "kneeling"]),
        (
            "stretches its arms forwards",
            ["standing, arms forward"],
            ["standing, hands before the chest", "standing, arms crossed", "standing, arms raised"],
        ),
        (
            "is on all fours",
            ["on hands and knees"],
            ["kneeling, leaning back", "kneeling, bent forwards", "lying on its back", "lying on its front"],
        ),
        ("squats", ["squatting", "squatting, knees wide"], ["lotus", "half squatting", "on one knee"]),
        (
            "has both arms up",
            ["standing, arms raised"],
            ["lying on its back", "lying on its front", "standing, one arm raised"],
        ),
        ("does a split from front to back", ["front splits"], ["on one knee", "side splits", "stepping"]),
        ("lies on its front", ["lying on its front"], ["lying on its back", "on hands and knees"]),
        ("lies on its back", ["lying on its back"], ["lying on its front", "lotus"]),
        (
            "lies on the floor",
            ["lying on its back", "lying on its front"],
            ["lotus", "sitting, legs stretched", "sitting on the heels", "squatting"],
        ),
    ],
)
def test_what_looks_like_a_goal_has_a_sentence_of_its_own(phrase, said_of, not_of, body):
    assert (truths(phrase, said_of, body) > HALF_TRUE).mean() > 0.85
    assert (truths(phrase, not_of, body) > HALF_TRUE).mean() < 0.1


@pytest.mark.parametrize(
    ("said", "turned_deg", "not_turned_deg"),
    [
        ("leans forwards", [(0, 40, 0)], [(0, -40, 0), (0, 0, 40), (0, 0, -40)]),
        ("is about to fall", [(0, -40, 0), (0, 40, 0), (0, 0, 40)], [(0, 0, 0)]),
    ],
)
def test_a_lean_has_a_direction(said, turned_deg, not_turned_deg, body):
    def turned(ways):
        rows = []
        for way in ways:
            place(*body, {}, turned_deg=way)
            rows.append(humanoid_state(*body))
        return truth(said, rows)

    assert (turned(turned_deg) > HALF_TRUE).all()
    assert (turned(not_turned_deg) < HALF_TRUE).all()


def test_who_squats_with_its_knees_wide_squats(body):
    for pose in ("squatting", "squatting, knees wide", "lotus", "half squatting"):
        assert (truths("squats", [pose], body) >= truths("squats with its knees wide", [pose], body)).all()


def test_arms_crossed_before_the_face_are_not_folded_over_the_chest(body):
    angles = {"shoulder1": -78, "shoulder2": 55, "elbow": -20}
    right = {f"right_{name}": np.radians(value) for name, value in angles.items()}
    place(*body, right | {f"left_{name}": np.radians(v if name == "elbow" else -v) for name, v in angles.items()})
    state = humanoid_state(*body)
    assert state["hands_crossed_m"] > 0.12
    assert truth("folds its arms over its chest", [state])[0] < HALF_TRUE


@pytest.mark.parametrize("pose", ["kneeling, leaning back", "kneeling, bent forwards"])
def test_a_leaning_body_kneels_but_for_its_torso(pose, body):
    """Else a model could tell it by a knee in the air."""
    rng, where = np.random.default_rng(2), envs.tasks()["humanoid/kneeling"].success.where
    for _ in range(25):
        put(*body, POSES[pose], rng)
        state = humanoid_state(*body)
        for name in ("higher_knee_m", "pelvis_above_knees_m", "least_knee_bend_deg"):
            assert where[name][0] <= state[name] <= where[name][1], name
        assert state["torso_tilt_deg"] > where["torso_tilt_deg"][1]

"""What sentences say of the humanoid is true of the poses that the oracles accept, and false of their look-alikes."""

import numpy as np
import pytest

from envs.concepts import CONCEPTS
from envs.humanoid_poses import GOALS, LOOK_ALIKES, POSES
from envs.humanoid_put import put
from envs.humanoid_state import humanoid_state
from envs.states import SceneStates

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
    (concept,) = [concept for concept in CONCEPTS["humanoid"] if phrase in concept.phrases]
    return concept.log_truth(SceneStates.of("humanoid", **{name: [row[name] for row in rows] for name in rows[0]}))


@pytest.mark.parametrize("task", SAID)
def test_a_sentence_is_true_of_the_goal_and_false_of_its_look_alikes(task, body):
    goal, other = (truths(SAID[task], poses[task], body) for poses in (GOALS, LOOK_ALIKES))
    assert (goal > HALF_TRUE).mean() > 0.8
    assert (other > HALF_TRUE).mean() < 0.1


@pytest.mark.parametrize(
    ("phrase", "said_of", "not_of"),
    [
        ("leans back on its knees", ["kneeling, leaning back"], ["kneeling", "kneeling, bent forwards"]),
        ("bends forwards on its knees", ["kneeling, bent forwards"], ["kneeling", "kneeling, leaning back"]),
        ("squats with its knees wide", ["squatting, knees wide"], ["lotus", "sitting, knees drawn up", "on one knee"]),
        (
            "holds both hands before its chest",
            ["standing, hands before the chest"],
            ["standing, arms crossed", "standing, arms forward"],
        ),
        ("sits with its knees drawn up", ["sitting, knees drawn up"], ["lotus", "squatting", "kneeling"]),
    ],
)
def test_what_looks_like_a_goal_has_a_sentence_of_its_own(phrase, said_of, not_of, body):
    assert (truths(phrase, said_of, body) > HALF_TRUE).mean() > 0.85
    assert (truths(phrase, not_of, body) > HALF_TRUE).mean() < 0.1

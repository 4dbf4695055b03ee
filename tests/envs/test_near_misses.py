"""What nearly kneels is called so: narrower than an agent's last mistakes, and nowhere the task's own bounds."""

from pathlib import Path

import numpy as np
import pytest
import vlmrm_envs as envs
from vlmrm_envs.scenes.humanoid import Humanoid
from vlmrm_envs.scenes.humanoid.concepts import HUMANOID_CONCEPTS
from vlmrm_envs.scenes.humanoid.near_misses import NEAR_MISS_CONCEPTS

SCRIPTS = Path(__file__).parents[2] / "scripts"
KNEELS = {  # of every variable that the sentences speak of
    "torso_tilt_deg": 5.0, "facing_up": 0.0, "lower_knee_m": 0.05, "higher_knee_m": 0.05, "least_knee_bend_deg": 90.0,
    "pelvis_above_knees_m": 0.35, "pelvis_height_m": 0.4, "feet_front_m": -0.3, "lower_hand_m": 0.4,
}  # fmt: skip
TRUE, FALSE = -0.1, -3.0


def truth(phrase, concepts=NEAR_MISS_CONCEPTS, **changed):
    (concept,) = [concept for concept in concepts if phrase in concept.phrases]
    return float(concept.log_truth({name: np.array([value]) for name, value in (KNEELS | changed).items()})[0])


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"torso_tilt_deg": 45.0, "facing_up": 0.7}, "kneels with its torso falling backwards"),
        ({"torso_tilt_deg": 45.0, "facing_up": -0.7}, "kneels with its torso falling forwards"),
        ({"torso_tilt_deg": 45.0, "facing_up": -0.7}, "is on its knees at a slant"),
        ({"higher_knee_m": 0.2}, "has one knee still off the floor"),
        ({"higher_knee_m": 0.22, "lower_knee_m": 0.2}, "is not yet on its knees, they hover over the floor"),
        ({"pelvis_above_knees_m": 0.0}, "sits on the floor with its shins beside it"),
        ({"feet_front_m": 0.2}, "has its feet in front of it, knees down"),
    ],
)
def test_a_near_miss_has_a_sentence_and_is_not_called_kneeling(changed, said):
    assert truth(said, **changed) > TRUE
    assert truth("is on both knees", **changed) < FALSE
    assert truth(said) < FALSE  # of a whole kneel
    assert truth("is on both knees") == 0


@pytest.mark.parametrize("changed", [{"torso_tilt_deg": 37.0}, {"higher_knee_m": 0.16}])
def test_where_an_agent_came_to_rest_kneeling_is_false_by_now(changed):
    """The usual sentences call a torso 37 degrees from upright, and a knee 16 cm up, more true than false."""
    assert truth("is on both knees", HUMANOID_CONCEPTS, **changed) > -1
    assert truth("is on both knees", **changed) <= -2


def test_no_sentence_is_true_exactly_where_the_task_is_solved(monkeypatch):
    """Of states that agents met: as many as one in six lie in one of the two alone."""
    monkeypatch.syspath_prepend(str(SCRIPTS))
    from visited_file import KEPT, Visited

    kept, env, rule = Visited.load(KEPT), Humanoid(), envs.task("humanoid/kneeling").success
    rows = []
    for position in kept.positions[np.random.default_rng(0).permutation(len(kept.positions))[:400]]:
        env.set_state(position.astype(float), np.zeros(env.model.nv))
        rows.append(env.state_variables())
    env.close()
    columns = {name: np.array([row[name] for row in rows]) for name in rows[0]}
    solved = np.array([rule.holds(row) for row in rows])
    shared = {}
    for concept in NEAR_MISS_CONCEPTS:
        true = concept.log_truth(columns) > np.log(0.5)
        shared[concept.phrases[0]] = (true & solved).sum() / max((true | solved).sum(), 1)
    assert max(shared, key=shared.get) == "is on both knees"
    assert 0.6 < shared["is on both knees"] < 0.9


def test_states_are_kept_by_source_and_episode(monkeypatch, tmp_path):
    monkeypatch.syspath_prepend(str(SCRIPTS))
    from visited_file import Visited

    first, again = [np.full((2, 24), 1, np.float32), np.full((3, 24), 2, np.float32)], [np.zeros((4, 24), np.float32)]
    kept = Visited.empty().with_source("early", first).with_source("held", again)
    kept.save(tmp_path / "states.npz")
    read = Visited.load(tmp_path / "states.npz")
    assert read.sources.tolist() == ["early"] * 5 + ["held"] * 4
    assert read.episodes.tolist() == [0, 0, 1, 1, 1, 0, 0, 0, 0]
    assert read.held_out.tolist() == [True] * 2 + [False] * 3 + [True] * 4  # the first of every three episodes
    assert read.with_source("early", again).sources.tolist() == ["held"] * 4 + ["early"] * 4

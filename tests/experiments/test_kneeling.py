"""The gate before kneeling is trained: what it lets through, and that its page says what was measured."""

import json
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent.parent.parent / "experiments"))

import chosen_agent
import kneeling
import kneeling_gate
import vlmrm_envs as envs
from kneeling_ways import WAYS

from vlmrm.exploits import Exploit
from vlmrm.training.episodes import evaluate
from vlmrm.wrappers.make_env import MakeEnv

GOOD = {
    "ap": [0.95, 0.9, 0.97], "lean": [0.9, 0.85, 0.93], "knees": [0.86, 0.8, 0.9], "lean_margin": 0.5,
    "knees_margin": 0.3, "climbs": 30, "ends": [{}] * 36,
}  # fmt: skip


@pytest.mark.parametrize(
    ("changed", "lacks"),
    [
        ({}, []),
        ({"knees": [0.8, 0.7, 0.9]}, ["knees"]),
        ({"lean_margin": 0.07, "climbs": 29}, ["lean_margin", "climbs"]),
        ({"climbs": None}, ["climbs"]),  # not climbed: nothing passes unseen
    ],
)
def test_a_way_passes_only_with_all_of_it(changed, lacks):
    assert kneeling_gate.passes(GOOD | changed) == lacks


def test_a_search_ends_where_the_best_paid_of_its_climbs_did():
    """The first search ends in the goal although a climb of it did not; the second is fooled."""
    where = envs.task(kneeling_gate.TASK).success.where
    kneels = {name: (low + high) / 2 for name, (low, high) in where.items()}
    ends = [
        Exploit(values={}, score=score, accepted=accepted, state=kneels | changed, climb=0, evaluation=1)
        for score, accepted, changed in [
            (0.1, False, {"higher_knee_m": 0.5}), (0.8, True, {}), (0.7, True, {}),
            (0.9, False, {"torso_tilt_deg": 80.0}), (0.8, True, {}), (0.5, False, {"torso_tilt_deg": 80.0}),
        ]
    ]  # fmt: skip
    found = kneeling_gate.climbed_to(WAYS["side"], ends, goal_median=0.6)
    assert (found["searches"], found["climbs"], found["fooled"]) == (1, 3, 1)
    assert found["ends"][3] == {"score": 0.9, "in_goal": False, "misses": ["torso_tilt_deg"]}


@pytest.mark.parametrize("name", WAYS)
def test_a_way_is_rewarded_through_the_cameras_that_it_names(name):
    way = WAYS[name]
    cameras = way.spec().cameras
    assert (cameras.names if cameras else way.cameras) == way.cameras
    assert tuple(way.task().drawn_cameras) == (way.cameras if len(way.cameras) > 1 else ())


def test_the_page_says_what_was_measured():
    results = Path(kneeling_gate.__file__).parent / "results"
    numbers = json.loads((results / "kneeling_gate.json").read_text())
    assert (results / "kneeling_gate.md").read_text() == "\n".join(kneeling_gate.page(numbers)) + "\n"
    assert (
        numbers["ways"]["h_both"]["lean"][0] > numbers["ways"]["both"]["lean"][0] > numbers["ways"]["task"]["lean"][0]
    )


def test_one_and_two_cameras_are_words_that_the_command_takes():
    one, two = (kneeling.run_of(way, 0, 1_000).options for way in ("h_soft_side", "h_soft_both"))
    assert one[one.index("--camera") + 1].startswith("lookat_m = [0, 0, 1], distance_m = 3.5, azimuth_deg = 90")
    assert two[two.index("--cameras") + 1].startswith(
        "front = {lookat_m = [0, 0, 1], distance_m = 3.5, azimuth_deg = 180"
    )


def test_the_policy_that_is_kept_kneels():
    """Of 100 episodes it was 100, whose steps another machine rounds otherwise."""
    pytest.importorskip("mujoco")
    agent = kneeling.kept_policy(kneeling.RESULTS / "kneeling_h_soft_side-0.safetensors")
    make_env = MakeEnv(task=envs.task(kneeling.TASK), pictures=False)
    records = evaluate(agent, make_env, episodes=6, seed=chosen_agent.FINAL_SEED)
    assert sum(record.success for record in records) >= 5

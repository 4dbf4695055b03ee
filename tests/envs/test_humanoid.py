"""The humanoid's tasks: what their oracles accept, and what they take for a look-alike."""

import gymnasium as gym
import mujoco
import numpy as np
import pytest
import vlmrm_envs as envs
from vlmrm_envs.scenes.humanoid.poses import ARMS, GOALS, LOOK_ALIKES, POSES
from vlmrm_envs.scenes.humanoid.put import place, put, put_between, put_random
from vlmrm_envs.scenes.humanoid.state import humanoid_state

TASKS = {name.split("/")[1]: task for name, task in envs.tasks().items() if name.startswith("humanoid/")}


def share_in_goal(task, pose, body, count=40):
    model, data = body
    rng = np.random.default_rng(sum(map(ord, pose)))
    inside = 0
    for _ in range(count):
        put(model, data, POSES[pose], rng)
        inside += TASKS[task].success.holds(humanoid_state(model, data))
    return inside / count


@pytest.mark.parametrize(("task", "pose"), [(task, pose) for task, poses in GOALS.items() for pose in sorted(poses)])
def test_the_oracle_accepts_the_pose(task, pose, body):
    assert share_in_goal(task, pose, body) >= 0.8


@pytest.mark.parametrize(
    ("task", "pose"), [(task, pose) for task, poses in LOOK_ALIKES.items() for pose in sorted(poses)]
)
def test_the_oracle_rejects_what_looks_like_it(task, pose, body):
    assert share_in_goal(task, pose, body) <= 0.05


@pytest.mark.parametrize("task", TASKS)
def test_the_oracle_rejects_a_heap_on_the_floor(task, body):
    model, data = body
    rng = np.random.default_rng(0)
    inside = 0
    for _ in range(40):
        put_random(model, data, rng)
        inside += TASKS[task].success.holds(humanoid_state(model, data))
    assert inside <= 2


@pytest.mark.parametrize("pose", POSES)
def test_a_pose_respects_the_joints_limits_and_rests_on_the_floor(pose, body):
    model, data = body
    rng = np.random.default_rng(1)
    for _ in range(5):
        put(model, data, POSES[pose], rng)
        for i in range(1, model.njnt):
            low, high = model.jnt_range[i]
            angle = data.qpos[model.jnt_qposadr[i]]
            assert low - 0.12 <= angle <= high + 0.12, model.joint(i).name  # settling may press it a little further
        lowest = min(
            data.geom_xpos[i, 2] - model.geom_size[i, 0] - model.geom_size[i, 1] * abs(data.geom_xmat[i, 8])
            if model.geom_type[i] == mujoco.mjtGeom.mjGEOM_CAPSULE
            else data.geom_xpos[i, 2] - model.geom_size[i, 0]
            for i in range(1, model.ngeom)
        )
        assert lowest == pytest.approx(0, abs=0.03) or (pose == "jumping" and 0.15 <= lowest <= 0.5)
        assert np.isfinite(data.qpos).all()
        assert not data.qvel.any()


SEATED = ("lotus", "sitting, legs stretched", "sitting, knees drawn up", "side splits", "sitting, legs half apart")


@pytest.mark.parametrize(("pose", "seated"), [*((pose, True) for pose in SEATED), ("squatting, knees wide", False)])
def test_who_sits_has_the_seat_on_the_floor_and_who_squats_has_not(pose, seated, body):
    """A seat that hovers over bent legs looks seated from in front, and is a squat."""
    model, data = body
    rng, seats = np.random.default_rng(2), []
    for _ in range(30):
        put(model, data, POSES[pose], rng)
        seats.append(humanoid_state(model, data)["seat_height_m"])
    if seated:
        assert np.mean(seats) < 0.03
        assert max(seats) < 0.12  # on hands that prop it up
    else:
        assert min(seats) > 0.2


def test_the_seat_s_height_is_that_of_the_lowest_point_of_its_capsule(body):
    """As the XML has it: lying along y, 0.09 m thick, 0.14 m long."""
    model, data = body
    for roll_deg in (0, 40, 90):
        place(model, data, {}, turned_deg=(20, 0, roll_deg), lift_m=0.5)
        state = humanoid_state(model, data)
        half = 0.07 * np.sin(np.radians(roll_deg))
        assert state["seat_height_m"] == pytest.approx(state["pelvis_height_m"] - 0.09 - half, abs=2e-3)


def test_folded_arms_are_bent_and_lie_one_over_the_other(body):
    """Straight arms that go through each other put each hand on the other's side as well."""
    model, data = body
    rng = np.random.default_rng(0)
    forearms = [model.geom(f"{side}_larm").id for side in ("left", "right")]
    for _ in range(30):
        put(model, data, POSES["standing, arms crossed"], rng)
        apart = mujoco.mj_geomDistance(model, data, *forearms, 1.0, None)
        assert apart > -0.02  # of 0.06 m thick ones
        assert humanoid_state(model, data)["least_elbow_bend_deg"] > 40


@pytest.mark.parametrize(
    ("arms", "missed"),
    [
        ({"shoulder1": 56, "shoulder2": 43, "elbow": -81}, {"least_elbow_bend_deg"}),
        ({"shoulder1": -78, "shoulder2": 58, "elbow": -8}, {"lowest_hand_z_m", "highest_hand_z_m"}),
    ],
    ids=["straight arms that go through each other", "folded before the face"],
)
def test_hands_on_each_other_s_side_are_not_yet_arms_crossed_before_the_chest(arms, missed, body):
    model, data = body
    angles = {f"right_{name}": np.radians(value) for name, value in arms.items()}
    angles |= {f"left_{name}": np.radians(value if name == "elbow" else -value) for name, value in arms.items()}
    place(model, data, angles)
    state, rule = humanoid_state(model, data), TASKS["arms_crossed"].success.where
    assert state["hands_crossed_m"] > 0.1
    assert {name for name, (low, high) in rule.items() if not low <= state[name] <= high} == missed


NEAR_MISSES = {  # of one bound each: what it asks of a body in the goal pose, and a value just outside
    "lotus": {
        "seat_height_m": 0.06, "knees_apart_m": 0.55, "feet_front_m": 0.03, "higher_foot_m": 0.27, "far_foot_m": 0.55,
        "torso_tilt_deg": 32, "least_knee_bend_deg": 80,
    },
    "splits": {
        "seat_height_m": 0.11, "legs_apart_deg": 85, "feet_sideways": 0.7, "most_knee_bend_deg": 45,
        "torso_tilt_deg": 50,
    },
    "arms_crossed": {
        "hands_crossed_m": 0.05, "hands_front_m": 0.05, "highest_hand_z_m": 0.15, "lowest_hand_z_m": -0.4,
        "least_elbow_bend_deg": 30, "torso_tilt_deg": 27, "pelvis_height_m": 0.7, "most_knee_bend_deg": 45,
        "higher_foot_m": 0.2,
    },
    "kneeling": {
        "torso_tilt_deg": 37, "higher_knee_m": 0.15, "pelvis_above_knees_m": 0.05, "least_knee_bend_deg": 55,
        "feet_front_m": 0.1,
    },
    "one_leg": {
        "torso_tilt_deg": 27, "pelvis_height_m": 0.7, "feet_on_floor": (0, 2), "lower_foot_m": 0.12,
        "higher_foot_m": 0.15,
    },
    "hands_on_hips": {
        "torso_tilt_deg": 27, "pelvis_height_m": 0.7, "most_knee_bend_deg": 45, "higher_foot_m": 0.2,
        "hand_to_waist_m": 0.22, "least_elbow_bend_deg": 45, "elbow_out_m": 0.17,
    },
    "standing_up": {
        "torso_tilt_deg": 27, "pelvis_height_m": 0.7, "most_knee_bend_deg": 45, "higher_foot_m": 0.2,
    },
    "arms_raised": {
        "torso_tilt_deg": 27, "pelvis_height_m": 0.7, "most_knee_bend_deg": 45, "higher_foot_m": 0.2,
        "hands_above_head_m": 0.07,
    },
}  # fmt: skip


@pytest.mark.parametrize("task", NEAR_MISSES)
def test_every_bound_of_an_oracle_rejects_by_itself(task, body):
    """A goal pose with one number just outside is none; a bound that nobody tests can be loosened unseen."""
    model, data = body
    put(model, data, POSES[sorted(GOALS[task])[0]], np.random.default_rng(1))
    state, success = humanoid_state(model, data), TASKS[task].success
    assert success.holds(state)
    assert set(NEAR_MISSES[task]) == set(success.where)
    for name, values in NEAR_MISSES[task].items():
        for value in values if isinstance(values, tuple) else (values,):
            assert not success.holds(state | {name: float(value)}), (name, value)


def test_every_oracle_has_its_near_misses():
    assert set(NEAR_MISSES) == set(TASKS)


@pytest.mark.parametrize(("lift_m", "feet"), [(0.0, 2), (0.01, 0)])
def test_feet_are_on_the_floor_where_they_touch_it_and_not_where_they_are_low(lift_m, feet, body):
    """A sole 1 cm above the floor is as low as a foot that stands, and bears nothing."""
    model, data = body
    place(model, data, {}, lift_m=lift_m)
    state = humanoid_state(model, data)
    assert state["feet_on_floor"] == feet
    assert state["higher_foot_m"] < 0.1


def test_settling_leaves_the_model_as_it_was(body):
    model, data = body
    before = {name: getattr(model, name).copy() for name in ("jnt_stiffness", "dof_damping", "qpos_spring")}
    integrator = model.opt.integrator
    put(model, data, POSES["kneeling"], np.random.default_rng(0))
    assert all((getattr(model, name) == values).all() for name, values in before.items())
    assert model.opt.integrator == integrator


def test_the_same_seed_gives_the_same_pose(body):
    model, data = body
    drawn = []
    for seed in (3, 3, 4):
        put(model, data, POSES["lotus"], np.random.default_rng(seed))
        drawn.append(data.qpos.copy())
    np.testing.assert_array_equal(drawn[0], drawn[1])
    assert np.abs(drawn[0] - drawn[2]).max() > 0.1


def test_every_arm_position_and_pose_is_reachable():
    for name, arms in ARMS.items():
        assert all(low < high for low, high in arms.values()), name
    assert all(arms in ARMS for pose in POSES.values() for arms in pose.arms)


def test_the_state_is_right_for_a_body_whose_numbers_are_known(body):
    """As the XML has them: the head 0.615 m above the pelvis, knees 0.18 m apart, soles 0.075 m below the feet."""
    model, data = body
    place(model, data, {})
    state = humanoid_state(model, data)
    straight = {"torso_tilt_deg": 0, "lower_foot_m": 0.075, "higher_foot_m": 0.075, "feet_on_floor": 2}
    for name, value in straight.items():
        assert state[name] == pytest.approx(value, abs=2e-2), name
    assert state["head_height_m"] - state["pelvis_height_m"] == pytest.approx(0.26 + 0.165 + 0.19, abs=2e-2)
    assert state["knees_apart_m"] == pytest.approx(0.18, abs=1e-2)
    assert state["least_elbow_bend_deg"] == pytest.approx(90)


def test_a_turned_body_has_the_same_numbers(body):
    model, data = body
    angles = {"right_hip_y": -1.0, "left_shoulder1": 0.5}
    place(model, data, angles)
    ahead = humanoid_state(model, data)
    place(model, data, angles, turned_deg=(130, 0, 0))
    turned = humanoid_state(model, data)
    for name, value in ahead.items():
        assert turned[name] == pytest.approx(value, abs=1e-6), name
    place(model, data, angles, turned_deg=(130, 40, 0))
    assert humanoid_state(model, data)["torso_tilt_deg"] == pytest.approx(40)


@pytest.mark.parametrize("look", ["plain", "textured"])
def test_a_look_changes_nothing_but_the_picture(look):
    """Same seed, same actions, same states as Gymnasium's own; and a picture of its own."""
    ours = gym.make("vlmrm_envs:vlmrm/Humanoid-v0", look=look, max_episode_steps=100)
    theirs = gym.make("Humanoid-v5", terminate_when_unhealthy=False, max_episode_steps=100)
    np.testing.assert_array_equal(ours.reset(seed=5)[0], theirs.reset(seed=5)[0])
    ours.action_space.seed(0)
    for _ in range(100):
        action = ours.action_space.sample()
        (observation, reward, terminated, truncated, _), other = ours.step(action), theirs.step(action)
        np.testing.assert_array_equal(observation, other[0])
        assert reward == other[1]
        assert not terminated
    assert truncated


def test_the_paper_s_camera_and_prompts_stand_in_the_tasks():
    for task in TASKS.values():
        assert (task.train.num_envs, task.train.hyperparameters["gradient_steps"]) == (32, 100)  # 4 workers of 8
        assert task.reward.prompts.baseline == ("a humanoid robot",)
        assert task.camera.to_dict() == {
            "lookat_m": (0.0, 0.0, 1.0), "distance_m": 3.5, "azimuth_deg": 180, "elevation_deg": -10,
        }  # fmt: skip
        assert (task.success.within_last, task.success.at_least, task.episode_steps) == (100, 50, 100)
    assert TASKS["kneeling"].reward.prompts.goal == ("a humanoid robot kneeling",)
    assert TASKS["splits"].reward.prompts.goal == ("a humanoid robot practicing gymnastics, doing the side splits",)
    assert len(TASKS) == 8


def test_a_body_on_its_way_to_its_knees_is_between_standing_and_kneeling(body):
    model, data = body
    rng, heights = np.random.default_rng(0), []
    for _ in range(40):
        put_between(model, data, POSES["standing"], POSES["kneeling"], rng)
        state = humanoid_state(model, data)
        heights.append(state["pelvis_height_m"])
        assert 0 <= state["most_knee_bend_deg"] <= 101
        assert state["lower_foot_m"] < 0.2  # on the floor
    assert min(heights) < 0.55 < 0.8 < max(heights)

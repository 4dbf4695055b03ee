import gymnasium as gym
import numpy as np
import pytest
import vlmrm_envs as envs

from vlmrm.tasks import all_tasks

TASKS = {name: task for name, task in envs.tasks().items() if task.sweep is not None}


def make(name, **kwargs):
    task = TASKS[name]
    return gym.make(task.env_id, max_episode_steps=task.episode_steps, **task.env_kwargs, **kwargs)


@pytest.mark.parametrize("name", TASKS)
def test_every_episode_has_the_same_length_and_is_truncated_not_terminated(name):
    """An early end would tell the agent about the goal, and a time limit called `terminated` stops bootstrapping."""
    env = make(name)
    for seed in (0, 1):
        env.reset(seed=seed)
        env.action_space.seed(seed)
        steps = TASKS[name].episode_steps
        ends = [env.step(env.action_space.sample())[2:4] for _ in range(steps)]
        assert ends == [(False, False)] * (steps - 1) + [(False, True)]


@pytest.mark.parametrize("name", TASKS)
def test_every_observation_lies_in_its_space(name):
    env = make(name)
    env.reset(seed=0)
    env.action_space.seed(0)
    for _ in range(TASKS[name].episode_steps):
        observation = env.step(env.action_space.sample())[0]
        assert env.observation_space.contains(observation)


@pytest.mark.parametrize("name", TASKS)
def test_place_puts_the_env_where_the_sweep_says(name):
    task = TASKS[name]
    env = make(name, render_mode="rgb_array").unwrapped
    env.reset(seed=0)
    for value in np.linspace(task.sweep.low, task.sweep.high, 7):
        env.place(value)
        placed = env.state_variables()[task.sweep.variable]
        assert placed == pytest.approx(value, abs=1e-4) or abs(placed - value) == pytest.approx(360, abs=1e-4)


@pytest.mark.parametrize("name", TASKS)
def test_the_sweep_passes_through_success_and_failure(name):
    task = TASKS[name]
    env = make(name, render_mode="rgb_array").unwrapped
    env.reset(seed=0)
    inside = []
    for value in np.linspace(task.sweep.low, task.sweep.high, 91):
        env.place(value)
        inside.append(task.success.holds(env.state_variables()))
    assert 0 < sum(inside) < 50


@pytest.mark.parametrize(("name", "end_m"), [("mountain_car/far_left", -1.2), ("mountain_car/flag", 0.6)])
def test_a_car_at_the_end_of_its_track_is_there(name, end_m):
    """The simulator's numbers are single precision: its -1.2 lies beyond -1.2."""
    env = make(name).unwrapped
    env.reset(seed=0)
    env.place(end_m)
    assert TASKS[name].success.holds(env.state_variables())


def test_the_cart_stops_at_the_wall_and_fails_there():
    env = make("cartpole/upright")
    env.reset(seed=0)
    for _ in range(200):
        *_, info = env.step(1)
    assert info["state"]["x_m"] == 2.4
    assert env.unwrapped.state[1] == 0.0
    assert not TASKS["cartpole/upright"].success.holds({"angle_deg": 0.0, "x_m": 2.4})


def test_at_the_wall_the_pole_swings_like_a_pendulum_however_hard_the_cart_is_pushed():
    """A force that moves nothing must not hold the pole at a slant."""
    swings = []
    for push in (10.0, 1000.0):
        env = make("cartpole/upright")
        env.reset(seed=0)
        env.unwrapped.force_mag = push
        env.unwrapped.state = np.array((2.4, 0.0, np.radians(150), 0.0))
        swings.append([env.step(1)[4]["state"]["angle_deg"] for _ in range(15)])
    np.testing.assert_allclose(swings[0], swings[1])
    assert swings[0][0] == pytest.approx(150)
    assert swings[0][-1] > 165


def test_the_picture_shows_the_whole_pole_wherever_the_cart_is():
    """In CartPole-v1's own picture a pole that leans over the wall is out of sight, where an agent can hide it."""
    env = make("cartpole/upright", render_mode="rgb_array").unwrapped
    env.reset(seed=0)
    seen = []
    for x, angle in [(0.0, 90), (2.4, 90), (-2.4, -90), (2.4, 180), (0.0, 180)]:
        env.state = np.array((x, 0.0, np.radians(angle), 0.0))
        seen.append((np.abs(env.render().astype(int) - (202, 152, 101)).sum(axis=2) < 40).sum())
    assert min(seen) > 0.9 * max(seen), seen


def test_a_cart_that_is_pushed_away_leaves_the_wall():
    env = make("cartpole/upright")
    env.reset(seed=0)
    env.unwrapped.state = np.array((2.4, 0.0, np.pi, 0.0))
    positions = [env.step(0)[4]["state"]["x_m"] for _ in range(20)]
    assert positions[-1] < 1.9


def test_what_is_observed_does_not_jump_where_the_pole_hangs():
    """An angle in -180..180 degrees does, and no agent learned to let the pole hang still from it."""
    env = make("cartpole/hanging").unwrapped
    env.reset(seed=0)
    seen = []
    for angle in (179.9, -179.9):
        env.place(angle)
        seen.append(env._observation())
    np.testing.assert_allclose(*seen, atol=0.01)


def test_the_pole_swings_through_the_whole_circle():
    env = make("cartpole/upright")
    env.reset(seed=0)
    angles = [env.step(0)[4]["state"]["angle_deg"] for _ in range(200)]
    assert max(abs(angle) for angle in angles) > 150
    assert all(-180 <= angle <= 180 for angle in angles)


def test_cartpole_pays_its_own_reward_only_near_upright():
    env = make("cartpole/upright")
    env.reset(seed=0)
    for _ in range(200):
        _, reward, *_, info = env.step(1)
        state = info["state"]
        assert reward == float(abs(state["angle_deg"]) <= 12 and abs(state["x_m"]) < 2.4)


def test_the_car_stays_at_the_flag_and_is_paid_once():
    env = make("mountain_car/flag")
    env.reset(seed=0)
    env.unwrapped.state = np.array([0.43, 0.07], dtype=np.float32)
    _, reward, *_, info = env.step(np.array([1.0], dtype=np.float32))
    assert reward == pytest.approx(100 - 4 * 0.1)
    for _ in range(20):
        _, reward, *_, info = env.step(np.array([-1.0], dtype=np.float32))
    assert info["state"]["position_m"] == pytest.approx(0.45)
    assert reward == pytest.approx(-4 * 0.1)


def test_on_its_way_to_the_far_left_the_car_passes_the_flag_and_stays_on_the_left_slope():
    env = make("mountain_car/far_left")
    env.reset(seed=0)
    env.unwrapped.state = np.array([0.43, 0.07], dtype=np.float32)
    *_, info = env.step(np.array([1.0], dtype=np.float32))
    assert info["state"]["position_m"] > 0.46
    env.unwrapped.state = np.array([-1.05, -0.07], dtype=np.float32)
    _, reward, *_ = env.step(np.array([1.0], dtype=np.float32))
    assert reward == pytest.approx(100 - 4 * 0.1)
    for _ in range(20):
        _, reward, *_, info = env.step(np.array([1.0], dtype=np.float32))
    assert info["state"]["position_m"] == pytest.approx(-1.1)
    assert TASKS["mountain_car/far_left"].success.holds(info["state"])


def test_one_action_lasts_four_physics_steps():
    ours, theirs = make("mountain_car/flag"), gym.make("MountainCarContinuous-v0")
    ours.reset(seed=3)
    theirs.reset(seed=3)
    for k in range(20):
        action = np.array([np.sin(k)], dtype=np.float32)
        for _ in range(4):
            observation, *_ = theirs.step(action)
        np.testing.assert_allclose(ours.step(action)[0], observation, atol=1e-6)


def test_left_and_right_are_the_same_in_the_number_and_in_the_picture():
    """A sign error would show only as a reward that steers the wrong way."""
    for name in ("cartpole/upright", "pendulum/upright"):
        env = make(name, render_mode="rgb_array").unwrapped
        env.reset(seed=0)
        env.place(60.0)
        picture = env.render().astype(int)
        coloured = picture.max(axis=2) - picture.min(axis=2) > 40
        columns = np.flatnonzero(coloured.any(axis=0))
        assert columns.mean() > picture.shape[1] / 2, name


def test_pendulum_pays_gymnasiums_reward():
    ours, theirs = make("pendulum/upright"), gym.make("Pendulum-v1")
    ours.reset(seed=3)
    theirs.reset(seed=3)
    for k in range(50):
        action = np.array([np.sin(k)], dtype=np.float32)
        assert ours.step(action)[1] == pytest.approx(theirs.step(action)[1])


def test_the_mountain_looks_like_one():
    """Not a thin line on white: the paper's untextured picture could not be learned from."""
    env = make("mountain_car/flag", render_mode="rgb_array").unwrapped
    env.reset(seed=0)
    picture = env.render()
    assert picture.shape == (400, 600, 3)
    assert (picture == 255).all(axis=2).mean() < 0.05
    yellow = (picture[..., 0] > 200) & (picture[..., 1] > 160) & (picture[..., 2] < 80)
    assert yellow.sum() > 400


def test_the_tasks_are_found_by_name_without_importing_envs():
    assert set(TASKS) <= set(all_tasks())


def test_the_paper_s_prompts_stand_in_the_tasks():
    assert TASKS["cartpole/upright"].reward.prompts.goal == ("pole vertically upright on top of the cart",)
    assert TASKS["cartpole/upright"].reward.prompts.baseline == ("pole and cart",)
    assert TASKS["mountain_car/flag"].reward.prompts.goal == (
        "a car at the peak of the mountain, next to the yellow flag",
    )
    assert TASKS["mountain_car/flag"].reward.prompts.baseline == ("a car in the mountain",)

import copy
import pickle

import gymnasium as gym
import numpy as np
import pytest
import vlmrm_envs as envs

TASKS = {name: task for name, task in envs.tasks().items() if task.camera is not None and task.sweep is not None}
GYMNASIUMS = {
    "inverted_pendulum/upright": ("InvertedPendulum-v5", {}),
    "reacher/touch": ("Reacher-v5", {}),
    "hopper/stand": ("Hopper-v5", {"terminate_when_unhealthy": False, "reset_noise_scale": 0.05}),
    "half_cheetah/on_its_back": ("HalfCheetah-v5", {}),
    "ant/flipped": ("Ant-v5", {"terminate_when_unhealthy": False, "include_cfrc_ext_in_observation": False}),
}


def make(name):
    task = TASKS[name]
    return gym.make(task.env_id, max_episode_steps=task.episode_steps, **task.env_kwargs)


def test_there_are_five_of_them():
    assert set(TASKS) == set(GYMNASIUMS)


@pytest.mark.parametrize("name", TASKS)
def test_the_physics_are_gymnasiums(name):
    """Same seed, same actions, same observations; only the end of an episode and the picture are ours."""
    env_id, options = GYMNASIUMS[name]
    ours, theirs = make(name), gym.make(env_id, **options).unwrapped
    np.testing.assert_array_equal(ours.reset(seed=5)[0], theirs.reset(seed=5)[0])
    ours.action_space.seed(0)
    for _ in range(20):
        action = ours.action_space.sample()
        np.testing.assert_array_equal(ours.step(action)[0], theirs.step(action)[0])


@pytest.mark.parametrize("name", TASKS)
def test_nothing_but_the_clock_ends_an_episode(name):
    """InvertedPendulum, Hopper and Ant end when they fall, which would tell the agent what the sentence should."""
    env = make(name)
    env.reset(seed=0)
    env.action_space.seed(1)
    ends = [env.step(env.action_space.sample())[2:4] for _ in range(TASKS[name].episode_steps)]
    assert ends == [(False, False)] * (len(ends) - 1) + [(False, True)]


@pytest.mark.parametrize("name", TASKS)
@pytest.mark.parametrize("moves", [True, False], ids=["random", "still"])
def test_neither_chance_nor_keeping_still_succeeds(name, moves):
    """From Gymnasium's starts a hopper that does nothing falls so slowly that short episodes end before."""
    env = make(name)
    rule, successes = TASKS[name].success, 0
    env.action_space.seed(0)
    for seed in range(10):
        env.reset(seed=seed)
        inside = []
        for _ in range(env.spec.max_episode_steps):
            action = env.action_space.sample() if moves else np.zeros(env.action_space.shape, np.float32)
            inside.append(rule.holds(env.step(action)[-1]["state"]))
        successes += sum(inside[-rule.within_last :]) >= rule.at_least
    assert successes <= 1


def test_a_cheetah_that_stands_is_not_on_its_back_and_an_ant_on_its_feet_is_not_flipped():
    for name in ("half_cheetah/on_its_back", "ant/flipped"):
        _, info = make(name).reset(seed=0)
        assert not TASKS[name].success.holds(info["state"])


def test_the_ball_is_where_it_was_put():
    env = make("reacher/touch").unwrapped
    env.reset(seed=0)
    for apart in (0.0, 0.05, 0.15):
        env.place(apart)
        tip, ball = (env.data.geom(name).xpos for name in ("fingertip", "target"))
        assert np.linalg.norm(tip - ball) == pytest.approx(apart, abs=1e-6)
        assert np.linalg.norm(ball[:2]) <= 0.2  # where Gymnasium puts it


@pytest.mark.parametrize("env_id", ["Humanoid", "InvertedPendulum", "Reacher", "Hopper", "HalfCheetah", "Ant"])
def test_an_environment_can_be_copied_and_pickled(env_id):
    """Gymnasium's EzPickle makes it again from its arguments, and would take its parent's for ours."""
    env = gym.make(f"vlmrm_envs:vlmrm/{env_id}-v0", look="plain", render_mode="rgb_array").unwrapped
    for again in (copy.deepcopy(env), pickle.loads(pickle.dumps(env))):
        assert again._look is None  # plain
        assert again.render_mode == "rgb_array"
        again.reset(seed=0)

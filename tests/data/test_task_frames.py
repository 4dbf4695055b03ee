from dataclasses import replace

import gymnasium as gym
import numpy as np
import pytest
import torch
import vlmrm_envs as envs

from tests.toys import CountingEnv
from vlmrm.data.labelled import FrameSource, GivenFrames, LabelledFrames
from vlmrm.data.task_frames import Rollouts, TaskStates, frames_of_task, random_policy
from vlmrm.encoders import load_encoder
from vlmrm.errors import FrameError, MissingExtra, SpecError
from vlmrm.tasks import SuccessRule, Task, read_reward

RULE = SuccessRule(where={"t": (2, 9)}, within_last=1, at_least=1)


def counting(**words):
    """A task whose picture is red, 20 more with every step, over after three."""
    said = {"reward": read_reward({"prompts": {"goal": "red"}}), "success": RULE, "episode_steps": 9} | words
    return Task(name="counting", description="", env_id="tests/Counting-v0", **said)


@pytest.fixture(autouse=True)
def counting_env():
    import gymnasium as gym

    gym.register("tests/Counting-v0", entry_point="tests.toys:CountingEnv")
    yield
    gym.registry.pop("tests/Counting-v0")


def played(**words):
    task = counting(**words)
    return Rollouts(task=task, episodes=2, seed=5)


def test_every_frame_of_an_episode_has_the_label_of_its_own_state():
    first, second = played().batches()
    assert first.frames[:, 0, 0, 0].tolist() == [20, 40, 60, 80]  # a reset and three steps
    assert first.states["t"].tolist() == [0, 1, 2, 3]
    assert first.in_goal.tolist() == [False, False, True, True]
    assert first.steps.tolist() == [0, 1, 2, 3]
    assert first.env_rewards.tolist() == [0, -1, -2, -3]
    assert set(first.groups) == {"random policy, episode 5"}
    assert set(second.groups) == {"random policy, episode 6"}


@pytest.mark.parametrize(("ends_by", "ended"), [("terminated", [False] * 3 + [True]), ("truncated", [False] * 4)])
def test_a_time_limit_is_no_end_of_the_episode(ends_by, ended):
    batch = next(iter(played(env_kwargs={"ends_by": ends_by}).batches()))
    assert batch.terminated.tolist() == ended


def test_without_success_bounds_nothing_is_in_the_goal_and_no_source_is_made():
    source = played(success=None)
    assert not any(batch.in_goal.any() for batch in source.batches())
    with pytest.raises(SpecError, match=r"counting has no success bounds.*Give labelled pictures"):
        frames_of_task(source.task)


def test_an_environment_that_reports_no_state_is_played_all_the_same():
    task = replace(counting(success=None, episode_steps=4), env_id="CartPole-v1")
    (batch,) = Rollouts(task=task, episodes=1).batches()
    assert (len(batch), batch.states, batch.in_goal.any()) == (5, {}, False)


def test_a_task_that_draws_no_states_is_labelled_on_random_episodes():
    source = frames_of_task(replace(played().task, episode_steps=3), 30)
    assert isinstance(source, Rollouts)
    assert source.episodes == 10
    assert isinstance(source, FrameSource)


def test_states_of_a_task_are_the_same_each_time_and_as_its_encoder_sees_them():
    task = envs.task("cartpole/upright")
    preprocessing = load_encoder("sim-s").preprocessing
    source = TaskStates(task=task, n=70, seed=3)
    first, again = (LabelledFrames.join(list(source.batches(preprocessing))) for _ in range(2))
    assert first.frames.shape == (70, 96, 96, 3)
    assert torch.equal(first.frames, again.frames)
    inside = np.abs(first.states["angle_deg"]) <= 12
    np.testing.assert_array_equal(first.in_goal, inside)
    assert 2 <= len(set(first.groups)) <= 24
    full = next(iter(source.batches()))
    assert full.frames.shape[1:] == (400, 600, 3)
    assert len(full) == 64


@pytest.mark.parametrize("task", sorted(envs.tasks()))
def test_every_task_names_what_draws_its_states(task):
    assert frames_of_task(envs.task(task), 4).count == 4


@pytest.mark.parametrize(("states", "error"), [("nobody:draws", MissingExtra), ("vlmrm_envs", SpecError)])
def test_a_name_that_draws_nothing_is_refused_before_anything_is_drawn(states, error):
    with pytest.raises(error, match=f"states.*{states}|{states}"):
        TaskStates(task=replace(envs.task("cartpole/upright"), states=states))


def labelled(n=3, **words):
    said = {"in_goal": np.arange(n) % 2 == 0, "names": [str(i) for i in range(n)]} | words
    return LabelledFrames(frames=torch.zeros(n, 4, 4, 3, dtype=torch.uint8), **said)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ({"in_goal": np.array([1.0, np.nan, 0.0])}, "one True or False per frame; got float64"),
        ({"in_goal": np.array([True])}, "in_goal is one value per frame; got 1 for 3"),
        ({"names": ["a"]}, "names is one value per frame"),
        ({"groups": ["a", "b"]}, "groups is one value per frame"),
        ({"states": {"x": np.zeros(2)}}, "x is one value per frame"),
    ],
)
def test_what_does_not_belong_to_the_frames_is_refused(words, said):
    with pytest.raises(FrameError, match=said):
        labelled(**words)


def test_joined_frames_know_what_all_parts_know():
    known = labelled(steps=np.arange(3), states={"x": np.ones(3)}, groups=["a"] * 3)
    both = LabelledFrames.join([known, known])
    assert both.steps.tolist() == [0, 1, 2, 0, 1, 2]
    assert both.take(np.array([5, 0])).names == ["2", "0"]
    assert GivenFrames(frames=both).count == 6
    assert LabelledFrames.join([known, labelled(states={"x": np.ones(3)})]).steps is None


class _Masked(gym.Wrapper):
    """Forbids the second of the two buttons."""

    def action_masks(self):
        return np.array([True, False])

    def step(self, action):
        assert action == 0
        return self.env.step(action)


def test_random_actions_are_possible_ones():
    env = _Masked(CountingEnv((11,)))
    env.reset()
    act = random_policy(env, 0)
    assert [int(act(None, False)) for _ in range(20)] == [0] * 20
    free = random_policy(env.env, 0)
    assert {int(free(None, False)) for _ in range(20)} == {0, 1}


@pytest.mark.parametrize("make", [TaskStates, Rollouts, lambda task, seed: frames_of_task(task, 40, seed=seed)])
def test_a_seed_below_0_is_refused_before_anything_is_drawn(make):
    with pytest.raises(SpecError, match="seed must be a whole number of at least 0; got -1"):
        make(task=envs.task("cartpole/upright"), seed=-1)

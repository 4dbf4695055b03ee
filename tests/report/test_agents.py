"""Whether a reward ranks agents as the environment does, by agents that press one button of a lamp."""

import pytest

from tests.toys import red_function
from tests.training.toy_runs import LENGTH, TASK
from vlmrm.data.task_frames import Rollouts
from vlmrm.errors import SpecError
from vlmrm.report import evaluate
from vlmrm.tasks import Task


def always(button):
    return lambda env, seed: lambda observation, first: button


def alternate(env, seed):
    buttons = iter([1, 0] * LENGTH)
    return lambda observation, first: next(buttons)


AGENTS = {"dark": always(0), "half": alternate, "bright": always(1)}


@pytest.fixture(scope="module")
def task(tmp_path_factory):
    path = tmp_path_factory.mktemp("task") / "lamp.toml"
    path.write_text(TASK)
    return Task.load(path)


@pytest.fixture(scope="module")
def report(task):
    """By how red the picture is, as the lamp is bright; by how dark; and by nothing."""
    rewards = {
        "red": red_function(),
        "dark": lambda frames: -frames[..., 0].float().mean(dim=(1, 2)),
        "constant": lambda frames: frames[:, 0, 0, 1],
    }
    found = evaluate(rewards, Rollouts(task=task, episodes=2, policy=always(1)))
    return found.with_agents(task, AGENTS, episodes=1)


def test_agents_stand_in_the_order_of_what_the_environment_pays(report):
    dark, half, bright = report.agents["red"].agents
    assert [dark.name, half.name, bright.name] == ["dark", "half", "bright"]
    assert dark.env_return < half.env_return < bright.env_return
    assert (dark.in_goal, half.in_goal) == (0.0, 0.0)
    # from between 0.1 and 0.2 by 0.2 a step: 0.5 is passed at the second step of ten; the frame of the reset counts
    assert bright.in_goal == pytest.approx(9 / 11)


def test_tau_is_1_of_the_same_order_and_minus_1_of_the_opposite(report):
    assert report.agents["red"].kendall == 1.0
    assert report.agents["dark"].kendall == -1.0
    assert report.agents["constant"].kendall is None
    page, numbers = report.html(), report.to_dict()["agents"]
    assert page.count("Does it rank agents as the environment does?") == 3
    assert "their returns by the environment's own reward: -1.00" in page
    assert "No order can be compared" in page
    assert numbers["dark"]["kendall"] == -1.0
    assert numbers["red"]["agents"][2]["in_goal"] == pytest.approx(9 / 11)


def test_without_a_reward_of_new_frames_or_an_agent_nothing_is_ranked(report, task):
    with pytest.raises(SpecError, match="0 agents and 3 episodes"):
        report.with_agents(task, {})
    with pytest.raises(SpecError, match="3 agents and 0 episodes"):
        report.with_agents(task, AGENTS, episodes=0)

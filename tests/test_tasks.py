"""Task files of today, and those of the form that had no [reward] table."""

import tomllib
from dataclasses import replace

import pytest
import torch

from tests.toys import ColourEncoder
from vlmrm import RewardModel, RewardSpec
from vlmrm.errors import SpecError
from vlmrm.rewards.former_specs import scaling_less
from vlmrm.tasks import Task

TASK = {"name": "toy", "description": "", "env_id": "CartPole-v1", "reward": {"prompts": {"goal": "a red pole"}}}
FORMER = {
    "name": "toy",
    "encoder": "sim-m",
    "alpha": 0.0,
    "prompts": {"goal": 'a "red" pole', "baseline": ["a pole", "a cart"]},
    "train": {"offset": 0.5},
}
FRAMES = torch.tensor([0, 80, 160, 255], dtype=torch.uint8)[:, None, None, None] * torch.tensor([1, 0, 0]).to(
    torch.uint8
)


def red(**said):
    return RewardSpec.from_dict({"encoder": "colour", "alpha": 0.0, "prompts": {"goal": ["red", "red pole"]}} | said)


def less(spec, offset):
    return replace(spec, scaling=scaling_less(spec.to_dict(), offset))


def score(spec):
    return RewardModel(ColourEncoder(), spec).score_episode(FRAMES, terminated=False)


def test_any_head_can_be_a_task():
    table = {"head": "softmax", "options": {"temperature": 0.1}, "prompts": {"goal": "up", "negatives": "down"}}
    task = Task.from_dict(TASK | {"reward": table, "render_quality": "fast"})
    assert task.reward == RewardSpec.from_dict({"encoder": "sim-s", "render_quality": "fast"} | table)


def test_a_task_draws_as_its_reward_wants_pictures_and_says_so_once():
    table = TASK["reward"] | {"render_quality": "fast"}
    assert Task.from_dict(TASK | {"reward": table}).render_quality == "fast"
    with pytest.raises(SpecError, match="'full' for the task and 'fast' in \\[reward\\]"):
        Task.from_dict(TASK | {"reward": table, "render_quality": "full"})


def test_a_mistake_in_a_task_is_named_with_its_path():
    with pytest.raises(SpecError, match=r"unknown key train\.stepz\. Near: steps"):
        Task.from_dict(TASK | {"train": {"stepz": 3}})
    with pytest.raises(SpecError, match=r"unknown key reward\.hed\. Near: head"):
        Task.from_dict(TASK | {"reward": TASK["reward"] | {"hed": "softmax"}})
    with pytest.raises(SpecError, match="reward is missing"):
        Task.from_dict({key: value for key, value in TASK.items() if key != "reward"})


def test_a_task_file_of_the_former_form_is_refused_with_the_table_to_write():
    with pytest.raises(SpecError, match=r"encoder, alpha, prompts, train\.offset") as refused:
        Task.from_dict(FORMER)
    table = tomllib.loads(str(refused.value).partition("\n\n")[2])["reward"]
    former = {key: FORMER[key] for key in ("encoder", "alpha", "prompts")}
    assert table == former | {"scaling": {"subtract": 0.5}}


def test_an_offset_at_the_top_of_a_task_file_becomes_its_scaling():
    table = TASK["reward"] | {"scaling": {"subtract": 0.25, "divide": 0.5, "highest": 2}}
    with pytest.raises(SpecError, match=r"moved to its \[reward\] table: offset\. Write") as refused:
        Task.from_dict(TASK | {"reward": table, "offset": 0.5})
    said = tomllib.loads(str(refused.value).partition("\n\n")[2])["reward"]
    assert said == table | {"scaling": {"subtract": 0.5, "divide": 0.5, "highest": 1.5}}


def test_two_offsets_of_one_task_are_no_reward():
    with pytest.raises(SpecError, match=r"train\.offset = 0\.5 and small\.offset = 0\.4 differ"):
        Task.from_dict(FORMER | {"small": {"offset": 0.4}})


@pytest.mark.parametrize(
    "said",
    [
        {},
        {"scaling": {"subtract": 0.1}},
        {"scaling": {"subtract": 0.1, "divide": 0.25, "lowest": 0.5, "highest": 1.5}},
        {"scaling": {"divide": 4, "lowest": 0.1}},
        {"over_time": {"kind": "window", "length": 2}},
        {"uncertainty": {"ensemble": "prompts", "kappa": 1.0}},
    ],
)
def test_scaling_pays_what_an_offset_after_everything_else_did(said):
    torch.testing.assert_close(score(less(red(**said), 0.6)), score(red(**said)) - 0.6, atol=1e-6, rtol=0)


@pytest.mark.parametrize(
    ("said", "word"),
    [
        ({"threshold": 0.5}, "threshold"),
        ({"over_time": {"kind": "difference"}}, "difference"),
        ({"over_time": {"kind": "shaping", "gamma": 0.9}}, "shaping"),
        ({"over_time": {"kind": "milestones"}}, "milestones"),
    ],
)
def test_an_offset_that_no_scaling_is_equal_to_is_refused_with_the_reason(said, word):
    with pytest.raises(SpecError, match=f"beside {word}: .*no scaling is equal"):
        less(red(**said), 0.6)
    table = {"encoder": "colour", "prompts": {"goal": ["red", "red pole"]}} | said
    with pytest.raises(SpecError, match=rf"train\.offset: an offset of 0\.6 cannot be had beside {word}"):
        Task.from_dict(TASK | {"reward": table, "train": {"offset": 0.6}})


def test_paths_in_the_reward_of_a_task_file_are_relative_to_it(tmp_path):
    reward = 'reward = { encoder = "local-dir:enc", prompts = { goal = "a" } }'
    (tmp_path / "toy.toml").write_text(f'name = "toy"\ndescription = ""\nenv_id = "CartPole-v1"\n{reward}\n')
    assert Task.load(tmp_path / "toy.toml").reward.encoder == f"local-dir:{tmp_path}/enc"


def test_a_task_file_that_is_nested_too_deeply_is_refused(tmp_path):
    (tmp_path / "toy.toml").write_text("a = " + "[" * 100_000)
    with pytest.raises(SpecError, match=r"toy\.toml is not a task file: .*nested too deeply"):
        Task.load(tmp_path / "toy.toml")


def rule(low, high):
    return Task.from_dict(TASK | {"success": {"where": {"x": [low, high]}, "within_last": 1, "at_least": 1}}).success


def test_success_may_have_no_upper_bound():
    assert rule(0.45, float("inf")).holds({"x": 1e9})
    assert not rule(0.45, float("inf")).holds({"x": 0.4})


@pytest.mark.parametrize(
    ("low", "high", "message"),
    [(True, 2, "pairs of numbers"), (float("nan"), 2, "are empty"), (3, 2, "are empty")],
)
def test_bounds_of_success_that_are_not_numbers_are_refused(low, high, message):
    with pytest.raises(SpecError, match=message):
        rule(low, high)

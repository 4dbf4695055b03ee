"""Two options together do what each does, or are refused: none is taken and then not used."""

import json
from functools import cache, partial
from pathlib import Path
from typing import Any

import pytest
import vlmrm_envs

from vlmrm.errors import VlmrmError
from vlmrm.training import plan
from vlmrm.training.config import TrainConfig, _leaves
from vlmrm.training.plan import Plan, make_plan
from vlmrm.wrappers.make_env import MakeEnv

VALUES: dict[str, Any] = {
    "env.kwargs": {"goal": "hanging"},
    "env.wrappers": ["gymnasium.wrappers:RecordEpisodeStatistics"],
    "env.episode_steps": 150,
    "env.camera": {"azimuth_deg": 10.0},
    "env.cameras": {"front": {"name": "track"}, "side": {"track": "torso", "distance_m": 3, "azimuth_deg": 0}},
    "env.render_quality": "fast",
    "reward.source": "env",
    "reward.goal": ["a pole on its cart that stands up"],
    "reward.baseline": ["a pole that lies"],
    "reward.negatives": ["a pole that hangs"],
    "reward.encoder": "sim-xs",
    "reward.alpha": 0.3,
    "reward.head": "softmax",
    "reward.options": {"temperature": 0.2},
    "reward.views": {"scales": [1.0, 0.6]},
    "reward.cameras": {"names": ["front", "side"], "join": "lowest"},
    "reward.uncertainty": {"ensemble": "views", "kappa": 1.0},
    "reward.judge": {"factory": "tests.judges.plain:judge"},
    "reward.scaling": {"subtract": 0.3},
    "reward.threshold": 0.5,
    "reward.over_time": {"kind": "window", "length": 3},
    "reward.resize_mode": "longest",
    "reward.env_weight": 0.5,
    "reward.audit": "audit.json",
    "train.algorithm": "PPO",
    "train.hyperparameters": {"gamma": 0.5},
    "train.steps": 4_000,
    "train.start_from": "/runs/first",
    "train.num_envs": 2,
    "train.processes": True,
    "train.seed": 3,
    "train.small": True,
    "train.compare_env_reward": True,
    "evaluation.every": 700,
    "evaluation.episodes": 3,
    "evaluation.drawn": 0,
    "evaluation.second_reward": "sim-m",
    "evaluation.best_by": "vlm_return",
    "evaluation.final_episodes": 4,
    "evaluation.success_target": 0.5,
    "output.checkpoint_every": 300,
    "output.videos": False,
    "output.tensorboard": False,
    "output.export_sb3": True,
    "machine.device": "cpu",
    "machine.precision": "bf16",
    "machine.batch_size": 8,
    "machine.threads": 1,
}
NOT_TRIED = {"env.id", "output.folder"}  # the one takes the place of the task, the other only names a place


NEEDS = {  # what an option cannot be taken without
    "reward.head": ("reward.negatives",),
    "reward.options": ("reward.head", "reward.negatives"),
    "reward.uncertainty": ("reward.views",),
}
CATALOGUE = Path(vlmrm_envs.__file__).parent / "catalogue"
TASKS = {  # where an option can be taken
    "env.camera": "hopper/stand",
    "env.cameras": "hopper/stand",
    "env.render_quality": "hopper/stand",
    "train.small": "humanoid/kneeling",
}


def outcome(task: str, *options: str) -> dict[str, Any] | str:
    """What training would read, or why it is refused."""
    values: dict[str, Any] = {"task": str(CATALOGUE / f"{task}.toml")}  # a name would read all of them
    wanted = {*options, *(needed for given in options for needed in NEEDS.get(given, ()))}
    for option in wanted:
        group, name = option.split(".")
        values.setdefault(group, {})[name] = VALUES[option]
    try:
        return used(make_plan(TrainConfig.from_dict(values)))
    except VlmrmError as error:
        return str(error)


def used(made: Plan) -> dict[str, Any]:
    """What training reads of a plan, as the documentation says."""
    found = made.config.to_dict()
    del found["output"]["folder"]
    reward, task = found.pop("reward"), made.task.to_dict()
    found["task"] = {key: value for key, value in task.items() if key not in ("reward", "train", "small")}
    found["reward"] = None if made.spec is None else [made.spec.to_dict(), reward["env_weight"], reward["audit"]]
    if made.spec is None:  # no picture is scored
        found["machine"] |= {"precision": None, "batch_size": None}
        found["evaluation"]["drawn"] = None
    return found


alone = cache(outcome)


@pytest.fixture(autouse=True)
def each_environment_is_made_once(monkeypatch):
    """A plan looks at the environment, of which there are few; those of MuJoCo take long to draw."""

    def make_once(*, task, **rest):
        said = {key: value for key, value in task.to_dict().items() if key not in ("reward", "train", "small")}
        return partial(made, json.dumps([said, rest], sort_keys=True), task, rest)

    def made(key, task, rest):
        if key not in ENVS:
            ENVS[key] = MakeEnv(task=task, **rest)()
            ENVS[key].close = lambda: None
        return ENVS[key]

    monkeypatch.setattr(plan, "MakeEnv", make_once)


ENVS: dict[str, Any] = {}


def test_every_option_is_tried():
    assert set(VALUES) | NOT_TRIED | {"task"} == {path for path, _ in _leaves(TrainConfig().to_dict())}


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("first", VALUES)
def test_an_option_changes_what_is_trained_beside_any_other_or_is_refused(first):
    if first in TASKS:
        pytest.importorskip("mujoco")
    task = TASKS.get(first, "cartpole/upright")
    usual, refused = alone(task), 0
    assert alone(task, first) != usual
    for second in VALUES:
        if second == first or (TASKS.get(second, "cartpole/upright") != task and second in TASKS):
            continue
        if first not in TASKS and list(VALUES).index(second) < list(VALUES).index(first):
            continue  # was tried the other way round
        if second in NEEDS.get(first, ()) or first in NEEDS.get(second, ()):
            continue  # is there already
        both = outcome(task, first, second)
        assert both not in (usual, alone(task, first), alone(task, second)) or isinstance(both, str), second
        refused += isinstance(both, str)
    assert refused < len(VALUES) - 1 or isinstance(alone(task, first), str)


@pytest.mark.parametrize(
    "option", ["machine.precision", "machine.batch_size", "evaluation.drawn", "evaluation.best_by"]
)
def test_what_belongs_to_a_model_is_refused_where_there_is_none(option):
    assert f"{option} has no effect where the environment rewards" in outcome(
        "cartpole/upright", "reward.source", option
    )

"""A run that takes a second: ten steps an episode, success is to hold the right button down."""

from pathlib import Path

import gymnasium as gym
import numpy as np
from gymnasium.spaces import Box, Discrete

from tests.toys import ColourEncoder
from vlmrm.prompts import PromptSet
from vlmrm.rewards import RewardModel, RewardSpec
from vlmrm.training import TrainConfig
from vlmrm.training.options import EnvOptions, RewardOptions, TrainOptions
from vlmrm.training.run.metrics import MetricsFile
from vlmrm.training.run_options import EvaluationOptions, MachineOptions, OutputOptions

ENV_ID = "toy/Lamp-v0"
LENGTH = 10
TASK = f"""
name = "lamp/bright"
description = "Keep a lamp bright."
env_id = "tests.training.toy_runs:{ENV_ID}"
episode_steps = {LENGTH}
reward = {{ prompts = {{ goal = "red" }} }}
success = {{ where = {{ brightness = [0.5, 1.0] }}, within_last = 5, at_least = 5 }}
sweep = {{ variable = "brightness", low = 0.0, high = 1.0, label = "brightness" }}

[train]
algorithm = "DQN"
steps = 200
eval_every = 50

[train.hyperparameters]
buffer_size = 150
learning_starts = 20
train_freq = 10
gradient_steps = 2
batch_size = 8
policy_kwargs = {{ net_arch = [8] }}
"""


class Lamp(gym.Env):
    """Button 1 makes the lamp brighter, button 0 darker; the picture is red as the lamp is bright."""

    metadata = {"render_modes": ["rgb_array"], "render_fps": 10}  # noqa: RUF012
    observation_space = Box(0, 1, (1,), np.float32)
    action_space = Discrete(2)
    pictures = 0
    """How many were drawn, by all lamps."""

    def __init__(self, render_mode=None):
        self.render_mode = render_mode
        self.brightness = 0.0

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        self.brightness = float(self.np_random.uniform(0, 0.2))
        return self._observe(), {"state": self.state_variables()}

    def step(self, action):
        change = 0.2 if action == 1 else -0.2
        self.brightness = min(max(self.brightness + change, 0.0), 1.0)
        return self._observe(), self.brightness, False, False, {"state": self.state_variables()}

    def render(self):
        Lamp.pictures += 1
        frame = np.zeros((10, 14, 3), np.uint8)
        frame[..., 0] = round(255 * self.brightness)
        return frame

    def state_variables(self):
        return {"brightness": self.brightness}

    def place(self, value):
        self.brightness = value

    def _observe(self):
        return np.array([self.brightness], np.float32)


if ENV_ID not in gym.registry:
    gym.register(ENV_ID, entry_point="tests.training.toy_runs:Lamp", max_episode_steps=LENGTH)


def lamp_reward():
    """Reward = how red the picture is."""
    return RewardModel(ColourEncoder(), RewardSpec(encoder="colour", prompts=PromptSet("red"), alpha=0.0))


GROUPS = {
    "env": (EnvOptions, {"env": "id", "env_kwargs": "kwargs", "wrapper": "wrappers"}),
    "reward": (RewardOptions, {"reward": "source"}),
    "train": (TrainOptions, {}),
    "evaluation": (
        EvaluationOptions,
        {
            "eval_every": "every",
            "eval_episodes": "episodes",
            "eval_drawn": "drawn",
            "eval_second_reward": "second_reward",
        },
    ),
    "output": (OutputOptions, {"out": "folder"}),
    "machine": (MachineOptions, {}),
}


def configure(**flags) -> TrainConfig:
    """A configuration from the names that its fields have on the command line, whatever their group."""
    groups, task = {}, flags.pop("task", None)
    for group, (kind, names) in GROUPS.items():
        fields = {name: name for name in kind.__dataclass_fields__ if name not in names.values()} | names
        given = {fields[flag]: flags.pop(flag) for flag in list(flags) if flag in fields}
        groups[group] = kind(**given)
    assert not flags, flags
    return TrainConfig(task=task, **groups)


def lamp_config(folder: Path, **changes) -> TrainConfig:
    """A configuration of a run of 200 steps in ``folder/run``."""
    task = folder / "lamp.toml"
    if not task.exists():
        task.write_text(TASK)
    usual = {
        "task": str(task),
        "encoder": "colour",
        "eval_episodes": 4,
        "eval_every": 50,
        "final_episodes": 4,
        "videos": False,
        "tensorboard": False,
        "device": "cpu",
        "out": folder / "run",
    }
    if changes.get("reward") == "env":
        del usual["encoder"]
    return configure(**usual | changes)


PPO = {
    "algorithm": "PPO",
    "hyperparameters": {"n_steps": 20, "batch_size": 10, "n_epochs": 1, "policy_kwargs": {"net_arch": [8]}},
}


def rows_of(run):
    return MetricsFile(run / "metrics.csv").read()


def break_down():
    raise ConnectionError("the lamp broke")

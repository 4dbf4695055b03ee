from importlib.util import find_spec

import pytest

from vlmrm import PromptSet, RewardModel

LIBRARIES = ("rl_zoo3", "tianshou", "torchrl")  # scripts/clients installs one at a time
collect_ignore = [f"{name}_client.py" for name in LIBRARIES if find_spec(name) is None]


@pytest.fixture(scope="session")
def reward():
    return RewardModel.load("sim-s", PromptSet("a pole held upright", "a pole on its cart"))

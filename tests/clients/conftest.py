import pytest

from vlmrm import PromptSet, RewardModel


@pytest.fixture(scope="session")
def reward():
    return RewardModel.load("sim-s", PromptSet("a pole held upright", "a pole on its cart"))

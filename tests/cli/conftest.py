import numpy as np
import pytest
from PIL import Image

from tests.encoders.models import SIGLIP_LIKE, write_model


@pytest.fixture(autouse=True)
def pipes_of_this_folder(pipes_are_collected_here):
    """Commands read videos."""


@pytest.fixture(scope="module")
def encoder(tmp_path_factory):
    """The name of a small model with random weights."""
    return f"local-dir:{write_model(tmp_path_factory.mktemp('model'), SIGLIP_LIKE)}"


@pytest.fixture
def spec(tmp_path, encoder):
    path = tmp_path / "reward.toml"
    path.write_text(
        f'encoder = "{encoder}"\nalpha = 0.5\n[prompts]\ngoal = "a red car"\nbaseline = ["a car", "a road"]\n'
    )
    return path


@pytest.fixture
def pictures(tmp_path):
    folder = tmp_path / "frames"
    folder.mkdir()
    rng = np.random.default_rng(0)
    for index in range(3):
        Image.fromarray(rng.integers(0, 255, (20, 30, 3), np.uint8)).save(folder / f"{index}.png")
    return folder

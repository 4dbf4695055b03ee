import pytest
from PIL import Image

from tests.browser import open_browser


@pytest.fixture
def frames(tmp_path):
    """A folder of six pictures, from black to red; the reward of `red_reward` is their share of red."""
    folder = tmp_path / "frames"
    folder.mkdir()
    for number in range(6):
        Image.new("RGB", (24, 16), (number * 50, 0, 0)).save(folder / f"{number}.png")
    return folder


@pytest.fixture
def labels_csv(tmp_path):
    return tmp_path / "labels.csv"


@pytest.fixture(scope="module")
def browser(tmp_path_factory):
    with open_browser(tmp_path_factory.mktemp("browser") / "profile") as opened:
        yield opened

"""A loop that is over in a second: a lamp, and a model with random weights."""

import pytest

from tests.encoders.models import SIGLIP_LIKE, write_model
from tests.training.toy_runs import lamp_config


@pytest.fixture(scope="module")
def encoder(tmp_path_factory):
    """The name of a small model with random weights."""
    return f"local-dir:{write_model(tmp_path_factory.mktemp('model'), SIGLIP_LIKE)}"


@pytest.fixture
def config(tmp_path, encoder):
    """Two trainings of 60 steps each are over in a second."""
    return lamp_config(tmp_path, encoder=encoder, steps=60, eval_drawn=0, out=tmp_path / "better", threads=1)

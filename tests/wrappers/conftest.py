import pytest

from tests.toys import ColourEncoder


@pytest.fixture
def colour_models(monkeypatch):
    """Lets specs load the encoder "colour"; the list holds every one that was loaded."""
    loaded = []

    def load_encoder(name, **_):
        assert name == "colour"
        loaded.append(ColourEncoder())
        return loaded[-1]

    monkeypatch.setattr("vlmrm.rewards.model.load_encoder", load_encoder)
    return loaded

import pytest

from tests.encoders.models import BUILTIN_LIKE, SIGLIP_LIKE, write_model
from vlmrm.encoders import import_open_clip
from vlmrm.encoders.open_clip.encoder import OpenClipEncoder


@pytest.fixture(scope="session")
def builtin_like_folder(tmp_path_factory):
    """The architecture of the built-in model, with random weights."""
    return write_model(tmp_path_factory.mktemp("models") / "builtin_like", BUILTIN_LIKE, seed=1)


@pytest.fixture(scope="session")
def builtin_like(builtin_like_folder):
    return OpenClipEncoder.load(f"local-dir:{builtin_like_folder}", device="cpu")


@pytest.fixture(scope="session")
def siglip_like(tmp_path_factory):
    """A sigmoid-loss model: text tower of its own, a logit bias, other means, squashed frames."""
    folder = write_model(tmp_path_factory.mktemp("models") / "siglip_like", SIGLIP_LIKE)
    return OpenClipEncoder.load(f"local-dir:{folder}", device="cpu")


@pytest.fixture(scope="session")
def transformers():
    import_open_clip()  # mends torchvision
    import transformers

    return transformers

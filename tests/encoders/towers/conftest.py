import pytest

from tests.encoders.towers.models import write_hugging_face_model
from vlmrm.encoders import load_encoder
from vlmrm.encoders.open_clip.encoder import OpenClipEncoder


@pytest.fixture(scope="session")
def hugging_face(tmp_path_factory):
    """A ViT whose text tower is a BERT of transformers."""
    folder = write_hugging_face_model(tmp_path_factory.mktemp("models") / "hugging_face")
    return load_encoder(f"local-dir:{folder}", device="cpu")


@pytest.fixture(params=["resnet", "vit", "siglip"])
def encoder(request, builtin_like, siglip_like):
    """A built-in model, which is a ResNet, a ViT, and a SigLIP with a text tower of its own."""
    if request.param == "resnet":
        return OpenClipEncoder.load("sim-xs", device="cpu")
    return builtin_like if request.param == "vit" else siglip_like


@pytest.fixture(params=["resnet", "vit", "siglip", "hugging_face"])
def any_encoder(request, builtin_like, siglip_like, hugging_face):
    """Those of `encoder`, and one with a text tower of transformers."""
    if request.param == "resnet":
        return OpenClipEncoder.load("sim-xs", device="cpu")
    return {"vit": builtin_like, "siglip": siglip_like, "hugging_face": hugging_face}[request.param]

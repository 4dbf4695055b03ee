"""The towers' last linear maps, and the activations before them."""

import copy

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn.functional import normalize

from tests.encoders.models import BUILTIN_LIKE, SIGLIP_LIKE, write_model
from tests.toys import ColourEncoder
from vlmrm.encoders import load_encoder
from vlmrm.encoders.open_clip.encoder import OpenClipEncoder
from vlmrm.encoders.towers.projections import LinearProjection, PreProjection
from vlmrm.errors import EncoderError, PromptError

VISION = {
    "vit": BUILTIN_LIKE["model_cfg"]["vision_cfg"],
    "resnet": {"image_size": 64, "layers": [1, 1, 1, 1], "width": 8, "head_width": 32},
}
TEXTS = ["a red pole", "two carts"]


def with_parts(config, *, vision=None, text=None, **model):
    """A configuration with some of its entries replaced."""
    changed = copy.deepcopy(config)
    changed["model_cfg"] |= model
    changed["model_cfg"]["vision_cfg"] = vision or changed["model_cfg"]["vision_cfg"]
    changed["model_cfg"]["text_cfg"] |= text or {}
    return changed


MODELS = {
    "vit": with_parts(BUILTIN_LIKE),
    "resnet": with_parts(BUILTIN_LIKE, vision=VISION["resnet"]),
    "siglip": with_parts(SIGLIP_LIKE),
    "biased text": with_parts(SIGLIP_LIKE, text={"proj_bias": True}),
}


@pytest.fixture(scope="module")
def loaded(tmp_path_factory):
    folder = tmp_path_factory.mktemp("projections")
    names = {name: write_model(folder / name.replace(" ", "_"), config) for name, config in MODELS.items()}
    return {name: OpenClipEncoder.load(f"local-dir:{path}", device="cpu") for name, path in names.items()}


def frames(count, height=40, width=60, seed=0):
    return torch.from_numpy(np.random.default_rng(seed).integers(0, 256, (count, height, width, 3), dtype=np.uint8))


@pytest.mark.parametrize("name", MODELS)
def test_projected_activations_are_the_embeddings(loaded, name):
    encoder = loaded[name]
    towers = PreProjection(encoder)
    seen = normalize(towers.frames(towers.frame_activations(frames(5))), dim=1)
    read = normalize(towers.text(towers.text_activations(TEXTS)), dim=1)
    torch.testing.assert_close(seen, encoder.embed_frames(frames(5)), atol=1e-5, rtol=0)
    torch.testing.assert_close(read, encoder.embed_texts(TEXTS), atol=1e-5, rtol=0)


def test_lengths_are_those_the_towers_give_before_anybody_normalises(loaded):
    """A scale common to all activations would pass the test above, and change every variance."""
    encoder = loaded["resnet"]
    towers = PreProjection(encoder)
    small = encoder.preprocessing.normalise(encoder.preprocessing.resize(frames(3)))
    torch.testing.assert_close(
        towers.frames(towers.frame_activations(frames(3))), encoder.model.encode_image(small), rtol=1e-4, atol=1e-6
    )
    tokens = encoder.tokenizer(TEXTS)
    torch.testing.assert_close(
        towers.text(towers.text_activations(TEXTS)), encoder.model.encode_text(tokens), rtol=1e-4, atol=1e-6
    )


def test_a_built_in_model_with_its_domain_is_read_too():
    encoder = load_encoder("sim-s", device="cpu")
    assert encoder.domain is not None
    towers = PreProjection(encoder)
    assert towers.frames.weight.shape == (128, 512)
    assert towers.frames.bias.shape == (128,)
    assert towers.text.weight.shape == (128, 64)
    assert towers.text.bias is None
    seen = normalize(towers.frames(towers.frame_activations(frames(2, 96, 96))), dim=1)
    torch.testing.assert_close(seen, encoder.embed_frames(frames(2, 96, 96)), atol=1e-5, rtol=0)


def test_a_bias_is_read_where_there_is_one(loaded):
    """As open_clip makes them: a ResNet's pooling has one, a ViT has none, a text tower where it is told to."""
    biased = {name: (PreProjection(e).frames.bias, PreProjection(e).text.bias) for name, e in loaded.items()}
    assert {name: (frame is not None, text is not None) for name, (frame, text) in biased.items()} == {
        "vit": (False, False),
        "resnet": (True, False),
        "siglip": (False, False),
        "biased text": (False, True),
    }


@pytest.mark.parametrize("name", MODELS)
def test_the_encoder_is_not_touched_and_no_other_weight_is_copied(loaded, name):
    encoder = loaded[name]
    before = {key: (tensor.data_ptr(), tensor.clone()) for key, tensor in encoder.model.state_dict().items()}
    towers = PreProjection(encoder)
    towers.frame_activations(frames(2))
    towers.text_activations(TEXTS)
    after = encoder.model.state_dict()
    assert list(after) == list(before)
    assert all(after[key].data_ptr() == place and torch.equal(after[key], old) for key, (place, old) in before.items())
    twin = towers._twin.model.state_dict()
    own = {key for key, tensor in twin.items() if tensor.data_ptr() != before[key][0]}
    ends = ("visual.proj", "attnpool.c_proj.weight", "text_projection", "text_projection.weight")
    assert len(own) == 2
    assert all(key.endswith(ends) for key in own)


def test_the_number_of_frames_at_a_time_never_changes_an_activation(loaded):
    towers = PreProjection(loaded["resnet"])
    whole = towers.frame_activations(frames(7))
    parts = torch.cat([towers.frame_activations(frames(7)[i : i + 2]) for i in range(0, 7, 2)])
    torch.testing.assert_close(parts, whole, rtol=1e-4, atol=1e-5)


def test_the_resize_mode_is_the_encoders(tmp_path):
    folder = write_model(tmp_path / "model", MODELS["vit"])
    encoder = OpenClipEncoder.load(f"local-dir:{folder}", device="cpu", resize_mode="squash")
    towers = PreProjection(encoder)
    seen = normalize(towers.frames(towers.frame_activations(frames(2))), dim=1)
    torch.testing.assert_close(seen, encoder.embed_frames(frames(2)), atol=1e-5, rtol=0)


def test_half_precision_gives_float32_rows(tmp_path):
    folder = write_model(tmp_path / "model", MODELS["vit"])
    towers = PreProjection(OpenClipEncoder.load(f"local-dir:{folder}", device="cpu", precision="bf16"))
    activations = towers.frame_activations(frames(2))
    assert activations.dtype == towers.frames.weight.dtype == torch.float32
    exact = PreProjection(OpenClipEncoder.load(f"local-dir:{folder}", device="cpu")).frame_activations(frames(2))
    assert torch.nn.functional.cosine_similarity(activations, exact).min() > 0.99


def test_activations_may_take_part_in_a_gradient(loaded):
    """Tensors made in inference mode may not."""
    weight = torch.ones(128, requires_grad=True)
    (PreProjection(loaded["vit"]).frame_activations(frames(1)) @ weight).sum().backward()
    assert weight.grad is not None


def test_no_sentence_is_refused_as_by_the_encoder(loaded):
    with pytest.raises(PromptError, match="at least one sentence"):
        PreProjection(loaded["vit"]).text_activations([])


def test_an_encoder_of_another_library_is_refused():
    with pytest.raises(EncoderError, match=r"'colour' is not a model of OpenCLIP. Supported are .*ViT, ResNet"):
        PreProjection(ColourEncoder())


def test_a_trunk_of_timm_is_refused(tmp_path):
    vision = {"timm_model_name": "resnet18", "timm_pool": "avg", "timm_proj": "linear", "image_size": 64}
    folder = write_model(tmp_path / "model", with_parts(BUILTIN_LIKE, vision=vision))
    with pytest.raises(EncoderError, match=r"vision tower of .* \(TimmModel\) has no last linear map"):
        PreProjection(OpenClipEncoder.load(f"local-dir:{folder}", device="cpu"))


def test_a_text_tower_of_transformers_is_refused(tmp_path, monkeypatch):
    """It ends in a module named proj, linear or not, as this stand-in does."""
    encoder = OpenClipEncoder.load(f"local-dir:{write_model(tmp_path / 'model', MODELS['siglip'])}", device="cpu")
    tower = nn.Module()
    tower.proj = nn.Linear(4, 4)
    monkeypatch.setattr(encoder.model, "text", tower)
    with pytest.raises(EncoderError, match=r"text tower of .* has no last linear map"):
        PreProjection(encoder)


def test_a_coca_is_refused(tmp_path):
    """Its towers normalise by themselves, so that what comes before the last map does not come out whole."""
    config = with_parts(
        BUILTIN_LIKE,
        vision=VISION["vit"] | {"attentional_pool": True, "output_tokens": True, "attn_pooler_queries": 8},
        text={"embed_cls": True, "output_tokens": True},
        multimodal_cfg={"context_length": 32, "vocab_size": 49408, "width": 128, "heads": 4, "layers": 1},
        custom_text=True,
    )
    encoder = OpenClipEncoder.load(f"local-dir:{write_model(tmp_path / 'model', config)}", device="cpu")
    with pytest.raises(EncoderError, match="is a CoCa"):
        PreProjection(encoder)


def test_a_projection_is_a_matrix_product_with_its_bias():
    projection = LinearProjection(torch.tensor([[1.0, 2.0], [0.0, -1.0]]), torch.tensor([0.5, 0.0]))
    assert projection(torch.tensor([[3.0, 4.0]])).tolist() == [[11.5, -4.0]]

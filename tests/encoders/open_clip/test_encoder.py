import logging

import numpy as np
import pytest
import torch
from PIL import Image
from torch.nn.functional import normalize

from tests.encoders.models import BUILTIN_LIKE, SIGLIP_LIKE, write_model
from vlmrm import PromptSet, RewardModel, RewardSpec
from vlmrm.encoders import Encoder, Preprocessing, import_open_clip
from vlmrm.encoders.open_clip.encoder import OpenClipEncoder
from vlmrm.errors import EncoderError, FrameError, PromptError

ARCHITECTURES = ["vit_b_32", "rn50", "siglip_like", "builtin_like"]
OPENAI = ((0.48145466, 0.4578275, 0.40821073), (0.26862954, 0.26130258, 0.27577711))


@pytest.fixture(scope="module")
def vit_b_32():
    return OpenClipEncoder.load("random:ViT-B-32", device="cpu")


@pytest.fixture(scope="module")
def rn50():
    return OpenClipEncoder.load("random:RN50", device="cpu")


@pytest.fixture
def encoder(request):
    return request.getfixturevalue(request.param)


def frames(count, height=40, width=60, seed=0):
    return torch.from_numpy(np.random.default_rng(seed).integers(0, 256, (count, height, width, 3), dtype=np.uint8))


def unchecked(method):
    """As a user calls it, without the tests' own check of shapes and types."""
    return getattr(method, "__wrapped__", method)


def reward_of(encoder):
    prompts = PromptSet("a red pole standing upright", "a pole")
    return RewardModel(encoder, RewardSpec(encoder=encoder.name, prompts=prompts, alpha=0.5))


@pytest.mark.parametrize(
    ("encoder", "size_px", "dim", "context"),
    [("vit_b_32", 224, 512, 77), ("rn50", 224, 1024, 77), ("siglip_like", 32, 64, 16), ("builtin_like", 96, 128, 32)],
    indirect=["encoder"],
)
def test_sizes_are_the_models_own(encoder, size_px, dim, context):
    assert isinstance(encoder, Encoder)
    assert (encoder.size_px, encoder.dim, encoder.context_length) == (size_px, dim, context)
    assert encoder.tokenizer(["a"]).shape == (1, context)


@pytest.mark.parametrize("encoder", ARCHITECTURES, indirect=True)
def test_embeddings_are_unit_length_float32_rows_on_the_cpu(encoder):
    for rows in (encoder.embed_frames(frames(3)), encoder.embed_texts(["a pole", "a cart", "a red car"])):
        assert rows.shape == (3, encoder.dim)
        assert rows.dtype == torch.float32
        assert rows.device.type == "cpu"
        assert rows.norm(dim=1).tolist() == pytest.approx([1, 1, 1], abs=1e-5)


@pytest.mark.parametrize("encoder", ARCHITECTURES, indirect=True)
def test_frames_are_embedded_as_open_clips_own_pipeline_embeds_pictures(encoder):
    """On frames of the model's size, so that no resize rounds: mean, deviation and layout must be right."""
    small = frames(2, encoder.size_px, encoder.size_px)
    open_clip = import_open_clip()
    transform = open_clip.transform.image_transform_v2(
        open_clip.transform.PreprocessCfg(**encoder.model.visual.preprocess_cfg), is_train=False
    )
    with torch.no_grad():
        pixels = torch.stack([transform(Image.fromarray(frame.numpy())) for frame in small])
        expected = encoder.model.encode_image(pixels, normalize=True)
    torch.testing.assert_close(encoder.embed_frames(small), expected, atol=1e-5, rtol=0)


@pytest.mark.parametrize("encoder", ARCHITECTURES, indirect=True)
def test_sentences_are_embedded_as_by_open_clip_with_the_models_own_tokenizer(encoder):
    texts = ["a pole", "two carts, one of them red!"]
    architecture = {"random:ViT-B-32": "ViT-B-32", "random:RN50": "RN50"}.get(encoder.name, encoder.name)
    tokens = import_open_clip().get_tokenizer(architecture)(texts)
    with torch.no_grad():
        expected = encoder.model.encode_text(tokens, normalize=True)
    torch.testing.assert_close(encoder.embed_texts(texts), expected, atol=1e-5, rtol=0)


@pytest.mark.parametrize("encoder", ["rn50", "siglip_like", "builtin_like"], indirect=True)
def test_the_batch_size_never_changes_a_reward(encoder):
    """Ragged last batches, one frame at a time, and all at once."""
    whole = reward_of(encoder)
    scores = whole.score(frames(4))
    assert scores.shape == (4,)
    assert scores.std() > 0
    for batch_size in (1, 3):
        runtime = type(encoder.runtime)(device=torch.device("cpu"), precision="fp32", batch_size=batch_size)
        split = OpenClipEncoder(encoder.model, encoder.tokenizer, name=encoder.name, runtime=runtime)
        torch.testing.assert_close(reward_of(split).score(frames(4)), scores, atol=1e-5, rtol=0)


def test_a_frame_shrunk_by_the_environment_has_the_same_embedding(builtin_like):
    full = frames(3, 400, 600)
    small = builtin_like.preprocessing.resize(full)
    assert torch.equal(builtin_like.embed_frames(full), builtin_like.embed_frames(small))


def test_a_sigmoid_model_keeps_its_own_means_resize_mode_scale_and_bias(siglip_like):
    own = SIGLIP_LIKE["preprocess_cfg"]
    assert siglip_like.preprocessing == Preprocessing(
        size_px=32, mean=own["mean"], std=own["std"], resize_mode="squash", interpolation="bilinear"
    )
    assert siglip_like.logit_scale == pytest.approx(10, abs=0.01)  # fp16 file
    assert siglip_like.logit_bias == -10


def test_a_softmax_model_has_openais_means_and_no_bias(vit_b_32):
    mean, std = OPENAI
    assert vit_b_32.preprocessing == Preprocessing(size_px=224, mean=mean, std=std, resize_mode="shortest")
    assert vit_b_32.logit_scale == pytest.approx(1 / 0.07, rel=1e-5)
    assert vit_b_32.logit_bias == 0


def test_resize_mode_can_be_overridden(builtin_like_folder):
    encoder = OpenClipEncoder.load(f"local-dir:{builtin_like_folder}", device="cpu", resize_mode="squash")
    assert encoder.preprocessing.resize_mode == "squash"
    assert encoder.preprocessing.fill_color == BUILTIN_LIKE["preprocess_cfg"]["fill_color"]


def test_a_sentence_longer_than_the_context_is_named_with_the_tokens_that_were_cut(siglip_like, caplog):
    """14 words and two marks fit in 16 tokens; 20 words are 22 tokens, so 6 are lost."""
    with caplog.at_level(logging.WARNING):
        siglip_like.embed_texts(["red " * 14])
        assert not caplog.records
        siglip_like.embed_texts(["blue", "red " * 20])
        assert len(caplog.records) == 1
        siglip_like.embed_texts(["blue", *["red " * 20] * 3])  # one line, however many there are
    alone, several = (record.getMessage() for record in caplog.records)
    assert "reads 16 tokens" in alone
    assert "does not see the last 6 of 'red red" in alone
    assert "others" not in alone
    assert "and the ends of 2 others" in several


def test_of_a_very_long_sentence_the_beginning_is_shown_and_every_token_is_counted(siglip_like, caplog):
    """10,000 words are 10,002 tokens, of which the model reads 16."""
    with caplog.at_level(logging.WARNING):
        siglip_like.embed_texts(["red " * 10_000])
    assert "does not see the last 9986 of 'red red" in caplog.text
    assert len(caplog.records[0].getMessage()) < 250


@pytest.mark.parametrize("texts", [[], "a pole"])
def test_no_sentence_is_an_error(builtin_like, texts):
    with pytest.raises(PromptError, match="at least one sentence"):
        unchecked(OpenClipEncoder.embed_texts)(builtin_like, texts)


def test_frames_that_are_no_pictures_are_refused(builtin_like):
    with pytest.raises(FrameError, match="uint8"):
        unchecked(OpenClipEncoder.embed_frames)(builtin_like, torch.zeros(1, 8, 8, 3))


def test_embeddings_may_take_part_in_a_gradient(builtin_like):
    """Tensors made in inference mode may not."""
    weight = torch.ones(builtin_like.dim, requires_grad=True)
    (builtin_like.embed_frames(frames(1)) @ weight).sum().backward()
    assert weight.grad is not None


def test_nan_weights_are_an_error_and_not_a_nan_reward(builtin_like_folder):
    encoder = OpenClipEncoder.load(f"local-dir:{builtin_like_folder}", device="cpu")
    reward = reward_of(encoder)
    encoder.model.visual.ln_post.weight[0] = float("nan")
    with pytest.raises(EncoderError, match="NaN or infinity for 2 of 2"):
        reward.score(frames(2))


def test_random_weights_follow_the_seed_and_leave_the_global_generator_alone(builtin_like_folder):
    torch.manual_seed(5)
    before = torch.get_rng_state()
    picture = frames(1)
    name = f"random:local-dir:{builtin_like_folder}"
    zero, zero_again, one, trained = (
        OpenClipEncoder.load(n, device="cpu").embed_frames(picture)
        for n in (name, f"{name}#0", f"{name}#1", f"local-dir:{builtin_like_folder}")
    )
    assert torch.equal(zero, zero_again)
    assert not torch.allclose(zero, one, atol=1e-3)
    assert not torch.allclose(zero, trained, atol=1e-3)
    assert torch.equal(torch.get_rng_state(), before)


def test_half_precision_files_are_loaded_to_the_precision_asked_for(builtin_like_folder):
    name = f"local-dir:{builtin_like_folder}"
    exact = OpenClipEncoder.load(name, device="cpu")
    rough = OpenClipEncoder.load(name, device="cpu", precision="bf16")
    assert {p.dtype for p in exact.model.parameters()} == {torch.float32}
    assert rough.model.visual.conv1.weight.dtype == torch.bfloat16
    for a, b in (
        (exact.embed_frames(frames(4)), rough.embed_frames(frames(4))),
        (exact.embed_texts(["a pole"]), rough.embed_texts(["a pole"])),
    ):
        assert b.dtype == torch.float32
        assert b.norm(dim=1).tolist() == pytest.approx([1.0] * len(b), abs=1e-6)
        assert (normalize(a) * b).sum(dim=1).min() > 0.99


def test_loading_does_not_speak_of_random_weights(builtin_like_folder, caplog):
    """open_clip does, since it is not the one that fills them in."""
    OpenClipEncoder.load(f"local-dir:{builtin_like_folder}", device="cpu")
    assert not caplog.records
    logging.getLogger().warning("this is still heard")
    assert len(caplog.records) == 1


def test_loading_installs_no_log_handler(builtin_like_folder, monkeypatch):
    """open_clip calls `logging.info`, which would install one; so does a test, hence the empty list."""
    monkeypatch.setattr(logging.getLogger(), "handlers", [])
    OpenClipEncoder.load(f"local-dir:{builtin_like_folder}", device="cpu")
    assert logging.getLogger().handlers == []


def test_a_model_of_pictures_that_are_not_square_is_refused(tmp_path):
    vision = BUILTIN_LIKE["model_cfg"]["vision_cfg"] | {"image_size": [96, 48]}
    config = BUILTIN_LIKE | {"model_cfg": BUILTIN_LIKE["model_cfg"] | {"vision_cfg": vision}}
    with pytest.raises(EncoderError, match="square"):
        OpenClipEncoder.load(f"local-dir:{write_model(tmp_path, config)}", device="cpu")

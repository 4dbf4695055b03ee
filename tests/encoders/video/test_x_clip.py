"""A video CLIP against transformers itself, on a tiny X-CLIP with random weights, loaded by name and offline."""

import json
import logging
import shutil
import subprocess
import sys

import huggingface_hub.constants
import pytest
import torch
from torch.nn.functional import normalize

from tests.contracts.encoder_contract import EncoderContract
from tests.encoders.models import WORDS, word_tokenizer
from vlmrm.encoders import load_encoder
from vlmrm.encoders.runtime import choose_runtime
from vlmrm.encoders.video.video_encoder import VideoEncoder
from vlmrm.encoders.video.x_clip import XClipEncoder
from vlmrm.errors import EncoderError, FrameError, MissingExtra, OfflineError, PromptError, UnknownModel

CONTEXT, CLIP, SIDE = 12, 4, 32


def tiny_xclip(transformers):
    """With weights large enough that the clip, and not its biases, decides over an embedding."""
    tower = {"hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 2, "num_attention_heads": 2}
    mit = {"mit_hidden_size": 24, "mit_intermediate_size": 48, "mit_num_attention_heads": 2}
    config = transformers.XCLIPConfig(
        text_config=tower | {"vocab_size": len(WORDS) + 3, "max_position_embeddings": CONTEXT, "eos_token_id": 7},
        vision_config=tower | mit | {"image_size": SIDE, "patch_size": 8, "num_frames": CLIP},
        projection_dim=24,
        prompt_num_attention_heads=2,
    )
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        model = transformers.XCLIPModel(config)
        for weights in model.parameters():
            if weights.ndim > 1:
                torch.nn.init.normal_(weights, std=0.3)
    return model


@pytest.fixture(scope="session")
def folder(transformers, tmp_path_factory):
    folder = tmp_path_factory.mktemp("xclip")
    processor = transformers.VideoMAEImageProcessor(
        size={"shortest_edge": SIDE},
        crop_size={"height": SIDE, "width": SIDE},
        image_mean=[0.485, 0.456, 0.406],
        image_std=[0.229, 0.224, 0.225],
    )
    for part in (tiny_xclip(transformers), word_tokenizer(transformers), processor):
        part.save_pretrained(folder)
    return folder


@pytest.fixture(scope="session")
def xclip(folder):
    return load_encoder(f"hf-video:local-dir:{folder}", device="cpu")


@pytest.fixture
def copied(folder, tmp_path):
    """A folder that a test may damage."""
    return shutil.copytree(folder, tmp_path / "copied")


def clips_of(count, *, height=SIDE, width=SIDE, seed=0):
    generator = torch.Generator().manual_seed(seed)
    return torch.randint(0, 256, (count, CLIP, height, width, 3), generator=generator, dtype=torch.uint8)


class TestXClip(EncoderContract):
    @pytest.fixture
    def encoder(self, xclip):
        return xclip

    @pytest.fixture
    def twin(self, folder):
        return load_encoder(f"hf-video:local-dir:{folder}", device="cpu")


def test_it_is_loaded_by_name_with_its_own_values(xclip, folder):
    assert isinstance(xclip, XClipEncoder)
    assert isinstance(xclip, VideoEncoder)
    assert xclip.name == f"hf-video:local-dir:{folder}"
    assert (xclip.clip_frames, xclip.size_px, xclip.dim, xclip.context_length) == (CLIP, SIDE, 24, CONTEXT)
    assert xclip.logit_scale == pytest.approx(14.285, rel=1e-3)  # e^2.6592, as CLIP starts
    assert (xclip.preprocessing.resize_mode, xclip.preprocessing.interpolation) == ("shortest", "bilinear")
    assert xclip.preprocessing.mean == (0.485, 0.456, 0.406)
    assert not xclip.model.training


@pytest.mark.parametrize(("height", "width"), [(SIDE, SIDE), (48, 48), (40, 50)])
def test_its_rows_are_those_of_transformers_with_its_own_processor(transformers, xclip, folder, height, width):
    clips = clips_of(3, height=height, width=width)
    model = transformers.XCLIPModel.from_pretrained(folder)
    processor = transformers.VideoMAEImageProcessor.from_pretrained(folder)
    pixels = processor([list(clip.movedim(-1, 1)) for clip in clips], return_tensors="pt")
    with torch.no_grad():
        rows = normalize(model.get_video_features(**pixels).pooler_output, dim=1)
    torch.testing.assert_close(xclip.embed_clips(clips), rows, atol=1e-4, rtol=0)


def test_its_sentences_are_those_of_transformers(transformers, xclip, folder):
    sentences = ["a red picture", "blue"]
    model = transformers.XCLIPModel.from_pretrained(folder)
    tokens = transformers.AutoTokenizer.from_pretrained(folder)(sentences, padding=True, return_tensors="pt")
    with torch.no_grad():
        rows = model.get_text_features(tokens["input_ids"], tokens["attention_mask"]).pooler_output
    torch.testing.assert_close(xclip.embed_texts(sentences), normalize(rows, dim=1), atol=1e-5, rtol=0)


def test_rows_of_clips_are_float32_of_unit_length_and_carry_no_gradient(xclip):
    rows = xclip.embed_clips(clips_of(5))
    assert (rows.shape, rows.dtype, rows.device.type, rows.requires_grad) == ((5, 24), torch.float32, "cpu", False)
    torch.testing.assert_close(rows.norm(dim=1), torch.ones(5))
    assert float((rows @ rows.T).fill_diagonal_(-1).max()) < 0.999  # different clips are told apart


def test_it_sees_the_order_of_frames_and_a_mean_over_frames_does_not(xclip):
    clip = clips_of(1)
    orders = torch.stack([clip[0, list(order)] for order in [(0, 1, 2, 3), (3, 2, 1, 0), (1, 0, 3, 2)]])
    rows = xclip.embed_clips(orders)
    cosines = rows @ rows.T
    assert float(cosines[0, 1:].max()) < 0.999
    means = torch.stack([xclip.embed_frames(frames).mean(dim=0) for frames in orders])
    torch.testing.assert_close(means, means[:1].expand(3, -1), atol=1e-5, rtol=0)


def test_a_frame_is_a_clip_that_stands_still(xclip):
    frames = clips_of(1)[0]
    still = frames[:, None].repeat(1, CLIP, 1, 1, 1)
    torch.testing.assert_close(xclip.embed_frames(frames), xclip.embed_clips(still))


@pytest.mark.parametrize("batch_size", [1, CLIP, 3 * CLIP, 64])
def test_how_many_clips_are_embedded_at_a_time_never_changes_a_row(xclip, folder, batch_size):
    """Also where a batch is smaller than one clip."""
    clips = clips_of(7)
    encoder = XClipEncoder.load(xclip.name, device="cpu", batch_size=batch_size)
    torch.testing.assert_close(encoder.embed_clips(clips), xclip.embed_clips(clips), atol=1e-5, rtol=0)
    split = torch.cat([xclip.embed_clips(part) for part in clips.split(2)])
    torch.testing.assert_close(split, xclip.embed_clips(clips), atol=1e-5, rtol=0)


def test_a_resize_mode_overrides_the_models_own(xclip):
    assert load_encoder(xclip.name, device="cpu", resize_mode="squash").preprocessing.resize_mode == "squash"


def test_loading_leaves_the_global_random_state_as_it_was(xclip):
    before = torch.get_rng_state()
    load_encoder(xclip.name, device="cpu")
    assert torch.equal(torch.get_rng_state(), before)


def test_bf16_stays_close_and_keeps_the_logit_scale(transformers, folder, xclip):
    half = XClipEncoder.load(xclip.name, device="cpu", precision="bf16")
    cosines = (half.embed_clips(clips_of(3)) * xclip.embed_clips(clips_of(3))).sum(dim=1)
    assert float(cosines.min()) > 0.98
    assert half.logit_scale == xclip.logit_scale


def test_a_processor_beside_the_tokenizer_is_read_as_well(transformers, copied):
    """transformers 5 writes one file for both."""
    processor = transformers.VideoMAEImageProcessor.from_pretrained(copied)
    (copied / "preprocessor_config.json").unlink()
    transformers.XCLIPProcessor(processor, transformers.AutoTokenizer.from_pretrained(copied)).save_pretrained(copied)
    assert not (copied / "preprocessor_config.json").exists()
    assert load_encoder(f"hf-video:local-dir:{copied}", device="cpu").preprocessing.std == (0.229, 0.224, 0.225)


@pytest.mark.parametrize("frames", [1, CLIP + 1])
def test_clips_of_another_length_are_refused(xclip, frames):
    with pytest.raises(FrameError, match=rf"takes clips \(n, 4, h, w, 3\); got \(2, {frames}, "):
        xclip.embed_clips(torch.zeros(2, frames, SIDE, SIDE, 3, dtype=torch.uint8))


def test_no_clip_and_no_sentence_are_refused(xclip):
    with pytest.raises(FrameError, match="must not be empty"):
        xclip.embed_clips(clips_of(0))
    with pytest.raises(PromptError, match="at least one sentence"):
        xclip.embed_texts([])


def test_a_sentence_that_is_too_long_is_cut_with_a_warning(xclip, caplog):
    long = " ".join(["red"] * 15)
    with caplog.at_level(logging.WARNING):
        rows = xclip.embed_texts([long, "red"])
    assert "reads 12 tokens of a sentence and does not see the last 5" in caplog.text
    assert len(caplog.records) == 1
    assert bool(rows.isfinite().all())


def broken(folder, file, **changes):
    path = folder / file
    values = json.loads(path.read_text())
    path.write_text(json.dumps(values | changes))


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda folder: (folder / "model.safetensors").unlink(), r"holds no weights.*model\.safetensors"),
        (lambda folder: (folder / "model.safetensors").write_bytes(b"no"), "transformers cannot load"),
        (lambda folder: (folder / "config.json").unlink(), r"no model folder: it has no config\.json"),
        (lambda folder: (folder / "config.json").write_text("{"), r"config\.json cannot be read"),
        (lambda folder: (folder / "config.json").write_text("[]"), "holds no table"),
        (lambda folder: (folder / "tokenizer.json").unlink(), "transformers cannot load"),
        (lambda folder: (folder / "preprocessor_config.json").unlink(), "does not say how frames are prepared"),
        (
            lambda folder: broken(folder, "config.json", model_type="clip"),
            "of type 'clip'.* only those of type 'xclip'. Load it as hf-image:local-dir:",
        ),
        (lambda folder: broken(folder, "preprocessor_config.json", resample=0), "unknown interpolation"),
        (lambda folder: broken(folder, "preprocessor_config.json", image_mean=None), "lacks a setting"),
        (
            lambda folder: broken(folder, "preprocessor_config.json", size={"shortest_edge": 40}),
            r"resizes to .*40.* crops another square .*32",
        ),
        (
            lambda folder: broken(
                folder, "preprocessor_config.json", size={"height": 40, "width": 40}, do_center_crop=False
            ),
            "takes pictures of 32 pixels, but its processor makes 40",
        ),
    ],
)
def test_files_that_are_missing_or_damaged_are_an_error_that_says_which(copied, damage, message):
    damage(copied)
    with pytest.raises(EncoderError, match=message):
        load_encoder(f"hf-video:local-dir:{copied}", device="cpu")


def test_weights_that_miss_a_tensor_are_refused(copied):
    """transformers would fill in random ones."""
    from safetensors.torch import load_file, save_file

    weights = load_file(copied / "model.safetensors")
    del weights["visual_projection.weight"]
    save_file(weights, copied / "model.safetensors", metadata={"format": "pt"})
    with pytest.raises(EncoderError, match=r"miss 1 tensors of the model, e\.g\. visual_projection\.weight"):
        load_encoder(f"hf-video:local-dir:{copied}", device="cpu")


def test_without_transformers_the_error_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "transformers", None)
    with pytest.raises(MissingExtra, match=r'needs transformers: pip install "vlmrm\[transformers\]"'):
        load_encoder("hf-video:microsoft/xclip-base-patch32", device="cpu")


@pytest.fixture
def hub_cache(hub_cache, monkeypatch):
    """An empty cache, and a hub that is switched off."""
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", True)
    return hub_cache


def test_a_download_that_is_not_possible_is_an_offline_error(transformers, hub_cache):
    with pytest.raises(OfflineError, match="'hf-video:somebody/xclip' needs a download, and HF_HUB_OFFLINE is set"):
        load_encoder("hf-video:somebody/xclip", device="cpu")
    with pytest.raises(UnknownModel, match="they are called owner/name"):
        load_encoder("hf-video:three/part/name", device="cpu")


def test_a_model_in_the_hubs_cache_loads_offline(transformers, hub_cache, folder, xclip):
    home = hub_cache / "models--somebody--xclip"
    shutil.copytree(folder, home / "snapshots" / "abc")
    (home / "refs").mkdir()
    (home / "refs" / "main").write_text("abc")
    encoder = load_encoder("hf-video:somebody/xclip", device="cpu")
    assert encoder.name == "hf-video:somebody/xclip"
    torch.testing.assert_close(encoder.embed_clips(clips_of(2)), xclip.embed_clips(clips_of(2)))


def test_another_tower_size_than_the_processors_is_refused_by_the_encoder_itself(transformers, xclip):
    from dataclasses import replace

    with pytest.raises(EncoderError, match="takes pictures of 32 pixels, but its processor makes 64"):
        XClipEncoder(
            xclip.model,
            xclip.tokenizer,
            preprocessing=replace(xclip.preprocessing, size_px=64),
            name="toy",
            runtime=choose_runtime("cpu"),
        )


def test_importing_the_encoders_imports_no_transformers():
    code = "import sys, vlmrm.encoders, vlmrm.encoders.video.x_clip; print('transformers' in sys.modules)"
    shown = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert shown.stdout.strip() == "False"

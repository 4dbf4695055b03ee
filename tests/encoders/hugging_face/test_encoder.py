"""CLIP and SigLIP in Hugging Face's form against transformers itself, on tiny models with random weights."""

import collections
import contextlib
import json
import os
import shutil

import pytest
import torch
from PIL import Image
from torch.nn.functional import normalize

from tests.contracts.encoder_contract import EncoderContract
from tests.encoders.models import WORDS, word_tokenizer
from vlmrm.encoders import load_encoder
from vlmrm.encoders.hugging_face.encoder import HuggingFaceEncoder
from vlmrm.encoders.runtime import choose_runtime
from vlmrm.errors import EncoderError

CONTEXT, SIDE = 12, 32
TOWER = {"hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 2, "num_attention_heads": 2}
TEXT = TOWER | {"vocab_size": len(WORDS) + 3, "max_position_embeddings": CONTEXT, "eos_token_id": 7}
VISION = TOWER | {"image_size": SIDE, "patch_size": 8}
SENTENCES = ["a red picture", "blue"]


def large_weights(make):
    """A model whose pictures and sentences, and not its biases, decide over an embedding."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        model = make()
        for weights in model.parameters():
            if weights.ndim > 1:
                torch.nn.init.normal_(weights, std=0.3)
    return model


def write_clip(transformers, folder):
    config = transformers.CLIPConfig(text_config=TEXT, vision_config=VISION, projection_dim=24)
    processor = transformers.CLIPImageProcessor(
        size={"shortest_edge": SIDE}, crop_size={"height": SIDE, "width": SIDE}, image_mean=[0.4, 0.5, 0.6]
    )
    for part in (large_weights(lambda: transformers.CLIPModel(config)), word_tokenizer(transformers), processor):
        part.save_pretrained(folder)
    return folder


def write_siglip(transformers, folder):
    """Its tokenizer gives no mask, as those on the hub."""
    config = transformers.SiglipConfig(text_config=TEXT | {"projection_size": 32}, vision_config=VISION)
    model = large_weights(lambda: transformers.SiglipModel(config))
    with torch.no_grad():
        model.logit_bias.fill_(-10.0)
        model.logit_scale.fill_(2.0)
    tokenizer = word_tokenizer(transformers)
    tokenizer.model_input_names = ["input_ids"]
    processor = transformers.SiglipImageProcessor(size={"height": SIDE, "width": SIDE})
    for part in (model, tokenizer, processor):
        part.save_pretrained(folder)
    return folder


@pytest.fixture(scope="session")
def folders(transformers, tmp_path_factory):
    root = tmp_path_factory.mktemp("hugging_face")
    return {"clip": write_clip(transformers, root / "clip"), "siglip": write_siglip(transformers, root / "siglip")}


@pytest.fixture(scope="session")
def encoders(folders):
    return {kind: load_encoder(f"hf-image:local-dir:{folder}", device="cpu") for kind, folder in folders.items()}


@pytest.fixture
def copied(folders, tmp_path):
    """A folder of a CLIP that a test may damage."""
    return shutil.copytree(folders["clip"], tmp_path / "copied")


def frames_of(count, *, height=SIDE, width=SIDE):
    generator = torch.Generator().manual_seed(0)
    return torch.randint(0, 256, (count, height, width, 3), generator=generator, dtype=torch.uint8)


@pytest.mark.parametrize("kind", ["clip", "siglip"])
class TestContract(EncoderContract):
    @pytest.fixture
    def encoder(self, encoders, kind):
        return encoders[kind]

    @pytest.fixture
    def twin(self, folders, kind):
        return load_encoder(f"hf-image:local-dir:{folders[kind]}", device="cpu")


@pytest.mark.parametrize("kind", ["clip", "siglip"])
def test_frames_sentences_and_logits_are_those_of_transformers(transformers, folders, encoders, kind):
    folder, encoder, frames = folders[kind], encoders[kind], frames_of(3)
    model, tokenizer = (part.from_pretrained(folder) for part in (transformers.AutoModel, transformers.AutoTokenizer))
    pictures = [Image.fromarray(frame.numpy()) for frame in frames]
    pixels = transformers.AutoImageProcessor.from_pretrained(folder)(pictures, return_tensors="pt")
    tokens = tokenizer(SENTENCES, padding="max_length", max_length=CONTEXT, return_tensors="pt")
    with torch.no_grad():
        theirs = model(**pixels, **{key: tokens[key] for key in tokenizer.model_input_names})
    rows, sentences = encoder.embed_frames(frames), encoder.embed_texts(SENTENCES)
    torch.testing.assert_close(rows, normalize(theirs.image_embeds, dim=1), atol=1e-5, rtol=0)
    torch.testing.assert_close(sentences, normalize(theirs.text_embeds, dim=1), atol=1e-5, rtol=0)
    logits = encoder.logit_scale * rows @ sentences.T + encoder.logit_bias
    torch.testing.assert_close(logits, theirs.logits_per_image, atol=1e-4, rtol=1e-5)


@pytest.mark.parametrize(("kind", "height", "width"), [("clip", 40, 50), ("clip", 80, 64), ("siglip", 40, 50)])
def test_frames_of_other_sizes_are_resized_as_transformers_does_it(
    transformers, folders, encoders, kind, height, width
):
    frames = frames_of(2, height=height, width=width)
    pictures = [Image.fromarray(frame.numpy()) for frame in frames]
    theirs = transformers.AutoImageProcessor.from_pretrained(folders[kind])(pictures, return_tensors="pt")
    prepared = encoders[kind].preprocessing
    ours = prepared.normalise(prepared.resize(frames))
    level = 1 / 255 / min(prepared.std)
    assert float((ours - theirs["pixel_values"]).abs().max()) < 1.01 * level  # bytes may round to the next


def test_what_a_model_was_trained_with_is_read_from_its_files(encoders):
    clip, siglip = encoders["clip"], encoders["siglip"]
    assert (clip.preprocessing.mean, clip.preprocessing.resize_mode) == ((0.4, 0.5, 0.6), "shortest")
    assert (siglip.preprocessing.mean, siglip.preprocessing.resize_mode) == ((0.5, 0.5, 0.5), "squash")
    assert (clip.logit_bias, siglip.logit_bias) == (0.0, -10.0)
    assert siglip.logit_scale == pytest.approx(7.389, rel=1e-3)  # e^2
    assert (clip.dim, siglip.dim, clip.context_length, clip.size_px) == (24, 32, CONTEXT, SIDE)
    assert clip.fingerprint != siglip.fingerprint


def test_a_processor_of_earlier_versions_that_names_one_number_is_read_as_well(copied, encoders):
    path = copied / "preprocessor_config.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"size": SIDE, "crop_size": SIDE}))
    same = load_encoder(f"hf-image:local-dir:{copied}", device="cpu")
    assert same.preprocessing == encoders["clip"].preprocessing


@pytest.mark.parametrize("change", [{"do_normalize": False}, {"do_rescale": False}, {"rescale_factor": 1 / 127.5}])
def test_frames_that_are_prepared_in_a_way_of_their_own_are_refused(copied, change):
    path = copied / "preprocessor_config.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | change))
    with pytest.raises(EncoderError, match=f"a way of its own: {next(iter(change))}"):
        load_encoder(f"hf-image:local-dir:{copied}", device="cpu")


@pytest.mark.parametrize(
    ("kind", "advice"),
    [("xclip", r"Load it as hf-video:local-dir:"), ("blip", r"only those of type 'clip', 'siglip'\.$")],
)
def test_a_model_of_another_type_is_named_with_how_to_load_it(copied, kind, advice):
    path = copied / "config.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"model_type": kind}))
    with pytest.raises(EncoderError, match=advice):
        load_encoder(f"hf-image:local-dir:{copied}", device="cpu")


class MakesAFolder:
    """A pickle of this runs code when it is loaded."""

    def __init__(self, path):
        self.path = str(path)

    def __reduce__(self):
        return os.mkdir, (self.path,)


def test_weights_that_would_run_code_are_refused_and_run_none(copied, tmp_path):
    (copied / "model.safetensors").unlink()
    torch.save(collections.OrderedDict(x=MakesAFolder(tmp_path / "made")), copied / "pytorch_model.bin")
    with pytest.raises(EncoderError, match="transformers cannot load"):
        load_encoder(f"hf-image:local-dir:{copied}", device="cpu")
    assert not (tmp_path / "made").exists()


def test_code_in_the_folder_is_never_run(copied, tmp_path):
    (copied / "mine.py").write_text(f"import os\nos.mkdir({str(tmp_path / 'made')!r})\nclass Tokenizer: pass\n")
    for name in ("config.json", "tokenizer_config.json"):
        values = json.loads((copied / name).read_text())
        mapped = {"AutoModel": "mine.Tokenizer", "AutoTokenizer": ["mine.Tokenizer", None]}
        (copied / name).write_text(json.dumps(values | {"auto_map": mapped}))
    with contextlib.suppress(EncoderError):
        load_encoder(f"hf-image:local-dir:{copied}", device="cpu")
    assert not (tmp_path / "made").exists()


def test_bf16_stays_close_and_keeps_the_logit_scale(encoders):
    clip = encoders["clip"]
    half = HuggingFaceEncoder.load(clip.name, device="cpu", precision="bf16")
    assert float((half.embed_frames(frames_of(3)) * clip.embed_frames(frames_of(3))).sum(dim=1).min()) > 0.98
    assert half.logit_scale == clip.logit_scale
    assert half.runtime.dtype == choose_runtime("cpu", "bf16").dtype

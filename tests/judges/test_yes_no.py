"""A judge that answers yes or no, with a tiny untrained LLaVA whose every word is known."""

import json
import math
import shutil
import subprocess
import sys
from importlib import import_module

import gymnasium as gym
import huggingface_hub.constants
import pytest
import torch
from PIL.Image import fromarray
from safetensors.torch import load_file, save_file

from vlmrm import RewardSpec
from vlmrm.encoders import import_open_clip
from vlmrm.errors import EncoderError, FrameError, MissingExtra, OfflineError, PromptError, UnknownModel
from vlmrm.judges import YesNoJudge
from vlmrm.judges.yes_no import log_odds_of_words
from vlmrm.wrappers import VLMReward

import_open_clip()  # before transformers: it mends torchvision
transformers, tokenizers = import_module("transformers"), import_module("tokenizers")

SPECIAL = ["<unk>", "<s>", "</s>", "<pad>", "<image>"]
YES, NO = ["Yes", "yes", "▁Yes", "▁yes"], ["No", "▁no"]  # "▁" is a space; "no" and " No" are not one token here
PROMPT_WORDS = ["USER:", "▁is", "▁the", "▁picture", "▁red?", "▁blue?", "▁BOT:"]
WORDS = [*SPECIAL, *YES, *NO, *PROMPT_WORDS]
TEMPLATE = (
    "<s>USER:{% for part in messages[0]['content'] %}"
    "{{ '<image>' if part['type'] == 'image' else ' ' + part['text'] }}{% endfor %}"
    "{{ ' BOT:' if add_generation_prompt }}"
)
QUESTION, SIZE_PX = "is the picture red?", 16


def tokenizer(words=WORDS):
    words_only = tokenizers.Tokenizer(
        tokenizers.models.WordLevel({word: i for i, word in enumerate(words)}, unk_token="<unk>")
    )
    words_only.pre_tokenizer = tokenizers.pre_tokenizers.Metaspace(prepend_scheme="never")
    words_only.post_processor = tokenizers.processors.TemplateProcessing(single="<s> $A", special_tokens=[("<s>", 1)])
    return transformers.PreTrainedTokenizerFast(
        tokenizer_object=words_only,
        unk_token="<unk>",
        bos_token="<s>",
        eos_token="</s>",
        pad_token="<pad>",
        additional_special_tokens=["<image>"],
    )


def processor(image_processor=None, *, template=TEMPLATE, words=WORDS):
    kind = image_processor or transformers.CLIPImageProcessor
    return transformers.LlavaProcessor(
        image_processor=kind(
            size={"shortest_edge": SIZE_PX}, crop_size={"height": SIZE_PX, "width": SIZE_PX}, do_convert_rgb=True
        ),
        tokenizer=tokenizer(words),
        patch_size=8,
        vision_feature_select_strategy="default",
        num_additional_image_tokens=1,
        chat_template=template,
    )


@pytest.fixture(scope="module")
def model():
    """Weights of words so large that the picture matters, and a dropout that must be switched off."""
    tower = transformers.CLIPVisionConfig(
        hidden_size=16,
        intermediate_size=32,
        num_hidden_layers=2,
        num_attention_heads=2,
        image_size=SIZE_PX,
        patch_size=8,
    )
    text = transformers.LlamaConfig(
        vocab_size=len(WORDS),
        hidden_size=16,
        intermediate_size=32,
        num_hidden_layers=2,
        num_attention_heads=2,
        initializer_range=0.1,
        attention_dropout=0.5,
        pad_token_id=WORDS.index("<pad>"),
    )
    config = transformers.LlavaConfig(
        vision_config=tower,
        text_config=text,
        image_token_index=WORDS.index("<image>"),
        vision_feature_layer=-1,
        vision_feature_select_strategy="default",
    )
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        return transformers.LlavaForConditionalGeneration(config)


@pytest.fixture(scope="module")
def judge(model):
    return YesNoJudge(model, processor(), QUESTION, name="tiny")


@pytest.fixture(scope="module")
def folder(judge, tmp_path_factory):
    path = tmp_path_factory.mktemp("judges") / "tiny"
    judge.model.save_pretrained(path)
    judge.processor.save_pretrained(path)
    return path


@pytest.fixture
def copied(folder, tmp_path):
    return shutil.copytree(folder, tmp_path / "copy")


def frames(n=3, size=(40, 30), seed=0):
    generator = torch.Generator().manual_seed(seed)
    return torch.randint(0, 256, (n, *size, 3), generator=generator, dtype=torch.uint8)


def smooth_pixels(n=2, size=(24, 20), seed=0):
    generator = torch.Generator().manual_seed(seed)
    coarse = 0.3 + 0.4 * torch.rand(n, 3, 4, 4, generator=generator)
    return torch.nn.functional.interpolate(coarse, size, mode="bilinear").requires_grad_()


def probabilities_by_hand(judge, frame, prompt):
    """Of every word, after a prompt that is written out."""
    inputs = judge.processor(
        images=[fromarray(frame.numpy())], text=[prompt], add_special_tokens=False, return_tensors="pt"
    )
    with torch.no_grad():
        row = judge.model.eval()(**inputs).logits[0, -1].double().softmax(dim=0)
    return dict(zip(WORDS, row.tolist(), strict=True))


def test_log_odds_are_those_of_all_spellings_of_the_first_word_of_the_answer(judge):
    batch = frames()
    odds, shares = judge.log_odds(batch), judge.probabilities(batch)
    assert odds.dtype == torch.float32
    for i, frame in enumerate(batch):
        words = probabilities_by_hand(judge, frame, f"<s>USER:<image> {QUESTION} BOT:")
        yes, no = sum(words[word] for word in YES), sum(words[word] for word in NO)
        assert float(odds[i]) == pytest.approx(math.log(yes) - math.log(no), abs=1e-4)
        assert float(shares[i]) == pytest.approx(yes / (yes + no), abs=1e-5)
    assert float(odds.max() - odds.min()) > 0.05  # the picture matters


def test_two_spellings_add_up_and_what_is_neither_yes_nor_no_does_not_count():
    logits = torch.tensor([0.1, 0.2, 0.1, 0.6]).log()
    assert float(log_odds_of_words(logits, yes=[0, 1], no=[2]).exp()) == pytest.approx(3.0)
    assert float(log_odds_of_words(logits + 50, yes=[0, 1], no=[2]).exp()) == pytest.approx(3.0, rel=1e-4)


def test_how_frames_are_split_into_batches_never_changes_a_score(judge):
    batch = frames(5)
    whole = judge.log_odds(batch)
    for size in (1, 2):
        parts = torch.cat([judge.log_odds(batch[i : i + size]) for i in range(0, 5, size)])
        assert torch.equal(parts, whole)
    assert torch.equal(judge.log_odds(batch.flip(0)), whole.flip(0))


def test_another_question_gets_another_answer(judge):
    other = YesNoJudge(judge.model, judge.processor, "is the picture blue?", name="tiny")
    assert bool((other.log_odds(frames()) - judge.log_odds(frames())).abs().max() > 1e-3)


def test_a_processor_without_a_chat_template_gets_a_plain_prompt(model):
    plain = YesNoJudge(model, processor(template=None), QUESTION, name="tiny")
    words = probabilities_by_hand(plain, frames(1)[0], f"<s><image>\n{QUESTION}\nAnswer:")
    expected = math.log(sum(words[word] for word in YES)) - math.log(sum(words[word] for word in NO))
    assert float(plain.log_odds(frames(1))) == pytest.approx(expected, abs=1e-4)
    del plain.processor.image_token
    with pytest.raises(EncoderError, match="neither a chat template nor a token that stands for a picture"):
        plain.log_odds(frames(1))


@pytest.mark.parametrize("size", [(SIZE_PX, SIZE_PX), (40, 30), (90, 120)])
def test_pixels_get_the_score_of_the_same_picture_in_bytes(judge, size):
    """Without a resize there is nothing to round; with one, byte pictures are rounded once more."""
    batch = frames(2, size)
    of_pixels = judge.log_odds_of_pixels(batch.movedim(-1, 1) / 255)
    tolerance = 1e-5 if size == (SIZE_PX, SIZE_PX) else 0.02
    torch.testing.assert_close(of_pixels, judge.log_odds(batch), atol=tolerance, rtol=0)


@pytest.mark.parametrize("kind", [transformers.CLIPImageProcessor, transformers.CLIPImageProcessorPil])
def test_pixels_are_cut_off_at_black_and_white_where_a_resize_overshoots_as_bytes_are(model, kind):
    judge = YesNoJudge(model, processor(kind), QUESTION, name="tiny")
    squares = (torch.arange(12)[:, None] // 2 + torch.arange(12) // 2) % 2
    chessboard = (255 * squares).to(torch.uint8)[None, :, :, None].repeat(1, 1, 1, 3)
    of_pixels = judge.log_odds_of_pixels(chessboard.movedim(-1, 1) / 255)
    torch.testing.assert_close(of_pixels, judge.log_odds(chessboard), atol=0.01, rtol=0)


@pytest.mark.parametrize("kind", [transformers.CLIPImageProcessor, transformers.CLIPImageProcessorPil])
def test_the_gradient_at_the_pixels_is_what_small_changes_say(model, kind):
    judge = YesNoJudge(model, processor(kind), QUESTION, name="tiny")
    pixels = smooth_pixels()
    (gradient,) = torch.autograd.grad(judge.log_odds_of_pixels(pixels).sum(), pixels)
    random = torch.randn(pixels.shape, generator=torch.Generator().manual_seed(1)).sign()
    for direction in (gradient.sign(), random):
        with torch.no_grad():
            above, below = (judge.log_odds_of_pixels(pixels + step * direction).sum() for step in (1e-3, -1e-3))
        slope, expected = float(above - below) / 2e-3, float((gradient * direction).sum())
        assert slope == pytest.approx(expected, rel=0.01, abs=1e-3)
    assert float(gradient.abs().sum()) > 0.1


def test_the_gradient_of_one_picture_stays_in_it(judge):
    pixels = smooth_pixels()
    (gradient,) = torch.autograd.grad(judge.log_odds_of_pixels(pixels)[0], pixels)
    assert float(gradient[0].abs().sum()) > 0
    assert float(gradient[1].abs().sum()) == 0


class OddImageProcessorPil(transformers.CLIPImageProcessorPil):
    """Has no twin."""


class RoundingImageProcessor(transformers.CLIPImageProcessor):
    def _preprocess(self, images, **options):
        return super()._preprocess([image.round().byte() for image in images], **options)


class BrighterImageProcessor(transformers.CLIPImageProcessor):
    """Treats floats otherwise than bytes."""

    def _preprocess(self, images, **options):
        return super()._preprocess([1.2 * image if image.is_floating_point() else image for image in images], **options)


@pytest.mark.parametrize(
    ("kind", "message"),
    [
        (OddImageProcessorPil, "OddImageProcessorPil has no twin"),
        (RoundingImageProcessor, "lets no gradient pass"),
        (BrighterImageProcessor, "off on average"),
    ],
)
def test_a_processor_that_cannot_be_reproduced_is_an_error_and_not_a_wrong_gradient(model, kind, message):
    judge = YesNoJudge(model, processor(kind), QUESTION, name="tiny")
    assert judge.log_odds(frames(1)).isfinite().all()
    with pytest.raises(EncoderError, match=message):
        judge.log_odds_of_pixels(smooth_pixels())


def test_a_saved_judge_loads_from_its_folder_and_from_the_hubs_cache(judge, folder, hub_cache):
    expected = judge.log_odds(frames())
    local = YesNoJudge.load(f"local-dir:{folder}", QUESTION, device="cpu")
    assert local.name == f"local-dir:{folder}"
    torch.testing.assert_close(local.log_odds(frames()), expected)
    repository = hub_cache / "models--somebody--judge"
    (repository / "refs").mkdir(parents=True)
    (repository / "refs" / "main").write_text("c0ffee")
    shutil.copytree(folder, repository / "snapshots" / "c0ffee")
    torch.testing.assert_close(YesNoJudge.load("somebody/judge", QUESTION, device="cpu").log_odds(frames()), expected)
    (repository / "snapshots" / "c0ffee" / "model.safetensors").unlink()  # a download that was broken off
    with pytest.raises(OfflineError, match="the judge 'somebody/judge' needs a download"):
        YesNoJudge.load("somebody/judge", QUESTION)


@pytest.mark.parametrize("switched_off", [True, False])
def test_a_download_without_a_network_says_what_works_offline(hub_cache, monkeypatch, switched_off):
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", switched_off)
    with pytest.raises(OfflineError, match=r"save_pretrained\(FOLDER\); local-dir:FOLDER then works offline"):
        YesNoJudge.load("somebody/else", QUESTION)


@pytest.mark.parametrize("name", ["sim-s", "a/b/c", "", "some body/judge", "somebody/--judge"])
def test_a_name_that_is_none_is_an_error(hub_cache, name):
    with pytest.raises(UnknownModel, match=r"no judge|no repository of the hub"):
        YesNoJudge.load(name, QUESTION)


def test_a_folder_without_a_model_is_an_error(tmp_path):
    for path in (tmp_path, tmp_path / "nowhere"):
        with pytest.raises(EncoderError, match=r"no model folder: it has no config.json"):
            YesNoJudge.load(f"local-dir:{path}", QUESTION)


def test_pickled_weights_are_not_read(copied):
    torch.save(load_file(copied / "model.safetensors"), copied / "pytorch_model.bin")
    (copied / "model.safetensors").unlink()
    with pytest.raises(EncoderError, match=r"holds no complete weights: model.safetensors"):
        YesNoJudge.load(f"local-dir:{copied}", QUESTION)
    for index in ('{"weight_map": {"a": "model-1.safetensors"}}', "[]", "{"):
        (copied / "model.safetensors.index.json").write_text(index)
        with pytest.raises(EncoderError, match="holds no complete weights"):
            YesNoJudge.load(f"local-dir:{copied}", QUESTION)


def test_weights_that_are_missing_are_not_made_up(copied):
    weights = load_file(copied / "model.safetensors")
    dropped = max(name for name in weights if "lm_head" in name)
    save_file({name: value for name, value in weights.items() if name != dropped}, copied / "model.safetensors")
    with pytest.raises(EncoderError, match=r"lacks 1 of the model's weights, 'lm_head.weight' for one"):
        YesNoJudge.load(f"local-dir:{copied}", QUESTION)


def test_a_folder_that_transformers_cannot_read_is_an_error(copied):
    (copied / "model.safetensors").write_bytes(b"no tensors")
    with pytest.raises(EncoderError, match="cannot load the judge"):
        YesNoJudge.load(f"local-dir:{copied}", QUESTION)
    (copied / "config.json").write_text(json.dumps({"model_type": "bert"}))
    with pytest.raises(EncoderError, match="cannot load the judge"):
        YesNoJudge.load(f"local-dir:{copied}", QUESTION)


def test_code_that_comes_with_a_model_is_not_run(copied):
    ran = copied / "ran"
    (copied / "own.py").write_text(f"open({str(ran)!r}, 'w').close()\nclass Own: ...\nclass OwnConfig: ...")
    own = {"AutoConfig": "own.OwnConfig", "AutoModelForImageTextToText": "own.Own"}
    (copied / "config.json").write_text(json.dumps({"model_type": "own", "auto_map": own}))
    with pytest.raises(EncoderError, match="cannot load the judge"):
        YesNoJudge.load(f"local-dir:{copied}", QUESTION)
    assert not ran.exists()


def test_an_answer_that_is_no_single_token_is_an_error(model):
    words = [f"#{word}" if word in NO else word for word in WORDS]
    with pytest.raises(EncoderError, match="'tiny' has no single token for 'no'"):
        YesNoJudge(model, processor(words=words), QUESTION, name="tiny")


def test_a_judge_needs_a_question_and_a_processor_of_pictures(model):
    with pytest.raises(PromptError, match="a judge needs a question; got ' '"):
        YesNoJudge(model, processor(), " ", name="tiny")
    with pytest.raises(EncoderError, match="no processor of pictures and words"):
        YesNoJudge(model, tokenizer(), QUESTION, name="tiny")


def test_a_reward_file_names_the_judge_and_the_wrapper_pays_what_it_says(folder, judge, tmp_path):
    path = tmp_path / "reward.toml"
    path.write_text(
        'encoder = "sim-xs"\nalpha = 0.0\nprompts = { goal = "a pole on its cart" }\n'
        f'judge = {{ model = "local-dir:{folder}", question = "{QUESTION}", above = -1.0, bonus = 2.0 }}\n'
    )
    env = VLMReward(gym.make("CartPole-v1", render_mode="rgb_array"), RewardSpec.load(path))
    env.reset(seed=0)
    *_, info = env.step(0)
    asked = float(judge.probabilities(torch.from_numpy(info["frame"])[None]))
    assert info["vlm_reward"] == pytest.approx(-1.0 + 2.0 * asked, abs=1e-5)
    assert 0 < asked < 1


def test_bad_pictures_are_refused(judge):
    with pytest.raises(FrameError, match="frames must not be empty"):
        judge.log_odds(frames(0))
    for pixels in (torch.full((1, 3, 8, 8), 1.5), torch.full((1, 3, 8, 8), math.nan), torch.zeros(0, 3, 8, 8)):
        with pytest.raises(FrameError, match="pixels must be 0 to 1, and at least one picture"):
            judge.log_odds_of_pixels(pixels)


def test_where_transformers_is_missing_it_says_what_to_install(folder, monkeypatch):
    monkeypatch.setitem(sys.modules, "transformers", None)
    with pytest.raises(MissingExtra, match=r'pip install "vlmrm\[transformers\]"'):
        YesNoJudge.load(f"local-dir:{folder}", QUESTION)


def test_importing_the_package_does_not_import_transformers():
    code = "import sys, vlmrm.judges; sys.exit('transformers' in sys.modules or 'open_clip' in sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)

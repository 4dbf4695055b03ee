"""Captioners of the BLIP type: they write as transformers' own models do, and are adapted and trained as others are."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from tests.rlcf.captions.tiny_blip import END, IMAGE, QUERIES, START, T5, processor_of, save, tiny_blip2
from vlmrm import RewardModel
from vlmrm.errors import EncoderError, OfflineError, UnknownModel
from vlmrm.rlcf import Adapter, preset
from vlmrm.rlcf.captions import CaptionTrainer, CaptionTraining, ImageTextCaptioner, Writing, load_captioner
from vlmrm.rlcf.captions.files import BUILTIN
from vlmrm.rlcf.captions.image_text import Blip2Captioner

SHORT, LONG = "a red star", "a big red star, a small blue cross and a big white circle on a pink cloth"
TUNED = {"blip": "text_decoder.bert.encoder.layer.0.crossattention.", "blip-2": "language_projection."}
TERMS = {"similarity": {"encoder": "tab-m"}, "repetition": {"weight": 0.2}}


@pytest.fixture(scope="module", params=["blip", "blip-2"])
def folder(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save(request.param, tmp_path_factory.mktemp("captioners") / request.param)


@pytest.fixture(scope="module")
def tiny(folder: Path) -> ImageTextCaptioner:
    return load_captioner(f"local-dir:{folder}", device="cpu")


def next_words(tiny: ImageTextCaptioner, picture: Tensor, said: list[int]) -> Tensor:
    """Log-probabilities of the next word by the whole model, as its processor and documentation would have it."""
    before = {"blip": [START], "blip-2": [IMAGE] * QUERIES + [END]}[tiny.model.config.model_type]
    pixels = tiny.processor.image_processor(picture.movedim(-1, 0), return_tensors="pt")["pixel_values"]
    return tiny.model(pixel_values=pixels, input_ids=torch.tensor([before + said])).logits[0, -1].log_softmax(0)


def test_log_probabilities_are_those_of_one_token_after_the_other(tiny: ImageTextCaptioner, pictures: Tensor) -> None:
    said = tiny.tokens_of([SHORT, LONG])
    found = tiny.log_probabilities(tiny.see(pictures[:2]), said)
    for row, picture, tokens, length in zip(found, pictures, said.tokens.tolist(), [4, 19], strict=False):
        for place in range(length):
            expected = next_words(tiny, picture, tokens[:place])[tokens[place]]
            assert float(row[place]) == pytest.approx(float(expected), abs=1e-4)
    assert found[0, 4:].tolist() == [0.0] * 15


def test_the_greedy_caption_is_the_likeliest_word_each_time(tiny: ImageTextCaptioner, pictures: Tensor) -> None:
    written = tiny.write(tiny.see(pictures), Writing(most_tokens=8))
    said: list[int] = []
    while len(said) < 8 and END not in said:
        said.append(int(next_words(tiny, pictures[0], said).argmax()))
    assert written.tokens[0, : written.lengths[0]].tolist() == said
    assert written.texts[0] == tiny.tokenizer.decode(said, skip_special_tokens=True)
    assert len(set(written.texts)) > 2  # it sees them


def test_beams_are_those_of_the_whole_model_the_likeliest_first(tiny: ImageTextCaptioner, pictures: Tensor) -> None:
    seen = tiny.see(pictures[:1])
    written = tiny.write(seen, Writing(count=4, most_tokens=6))
    pads = {} if tiny.model.config.model_type == "blip" else {"eos_token_id": END, "pad_token_id": 0}
    theirs = tiny.model.generate(seen, max_new_tokens=6, num_beams=4, num_return_sequences=4, do_sample=False, **pads)
    assert torch.equal(written.tokens, theirs[:, -written.tokens.shape[1] :])
    likely = tiny.log_probabilities(seen.expand(4, -1, -1, -1), written).sum(dim=1)
    assert (likely / written.lengths).diff().max() < 1e-5
    assert len({tuple(row) for row in written.tokens.tolist()}) == 4


def test_captions_are_drawn_by_their_own_chance_and_end(tiny: ImageTextCaptioner, pictures: Tensor) -> None:
    seen, how = tiny.see(pictures[:2]), Writing(count=8, sampled=True, most_tokens=40)
    before = torch.get_rng_state()
    written = tiny.write(seen, how, seed=3)
    assert torch.equal(torch.get_rng_state(), before)
    assert written.texts == tiny.write(seen, how, seed=3).texts
    assert written.texts != tiny.write(seen, how, seed=4).texts
    assert 0 < written.ended.sum() < 16
    last = written.tokens[torch.arange(16), written.lengths - 1]
    assert torch.equal(last == END, written.ended)


def test_states_are_what_the_words_are_read_from(tiny: ImageTextCaptioner, pictures: Tensor) -> None:
    seen, said = tiny.see(pictures[:2]), tiny.tokens_of([SHORT, LONG])
    states, decoder = tiny.states(seen, said), tiny.language_model
    logits = (decoder.cls if tiny.model.config.model_type == "blip" else decoder.lm_head)(states)
    chances = logits.log_softmax(dim=2).gather(2, said.tokens[:, :, None])[:, :, 0] * said.mask
    torch.testing.assert_close(chances, tiny.log_probabilities(seen, said))


def test_a_picture_is_looked_at_once_for_all_its_captions(tiny: ImageTextCaptioner, pictures: Tensor) -> None:
    seen, said = tiny.see(pictures[:2]), tiny.tokens_of([SHORT, LONG, LONG, SHORT])
    looked: list[int] = []
    kept = tiny.model.vision_model.register_forward_hook(lambda module, given, found: looked.append(len(found[0])))
    found = tiny.log_probabilities(seen.repeat_interleave(2, dim=0), said)
    kept.remove()
    assert looked == [2]
    alone = tiny.log_probabilities(seen[1:], tiny.tokens_of([SHORT]))
    torch.testing.assert_close(found[3, :4], alone[0], atol=1e-5, rtol=0)


def test_an_episode_moves_what_is_tuned_and_every_byte_comes_back(
    tiny: ImageTextCaptioner, reward: RewardModel, pictures: Tensor
) -> None:
    adapter = Adapter(tiny, reward, options=preset("clip_cap"), writing=Writing(most_tokens=8))
    module = adapter.policy.module
    theirs, mine = ({name: one.clone() for name, one in of.state_dict().items()} for of in (tiny.model, module))
    with adapter(pictures[0]) as tuned:
        assert not tuned.episode.dropped
        moved = [name for name, one in module.state_dict().items() if not torch.equal(one, theirs[name])]
        assert moved
        assert all(name.startswith(TUNED[tiny.model.config.model_type]) for name in moved)
    for before, now in ((theirs, tiny.model), (mine, module)):
        assert all(torch.equal(before[name], one) for name, one in now.state_dict().items())


@pytest.mark.parametrize("baseline", ["loo", "value"])
def test_two_updates_of_training(tiny: ImageTextCaptioner, pictures: Tensor, tmp_path: Path, baseline: str) -> None:
    tuned = TUNED[tiny.model.config.model_type]
    options = CaptionTraining.from_dict(
        {"captioner": tiny.name, "updates": 2, "pictures": 3, "samples": 3, "most_tokens": 10, "terms": TERMS,
         "tune": tuned, "baseline": baseline}
    )  # fmt: skip
    trainer = CaptionTrainer(tiny, options, list(pictures), tmp_path)
    trainer.train()
    assert [row["update"] for row in trainer.history] == [0, 1, 2]
    assert trainer.history[1]["divergence"] == pytest.approx(0, abs=1e-5)
    assert trainer.history[2]["divergence"] > 0
    before = dict(tiny.model.named_parameters())
    for name, weights in trainer.captioner.model.named_parameters():
        if not name.endswith("key.bias"):  # attention does not mind it
            assert torch.equal(weights, before[name]) != name.startswith(tuned)


def changed(folder: Path, to: Path, change: Any) -> str:
    config = json.loads((shutil.copytree(folder, to) / "config.json").read_text())
    change(config)
    (to / "config.json").write_text(json.dumps(config))
    return f"local-dir:{to}"


@pytest.mark.parametrize("end", [None, 40_000])
def test_a_captioner_without_an_end_token_is_refused(folder: Path, tmp_path: Path, end: int | None) -> None:
    name = changed(folder, tmp_path / "m", lambda c: c["text_config"].update(sep_token_id=end, eos_token_id=end))
    with pytest.raises(EncoderError, match=f"no end token that its tokenizer knows.*got the ids {end}"):
        load_captioner(name)


def test_models_of_other_types_are_refused(tmp_path: Path) -> None:
    shutil.copytree(BUILTIN / "tab-cap", tmp_path / "gpt")
    (tmp_path / "gpt" / "captioner.json").unlink()
    with pytest.raises(EncoderError, match=r"of the type 'gpt2'; of transformers these types write .* blip, blip-2"):
        load_captioner(f"local-dir:{tmp_path / 'gpt'}")
    (tmp_path / "gpt" / "config.json").write_text("[")
    with pytest.raises(EncoderError, match=r"config.json cannot be read"):
        load_captioner(f"local-dir:{tmp_path / 'gpt'}")
    with pytest.raises(EncoderError, match="is a t5, which has an encoder"):
        Blip2Captioner(tiny_blip2(T5), processor_of("blip-2"), name="t5")
    with pytest.raises(UnknownModel, match=r"no captioner 'local-dir:.*has no captioner.json"):
        load_captioner(f"local-dir:{tmp_path}")


def test_a_captioner_of_the_hub_is_found_in_its_cache(
    tiny: ImageTextCaptioner, folder: Path, pictures: Tensor, hub_cache: Path
) -> None:
    repository = hub_cache / "models--somebody--captioner"
    (repository / "refs").mkdir(parents=True)
    (repository / "refs" / "main").write_text("c0ffee")
    shutil.copytree(folder, repository / "snapshots" / "c0ffee")
    again = load_captioner("somebody/captioner")
    assert (again.name, again.fingerprint) == ("somebody/captioner", tiny.fingerprint)
    (repository / "snapshots" / "c0ffee" / "model.safetensors").unlink()
    (repository / "snapshots" / "c0ffee" / "config.json").write_text('{"model_type": "llava"}')
    with pytest.raises(EncoderError, match="is a model of the type 'llava'"):  # before weights are fetched
        load_captioner("somebody/captioner")
    with pytest.raises(OfflineError, match="the captioner 'somebody/else' needs a download"):
        load_captioner("somebody/else")

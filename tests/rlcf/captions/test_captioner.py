"""What captioners write, how likely it is to them, and that neither depends on what stands beside."""

import json
import shutil
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from vlmrm.encoders import load_encoder
from vlmrm.encoders.hugging_face.generative import import_transformers
from vlmrm.errors import EncoderError, PromptError, SpecError, UnknownModel
from vlmrm.rlcf.captions import MapperShape, PrefixCaptioner, Writing, load_captioner, save_captioner, with_noise
from vlmrm.rlcf.captions.files import BUILTIN
from vlmrm.rlcf.captions.protocol import mean_surprise

SHORT, LONG = "a red star", "a big red star, a small blue cross and a big white circle on a pink cloth"


def test_log_probabilities_are_those_of_one_token_after_the_other(captioner: PrefixCaptioner, pictures: Tensor) -> None:
    seen, said = captioner.see(pictures[:1]), captioner.tokens_of([LONG])
    found = captioner.log_probabilities(seen, said)[0]
    prefix, words = captioner.mapper(seen), captioner.language_model.get_input_embeddings()
    for place, token in enumerate(said.tokens[0]):
        read = torch.cat([prefix, words(said.tokens[:, :place])], dim=1)
        logits = captioner.language_model(inputs_embeds=read).logits[0, -1]
        assert float(found[place]) == pytest.approx(float(logits.log_softmax(0)[token]), abs=1e-4)


def test_padding_never_counts(captioner: PrefixCaptioner, pictures: Tensor) -> None:
    seen = captioner.see(pictures[:2])
    alone = captioner.tokens_of([SHORT])
    beside = captioner.tokens_of([SHORT, LONG])
    both = captioner.log_probabilities(seen, beside)
    one = captioner.log_probabilities(seen[:1], alone)
    torch.testing.assert_close(both[0, :4], one[0], atol=1e-5, rtol=0)
    assert both[0, 4:].abs().sum() == 0
    torch.testing.assert_close(mean_surprise(both, beside)[0], mean_surprise(one, alone)[0], atol=1e-5, rtol=0)


def test_a_caption_counts_its_end_token_and_is_divided_by_its_own_length(captioner: PrefixCaptioner) -> None:
    said = captioner.tokens_of([SHORT, LONG])
    assert said.lengths.tolist() == [4, 19]  # words and commas, and the end token
    assert said.tokens[0, 3] == said.tokens[1, 18] == captioner.end
    assert said.ended.all()
    assert mean_surprise(-said.mask.float(), said).tolist() == [1.0, 1.0]


def test_a_beam_holds_distinct_captions_the_likeliest_first(captioner: PrefixCaptioner, pictures: Tensor) -> None:
    seen = captioner.see(pictures[:1])
    written = captioner.write(seen, Writing(count=6, most_tokens=30))
    likely = captioner.log_probabilities(seen.expand(6, -1), written).sum(dim=1)
    assert len(set(written.texts)) == 6
    assert (likely / written.lengths).diff().max() < 1e-5  # the score of transformers' beam search
    assert captioner.caption(pictures[:1]) == written.texts[:1]


def test_captions_are_drawn_by_their_own_chance(captioner: PrefixCaptioner, pictures: Tensor) -> None:
    seen, how = captioner.see(pictures[:2]), Writing(count=8, sampled=True, temperature=2.0, most_tokens=30)
    before = torch.get_rng_state()
    written = captioner.write(seen, how, seed=3)
    assert torch.equal(torch.get_rng_state(), before)
    assert written.texts == captioner.write(seen, how, seed=3).texts
    assert written.texts != captioner.write(seen, how, seed=4).texts


def test_what_is_cut_off_has_no_end_token(captioner: PrefixCaptioner, pictures: Tensor) -> None:
    written = captioner.write(captioner.see(pictures[:1]), Writing(most_tokens=5))
    assert not written.ended.any()
    assert written.lengths.tolist() == [5]
    assert len(written.texts[0].replace(",", " ,").split()) == 5


def test_a_copy_shares_all_but_what_is_tuned(captioner: PrefixCaptioner) -> None:
    copied, tuned = captioner.copied("mapper.")
    theirs, mine = dict(captioner.model.named_parameters()), dict(copied.model.named_parameters())
    assert sum(one is mine[name] for name, one in theirs.items()) == len(theirs) - len(tuned)
    assert {name for name, one in mine.items() if one.requires_grad} == {n for n in mine if n.startswith("mapper.")}
    assert not any(one.requires_grad for one in theirs.values())
    with pytest.raises(EncoderError, match="no parameter of 'tab-cap' is selected by 'maper'"):
        captioner.copied("maper")


def test_a_captioner_comes_back_from_its_folder(captioner: PrefixCaptioner, pictures: Tensor, tmp_path: Path) -> None:
    save_captioner(captioner, tmp_path / "mine")
    again = load_captioner(f"local-dir:{tmp_path / 'mine'}")
    assert again.fingerprint == captioner.fingerprint
    assert again.caption(pictures) == captioner.caption(pictures)


def test_captioners_that_cannot_be_used_are_refused(captioner: PrefixCaptioner, tmp_path: Path) -> None:
    with pytest.raises(UnknownModel, match=r"no captioner 'tab-cup'.*Near: tab-cap"):
        load_captioner("tab-cup")
    shutil.copytree(BUILTIN / "tab-cap", tmp_path / "other")
    settings = json.loads((tmp_path / "other" / "captioner.json").read_text())
    (tmp_path / "other" / "captioner.json").write_text(json.dumps(settings | {"encoder_fingerprint": "0" * 16}))
    with pytest.raises(EncoderError, match="trained on pictures seen by an encoder of fingerprint 0000"):
        load_captioner(f"local-dir:{tmp_path / 'other'}")
    (tmp_path / "other" / "mapper.safetensors").write_bytes(b"nothing")
    with pytest.raises(EncoderError, match="is damaged"):
        load_captioner(f"local-dir:{tmp_path / 'other'}")
    with pytest.raises(PromptError, match="at least one word"):
        captioner.tokens_of([""])


def test_parts_that_do_not_fit_are_refused(captioner: PrefixCaptioner) -> None:
    encoder, model, tokenizer = captioner.encoder, captioner.language_model, captioner.tokenizer
    transformers = import_transformers("a test")

    class Endless:
        eos_token_id = None

        def __len__(self) -> int:
            return 3

    with pytest.raises(EncoderError, match="has no end token"):
        PrefixCaptioner(encoder, captioner.mapper, model, Endless(), name="endless")
    with pytest.raises(EncoderError, match="'a star' is not one token"):
        PrefixCaptioner(encoder, captioner.mapper, model, tokenizer, name="two", end_token="a star")
    few = transformers.GPT2LMHeadModel(transformers.GPT2Config(vocab_size=5, n_embd=96, n_layer=1, n_head=2))
    with pytest.raises(EncoderError, match=r"has \d+ tokens and its language model 5"):
        PrefixCaptioner(encoder, captioner.mapper, few, tokenizer, name="few")
    with pytest.raises(EncoderError, match="reads words of 96"):
        PrefixCaptioner(encoder, MapperShape(dim=128, width=64).build(), model, tokenizer, name="narrow")
    with pytest.raises(SpecError, match="unknown kind of mapper"):
        MapperShape(dim=4, width=4, kind="mpl")
    with pytest.raises(SpecError, match="4 beams cannot return 5"):
        Writing(count=5, beams=4)


def test_any_causal_model_with_a_transformer_mapper_writes(pictures: Tensor, captioner: PrefixCaptioner) -> None:
    transformers = import_transformers("a test")
    config = transformers.OPTConfig(
        vocab_size=len(captioner.tokenizer), hidden_size=32, num_hidden_layers=1, ffn_dim=64, num_attention_heads=2,
        max_position_embeddings=80, word_embed_proj_dim=32, pad_token_id=0, bos_token_id=1, eos_token_id=1,
    )  # fmt: skip
    torch.manual_seed(0)
    shape = MapperShape(dim=512, width=32, kind="transformer", prefix=10, layers=2, heads=2)
    model = PrefixCaptioner(
        load_encoder("random:ViT-B-32"), shape.build(), transformers.OPTForCausalLM(config), captioner.tokenizer,
        name="opt", end_token=",",
    )  # fmt: skip
    written = model.write(model.see(pictures[:2]), Writing(count=2, most_tokens=6))
    assert len(written.texts) == 4
    likely = model.log_probabilities(model.see(pictures[:2]).repeat_interleave(2, dim=0), written)
    assert likely.shape == written.tokens.shape
    assert model.end == captioner.tokenizer.get_vocab()[","]


def test_noise_has_its_variance_in_each_dimension() -> None:
    rows = nn.functional.normalize(torch.ones(2_000, 512), dim=1)
    noisy = with_noise(rows, 0.016, torch.Generator().manual_seed(0))
    torch.testing.assert_close(noisy.norm(dim=1), torch.ones(2_000))
    expected = 1 / (1 + 512 * 0.016) ** 0.5  # cosine of a unit vector and itself with noise of 2.9 times its length
    assert float((noisy * rows).sum(dim=1).mean()) == pytest.approx(expected, abs=0.005)

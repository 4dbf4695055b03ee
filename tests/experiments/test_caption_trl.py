"""A prefix captioner in the form that TRL trains says what it says by itself, and learns in all its parts."""

import sys
from pathlib import Path

import pytest
import torch
from vlmrm_envs.table_top import draw_tables, random_tables

from vlmrm.rlcf.captions import PrefixCaptioner, load_captioner
from vlmrm.rlcf.captions.protocol import of_tokens

sys.path.insert(0, str(Path(__file__).parent.parent.parent / "experiments"))
import rlcf_caption_trl

PICTURES = draw_tables(random_tables(3, seed=5), seed=5, size_px=64)


@pytest.fixture(scope="module")
def start() -> PrefixCaptioner:
    captioner = load_captioner("tab-cap")
    assert isinstance(captioner, PrefixCaptioner)
    return captioner


def test_its_model_finds_captions_as_likely_and_becomes_the_captioner_again(start: PrefixCaptioner) -> None:
    model, tokenizer, prompts = rlcf_caption_trl.as_language_model(start, PICTURES)
    seen = start.see(PICTURES)
    captions = start.write(seen)
    asked = tokenizer(prompts, return_tensors="pt").input_ids
    logits = model(input_ids=torch.cat([asked, captions.tokens], dim=1)).logits[:, asked.shape[1] - 1 : -1]
    likely = of_tokens(logits, captions)
    torch.testing.assert_close(likely, start.log_probabilities(seen, captions), atol=1e-5, rtol=0)
    torch.autograd.backward(likely.sum())
    assert all(bool(weights.grad.abs().sum() > 0) for weights in model.get_input_embeddings().mapper.parameters())
    assert rlcf_caption_trl.as_captioner(model, start).caption(PICTURES) == captions.texts


def test_its_rewards_are_those_of_the_own_loop(start: PrefixCaptioner) -> None:
    options = rlcf_caption_trl.OPTIONS
    captions = start.write(start.see(PICTURES), options.writing, seed=1)
    rows = [row[:length] for row, length in zip(captions.tokens.tolist(), captions.lengths.tolist(), strict=True)]
    places = [place for place in range(len(PICTURES)) for _ in range(options.samples)]
    functions = rlcf_caption_trl.rewards_of(start, PICTURES, options)
    found = {one.__name__: one(completion_ids=rows, place=places, prompts=None) for one in functions}
    own = rlcf_caption_trl.CaptionRewards(options.terms, start).values(
        rlcf_caption_trl.Shown(PICTURES, captions), update=0
    )
    assert list(found) == ["similarity", "length", "repetition", "missing_end", "fluency"]
    for name, values in own.items():
        assert found[name] == pytest.approx(values.flatten().tolist(), abs=1e-6)

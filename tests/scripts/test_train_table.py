"""Training of a model of the table top, tiny, from drawing to loading."""

import json
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

sys.path.insert(0, str(Path(__file__).parent.parent.parent / "scripts"))

import train_table
from train_table import SIZES, Batch, twin_pairs

from vlmrm.encoders.cards import ModelCard
from vlmrm.encoders.open_clip.encoder import OpenClipEncoder


def test_pairs_differ_in_one_fact():
    tables = twin_pairs(20, seed=3)
    assert ((tables[::2] != tables[1::2]).sum(axis=1) == 1).all()


def test_each_picture_of_a_batch_has_a_sentence_that_is_true_of_it():
    config = replace(SIZES["tab-xs"], batch=8)
    batch = Batch(config, twin_pairs(20, seed=3), step=0)
    assert batch.truth.shape == (16, 16)
    assert (batch.truth.diagonal() == 0).all()
    assert (batch.truth < 0).any()
    assert torch.equal(batch.rows, Batch(config, twin_pairs(20, seed=3), step=0).rows)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    out = tmp_path_factory.mktemp("out")
    tiny = {"pairs": 20, "batch": 4, "sentence_steps": 3, "steps": 3, "warmup": 1}
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(train_table, "HOME", 150)
        patched.setattr(train_table, "GALLERY", 20)
        train_table.main(replace(SIZES["tab-xs"], name="tab-tiny", out=out, **tiny))
    return out / "tab-tiny"


def test_it_loads_by_the_same_code_as_any_model(folder):
    card = ModelCard.load(folder)
    assert card.knows == ("a table top with three things on it",)
    assert {"triangle", "cloth", "turquoise", "left"} <= card.words
    encoder = OpenClipEncoder.load(f"local-dir:{folder}")
    assert encoder.embed_texts(["a small white triangle"]).shape == (1, 128)
    found = json.loads((folder / "card.json").read_text())["found_first_of_20"]
    assert found.keys() == {"caption_of_picture", "picture_of_caption"}


def test_other_light_contrast_and_noise_are_where_they_are_asked():
    frames = torch.from_numpy(np.random.default_rng(0).integers(0, 256, (2, 64, 64, 3), np.uint8))
    generator = torch.Generator().manual_seed(0)
    plain = train_table.augment(frames, SIZES["tab-xs"], generator)
    torch.testing.assert_close(plain, SIZES["tab-xs"].preprocessing().normalise(frames))
    assert (train_table.augment(frames, SIZES["tab-m"], generator) - plain).abs().mean() > 0.05

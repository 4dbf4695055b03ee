"""Metrics of captions, beside the published evaluation code on the same tokens, and by numbers that can be checked."""

import math
import random

import numpy as np
import pytest
import torch
from pycocoevalcap.bleu.bleu import Bleu as PublishedBleu
from pycocoevalcap.cider.cider import Cider as PublishedCider
from vlmrm_envs.table_sentences import table_sentence
from vlmrm_envs.table_top import random_tables

from vlmrm.errors import FrameError
from vlmrm.metrics.captions import (
    DocumentFrequencies,
    bleu,
    cider_d,
    clip_scores,
    count_cut_off,
    plain_words,
    recall_at,
    ref_clip_scores,
    repetition,
)


def drawn(seed, count=60):
    """Captions and references that share some words: sentences about tables, mixed and cut."""
    rng, chance = np.random.default_rng(seed), random.Random(seed)
    tables = random_tables(count, seed=seed)
    references = [[table_sentence(table, rng).text for _ in range(chance.randint(1, 5))] for table in tables]
    captions = []
    for place in range(count):
        words = table_sentence(tables[(place + chance.choice([0, 0, 1])) % count], rng).text.split()
        chance.shuffle(words) if chance.random() < 0.2 else None
        captions.append(" ".join(words[: chance.randint(0, len(words))]))
    return captions, references


def as_published(captions, references):
    """The form that the published code takes, on tokens of ours."""
    told = {place: [" ".join(plain_words(one)) for one in several] for place, several in enumerate(references)}
    said = {place: [" ".join(plain_words(one))] for place, one in enumerate(captions)}
    return told, said


@pytest.mark.parametrize("seed", range(5))
def test_cider_is_that_of_the_published_code(seed):
    captions, references = drawn(seed)
    mean, each = PublishedCider().compute_score(*as_published(captions, references))
    found = cider_d(captions, references)
    np.testing.assert_allclose(found.each, each, atol=1e-6, rtol=0)
    assert found.mean == pytest.approx(mean, abs=1e-6)


@pytest.mark.parametrize("seed", range(5))
def test_bleu_is_that_of_the_published_code(seed, capsys):
    captions, references = drawn(seed)
    told, said = as_published(captions, references)
    expected, _ = PublishedBleu(4).compute_score(told, said, verbose=0)
    assert bleu(captions, references).scores == pytest.approx(expected, abs=1e-6)


def test_frequencies_are_kept(tmp_path):
    captions, references = drawn(7)
    known = DocumentFrequencies.of(references)
    known.save(tmp_path / "frequencies.json")
    again = DocumentFrequencies.load(tmp_path / "frequencies.json")
    few = cider_d(captions[:3], references[:3], again)
    assert few.each.tolist() == cider_d(captions, references).each[:3].tolist()
    assert few.mean != cider_d(captions[:3], references[:3]).mean  # judged by the frequencies of three pictures
    (tmp_path / "other.json").write_text("[]")
    with pytest.raises(FrameError, match=r"other\.json holds no document frequencies"):
        DocumentFrequencies.load(tmp_path / "other.json")


def test_a_reference_itself_has_all_and_nothing_has_none():
    references = [["a big red star on a gray cloth"], ["a small blue cross on a pink table"]]
    assert cider_d([one for (one,) in references], references).each.tolist() == pytest.approx([10, 10])
    assert cider_d(["", ""], references).each.tolist() == [0, 0]
    assert bleu([one for (one,) in references], references).scores == pytest.approx((1, 1, 1, 1))
    assert bleu(["", ""], references).four < 1e-6


def test_the_order_of_pictures_changes_nothing():
    captions, references = drawn(3)
    order = random.Random(0).sample(range(len(captions)), len(captions))
    turned = cider_d([captions[one] for one in order], [references[one] for one in order])
    np.testing.assert_allclose(turned.each, cider_d(captions, references).each[order], atol=1e-12)


@pytest.mark.parametrize("judge", [cider_d, bleu])
def test_captions_without_references_are_refused(judge):
    with pytest.raises(FrameError, match="there is no caption"):
        judge([], [])
    with pytest.raises(FrameError, match="2 captions and 1 lists"):
        judge(["a", "b"], [["a"]])
    with pytest.raises(FrameError, match="1 pictures have no reference, the first at place 1"):
        judge(["a", "b"], [["a"], []])


def test_scores_of_embeddings_by_hand():
    images, captions = torch.eye(3), torch.tensor([[0.6, 0.8, 0.0], [0.0, -1.0, 0.0], [0.0, 0.0, 1.0]])
    assert clip_scores(images, captions).tolist() == pytest.approx([1.5, 0, 2.5])
    references = [torch.tensor([[0.8, 0.6, 0.0], [0.0, 0.0, 1.0]]), torch.eye(3), torch.eye(3)]
    nearest = 0.6 * 0.8 + 0.8 * 0.6
    expected = [2 * 1.5 * nearest / (1.5 + nearest), 0, 2 * 2.5 / 3.5]
    assert ref_clip_scores(images, captions, references).tolist() == pytest.approx(expected)
    with pytest.raises(FrameError, match="each of 3 captions has references"):
        ref_clip_scores(images, captions, references[:2])


def test_recall_counts_better_pictures():
    scores = torch.tensor([[0.9, 0.8, 0.7], [0.9, 0.8, 0.7], [0.9, 0.8, 0.7]])
    assert [recall_at(scores, [0, 1, 2], count) for count in (1, 2, 3)] == pytest.approx([1 / 3, 2 / 3, 1])


def test_what_repeats_and_what_is_cut_off():
    assert repetition(["a b a b a b"], count=2) == pytest.approx(3 / 5)
    assert repetition(["a red star", "one"], count=3) == 0
    assert count_cut_off([31, 32, 33], context=32) == 1
    assert math.isclose(repetition(["a a a a"], count=1), 3 / 4)

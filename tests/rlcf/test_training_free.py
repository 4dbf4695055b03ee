"""Methods without training, on numbers that can be checked by hand."""

import math

import pytest
import torch
from torch.nn.functional import normalize

from vlmrm.rlcf import ClipClassifier, ViewOptions
from vlmrm.rlcf.training_free import AutoClip, Mta, Tda, TemplateMean, Zero
from vlmrm.rlcf.training_free.mean_shift import mode_of_views
from vlmrm.rlcf.training_free.votes import votes

CLASSES = ("stands upright", "hangs down")


@pytest.fixture(scope="module")
def poles():
    return ClipClassifier.load("random:sim-xs", CLASSES, "the pole {}")


@pytest.fixture(scope="module")
def picture():
    return torch.randint(0, 256, (1, 64, 80, 3), generator=torch.Generator().manual_seed(1), dtype=torch.uint8)


def test_the_surest_views_vote_and_the_next_one_breaks_a_tie():
    logits = torch.tensor([[9.0, 0.0, 0.0], [0.0, 8.0, 0.0], [0.0, 0.0, 2.0], [0.0, 1.0, 0.0]])
    assert votes(logits, kept=1).tolist() == [1.0, 0.0, 0.0]
    tied = votes(logits, kept=2)
    assert tied.argmax() == 1  # the third view votes for none of the two, the fourth for the second
    assert votes(logits, kept=4)[1] == pytest.approx(0.5)


def test_zero_of_one_view_is_the_classifiers_own_answer(poles, picture):
    one = Zero(poles, ViewOptions(count=1))
    assert one.predict(picture).argmax() == poles.logits(picture).argmax()


def test_the_mode_leaves_outliers_out():
    crowd = normalize(torch.tensor([[1.0, 0.02 * i, 0.0] for i in range(8)]), dim=1)
    seen = torch.cat([crowd, torch.tensor([[0.0, 0.0, 1.0]])])
    chances = torch.cat([torch.tensor([[0.9, 0.1]]).repeat(8, 1), torch.tensor([[0.1, 0.9]])])
    mode = mode_of_views(seen, chances)
    mean = normalize(seen.mean(dim=0), dim=0)
    assert mode[2] < 0.02 < mean[2]
    assert torch.allclose(mode_of_views(crowd[:1], chances[:1]), crowd[0], atol=1e-6)


def test_mta_of_one_view_is_zero_shot(poles, picture):
    assert torch.allclose(Mta(poles, ViewOptions(count=1)).predict(picture), poles.logits(picture), atol=1e-3)


def test_tda_corrects_later_pictures_by_earlier_ones_and_forgets_them(poles, picture):
    tda = Tda(poles)
    first = tda.predict(picture)[0]
    zero_shot = poles.logits(picture)[0]
    label = int(zero_shot.argmax())
    assert first[label] - zero_shot[label] == pytest.approx(2.0, abs=0.05)  # alpha, of itself as the only key
    again = tda.predict(picture)[0]
    assert again[label] - zero_shot[label] == pytest.approx(4.0, abs=0.15)
    tda.reset()
    assert torch.equal(tda.predict(picture)[0], first)


def test_tda_negative_cache_keeps_middling_pictures():
    """Entropy in nats over log2 of the classes: of two even classes 0.69 / 1."""
    assert math.log(2) / math.log2(2) > 0.5


def test_one_template_is_the_classifier_itself(poles, picture):
    expected = poles.logits(picture)
    assert torch.allclose(TemplateMean(poles, ["the pole {}"]).predict(picture), expected, atol=1e-3)
    assert torch.allclose(AutoClip(poles, ["the pole {}"]).predict(picture), expected, atol=1e-3)
    both = ["the pole {}", "a pole that {}"]
    even = AutoClip(poles, both, entropy_share=1.0).predict(picture)
    rows = torch.stack([ClipClassifier(poles.encoder, CLASSES, one).logits(picture) for one in both]).mean(dim=0)
    assert torch.allclose(even, rows, atol=1e-3)

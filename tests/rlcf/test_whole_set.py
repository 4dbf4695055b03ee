"""What a whole unlabelled set teaches a classifier: on pictures of poles, and on clusters made by hand."""

import pytest
import torch
from torch.nn.functional import normalize
from vlmrm_envs import labelled_frames

from vlmrm.errors import FrameError, SpecError
from vlmrm.rlcf import ClipClassifier
from vlmrm.rlcf.whole_set import Prototypes, mean_pictures, most_confident_of_each, upl, with_prototypes

CLASSES = ("stands upright", "hangs down")


@pytest.fixture(scope="module")
def poles():
    return ClipClassifier.load("sim-xs", CLASSES, template="the pendulum {}")


@pytest.fixture(scope="module")
def pictures():
    return labelled_frames("pendulum/upright", 24, seed=0, size_px=64).frames


def test_words_are_learned_that_are_surer_of_the_pictures_that_stand_for_a_class(poles, pictures):
    logits = poles.logits(pictures)
    places, labels = most_confident_of_each(logits, 4)
    tuned = upl(poles, pictures, shots=4, steps=20, learning_rate=0.02)

    def loss(classifier):
        return float(-classifier.logits(pictures)[places].log_softmax(dim=1).gather(1, labels[:, None]).mean())

    assert loss(tuned) < 0.5 * loss(poles)
    assert torch.equal(poles.logits(pictures), logits)
    assert not tuned.logits(pictures).requires_grad


def test_each_class_has_its_pictures_also_one_that_is_never_first():
    logits = torch.tensor([[5.0, 1.0, 0.0], [4.0, 0.0, 0.0], [3.0, 2.0, 0.0]])
    places, labels = most_confident_of_each(logits, 2)
    assert labels.tolist() == [0, 0, 1, 1, 2, 2]
    assert places[:4].tolist() == [0, 1, 2, 0]


def test_mean_pictures_are_of_those_given_to_a_class_by_their_chance():
    seen = normalize(torch.tensor([[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [1.0, 0.0, 1.0]]), dim=1)
    chances = torch.tensor([[0.9, 0.1, 0.0], [0.2, 0.8, 0.0], [0.6, 0.4, 0.0]])
    means = mean_pictures(seen, chances, torch.eye(3))
    torch.testing.assert_close(means[0], normalize(0.9 * seen[0] + 0.6 * seen[2], dim=0))
    torch.testing.assert_close(means[1], seen[1])
    torch.testing.assert_close(means[2], torch.tensor([0.0, 0.0, 1.0]))  # no picture: its sentence


def test_mean_pictures_mend_sentences_that_lie_off_their_pictures():
    """Two clusters; the sentence of the first lies between both, so that pictures of the second are taken for it."""
    rng = torch.Generator().manual_seed(0)
    centres = torch.eye(4)[:2]
    right = torch.arange(40) % 2
    seen = normalize(centres[right] + 0.15 * torch.randn(40, 4, generator=rng), dim=1)
    texts = normalize(torch.tensor([[1.0, 1.0, 0.0, 0.0], [0.0, 1.0, 0.0, 0.9]]), dim=1)
    by_text = seen @ texts.T
    assert (by_text.argmax(dim=1) == right).float().mean() < 0.9
    means = mean_pictures(seen, (10 * by_text).softmax(dim=1), texts)
    assert ((seen @ means.T).argmax(dim=1) == right).float().mean() > (by_text.argmax(dim=1) == right).float().mean()


def test_without_weight_prototypes_say_what_the_sentences_say(poles, pictures):
    alone = with_prototypes(poles, pictures, weight=0.0)
    torch.testing.assert_close(alone.predict(pictures).exp(), poles.logits(pictures).softmax(dim=1))
    both = with_prototypes(poles, pictures, weight=0.5, rounds=2)
    assert isinstance(both, Prototypes)
    assert not torch.allclose(both.predict(pictures), alone.predict(pictures))
    torch.testing.assert_close(both.answer(pictures[:1]).logits, both.predict(pictures)[0])


def test_what_cannot_be_is_refused(poles, pictures):
    with pytest.raises(FrameError, match="at least one picture"):
        upl(poles, pictures[:0])
    with pytest.raises(SpecError, match="shots and steps"):
        upl(poles, pictures, shots=0)
    with pytest.raises(SpecError, match="rounds"):
        with_prototypes(poles, pictures, rounds=0)

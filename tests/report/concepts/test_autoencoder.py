"""The autoencoder on embeddings whose directions are known."""

import pytest
import torch

from tests.report.concepts.planted import plant, trained
from tests.toys import unit
from vlmrm.errors import FrameError, SpecError
from vlmrm.report.concepts import AutoencoderOptions, train_autoencoder

PLANTED = plant()


@pytest.fixture(scope="module")
def found():
    return trained()


def test_planted_directions_are_found(found):
    nearest = (PLANTED.directions @ found.directions.T).amax(dim=1)
    assert nearest.mean() > 0.95
    assert nearest.min() > 0.9
    assert found.explained(PLANTED.embeddings) > 0.97


def test_a_frame_is_made_of_as_many_latents_as_were_asked_for_and_few_are_used(found):
    activations = found.activations(PLANTED.embeddings)
    assert int((activations > 0).sum(dim=1).max()) == 2
    assert activations.min() == 0
    assert found.directions.norm(dim=1) == pytest.approx(1.0)
    assert 12 <= int((activations > 0).any(dim=0).sum()) < 24  # there are 12 directions


@pytest.mark.parametrize("seed", range(4))
def test_no_kind_of_frame_is_missed_by_chance(seed):
    """Of four latents that begin as random frames of four kinds, one kind or two are nearly always left out."""
    kinds = torch.eye(4).repeat(8, 1)
    found = train_autoencoder(kinds, AutoencoderOptions(latents=4, active=1, steps=200, seed=seed))
    assert found.explained(kinds) > 0.99


def test_the_seed_decides_all_and_the_global_one_is_left_alone():
    options = AutoencoderOptions(latents=8, steps=5, seed=3)
    state = torch.get_rng_state()
    first, second = (train_autoencoder(PLANTED.embeddings, options) for _ in range(2))
    other = train_autoencoder(PLANTED.embeddings, AutoencoderOptions(latents=8, steps=5, seed=4))
    assert torch.equal(first.directions, second.directions)
    assert not torch.equal(first.directions, other.directions)
    assert torch.equal(torch.get_rng_state(), state)


def test_too_few_frames_are_refused_with_the_number_that_is_needed():
    with pytest.raises(FrameError, match=r"32 latents need at least 128 frames, 4 for each; got 127"):
        train_autoencoder(unit(127))


def test_embeddings_that_are_all_one_are_refused():
    with pytest.raises(FrameError, match="all 40 frames have the same embedding"):
        train_autoencoder(unit(1).expand(40, -1), AutoencoderOptions(latents=4))


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ({"latents": 4, "active": 5}, "got active=5 of 4"),
        ({"latents": 0}, "latents must be a whole number of at least 1; got 0"),
        ({"steps": -1}, "steps must be a whole number of at least 1; got -1"),
        ({"seed": -1}, "seed must be a whole number of at least 0"),
        ({"learning_rate": 0}, "learning_rate must be above 0"),
    ],
)
def test_impossible_options_are_refused_in_words(words, said):
    with pytest.raises(SpecError, match=said):
        AutoencoderOptions(**words)

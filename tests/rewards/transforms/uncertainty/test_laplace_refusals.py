"""A posterior is kept in a file and read again; what cannot be meant is refused."""

import math

import pytest
import torch
from safetensors.torch import load_file, save_file

from tests.rewards.transforms.uncertainty.two_towers import BIAS, SCALE, fitted, towers
from vlmrm.encoders.towers.projections import LinearProjection
from vlmrm.errors import SpecError
from vlmrm.rewards.transforms.uncertainty.laplace import ProjectionPosterior, TowerSample, fit_posteriors


def test_a_stored_posterior_gives_the_same_numbers(tmp_path):
    frames, _ = towers()
    posterior = fitted().frames
    save_file(posterior.to_tensors(), tmp_path / "posterior.safetensors")
    loaded = ProjectionPosterior.from_tensors(load_file(tmp_path / "posterior.safetensors"))
    assert torch.equal(loaded.variances(frames.activations), posterior.variances(frames.activations))
    assert (loaded.prior_precision, loaded.count) == (posterior.prior_precision, posterior.count)


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        ({"whitening": None}, "no stored posterior"),
        ({"numbers": torch.ones(3)}, "no stored posterior"),
        ({"spread": torch.ones(4, 1)}, "no stored posterior"),
        ({"whitening": torch.ones(6, 5)}, "not square"),
        ({"spread": torch.full((4,), math.nan)}, "NaN or infinity"),
    ],
)
def test_a_damaged_posterior_is_refused(damage, message):
    tensors = {name: tensor for name, tensor in (fitted().frames.to_tensors() | damage).items() if tensor is not None}
    with pytest.raises(SpecError, match=message):
        ProjectionPosterior.from_tensors(tensors)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"prior_precision": 0}, "prior_precision must be above 0; got 0"),
        ({"prior_precision": -1.0}, "prior_precision must be above 0"),
        ({"prior_precision": math.nan}, "prior_precision must be a number; got nan"),
        ({"count": 0}, "count must be above 0"),
        ({"logit_scale": math.inf}, "logit_scale must be a number; got inf"),
    ],
)
def test_numbers_that_cannot_be_meant_are_refused(options, message):
    with pytest.raises(SpecError, match=message):
        fitted(options)


def test_a_single_sentence_has_no_rival_and_so_no_curvature():
    with pytest.raises(SpecError, match="at least two sentences"):
        fitted(k=1)
    assert fitted({"logit_bias": BIAS}, k=1).frames.prior_precision > 0
    assert fitted({"prior_precision": 1.0}, k=1).frames.prior_precision == 1


def test_towers_of_two_models_are_refused():
    frames, _ = towers(d=4)
    _, texts = towers(d=5)
    with pytest.raises(SpecError, match="frames have 4 dimensions, those of sentences 5"):
        fit_posteriors(frames, texts, logit_scale=SCALE)


@pytest.mark.parametrize(
    ("activations", "message"),
    [
        (torch.zeros(0, 6), "one of them has no row"),
        (torch.zeros(3, 5), "these activations are 5 long and the projection takes 6"),
        (torch.full((3, 6), math.nan), "NaN or infinity among the activations"),
    ],
)
def test_activations_that_cannot_be_meant_are_refused(activations, message):
    with pytest.raises(SpecError, match=message):
        TowerSample(activations, LinearProjection(torch.ones(4, 6)))

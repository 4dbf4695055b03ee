"""What latents do to scores whose every part is known."""

import numpy as np
import pytest
import torch

from tests.report.concepts.planted import plant, trained
from tests.toys import unit
from vlmrm.report.concepts import effects_of
from vlmrm.report.concepts.effects import score_filled
from vlmrm.rewards.heads.projection import project

PLANTED = plant()


def cosine_with(goal):
    return lambda rows: (rows @ goal).double().numpy()


@pytest.fixture(scope="module")
def found():
    return trained()


def test_effects_on_a_cosine_are_the_shares_of_the_sum_that_it_is(found):
    goal, rows = unit(1, 64, seed=1)[0], PLANTED.embeddings
    effects = effects_of(cosine_with(goal), rows, found)
    activations = found.activations(rows)
    shares = (activations * (found.directions @ goal)).double().numpy()
    left = rows[:, None] - activations[..., None] * found.directions
    shorter = (left.norm(dim=2) <= 1).numpy()
    assert effects[shorter] == pytest.approx(shares[shorter], abs=1e-5)
    assert effects == pytest.approx(shares, abs=0.02)  # of the few that were longer, and had to be shortened
    assert shorter[effects != 0].mean() > 0.95


@pytest.mark.parametrize("planted", [0, 7])
@pytest.mark.parametrize("alpha", [0.0, 0.5])
def test_the_latent_in_the_direction_of_the_reward_has_the_largest_effect(found, planted, alpha):
    goal, baseline = PLANTED.directions[planted], found.mean / found.mean.norm()
    effects = effects_of(lambda rows: project(rows, goal, baseline, alpha).double().numpy(), PLANTED.embeddings, found)
    largest = int(effects.mean(axis=0).argmax())
    assert found.directions[largest] @ goal > 0.9
    assert effects.mean(axis=0)[largest] > 3 * np.partition(effects.mean(axis=0), -2)[-2]


def test_what_is_missing_is_filled_up_where_a_score_of_the_frames_sees_nothing():
    """Stretched instead, half of an embedding would score as all of it."""
    goal = torch.tensor([1.0, 0.0, 0.0])
    frames = torch.tensor([[0.6, 0.8, 0.0], [0.8, 0.6, 0.0]])
    lengths = []

    def score(rows):
        lengths.extend(rows.norm(dim=1).tolist())
        return (rows @ goal).double().numpy()

    assert score_filled(score, frames / 2, frames) == pytest.approx([0.3, 0.4])
    assert lengths == pytest.approx([1.0] * 4)

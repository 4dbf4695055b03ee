"""Monosemanticity against its own formula, and what chance makes of it."""

import numpy as np
import pytest

from vlmrm.errors import SpecError
from vlmrm.metrics import mean_similarity, monosemanticity


def unit_rows(n, d, seed=0):
    rows = np.random.default_rng(seed).normal(size=(n, d))
    return rows / np.linalg.norm(rows, axis=1, keepdims=True)


def by_pairs(activation, rows):
    """The formula of Pach et al., pair by pair."""
    scaled = (activation - activation.min()) / np.ptp(activation)
    pairs = [(i, j) for i in range(len(rows)) for j in range(i)]
    weights = [scaled[i] * scaled[j] for i, j in pairs]
    return sum(w * (rows[i] @ rows[j]) for w, (i, j) in zip(weights, pairs, strict=True)) / sum(weights)


def test_it_is_the_formula_pair_by_pair_whatever_the_scale_and_the_length():
    rows, activations = unit_rows(30, 5), np.random.default_rng(1).normal(size=(30, 4))
    expected = [by_pairs(column, rows) for column in activations.T]
    assert monosemanticity(activations, rows) == pytest.approx(expected, abs=1e-12)
    assert monosemanticity(7 * activations - 2, 3 * rows) == pytest.approx(expected, abs=1e-12)


def test_a_latent_of_identical_frames_has_one_and_dealt_out_anew_what_chance_gives():
    rows = unit_rows(40, 6)
    rows[:10] = rows[0]
    activation = np.where(np.arange(40) < 10, np.linspace(0.5, 1, 40), 0.0)
    rng = np.random.default_rng(2)
    dealt = [monosemanticity(rng.permutation(activation)[:, None], rows)[0] for _ in range(500)]
    assert monosemanticity(activation[:, None], rows)[0] == pytest.approx(1.0)
    assert max(dealt) < 0.9
    assert np.mean(dealt) == pytest.approx(mean_similarity(rows), abs=0.01)


def test_a_latent_without_a_pair_has_none():
    activations = np.zeros((6, 3))
    activations[0, 0], activations[:, 1] = 1.0, 0.3  # on one frame, on all alike, on none
    assert np.isnan(monosemanticity(activations, unit_rows(6, 3))).all()


@pytest.mark.parametrize(
    ("activations", "embeddings", "said"),
    [
        (np.ones((3, 2)), np.eye(4), "got 3 and 4 rows"),
        (np.ones((1, 2)), np.eye(1), "at least two frames"),
        (np.full((2, 1), np.nan), np.eye(2), "2 of 2 numbers of activations are NaN"),
        (np.ones((2, 1)), np.zeros((2, 3)), "length 0"),
    ],
)
def test_what_has_no_score_is_refused_in_words(activations, embeddings, said):
    with pytest.raises(SpecError, match=said):
        monosemanticity(activations, embeddings)

"""How the built-in models learn: the loss, the optimiser and the batches, against their definitions."""

import sys
from pathlib import Path

import numpy as np
import pytest
import torch

sys.path.insert(0, str(Path(__file__).parent.parent.parent / "scripts"))

from builtin_batches import Batches
from builtin_learning import Muon, orthogonal, schedule, soft_clip_loss
from builtin_supervision import Heads, StateEncoder, places, state_features
from vlmrm_envs.scenes import find_scene
from vlmrm_envs.scenes.scene import random_pictures

from vlmrm.frames.preprocessing import Preprocessing

TINY = Preprocessing(size_px=32, mean=(0.5,) * 3, std=(0.5,) * 3, resize_mode="squash")


@pytest.fixture(scope="module")
def drawn():
    """Pictures of a scene with parts that have a place, and of one without."""
    return [random_pictures(find_scene(scene), 30, seed=0, preprocessing=TINY)[1] for scene in ("hopper", "pendulum")]


def some(rows, columns, seed=0):
    rng = np.random.default_rng(seed)
    return torch.tensor(rng.normal(size=(rows, columns)), dtype=torch.float64)


def cross_entropy(logits, log_truth):
    """Row by row, by hand."""
    losses = []
    for said, true in zip(logits, log_truth, strict=True):
        target = torch.exp(true) / torch.exp(true).sum()
        losses.append(-(target * torch.log(torch.exp(said) / torch.exp(said).sum())).sum())
    return losses


def test_the_loss_is_the_cross_entropy_of_the_batch_of_each_scene_and_of_each_pair_of_scenes():
    logits, truth, pictures, sentences = some(5, 7), some(5, 7, 1), [2, 3], [4, 3]
    rows, columns = [slice(0, 2), slice(2, 5)], [slice(0, 4), slice(4, 7)]

    def one_way(x, y, rows, columns):
        own, other = [], []
        for i, row in enumerate(rows):
            for j, column in enumerate(columns):
                (own if i == j else other).extend(cross_entropy(x[row, column], y[row, column]))
        return sum(float(sum(part) / len(part)) for part in (cross_entropy(x, y), own, other))

    expected = one_way(logits, truth, rows, columns) + one_way(logits.T, truth.T, columns, rows)
    assert soft_clip_loss(logits, truth, pictures, sentences) == pytest.approx(expected)


def test_a_sentence_about_another_scene_is_taught_to_prefer_no_state():
    """At its minimum the loss leaves the block of one scene's pictures and another's sentences even."""
    truth = torch.full((4, 4), -12.0)
    truth[0, 0] = truth[1, 1] = truth[2, 2] = truth[3, 3] = 0.0
    even, uneven = truth.clone(), truth.clone()
    uneven[0, 2] += 3.0  # a state of the first scene is drawn to a sentence about the second
    assert soft_clip_loss(even, truth, [2, 2], [2, 2]) < soft_clip_loss(uneven, truth, [2, 2], [2, 2]) - 0.3


@pytest.mark.parametrize("shape", [(8, 8), (4, 20), (20, 4)])
def test_an_orthogonal_step_has_singular_values_near_one_and_the_same_directions(shape):
    matrix = some(*shape).float()
    step = orthogonal(matrix)
    values = torch.linalg.svdvals(step)
    assert 0.5 < values.min() <= values.max() < 1.3
    u, _, v = torch.linalg.svd(matrix, full_matrices=False)
    assert torch.nn.functional.cosine_similarity(step.flatten(), (u @ v).flatten(), dim=0) > 0.95


def test_muon_moves_every_direction_alike_where_the_gradient_is_lopsided():
    """Loss ½|D(w - 1)|² with curvatures of 1 and 100: plain descent at a safe rate leaves the flat direction behind."""
    weight = torch.nn.Parameter(torch.zeros(2, 2))
    curvature = torch.tensor([[1.0, 1.0], [100.0, 100.0]])
    target = torch.tensor([[1.0, 0.0], [0.0, 1.0]])
    optimiser = Muon([weight], lr=0.05, dtype=torch.float32)
    for _ in range(60):
        optimiser.zero_grad()
        (0.5 * curvature * (weight - target) ** 2).sum().backward()
        optimiser.step()
    assert (weight.detach() - target).abs().max() < 0.25


def test_the_learning_rate_rises_and_falls_to_nothing():
    rates = [schedule(step, 1000, 100) for step in range(1000)]
    assert rates[0] == 0.01
    assert max(rates) == rates[99] == 1.0
    assert rates[550] == pytest.approx(0.5, abs=0.01)
    assert 0 <= rates[-1] < 1e-4


def test_a_batch_depends_on_its_number_alone_and_has_the_shares_that_were_asked_for(drawn):
    batches = Batches(drawn, pictures=[6, 2], sentences=[9, 3], seed=0)
    index, sentences, truth = batches.draw(5)
    batches.draw(6)
    again, said, _ = batches.draw(5)
    assert [s.text for s in sentences] == [s.text for s in said]
    np.testing.assert_array_equal(index, again)
    assert [s.scene.name for s in sentences] == ["hopper"] * 9 + ["pendulum"] * 3
    assert ((index[:6] < 30) & (index[:6] >= 0)).all()
    assert (index[6:] >= 30).all()
    assert truth.shape == (8, 12)
    named = [not sentence.elsewhere for sentence in sentences]
    assert (truth[:6, 9:][:, named[9:]] == -12).all()
    assert sum(named) > 2


def test_states_are_told_as_numbers_near_one_and_places_are_not_among_them(drawn):
    hopper, pendulum = drawn
    features = state_features(hopper)
    assert features.shape[0] == 30
    assert bool(features.isfinite().all())
    assert features.abs().max() < 6
    without = {name: values for name, values in hopper.columns.items() if not name.startswith("at_")}
    assert torch.equal(features, state_features(type(hopper)(hopper.scene, without)))
    turned = type(pendulum).of(pendulum.scene, angle=[np.pi, -np.pi], thing=[0, 0], ground=[1, 1])
    assert torch.allclose(*state_features(turned)[:, 1:], atol=1e-5)  # all but the angle itself, which jumps


def test_each_part_has_a_cell_of_the_picture(drawn):
    hopper, pendulum = drawn
    cells, seen = places(hopper, 4)
    assert cells.shape == seen.shape == (30, 4)  # torso, thigh, leg and foot
    column, row = cells % 4, cells // 4
    inside = seen[:, 0].numpy()
    np.testing.assert_array_equal(column[:, 0].numpy()[inside], (hopper["at_1_x"] * 4).astype(int)[inside])
    np.testing.assert_array_equal(row[:, 0].numpy()[inside], (hopper["at_1_y"] * 4).astype(int)[inside])
    assert places(pendulum, 4)[0].shape == (30, 0)


def test_the_heads_learn_from_scenes_with_places_and_without(drawn):
    features = {part.scene.name: state_features(part) for part in drawn}
    where = {part.scene.name: places(part, 4) for part in drawn}
    heads = Heads(features, {scene: cells.shape[1] for scene, (cells, _) in where.items()}, dim=8, channels=16)
    seen = {scene: torch.zeros(30, 8) for scene in features}
    stage = {scene: torch.zeros(30, 16, 2, 2) for scene in features}
    loss = heads.state_loss(seen, features) + heads.place_loss(stage, where)
    loss.backward()
    assert all(parameter.grad is not None for parameter in heads.parameters())
    assert StateEncoder(features, 8)(features).norm(dim=1).allclose(torch.ones(60))

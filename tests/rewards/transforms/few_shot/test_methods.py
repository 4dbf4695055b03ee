"""Rewards from a few labelled frames, against their formulas written out in double precision, and at their limits."""

import math
from functools import partial
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from tests.toys import unit
from vlmrm.errors import SpecError
from vlmrm.metrics.labelled_scores import auroc
from vlmrm.rewards.heads.contrast import ContrastHead
from vlmrm.rewards.heads.projection import ProjectionHead
from vlmrm.rewards.score import Score
from vlmrm.rewards.transforms.few_shot.kernel import nearness
from vlmrm.rewards.transforms.few_shot.proker import fit_proker
from vlmrm.rewards.transforms.few_shot.prototypes import fit_prototypes, nearer
from vlmrm.rewards.transforms.few_shot.support import Support, match_spread
from vlmrm.rewards.transforms.few_shot.tip_adapter import fit_tip_adapter

FITS = {"prototypes": fit_prototypes, "tip_adapter": fit_tip_adapter, "proker": fit_proker}
every_method = pytest.mark.parametrize("fit", FITS.values(), ids=FITS)


def cosine(seed=1, d=8):
    return ProjectionHead(unit(1, d, seed=seed)[0], None, 0.0)


def support(labels=(1.0, 1.0, 1.0, 0.0, 0.0, 0.0), seed=2):
    return Support(unit(len(labels), seed=seed), torch.tensor(labels))


def corrected(fit, given, text, **options):
    """The score of the text with its correction, as a function of embeddings."""
    return Score(text, (fit(given, text, **options),)).of_embeddings


def matched(text, given, targets, **options):
    """The text on the scale of the targets, as a function of embeddings."""
    affine = match_spread(text, given, targets, **options)
    return lambda frames: affine(text(frames))


def twice(given):
    return Support(given.embeddings.repeat(2, 1), given.labels.repeat(2))


def on_scale(text, frames, given, targets, trust=1.0):
    """The text reward of the frames with mean and spread of the targets on the support, in double precision."""
    there, here = (text(x).double().numpy() for x in (given.embeddings, frames))
    return targets.mean() + trust * targets.std() * (here - there.mean()) / there.std()


@pytest.mark.parametrize("sharpness", [0.5, 2, 12.0])
def test_two_prototypes_are_a_softmax_over_squared_distances(sharpness):
    frames, (success, failure) = unit(20), unit(2, seed=1)
    rewards = nearer(frames, success, failure, sharpness=sharpness)
    for frame, reward in zip(frames.double(), rewards, strict=True):
        powers = [math.exp(-sharpness * float((frame - c.double()).square().sum())) for c in (success, failure)]
        assert float(reward) == pytest.approx(powers[0] / sum(powers), rel=1e-4, abs=1e-6)


def test_one_frame_of_each_kind_is_its_own_prototype():
    frames, given = unit(20), support((1.0, 0.0))
    rewards = corrected(fit_prototypes, given, cosine(), share=1, sharpness=3)(frames)
    torch.testing.assert_close(rewards, nearer(frames, *given.embeddings, sharpness=3))


def test_prototypes_are_their_formula_and_progress_counts_for_both():
    frames, given, text = unit(20), support((1.0, 0.7, 0.2, 0.0)), cosine()
    labels, rows, seen = given.labels.double().numpy(), given.embeddings.double().numpy(), frames.double().numpy()
    success, failure = (w @ rows / np.linalg.norm(w @ rows) for w in (labels, 1 - labels))
    pictures, words = seen @ (success - failure), on_scale(text, frames, given, rows @ (success - failure))
    slow = 0.3 / (1 + np.exp(-2 * 5 * pictures)) + 0.7 / (1 + np.exp(-2 * 5 * words))
    fast = corrected(fit_prototypes, given, text, share=0.3, sharpness=5)(frames)
    np.testing.assert_allclose(fast, slow, atol=1e-5)


def test_text_prototypes_are_a_contrast_head():
    """Where goal and other are the prototypes themselves, pictures and text agree, whatever the share."""
    frames, given = unit(20), support((1.0, 0.0))
    text = ContrastHead(*given.embeddings)
    rewards = [corrected(fit_prototypes, given, text, share=share)(frames) for share in (0, 0.5, 1)]
    torch.testing.assert_close(rewards[0], rewards[2])
    torch.testing.assert_close(rewards[1], rewards[2])


def test_tip_adapter_is_its_formula():
    frames, given, text = unit(20), support((1.0, 0.6, 0.0, 0.1)), cosine()
    labels = given.labels.double().numpy()
    slow = on_scale(text, frames, given, labels)
    for i, frame in enumerate(frames.double()):
        for s, y in zip(given.embeddings.double(), labels, strict=True):
            slow[i] += 2 * math.exp(-4 * (1 - float(frame @ s))) * (y - labels.mean()) / len(labels)
    np.testing.assert_allclose(corrected(fit_tip_adapter, given, text, alpha=2, beta=4)(frames), slow, atol=1e-5)


@pytest.mark.parametrize("trust", [0, 0.5, 1.0])
def test_proker_is_its_formula(trust):
    frames, given, text = unit(20), support((1.0, 0.6, 0.0, 0.1)), cosine()
    labels, rows = given.labels.double().numpy(), given.embeddings.double().numpy()
    left = labels - on_scale(text, given.embeddings, given, labels, trust)
    weights = np.linalg.inv(np.exp(-4 * (1 - rows @ rows.T)) + 0.5 * np.eye(4)) @ left
    near = np.exp(-4 * (1 - frames.double().numpy() @ rows.T))
    slow = on_scale(text, frames, given, labels, trust) + near @ weights
    np.testing.assert_allclose(
        corrected(fit_proker, given, text, ridge=0.5, beta=4, trust=trust)(frames), slow, atol=1e-5
    )


def test_proker_minimises_error_and_distance_to_the_text():
    given, text = support(), cosine()
    correction = fit_proker(given, text, ridge=0.7)
    kernel = nearness(given.embeddings, given.embeddings, beta=correction.beta)

    def cost(weights):
        error = correction.text(text(given.embeddings)) + kernel @ weights - given.labels
        return float(error.square().sum() + 0.7 * weights @ kernel @ weights)

    for step in 0.1 * unit(50, d=6, seed=3):
        assert cost(correction.weights + step) > cost(correction.weights)


@pytest.mark.parametrize("ridge", [0.001, 0.1, 3.0])
def test_proker_misses_a_label_by_ridge_times_its_weight(ridge):
    """So that it meets all labels as the ridge goes to 0."""
    given, text = support(), cosine()
    missed = given.labels - corrected(fit_proker, given, text, ridge=ridge)(given.embeddings)
    torch.testing.assert_close(missed, ridge * fit_proker(given, text, ridge=ridge).weights, atol=1e-5, rtol=1e-3)


def test_proker_meets_labels_with_a_small_ridge_and_is_the_text_with_a_large_one():
    frames, given, text = unit(50), support((1.0, 0.3, 0.0, 0.9)), cosine()
    close = corrected(fit_proker, given, text, ridge=0.001)(given.embeddings)
    torch.testing.assert_close(close, given.labels, atol=0.003, rtol=0)
    far = corrected(fit_proker, given, text, ridge=1e6, trust=1)(frames)
    torch.testing.assert_close(far, matched(text, given, given.labels)(frames), atol=1e-4, rtol=0)


def test_labels_that_the_text_knows_already_change_nothing_with_full_trust():
    frames, text = unit(50), cosine()
    rows = unit(6, seed=2)
    given = Support(rows, 0.5 + 0.4 * text(rows))
    rewards = corrected(fit_proker, given, text, trust=1)(frames)
    torch.testing.assert_close(rewards, 0.5 + 0.4 * text(frames))


def test_without_trust_the_text_does_not_matter():
    frames, given = unit(50), support()
    first, second = (corrected(fit_proker, given, cosine(seed), trust=0)(frames) for seed in (4, 5))
    torch.testing.assert_close(first, second)


def test_one_frame_with_two_labels_gets_their_mean():
    rows = unit(3, seed=2)[[0, 0, 1, 2]]
    given = Support(rows, torch.tensor([1.0, 0.0, 1.0, 0.0]))
    rewards = corrected(fit_proker, given, cosine(), ridge=0.001)(rows)
    torch.testing.assert_close(rewards, torch.tensor([0.5, 0.5, 1.0, 0.0]), atol=0.003, rtol=0)


@pytest.mark.parametrize("fit", [fit_tip_adapter, fit_proker])
def test_far_from_the_support_the_text_counts_alone(fit):
    given, text = support(), cosine()
    score, alone = corrected(fit, given, text, beta=200), fit(given, text, beta=200).text
    torch.testing.assert_close(score(-given.embeddings), alone(text(-given.embeddings)))
    assert float((score(given.embeddings) - alone(text(given.embeddings))).abs().min()) > 0.01


@pytest.mark.parametrize(
    "fit", [partial(fit_prototypes, share=0), partial(fit_tip_adapter, alpha=0), partial(fit_proker, ridge=1e7)]
)
def test_without_weight_of_the_frames_the_order_is_that_of_the_text(fit):
    frames, text = unit(50), cosine()
    assert corrected(fit, support(), text)(frames).argsort().tolist() == text(frames).argsort().tolist()


def test_a_text_that_ranks_the_support_wrongly_keeps_its_order_and_gets_the_labels_mean_and_spread():
    given, goal = support(), cosine()
    wrong = Support(given.embeddings, (goal(given.embeddings) < goal(given.embeddings).median()).float())
    rewards = matched(goal, wrong, wrong.labels)(wrong.embeddings)
    assert rewards.argsort().tolist() == goal(given.embeddings).argsort().tolist()
    assert float(rewards.mean()) == pytest.approx(float(wrong.labels.mean()), abs=1e-6)
    assert float(rewards.std()) == pytest.approx(float(wrong.labels.std()), abs=1e-6)


@every_method
def test_the_scale_of_the_text_reward_does_not_matter(fit):
    frames, given, text = unit(50), support(), cosine()
    other = corrected(fit, given, lambda seen: 7 + 0.1 * text(seen))
    torch.testing.assert_close(other(frames), corrected(fit, given, text)(frames), atol=1e-4, rtol=0)


@every_method
def test_the_order_of_the_support_does_not_matter(fit):
    frames, given = unit(50), support((1.0, 0.6, 0.0, 0.1))
    order = torch.tensor([2, 0, 3, 1])
    shuffled = Support(given.embeddings[order], given.labels[order])
    torch.testing.assert_close(corrected(fit, shuffled, cosine())(frames), corrected(fit, given, cosine())(frames))


@pytest.mark.parametrize("fit", [fit_prototypes, fit_tip_adapter])
def test_a_support_given_twice_says_nothing_new(fit):
    frames, given = unit(50), support()
    again, once = (corrected(fit, each, cosine())(frames) for each in (twice(given), given))
    torch.testing.assert_close(again, once)


def test_proker_believes_a_support_given_twice_twice_as_much():
    frames, given = unit(50), support()
    doubled = corrected(fit_proker, twice(given), cosine(), ridge=1)
    halved = corrected(fit_proker, given, cosine(), ridge=0.5)
    torch.testing.assert_close(doubled(frames), halved(frames))


@every_method
def test_six_frames_teach_what_the_sentence_does_not_say(fit):
    """The text sees the first axis only, success also asks for the second; mean over 20 draws of the six."""
    text, gains = ProjectionHead(torch.eye(4)[0], None, 0.0), []
    for seed in range(20):
        frames = unit(300, d=4, seed=seed)
        success = (frames[:, 0] > 0) & (frames[:, 1] > 0)
        chosen = torch.cat([success.nonzero()[:3, 0], (~success).nonzero()[:3, 0]])
        rest = torch.ones(300, dtype=torch.bool).index_fill(0, chosen, False)
        head = corrected(fit, Support(frames[chosen], success[chosen].float()), text)
        alone, taught = (auroc(of(frames[rest]).numpy(), success[rest].numpy()) for of in (text, head))
        gains.append(taught - alone)
    assert np.mean(gains) > 0.005


@every_method
def test_how_frames_are_split_into_batches_never_changes_a_reward(fit):
    head, frames = corrected(fit, support(), cosine()), unit(10)
    for size in (1, 3, 7):
        torch.testing.assert_close(torch.cat([head(part) for part in frames.split(size)]), head(frames))


@pytest.mark.parametrize(
    ("embeddings", "labels", "message"),
    [
        (unit(3), [1.0, 1.0, 1.0], r"all 3 frames have the same label.*Add frames of failures"),
        (unit(1), [0.5], "all 1 frames have the same label"),
        (unit(2), [1.0, 1.5], r"must lie in 0 \(failure\) to 1 \(success\); got"),
        (unit(2), [1.0, -0.5], r"must lie in 0 \(failure\) to 1 \(success\)"),
        (unit(2), [1.0, math.nan], "NaN or infinity"),
        (unit(2) * math.inf, [1.0, 0.0], "NaN or infinity"),
        (unit(2) * 2, [1.0, 0.0], "unit length; got"),
    ],
)
def test_a_support_that_cannot_be_meant_is_refused(embeddings, labels, message):
    with pytest.raises(SpecError, match=message):
        Support(embeddings, torch.tensor(labels))


def test_a_support_has_one_label_per_frame():
    given = SimpleNamespace(embeddings=unit(3), labels=torch.ones(2))  # the shape checks of the tests would come first
    with pytest.raises(SpecError, match=r"one label per embedding; got embeddings \(3, 8\) and labels \(2,\)"):
        Support.__post_init__(given)


@pytest.mark.parametrize(
    ("fit", "options", "message"),
    [
        (fit_prototypes, {"share": 1.5}, "share must lie in 0 to 1; got 1.5"),
        (fit_prototypes, {"sharpness": 0}, "sharpness must be above 0; got 0"),
        (fit_tip_adapter, {"alpha": -1}, "alpha of tip_adapter must be at least 0; got -1"),
        (fit_tip_adapter, {"beta": 0.0}, "beta must be above 0"),
        (fit_proker, {"beta": math.inf}, "beta must be a number; got inf"),
        (fit_proker, {"ridge": 0}, "ridge must be at least 0.001; got 0"),
        (fit_proker, {"trust": -0.1}, "trust must lie in 0 to 1"),
        (fit_proker, {"trust": math.nan}, "trust must be a number; got nan"),
    ],
)
def test_an_option_that_cannot_be_meant_is_refused(fit, options, message):
    with pytest.raises(SpecError, match=message):
        fit(support(), cosine(), **options)


@every_method
@pytest.mark.parametrize("constant", [0.0, 0.3, math.nan])
def test_a_text_that_says_the_same_of_every_frame_is_refused(fit, constant):
    with pytest.raises(SpecError, match="must differ between the frames of a support"):
        fit(support(), lambda frames: torch.full((len(frames),), constant))


def test_prototypes_need_frames_that_differ():
    same = Support(unit(1).expand(2, -1), torch.tensor([1.0, 0.0]))
    with pytest.raises(SpecError, match="success and failure look the same"):
        fit_prototypes(same, cosine())
    opposite = Support(torch.cat([unit(1), -unit(1), unit(1, seed=3)]), torch.tensor([1.0, 1.0, 0.0]))
    with pytest.raises(SpecError, match="cancel out"):
        fit_prototypes(opposite, cosine())

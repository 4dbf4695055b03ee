"""`fit`: what labelled frames make of a reward, what is kept in the spec, and what comes out again."""

from dataclasses import replace

import pytest
import torch

from tests.toys import ColourClipEncoder, ColourEncoder, red_reward
from vlmrm import PromptSet, RewardModel, RewardSpec
from vlmrm.errors import SpecError
from vlmrm.fitting import calibrate, fit, fit_embeddings, standardize
from vlmrm.rewards.score import Score
from vlmrm.rewards.transforms.few_shot import FEW_SHOT
from vlmrm.rewards.transforms.few_shot.proker import fit_proker
from vlmrm.rewards.transforms.few_shot.prototypes import fit_prototypes
from vlmrm.rewards.transforms.few_shot.support import Support
from vlmrm.rewards.transforms.few_shot.tip_adapter import fit_tip_adapter

COLOURS = {"red": (255, 0, 0), "green": (0, 255, 0), "blue": (0, 0, 255), "black": (0, 0, 0), "pink": (200, 90, 90)}
FITS = {"proker": fit_proker, "prototypes": fit_prototypes, "tip_adapter": fit_tip_adapter}


def shown(*colours):
    return torch.tensor([COLOURS[colour] for colour in colours], dtype=torch.uint8)[:, None, None].expand(-1, 8, 8, 3)


def embedded(frames):
    return ColourEncoder().embed_frames(frames)


FRAMES, LABELS = shown("green", "pink", "red", "blue"), [1, 1, 0, 0]  # against what the sentence says


@pytest.mark.parametrize("method", FITS)
def test_a_fitted_reward_is_the_methods_correction_of_the_text_reward(method):
    fitted = fit(red_reward(), FRAMES, LABELS, method=method)
    support = Support(embedded(FRAMES), torch.tensor(LABELS, dtype=torch.float32))
    others = embedded(shown("green", "red", "black"))

    def text(embeddings):
        return embeddings[:, 0]  # the cosine with red

    expected = Score(text, (FITS[method](support, text),)).of_embeddings(others)
    torch.testing.assert_close(fitted.score(shown("green", "red", "black")), expected)


@pytest.mark.parametrize("method", FEW_SHOT)
def test_frames_move_the_reward_towards_their_labels(method):
    fitted = fit(red_reward(), FRAMES, LABELS, method=method)
    assert float(fitted.score(shown("green"))) > float(red_reward().score(shown("green")))
    before, now = (reward.score(shown("green", "red")) for reward in (red_reward(), fitted))
    assert float(now[0] - now[1]) > float(before[0] - before[1])


@pytest.mark.parametrize("method", FEW_SHOT)
def test_a_fitted_reward_comes_out_of_its_file_bit_for_bit(method, tmp_path):
    fitted = fit(red_reward(), FRAMES, LABELS, method=method)
    fitted.spec.save(tmp_path / "reward.json")
    spec = RewardSpec.load(tmp_path / "reward.json")
    assert spec == fitted.spec
    assert spec.hash() == fitted.spec.hash()
    others = shown("green", "red", "black", "blue")
    assert torch.equal(RewardModel(ColourEncoder(), spec).score(others), fitted.score(others))


def test_labels_that_are_words_are_refused():
    reward = RewardModel(ColourEncoder(), RewardSpec(encoder="colour", prompts=PromptSet("red", "grey")))
    with pytest.raises(SpecError, match=r"labels are numbers, 1 for success and 0 for failure: .*'up'"):
        fit(reward, torch.zeros(2, 8, 8, 3, dtype=torch.uint8), ["up", "down"])


def test_options_of_the_method_count_and_are_kept():
    fitted = fit(red_reward(), FRAMES, LABELS, method="proker", options={"ridge": 0.001, "beta": 20.0})
    assert (fitted.spec.few_shot.ridge, fitted.spec.few_shot.beta, fitted.spec.few_shot.trust) == (0.001, 20.0, None)
    assert fitted.score(FRAMES).tolist() == pytest.approx(LABELS, abs=0.05)


def test_fitting_again_starts_from_the_sentences_and_drops_what_belonged_to_other_scores():
    once = calibrate(standardize(red_reward(), FRAMES), FRAMES)
    twice = fit(fit(once, FRAMES, LABELS), FRAMES, LABELS)
    assert twice.spec == fit(red_reward(), FRAMES, LABELS).spec


def test_goal_pictures_take_the_place_of_the_sentence():
    goal = fit(red_reward(), shown("green", "green"), method="goal_pictures")
    assert goal.score(shown("green", "red")).tolist() == pytest.approx([1, 0], abs=1e-6)


def test_goal_pictures_with_pictures_of_the_plain_scene_are_projected_on_the_line_between_them():
    spec = RewardSpec(encoder="colour", prompts=PromptSet("blue", "grey"), alpha=1.0)
    goal = fit(RewardModel(ColourEncoder(), spec), shown("green", "red"), [1, 0], method="goal_pictures")
    assert goal.score(shown("green", "red")).tolist() == pytest.approx([1, 0], abs=1e-6)
    assert float(goal.score(shown("black"))) == pytest.approx(0.75, abs=1e-6)  # half way along, as seen by alpha 1


@pytest.mark.parametrize(
    ("labels", "method", "options", "message"),
    [
        ([1, 1, 1, 1], "proker", {}, "all 4 frames have the same label"),
        (None, "proker", {}, "learns from success and failure, and no labels were given"),
        ([0, 1], "proker", {}, "one label for each of 4 frames; got 2"),
        ([0, 1, 2, 0], "proker", {}, "labels must lie in 0"),
        ([0, 0, 0, 0], "goal_pictures", {}, "goal pictures have the label 1"),
        ([0, 0.5, 1, 0], "goal_pictures", {}, "Progress in between is for"),
        ([0, 0, 1, 1], "procer", {}, "unknown method 'procer'. Near: proker"),
        ([0, 0, 1, 1], "proker", {"rige": 1}, "unknown key few_shot.rige. Near: ridge"),
        ([0, 0, 1, 1], "proker", {"ridge": 0}, "ridge must be at least 0.001"),
    ],
)
def test_what_cannot_be_fitted_is_refused(labels, method, options, message):
    with pytest.raises(SpecError, match=message):
        fit(red_reward(), FRAMES, labels, method=method, options=options)


def test_the_reward_that_is_given_stays_as_it_is():
    reward = red_reward()
    before = reward.score(FRAMES)
    fit(reward, FRAMES, LABELS)
    assert reward.spec == red_reward().spec
    assert torch.equal(reward.score(FRAMES), before)


def test_frames_that_have_been_embedded_fit_the_same_reward():
    by_frames, by_rows = fit(red_reward(), FRAMES, LABELS), fit_embeddings(red_reward(), embedded(FRAMES), LABELS)
    assert by_rows.spec == by_frames.spec
    assert torch.equal(by_rows.score(FRAMES), by_frames.score(FRAMES))


def test_the_default_method_is_proker_and_the_spec_says_which_encoder_embedded_the_frames():
    few_shot = fit(red_reward(), FRAMES, LABELS).spec.few_shot
    assert few_shot.kind == "proker"
    assert (few_shot.encoder, few_shot.fingerprint, few_shot.labels) == ("colour", "colours", (1, 1, 0, 0))
    torch.testing.assert_close(few_shot.rows(), embedded(FRAMES), rtol=0, atol=0)


def test_frames_are_fitted_and_calibrated_one_by_one_for_a_reward_of_clips():
    """The spec's clips are left alone; what is fitted are single frames, each embedded once."""
    spec = RewardSpec(encoder="colour", prompts=PromptSet("red"), over_time={"kind": "clip"}, alpha=0.0)
    reward, single = (
        RewardModel(ColourClipEncoder(), spec),
        RewardModel(ColourClipEncoder(), replace(spec, over_time=None)),
    )
    frames = shown("red", "pink", "blue")
    assert fit(reward, frames, [1, 1, 0]).spec == replace(fit(single, frames, [1, 1, 0]).spec, over_time=spec.over_time)
    reward.encoder.batches.clear()
    assert calibrate(reward, frames).spec.threshold == calibrate(single, frames).spec.threshold
    assert reward.encoder.batches == [3]

"""Retrieval in both directions: a picture among texts and a text among pictures, on the same loop as classes."""

from typing import Any

import pytest
import torch
from torch import Tensor

from vlmrm import RewardModel, RewardSpec
from vlmrm.encoders import load_encoder
from vlmrm.errors import FrameError, PromptError, SpecError
from vlmrm.rlcf import Adapter, Guard, PictureGallery, TextGallery, preset
from vlmrm.rlcf.answer_sets import Pictures, Texts
from vlmrm.rlcf.evaluation import evaluate
from vlmrm.rlcf.labelled import Labelled
from vlmrm.rlcf.options import AdaptOptions
from vlmrm.rlcf.prompt_tuned import tune_prompts
from vlmrm.rlcf.running import run_method
from vlmrm.rlcf.setup import AdaptedMethod, Setup

TEXTS = ["a red pole", "a blue cart", "a pole on a cart", "a red pole", "an empty track"]
FAST: dict[str, Any] = {"learning_rate": 1e-3, "steps": 3, "candidates": 3}


@pytest.fixture(scope="module")
def policy():
    return load_encoder("random:sim-xs")


@pytest.fixture(scope="module")
def reward() -> RewardModel:
    return RewardModel.from_spec(RewardSpec.clip_score("random:sim-s"))


@pytest.fixture(scope="module")
def pictures() -> Tensor:
    shades = torch.arange(3 * 40 * 50, dtype=torch.int64).view(1, 40, 50, 3)
    return torch.cat([(shades * step % 251).to(torch.uint8) for step in (1, 7, 13, 29)])


def test_logits_are_the_scaled_cosines_in_both_directions(policy, pictures):
    texts, shown = TextGallery(policy, TEXTS), PictureGallery(policy, pictures)
    cosines = policy.embed_frames(pictures) @ policy.embed_texts(TEXTS).T
    torch.testing.assert_close(texts.logits(pictures), policy.logit_scale * cosines)
    torch.testing.assert_close(shown.logits(TEXTS), policy.logit_scale * cosines.T)


def test_a_picture_is_tuned_among_texts_and_given_back(policy, reward, pictures):
    gallery = TextGallery(policy, TEXTS)
    adapter = Adapter(gallery, reward, options=preset("image_to_text"), **FAST)
    with adapter(pictures[0]) as tuned:
        assert tuned.episode.moved > 0
        assert not torch.equal(tuned.predict(pictures[:1]), adapter.model.logits(pictures[:1]))
    torch.testing.assert_close(adapter.say_now(pictures[:1]), gallery.logits(pictures[:1]))


def test_a_text_is_tuned_among_pictures_and_given_back(policy, reward, pictures):
    gallery = PictureGallery(policy, pictures)
    adapter = Adapter(gallery, reward, options=preset("text_to_image"), **FAST)
    before = adapter.say_now("a red pole")
    with adapter("a red pole") as tuned:
        assert tuned.episode.moved > 0
        adapted = tuned.predict("a red pole")
        assert not torch.equal(adapted, before)
        assert not torch.equal(tuned.predict(TEXTS), adapter.model.logits(TEXTS))
    assert torch.equal(adapter.say_now("a red pole"), before)
    torch.testing.assert_close(adapter.predict(TEXTS)[0], adapted[0])


def test_the_reward_of_a_text_is_that_of_its_pairs_with_the_pictures(policy, reward, pictures):
    gallery = PictureGallery(policy, pictures)
    side = gallery.rewards(reward, sees="picture", rivals=None)
    torch.testing.assert_close(side.scores(["a red pole"])[0], reward.score_pairs(pictures, ["a red pole"])[:, 0])
    with Adapter(gallery, reward, tune="text", **FAST)("a red pole") as tuned:
        best = tuned.controls("a red pole")["reward_only"][0].argmax()
    assert best == reward.score_pairs(pictures, ["a red pole"])[:, 0].argmax()


def test_pictures_compete_for_a_text_with_a_softmax_reward(policy, pictures):
    softmax = RewardModel.from_spec(RewardSpec.from_dict({"encoder": "random:sim-s", "head": "softmax"}))
    side = PictureGallery(policy, pictures).rewards(softmax, sees="picture", rivals="pictures")
    scores = side.scores(["a red pole"])
    assert float(scores.sum()) == pytest.approx(1)
    cosines = softmax.encoder.embed_frames(pictures) @ softmax.encoder.embed_texts(["a red pole"]).T
    torch.testing.assert_close(scores[0], (softmax.encoder.logit_scale * cosines[:, 0]).softmax(dim=0))
    torch.testing.assert_close(softmax.score_pairs(pictures, ["a red pole"], rivals="pictures")[:, 0], scores[0])
    against = RewardSpec.from_dict(
        {"encoder": "random:sim-s", "head": "softmax", "prompts": {"goal": "a pole", "negatives": ["a cart"]}}
    )
    with pytest.raises(SpecError, match="pictures compete with pictures alone"):
        RewardModel.from_spec(against).score_pairs(pictures, ["a pole"], rivals="pictures")


def test_the_still_side_is_embedded_once(policy, reward, pictures):
    adapter = Adapter(PictureGallery(policy, pictures), reward, tune="text", **FAST)
    seen = []
    visual = adapter.policy.encoder.model.visual
    hook = visual.register_forward_hook(lambda module, given, out: seen.append(len(out)))
    adapter.predict(TEXTS)
    hook.remove()
    assert seen == []


def test_any_of_several_true_answers_counts(policy, reward, pictures):
    adapter = Adapter(TextGallery(policy, TEXTS), reward, options=preset("image_to_text"), **FAST)
    first = evaluate(adapter, pictures, [(0, 3)] * 4).methods["zero_shot"]
    one, other = (evaluate(adapter, pictures, [place] * 4).methods["zero_shot"] for place in (0, 3))
    assert first.right.tolist() == (one.right | other.right).tolist()
    assert [a.rank for a in first.each] == [min(b.rank, c.rank) for b, c in zip(one.each, other.each, strict=True)]


def test_texts_and_pictures_are_evaluated_and_kept_as_classes_are(tmp_path, pictures):
    options = AdaptOptions(tune="text", views=preset("text_to_image").views, **FAST)
    setup = Setup(
        policy="random:sim-xs",
        answers=Pictures(pictures),
        reward=RewardSpec.clip_score("random:sim-s"),
        adapted={"rlcf": AdaptedMethod(options=options)},
    )
    asked = Labelled(TEXTS, [0, 1, (2, 3), 0, 1])
    found = run_method(setup, "rlcf", asked, tmp_path)
    assert [one.moved > 0 for one in found.each] == [True] * 5
    again = run_method(setup, "rlcf", asked, tmp_path)
    assert again.each == found.each
    assert setup.protocol("rlcf")["pictures"] == 4
    assert Setup(policy="random:sim-xs", answers=Texts(TEXTS)).make("zero_shot").answer(pictures[:1]).logits.shape == (
        5,
    )


def test_a_guard_looks_at_texts_too(policy, reward, pictures):
    adapter = Adapter(PictureGallery(policy, pictures), reward, guard=Guard("certainty", 1.1), tune="text", **FAST)
    with adapter("a red pole") as tuned:
        assert not tuned.episode.adapted


def test_what_cannot_be_searched_is_refused(policy, reward, pictures):
    with pytest.raises(PromptError, match="at least 2 texts"):
        TextGallery(policy, ["one"])
    with pytest.raises(PromptError, match="at place 1"):
        TextGallery(policy, ["one", " "])
    with pytest.raises(FrameError, match="at least 2 pictures; got 1"):
        PictureGallery(policy, pictures[:1])
    shown = PictureGallery(policy, pictures)
    with pytest.raises(PromptError, match="searched by a text"):
        shown.logits(["a pole", ""])
    with pytest.raises(SpecError, match="tune 'text' or 'prompt'"):
        Adapter(shown, reward, tune="image", **FAST)
    with pytest.raises(SpecError, match="can be 'pictures', not 'texts'"):
        Adapter(shown, reward, tune="text", rivals="texts", **FAST)
    with pytest.raises(SpecError, match="can be 'texts', not 'pictures'"):
        Adapter(TextGallery(policy, TEXTS), reward, rivals="pictures", **FAST)
    with pytest.raises(FrameError, match="one query; got 2"), Adapter(shown, reward, tune="text", **FAST)(TEXTS[:2]):
        pass
    with pytest.raises(SpecError, match="12 candidates are more than the 4 answers"):
        Adapter(shown, reward, options=preset("text_to_image"))
    with pytest.raises(FrameError, match=r"query 1 has \[4\]"):
        evaluate(Adapter(shown, reward, tune="text", **FAST), TEXTS[:2], [0, 4])
    setup = Setup(policy="random:sim-xs", answers=Texts(TEXTS), training_free=("zero",))
    with pytest.raises(SpecError, match="the answers are a gallery"):
        setup.make("zero")


def test_learned_prompts_find_their_own_pairs_and_leave_the_encoder_alone(pictures):
    policy = load_encoder("sim-xs")
    texts = ["a red pole", "a blue cart", "a pole on a cart", "an empty track"]

    def loss(encoder):
        logits = encoder.logit_scale * encoder.embed_frames(pictures) @ encoder.embed_texts(texts).T
        return float(-logits.log_softmax(dim=1).diagonal().mean())

    before = loss(policy)
    tuned = tune_prompts(policy, pictures, texts, steps=40)
    assert loss(tuned) < 0.2 * before
    assert loss(policy) == before
    assert tuned.fingerprint != policy.fingerprint
    assert not tuned.embed_texts(texts).requires_grad
    assert TextGallery(tuned, texts).logits(pictures).argmax(dim=1).tolist() == [0, 1, 2, 3]


def test_prompts_are_learned_of_pairs(policy, pictures):
    with pytest.raises(FrameError, match="got 4, 3"):
        tune_prompts(policy, pictures, TEXTS[:3])
    with pytest.raises(SpecError, match=r"border=0\.5"):
        tune_prompts(policy, pictures, TEXTS[:4], border=0.5)

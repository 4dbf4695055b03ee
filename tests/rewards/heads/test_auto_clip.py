"""Prompt weights per frame, against autograd, an entropy found in plain Python, and limits known by hand."""

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.nn.functional import normalize

from tests.toys import ColourEncoder
from vlmrm import PromptSet, RewardModel, RewardSpec
from vlmrm.errors import PromptError, SpecError
from vlmrm.rewards.heads.auto_clip import AutoClipHead, auto_clip, auto_clip_weights, template_gradient, with_templates
from vlmrm.rewards.heads.softmax import softmax_over_negatives


def unit(*shape, seed=0):
    vectors = torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
    return normalize(vectors, dim=-1).float()


def cosines(frames, templates, classes, seed=0):
    return torch.einsum("nd,vcd->nvc", unit(frames, 16, seed=seed), unit(templates, classes, 16, seed=seed + 1))


def entropy(weights):
    return -sum(weight * math.log(weight) for weight in weights if weight > 0)


@pytest.mark.parametrize("scale", [1.0, 14.0, 100.0])
@pytest.mark.parametrize("classes", [1, 2, 5])
def test_the_closed_gradient_is_that_of_autograd(scale, classes):
    similarities = cosines(7, 6, classes).double()
    logits_of_weights = torch.zeros(7, 6, dtype=torch.float64, requires_grad=True)
    logits = scale * (logits_of_weights.softmax(dim=1)[:, :, None] * similarities).sum(dim=1)
    (expected,) = torch.autograd.grad(logits.logsumexp(dim=1).sum(), logits_of_weights)
    assert expected.abs().max() > 1e-3
    torch.testing.assert_close(template_gradient(similarities, scale=scale), expected, atol=1e-12, rtol=0)


@settings(max_examples=50, deadline=None)
@given(
    seed=st.integers(0, 10_000),
    templates=st.integers(2, 12),
    classes=st.integers(1, 4),
    share=st.floats(0.6, 0.999),
    scale=st.sampled_from([1.0, 100.0]),
)
def test_the_weights_have_the_entropy_that_was_asked_for(seed, templates, classes, share, scale):
    weights = auto_clip_weights(cosines(3, templates, classes, seed).double(), scale=scale, entropy_share=share)
    for row in weights.tolist():
        assert sum(row) == pytest.approx(1)
        assert entropy(row) == pytest.approx(share * math.log(templates), abs=1e-6)


def test_the_weights_are_one_step_along_the_gradient():
    """Log weights are a line in the gradient, and it rises."""
    similarities = cosines(5, 6, 3).double()
    slopes = auto_clip_weights(similarities, scale=20.0).log().diff(dim=1)
    slopes = slopes / template_gradient(similarities, scale=20.0).diff(dim=1)
    assert bool((slopes > 0).all())
    torch.testing.assert_close(slopes, slopes[:, :1].expand(-1, 5), rtol=1e-6, atol=0)


def test_two_templates_share_the_weight_as_a_coin_of_085_bits():
    """Heads with 0.724: -0.724 log2 0.724 - 0.276 log2 0.276 = 0.337 + 0.513."""
    better, worse = auto_clip_weights(torch.tensor([[[0.31, 0.3], [0.29, 0.28]]]))[0].tolist()
    assert better == pytest.approx(0.724, abs=1e-3)
    assert worse == pytest.approx(0.276, abs=1e-3)


def test_how_far_cosines_are_spread_does_not_matter():
    similarities = cosines(4, 5, 1).double()
    torch.testing.assert_close(auto_clip_weights(0.01 * similarities + 0.2), auto_clip_weights(similarities))


def test_with_one_class_the_scale_does_not_matter():
    """It only stretches the gradient then, and the step makes up for that."""
    similarities = cosines(4, 5, 1)
    torch.testing.assert_close(
        auto_clip_weights(similarities, scale=1e-4), auto_clip_weights(similarities, scale=1e4), atol=1e-6, rtol=0
    )


def test_templates_that_fit_alike_weigh_alike():
    alike = cosines(3, 1, 2).expand(-1, 4, -1)
    torch.testing.assert_close(auto_clip_weights(alike), torch.full((3, 4), 0.25))
    rounded = alike + torch.tensor([0.0, 1e-7, -1e-7, 2e-7])[:, None]
    torch.testing.assert_close(auto_clip_weights(rounded), torch.full((3, 4), 0.25))


def test_the_step_is_found_in_double_precision():
    """With nearly all of the entropy, float32's rounding of it would move the weights by 3e-5."""
    similarities = cosines(200, 8, 3)
    weights, exact = (auto_clip_weights(each, entropy_share=0.999999) for each in (similarities, similarities.double()))
    torch.testing.assert_close(weights.double(), exact, atol=1e-6, rtol=0)


def test_a_single_template_has_all_the_weight():
    assert auto_clip_weights(cosines(3, 1, 2)).tolist() == [[1.0], [1.0], [1.0]]


def test_templates_tied_for_the_best_share_the_weight_where_the_entropy_allows_fewer():
    """Seven equal weights out of eight have 0.94 of the entropy of eight, which is more than 0.85 with any step."""
    similarities = torch.tensor([0.3] * 7 + [0.1])[None, :, None]
    torch.testing.assert_close(auto_clip_weights(similarities)[0], torch.tensor([1 / 7] * 7 + [0.0]))


def test_share_1_is_the_plain_mean_and_share_0_the_best_template():
    similarities = cosines(6, 5, 1)
    torch.testing.assert_close(auto_clip_weights(similarities, entropy_share=1), torch.full((6, 5), 0.2))
    best = auto_clip_weights(similarities, entropy_share=0)
    torch.testing.assert_close(best, torch.eye(5)[similarities[:, :, 0].argmax(dim=1)], atol=1e-5, rtol=0)


def test_the_scale_decides_whose_cosines_count():
    """Template 0 is higher on the mean of both classes, template 1 on the class that the frame shows."""
    similarities = torch.tensor([[[0.30, 0.25], [0.35, 0.10]]])
    by_mean, by_class = (auto_clip_weights(similarities, scale=scale)[0] for scale in (1.0, 100.0))
    assert by_mean[0] > by_mean[1]
    assert by_class[0] < by_class[1]


def test_the_reward_is_the_softmax_of_the_weighted_cosines():
    frames, texts = unit(9, 16), unit(4, 3, 16, seed=1)
    similarities = torch.einsum("nd,vcd->nvc", frames, texts)
    weights = auto_clip_weights(similarities)
    for frame, reward in enumerate(auto_clip(frames, texts, scale=20.0).tolist()):
        powers = [math.exp(20 * float(weights[frame] @ similarities[frame, :, which])) for which in range(3)]
        assert reward == pytest.approx(powers[0] / sum(powers), rel=1e-4)


def test_one_template_is_the_softmax_over_negatives():
    frames, texts = unit(9, 16), unit(1, 3, 16, seed=1)
    expected = softmax_over_negatives(frames, texts[0, 0], texts[0, 1:], temperature=0.05)
    torch.testing.assert_close(auto_clip(frames, texts, scale=20.0), expected)


def test_a_goal_alone_gets_its_weighted_cosine_which_is_no_less_than_the_mean():
    frames, texts = unit(20, 16), unit(4, 1, 16, seed=1)
    rewards, cosine = auto_clip(frames, texts, scale=20.0), frames @ texts[:, 0].T
    torch.testing.assert_close(rewards, (auto_clip_weights(cosine[:, :, None]) * cosine).sum(dim=1))
    assert bool((rewards > cosine.mean(dim=1)).all())
    assert bool((rewards < cosine.amax(dim=1)).all())


def test_how_frames_are_split_into_batches_never_changes_a_reward():
    head, frames = AutoClipHead(unit(8, 3, 16, seed=1), scale=14.0), unit(10, 16)
    for size in (1, 3, 7):
        torch.testing.assert_close(torch.cat([head(part) for part in frames.split(size)]), head(frames))


def test_the_head_passes_on_all_that_it_was_given():
    frames, texts = unit(10, 16), unit(8, 3, 16, seed=1)
    given = {"scale": 14.0, "weight_scale": 50.0, "entropy_share": 0.5}
    head = AutoClipHead(texts, **given)
    torch.testing.assert_close(head(frames), auto_clip(frames, texts, **given))
    for name, value in {"scale": 13.0, "weight_scale": 1.0, "entropy_share": 0.85}.items():
        assert not torch.allclose(head(frames), auto_clip(frames, texts, **(given | {name: value}))), name


def test_no_frames_get_no_rewards():
    assert auto_clip(unit(0, 16), unit(4, 2, 16), scale=1.0).shape == (0,)


@pytest.mark.parametrize("share", [-0.1, 1.1, float("nan")])
def test_an_entropy_outside_0_to_1_is_refused(share):
    with pytest.raises(SpecError, match="entropy_share must lie in 0 to 1; got"):
        auto_clip_weights(cosines(1, 2, 2), entropy_share=share)


@pytest.mark.parametrize("scale", [0, -1.0, float("inf"), float("nan")])
def test_a_scale_that_is_not_above_0_is_refused(scale):
    with pytest.raises(SpecError, match=r"scale must be (above 0|a number); got"):
        auto_clip_weights(cosines(1, 2, 2), scale=scale)
    with pytest.raises(SpecError, match=r"scale must be (above 0|a number); got"):
        auto_clip(unit(1, 16), unit(2, 2, 16), scale=scale)


def test_a_sentence_may_hold_braces_of_its_own():
    assert with_templates(["a {red} {} set"], ["one {}."]) == (("one a {red} {} set.",),)


@pytest.mark.parametrize("template", ["a photo", "{} and {}", "a photo of {0}", "a photo of {goal}", "{ }"])
def test_a_template_without_its_one_place_is_refused(template):
    with pytest.raises(PromptError, match=r"exactly one \{\}, where the sentence goes; got"):
        with_templates(["red"], ["{}", template])


@pytest.mark.parametrize(
    ("sentences", "templates", "message"),
    [
        ([], ["{}"], "at least one sentence"),
        (["red"], [], "at least one template"),
        ("red", ["{}"], "list with at least one sentence; got 'red'"),
        (["red"], "{}", "list with at least one template; got '{}'"),
        (["red"], ["{}", "the {}", "{}"], "a template is there twice"),
    ],
)
def test_lists_that_make_no_ensemble_are_refused(sentences, templates, message):
    with pytest.raises(PromptError, match=message):
        with_templates(sentences, templates)


def test_from_a_file_goal_baseline_and_negatives_are_the_classes(tmp_path):
    path = tmp_path / "reward.toml"
    path.write_text(
        """
        encoder = "colour"
        head = "auto_clip"
        [options]
        templates = ["{}", "{} grey", "blue around {}"]
        entropy_share = 0.5
        temperature = 0.2
        [prompts]
        goal = ["red", "black"]
        baseline = "grey"
        negatives = ["green", "blue"]
        """
    )
    reward, encoder = RewardModel(ColourEncoder(), RewardSpec.load(path)), ColourEncoder()
    frames = torch.tensor([(255, 0, 0), (0, 255, 0), (0, 0, 0)], dtype=torch.uint8)[:, None, None].expand(-1, 8, 8, 3)
    goal = normalize(encoder.embed_texts(["red", "black"]).mean(dim=0), dim=0)[None]
    rows = [torch.cat([goal, encoder.embed_texts(["grey", "green", "blue"])])] * 3  # the toy hears the last colour
    rows[1] = encoder.embed_texts(["grey"] * 4)
    expected = auto_clip(encoder.embed_frames(frames), torch.stack(rows), scale=5.0, entropy_share=0.5)
    torch.testing.assert_close(reward.score(frames), expected)


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({}, SpecError, "options.templates is missing"),
        ({"templates": []}, PromptError, "at least one template"),
        ({"templates": ["a photo"]}, PromptError, "exactly one {}"),
        ({"templates": ["{}"], "entropy_share": 2}, SpecError, "options.entropy_share must lie in 0 to 1; got 2"),
        ({"templates": ["{}"], "temperature": 0}, SpecError, "options.temperature must be above 0; got 0"),
    ],
)
def test_options_that_make_no_head_are_refused(options, error, message):
    with pytest.raises(error, match=message):
        RewardModel(
            ColourEncoder(),
            RewardSpec(encoder="colour", prompts=PromptSet("red"), head="auto_clip", options=options),
        )

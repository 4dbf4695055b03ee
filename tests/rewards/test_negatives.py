"""Heads that compare the goal with what is not wanted, against their definitions in double precision."""

import math

import numpy as np
import pytest
import torch

from tests.toys import ColourEncoder
from vlmrm import PromptSet, RewardModel, RewardSpec
from vlmrm.errors import PromptError, SpecError
from vlmrm.rewards.negatives import contrast, sigmoid, softmax_over_negatives

PROMPTS = PromptSet("red", negatives=["green", "blue"])
CASES = {
    "softmax": {},
    "softmax, cold": {"temperature": 0.1},
    "contrast": {},
    "sigmoid": {"bias": -5.0, "scale": 10.0},
}


def unit(n, d=8, seed=0):
    vectors = torch.randn(n, d, generator=torch.Generator().manual_seed(seed))
    return vectors / vectors.norm(dim=1, keepdim=True)


def model(head, options=None, prompts=PROMPTS):
    spec = RewardSpec(encoder="colour", prompts=prompts, head=head.split(",")[0], options=options)
    return RewardModel(ColourEncoder(), spec)


def frames(n, seed=0):
    return np.random.default_rng(seed).integers(0, 256, (n, 8, 8, 3), dtype=np.uint8)


@pytest.mark.parametrize("temperature", [0.01, 0.5, 20.0])
def test_softmax_is_its_definition(temperature):
    seen, goal, rivals = unit(20), unit(1, seed=1)[0], unit(3, seed=2)
    rewards = softmax_over_negatives(seen, goal, rivals, temperature=temperature)
    for frame, reward in zip(seen.double(), rewards, strict=True):
        powers = [math.exp(float(frame @ text.double()) / temperature) for text in (goal, *rivals)]
        assert float(reward) == pytest.approx(powers[0] / sum(powers), rel=1e-4, abs=1e-6)


def test_a_goal_among_equals_gets_its_share():
    goal = unit(1)[0]
    rewards = softmax_over_negatives(unit(5, seed=1), goal, goal.expand(3, -1), temperature=0.01)
    torch.testing.assert_close(rewards, torch.full((5,), 0.25))


def test_a_rival_that_is_added_never_raises_the_softmax_reward():
    seen, goal, rivals = unit(50), unit(1, seed=1)[0], unit(4, seed=2)
    fewer, more = (softmax_over_negatives(seen, goal, rivals[:k], temperature=0.2) for k in (3, 4))
    assert bool((more < fewer).all())


def test_contrast_is_a_difference_of_cosines():
    seen, goal, negative = unit(20), unit(1, seed=1)[0], unit(1, seed=2)[0]
    torch.testing.assert_close(contrast(seen, goal, negative), seen @ goal - seen @ negative)


def test_sigmoid_is_one_half_where_scale_and_bias_cancel_and_rises_with_the_cosine():
    seen, goal = unit(20), unit(1, seed=1)[0]
    cosines = seen @ goal
    rewards = sigmoid(seen, goal, scale=10.0, bias=-10.0 * float(cosines[3]))
    assert float(rewards[3]) == pytest.approx(0.5, abs=1e-6)
    assert rewards.argsort().tolist() == cosines.argsort().tolist()


@pytest.mark.parametrize(("head", "options"), CASES.items())
def test_how_frames_are_split_into_batches_never_changes_a_reward(head, options):
    reward, batch = model(head, options), frames(10)
    for size in (1, 3, 7):
        parts = torch.cat([reward.score(batch[i : i + size]) for i in range(0, 10, size)])
        torch.testing.assert_close(parts, reward.score(batch))


@pytest.mark.parametrize(("head", "options"), CASES.items())
def test_a_spec_with_a_head_survives_json_and_toml_like_values(head, options):
    spec = model(head, options).spec
    assert RewardSpec.from_dict(spec.to_dict()) == spec
    assert RewardSpec.from_dict(spec.to_dict()).hash() == spec.hash()


def test_the_models_own_temperature_counts_where_none_is_given():
    encoder = ColourEncoder()
    given = model("softmax", {"temperature": 1 / encoder.logit_scale}).score(frames(5))
    torch.testing.assert_close(model("softmax").score(frames(5)), given)


def test_a_frame_that_shows_the_goal_is_told_from_one_that_shows_a_negative():
    red, green = np.zeros((2, 8, 8, 3), np.uint8)
    red[..., 0] = green[..., 1] = 255
    for head, options in CASES.items():
        scores = model(head, options).score(np.stack([red, green]))
        assert float(scores[0] - scores[1]) > 0.3, head


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"head": "softmaxx"}, "unknown head 'softmaxx'. Near: softmax"),
        ({"head": "softmax", "options": {"temprature": 1}}, "no option 'temprature'. Near: temperature"),
        ({"head": "contrast", "options": {"threshold": 1}}, "'contrast' has no options; got 'threshold'"),
        ({"head": "softmax", "options": {"temperature": 0}}, "temperature must be above 0"),
        ({"head": "softmax", "options": {"temperature": True}}, "temperature must be a number"),
        ({"head": "softmax", "threshold": 1.5}, "threshold must lie in 0 to 1"),
        ({"head": "projection", "alpha": 0.0, "threshold": -2}, "threshold must lie in -1 to 1"),
        ({"head": "sigmoid", "options": {"scale": float("inf")}}, "scale must be a number"),
        ({"head": "softmax", "prompts": PromptSet("red")}, "no negatives were given"),
        ({"head": "contrast", "prompts": PromptSet("red", "grey")}, "no negatives were given"),
    ],
)
def test_a_spec_that_cannot_be_meant_is_refused(changes, message):
    with pytest.raises(SpecError, match=message):
        RewardSpec(**{"encoder": "colour", "prompts": PROMPTS} | changes)


def test_options_in_a_file_are_a_table():
    with pytest.raises(SpecError, match="options must be a table of keys and values; got 3"):
        RewardSpec.from_dict({"encoder": "colour", "prompts": PROMPTS.to_dict(), "head": "softmax", "options": 3})


def test_a_sigmoid_needs_a_model_that_was_trained_with_one():
    with pytest.raises(SpecError, match="no logit bias"):
        model("sigmoid")


def test_a_goal_that_is_its_own_negative_is_refused():
    with pytest.raises(PromptError, match="goal and negative at once: 'red'"):
        PromptSet("red", negatives=["green", "red"])


def test_negatives_that_look_like_the_goal_to_the_encoder_are_refused():
    with pytest.raises(PromptError, match="same embedding"):
        model("contrast", prompts=PromptSet("red", negatives="the colour red"))


def test_other_heads_have_no_alpha():
    with pytest.raises(SpecError, match="this reward has head='softmax'"):
        model("softmax", prompts=PromptSet("red", "grey", "green")).score_alphas(frames(2), [0.5])

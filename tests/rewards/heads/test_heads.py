"""What heads that compare the goal with others have in common, and words of a spec that make no head."""

import numpy as np
import pytest
import torch

from tests.toys import ColourEncoder
from vlmrm import PromptSet, RewardModel, RewardSpec
from vlmrm.errors import PromptError, SpecError
from vlmrm.rewards.heads import HEADS
from vlmrm.rewards.protocols import Head, HeadOptions
from vlmrm.tables import write_table

PROMPTS = PromptSet("red", negatives=["green", "blue"])
CASES = {
    "softmax": {},
    "softmax, cold": {"temperature": 0.1},
    "contrast": {},
    "sigmoid": {"bias": -5.0, "scale": 10.0},
}


def model(head, options=None, prompts=PROMPTS):
    spec = RewardSpec(encoder="colour", prompts=prompts, head=head.split(",")[0], options=options or {})
    return RewardModel(ColourEncoder(), spec)


def frames(n, seed=0):
    return np.random.default_rng(seed).integers(0, 256, (n, 8, 8, 3), dtype=np.uint8)


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


def test_a_frame_that_shows_the_goal_is_told_from_one_that_shows_a_negative():
    red, green = np.zeros((2, 8, 8, 3), np.uint8)
    red[..., 0] = green[..., 1] = 255
    for head, options in CASES.items():
        scores = model(head, options).score(np.stack([red, green]))
        assert float(scores[0] - scores[1]) > 0.3, head


@pytest.mark.parametrize("name", HEADS)
def test_every_head_has_options_that_are_checked_when_the_spec_is_made(name):
    assert issubclass(HEADS[name], HeadOptions)
    assert HEADS.name_of(HEADS[name]) == name


@pytest.mark.parametrize(("head", "options"), CASES.items())
def test_options_build_a_head(head, options):
    spec = model(head, options).spec
    built = spec.options.build(ColourEncoder(), PROMPTS, spec.alpha)
    assert isinstance(built, Head)
    seen = ColourEncoder().embed_frames(torch.from_numpy(frames(5)))
    torch.testing.assert_close(built(seen), model(head, options).score(frames(5)))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"head": "softmaxx"}, "unknown head 'softmaxx'. Near: softmax"),
        ({"head": "softmax", "options": {"temprature": 1}}, "unknown key options.temprature. Near: temperature"),
        ({"head": "contrast", "options": {"threshold": 1}}, "options has no options; got 'threshold'"),
        ({"head": "softmax", "options": {"temperature": 0}}, "options.temperature must be above 0"),
        ({"head": "softmax", "options": {"temperature": True}}, "options.temperature must be a number"),
        ({"head": "softmax", "threshold": 1.5}, "threshold must lie in 0 to 1"),
        ({"head": "projection", "alpha": 0.0, "threshold": -2}, "threshold must lie in -1 to 1"),
        ({"head": "sigmoid", "options": {"scale": float("inf")}}, "options.scale must be a number"),
        ({"head": "sigmoid", "options": {"bias": float("nan")}}, "options.bias must be a number"),
        ({"head": "softmax", "prompts": PromptSet("red")}, "no negatives were given"),
        ({"head": "contrast", "prompts": PromptSet("red", "grey")}, "no negatives were given"),
    ],
)
def test_a_spec_that_cannot_be_meant_is_refused(changes, message):
    with pytest.raises(SpecError, match=message):
        RewardSpec(**{"encoder": "colour", "prompts": PROMPTS} | changes)


def test_options_in_a_file_are_a_table():
    with pytest.raises(SpecError, match="options must be a table of keys and values; got 3"):
        RewardSpec.from_dict({"encoder": "colour", "prompts": write_table(PROMPTS), "head": "softmax", "options": 3})


def test_a_goal_that_is_its_own_negative_is_refused():
    with pytest.raises(PromptError, match="goal and negative at once: 'red'"):
        PromptSet("red", negatives=["green", "red"])


def test_other_heads_have_no_alpha():
    with pytest.raises(SpecError, match="this reward has head='softmax'"):
        model("softmax", prompts=PromptSet("red", "grey", "green")).score_alphas(frames(2), [0.5])

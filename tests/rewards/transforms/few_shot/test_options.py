"""`few_shot` as a table of a spec: labelled frames written down, and what is refused of them."""

import pytest
import torch

from tests.toys import red_reward
from vlmrm import PromptSet, RewardSpec
from vlmrm.errors import SpecError
from vlmrm.rewards.transforms.few_shot import FEW_SHOT, read_few_shot, write_few_shot
from vlmrm.rewards.transforms.few_shot.options import to_text

ROWS = torch.tensor([[0.0, 1, 0, 0], [1, 0, 0, 0]])  # green and red, as the toy embeds them
TABLE = {
    "method": "proker",
    "encoder": "colour",
    "fingerprint": "colours",
    "labels": [1.0, 0.0],
    "embeddings": to_text(ROWS),
}


@pytest.mark.parametrize("method", FEW_SHOT)
def test_a_table_becomes_the_record_of_its_method_and_a_table_again(method):
    options = red_reward(few_shot=TABLE | {"method": method}).spec.few_shot
    assert type(options) is FEW_SHOT[method]
    assert options.kind == method
    assert write_few_shot(options) == TABLE | {"method": method}
    assert red_reward(few_shot=options).spec.few_shot is options


def test_embeddings_come_out_of_their_text_bit_for_bit():
    rows = torch.nn.functional.normalize(torch.randn(2, 4, generator=torch.Generator().manual_seed(0)), dim=1)
    options = read_few_shot(TABLE | {"embeddings": to_text(rows)}, "few_shot")
    assert torch.equal(options.rows(), rows)
    assert torch.equal(options.support().labels, torch.tensor([1.0, 0.0]))


def test_text_is_float32_little_endian_in_base64():
    assert to_text(torch.tensor([[1.0, -2.0]])) == "AACAPwAAAMA="  # 00 00 80 3f, 00 00 00 c0


def test_a_method_without_frames_says_that_it_is_not_fitted():
    with pytest.raises(SpecError, match=r"'proker' has not been fitted.*vlmrm fit"):
        red_reward(few_shot={"method": "proker"})


def test_frames_of_another_encoder_are_refused():
    with pytest.raises(SpecError, match="fitted with 'other', and the reward's encoder is 'colour'"):
        red_reward(few_shot=TABLE | {"encoder": "other"})


@pytest.mark.parametrize("method", FEW_SHOT)
def test_frames_of_other_weights_under_the_same_name_are_refused(method):
    message = r"few_shot was fitted with an encoder of fingerprint others, and 'colour' has colours.*Fit it again"
    with pytest.raises(SpecError, match=message):
        red_reward(few_shot=TABLE | {"method": method, "fingerprint": "others"})


@pytest.mark.parametrize(
    ("broken", "message"),
    [
        ({"embeddings": "AAAA!"}, "base64"),
        ({"embeddings": "AAAAAA=="}, "few_shot.embeddings holds 1 numbers, which 2 labels do not divide"),
        ({"labels": []}, "which 0 labels do not divide"),
        ({"method": "procer"}, "unknown few_shot.method 'procer'. Near: proker"),
        ({"rige": 1}, "unknown key few_shot.rige. Near: ridge"),
        ({"ridge": 0}, "ridge must be at least 0.001; got 0"),
    ],
)
def test_a_broken_table_is_named(broken, message):
    with pytest.raises(SpecError, match=message):
        red_reward(few_shot=TABLE | broken)


@pytest.mark.parametrize("missing", ["method", "encoder", "fingerprint", "labels"])
def test_a_key_that_is_missing_is_named(missing):
    with pytest.raises(SpecError, match=f"few_shot.{missing} is missing"):
        red_reward(few_shot={key: value for key, value in TABLE.items() if key != missing})


@pytest.mark.parametrize("word", [{"few_shot": TABLE}, {"scaling": {"divide": 2.0}}])
def test_milestones_take_neither_frames_nor_another_scale(word):
    with pytest.raises(SpecError, match="do not go together: each milestone has a probability of its own"):
        RewardSpec(encoder="colour", prompts=PromptSet(["red", "blue"]), over_time={"kind": "milestones"}, **word)

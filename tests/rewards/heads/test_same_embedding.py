"""Sentences that are one to the encoder and have two roles: refused by every head that compares them."""

from dataclasses import replace

import pytest
import torch

from tests.toys import ColourEncoder, red_spec
from vlmrm import PromptSet, RewardModel
from vlmrm.errors import PromptError
from vlmrm.rewards.heads.sentences import embed_apart

SAME = PromptSet("a red thing", "black", negatives=["green", "A RED thing"])
PLAIN = PromptSet("a red thing", "A red thing", negatives="green")


@pytest.mark.parametrize(
    ("head", "prompts", "options"),
    [
        ("softmax", SAME, {}),
        ("contrast", PromptSet("a red thing", negatives="A RED thing"), {}),
        ("auto_clip", SAME, {"templates": ["{}", "a {}"]}),
        ("auto_clip", PLAIN, {"templates": ["{}"]}),
        ("projection", PLAIN, {}),
        ("factored", PromptSet("a {colour} thing"), {"factors": {"colour": ["red", "green", "blue red"]}}),
        ("ensemble", PromptSet("red"), {"parts": [
            {"weight": 0.5, "head": "softmax", "prompts": {"goal": "red", "negatives": "blue"}},
            {"weight": 0.5, "head": "softmax", "prompts": {"goal": "a red thing", "negatives": "A RED thing"}},
        ]}),
    ],
)  # fmt: skip
def test_every_head_that_compares_refuses_one_embedding_in_two_roles(head, prompts, options):
    spec = red_spec(head=head, prompts=prompts, options=options, alpha=0.5 if head == "projection" else 0.0)
    with pytest.raises(PromptError, match=r"same embedding|looks like another one"):
        RewardModel(ColourEncoder(), spec)


def test_milestones_refuse_a_negative_that_is_a_milestone():
    prompts = PromptSet(["red", "green"], negatives="the colour green")
    with pytest.raises(PromptError, match="'green' and 'the colour green' have the same embedding"):
        RewardModel(ColourEncoder(), red_spec(prompts=prompts, over_time={"kind": "milestones"}))


def test_one_sentence_of_several_is_enough():
    prompts = PromptSet(["blue", "a red thing"], negatives=["green", "A RED thing"])
    with pytest.raises(PromptError, match="'a red thing' and 'A RED thing'"):
        RewardModel(ColourEncoder(), red_spec(prompts=prompts, head="softmax"))


def test_a_role_that_a_head_does_not_read_may_repeat_the_goal():
    spec = red_spec(prompts=replace(SAME, goal=("a red thing",)), head="sigmoid", options={"bias": 0.0})
    assert RewardModel(ColourEncoder(), spec).score(torch.zeros(1, 8, 8, 3, dtype=torch.uint8)).tolist() == [0.5]


def test_sentences_of_one_role_may_be_the_same_and_a_role_may_be_empty():
    red, none = embed_apart(ColourEncoder(), ["red", "a red thing"], [])
    assert (len(red), len(none)) == (2, 0)

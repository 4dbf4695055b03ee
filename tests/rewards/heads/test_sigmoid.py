"""The sigmoid of the scaled and shifted cosine."""

import math

import pytest
import torch

from tests.toys import ColourEncoder, unit
from vlmrm import PromptSet, RewardModel, RewardSpec
from vlmrm.errors import SpecError
from vlmrm.rewards.heads.sigmoid import sigmoid


def test_sigmoid_is_its_definition():
    seen, goal = unit(20), unit(1, seed=1)[0]
    slow = [1 / (1 + math.exp(-(10.0 * float(frame @ goal.double()) - 5.0))) for frame in seen.double()]
    assert sigmoid(seen, goal, scale=10.0, bias=-5.0).tolist() == pytest.approx(slow, rel=1e-4)


def test_sigmoid_is_one_half_where_scale_and_bias_cancel_and_rises_with_the_cosine():
    seen, goal = unit(20), unit(1, seed=1)[0]
    cosines = seen @ goal
    rewards = sigmoid(seen, goal, scale=10.0, bias=-10.0 * float(cosines[3]))
    assert float(rewards[3]) == pytest.approx(0.5, abs=1e-6)
    assert rewards.argsort().tolist() == cosines.argsort().tolist()


def test_a_sigmoid_needs_a_model_that_was_trained_with_one():
    with pytest.raises(SpecError, match="no logit bias"):
        RewardModel(ColourEncoder(), RewardSpec(encoder="colour", prompts=PromptSet("red"), head="sigmoid"))


def test_the_models_own_scale_and_bias_count_where_none_are_given():
    class SigmoidEncoder(ColourEncoder):
        logit_scale, logit_bias = 8.0, -3.0

    reward = RewardModel(SigmoidEncoder(), RewardSpec(encoder="colour", prompts=PromptSet("red"), head="sigmoid"))
    red = torch.tensor([255, 0, 0], dtype=torch.uint8).expand(1, 8, 8, 3)
    assert float(reward.score(red)) == pytest.approx(1 / (1 + math.exp(-5)))  # 8 * 1 - 3

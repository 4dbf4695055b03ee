"""The cosine with the goal less that with its opposite."""

import pytest
import torch

from tests.toys import ColourEncoder, unit
from vlmrm import PromptSet, RewardModel, RewardSpec
from vlmrm.errors import PromptError
from vlmrm.rewards.heads.contrast import contrast


def test_contrast_is_a_difference_of_cosines():
    seen, goal, negative = unit(20), unit(1, seed=1)[0], unit(1, seed=2)[0]
    torch.testing.assert_close(contrast(seen, goal, negative), seen @ goal - seen @ negative)


def test_negatives_that_look_like_the_goal_to_the_encoder_are_refused():
    spec = RewardSpec(encoder="colour", prompts=PromptSet("red", negatives="the colour red"), head="contrast")
    with pytest.raises(PromptError, match="same embedding"):
        RewardModel(ColourEncoder(), spec)

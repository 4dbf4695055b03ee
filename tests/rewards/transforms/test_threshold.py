"""Binary rewards, and a threshold for a budget of false positives."""

import json

import pytest
import torch

from tests.toys import ColourEncoder
from vlmrm import PromptSet, RewardModel, RewardSpec
from vlmrm.errors import SpecError
from vlmrm.rewards.features import FrameFeatures
from vlmrm.rewards.score import Score
from vlmrm.rewards.transforms.threshold import Threshold, above, threshold_for


def test_at_the_threshold_itself_nothing_is_paid():
    assert above(torch.tensor([0.49, 0.5, 0.51]), 0.5).tolist() == [0.0, 0.0, 1.0]


def test_a_score_with_a_threshold_says_yes_or_no():
    score = Score(lambda embeddings: embeddings[:, 0], (Threshold(0.5),))
    assert score.of_embeddings(torch.eye(2)).tolist() == [1.0, 0.0]


def test_0_and_1_have_no_deviation_and_where_none_was_known_none_is_refused():
    seen = FrameFeatures(embeddings=torch.eye(2))
    assert Threshold(0.5).std(None, seen) is None
    with pytest.raises(SpecError, match="0 and 1 have no standard deviation; leave out the threshold"):
        Threshold(0.5).std(torch.tensor([0.1, 0.2]), seen)


@pytest.mark.parametrize("share", [0.0, 0.01, 0.1, 0.25, 0.5, 0.99])
@pytest.mark.parametrize("count", [1, 7, 30, 100])
def test_the_budget_is_kept_and_one_score_lower_would_break_it(share, count):
    scores = torch.randn(count, generator=torch.Generator().manual_seed(count))
    threshold = threshold_for(scores, share)
    assert int((scores > threshold).sum()) <= share * count + 1e-6
    lower = scores[scores < threshold]
    if len(lower):
        assert int((scores > lower.max()).sum()) > share * count + 1e-6


def test_scores_that_are_tied_at_the_threshold_are_all_refused():
    assert threshold_for(torch.tensor([0.5, 0.5, 0.5, 0.1]), 0.25) == 0.5


def test_a_share_of_nearly_all_leaves_the_lowest_out():
    assert threshold_for(torch.arange(10.0), 0.99999999999) == 0.0


def test_three_of_thirty_are_a_tenth():
    """0.1 * 30 is a little more than 3 in floating point, 0.3 * 10 a little less."""
    assert threshold_for(torch.arange(30.0), 0.1) == 26.0
    assert threshold_for(torch.arange(10.0), 0.3) == 6.0


@pytest.mark.parametrize(
    ("scores", "share", "message"),
    [
        ([], 0.1, "no such frames were given"),
        ([0.1, float("nan")], 0.1, "a score is NaN"),
        ([0.1], 1.0, "0 to below 1; got 1.0"),
        ([0.1], -0.1, "0 to below 1; got -0.1"),
    ],
)
def test_a_threshold_that_cannot_be_chosen_is_refused(scores, share, message):
    with pytest.raises(SpecError, match=message):
        threshold_for(torch.tensor(scores), share)


def test_a_threshold_over_another_scale_may_have_any_value():
    spec = RewardSpec(encoder="colour", prompts=PromptSet("red"), alpha=0.0, scaling={"divide": 0.01}, threshold=50.0)
    frames = torch.tensor([(255, 0, 0), (0, 0, 0)], dtype=torch.uint8)[:, None, None].expand(-1, 8, 8, 3)
    assert RewardModel(ColourEncoder(), spec).score(frames).tolist() == [1, 0]
    assert json.loads(json.dumps(spec.to_dict()))["threshold"] == 50.0

"""Binary rewards, and a threshold for a budget of false positives."""

import pytest
import torch

from tests.toys import ColourEncoder
from vlmrm import PromptSet, RewardModel, RewardSpec
from vlmrm.errors import SpecError
from vlmrm.rewards.threshold import ThresholdHead, above, threshold_for


def test_at_the_threshold_itself_nothing_is_paid():
    assert above(torch.tensor([0.49, 0.5, 0.51]), 0.5).tolist() == [0.0, 0.0, 1.0]


def test_a_head_with_a_threshold_says_yes_or_no():
    head = ThresholdHead(lambda embeddings: embeddings[:, 0], 0.5)
    assert head(torch.eye(2)).tolist() == [1.0, 0.0]


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


def reds(*shares):
    frames = torch.zeros(len(shares), 8, 8, 3, dtype=torch.uint8)
    frames[..., 0] = torch.tensor(shares, dtype=torch.uint8)[:, None, None]
    return frames


def red(**changes):
    return RewardModel(ColourEncoder(), RewardSpec(encoder="colour", prompts=PromptSet("red"), alpha=0.0, **changes))


def test_a_calibrated_reward_keeps_its_budget_on_the_frames_it_saw_and_its_threshold_in_the_spec():
    negatives = reds(*range(0, 200, 2))
    reward = red().calibrate(negatives, false_positives=0.1)
    assert reward.score(negatives).sum() == 10
    assert reward.score(reds(250, 10)).tolist() == [1.0, 0.0]
    again = RewardModel(ColourEncoder(), RewardSpec.from_dict(reward.spec.to_dict()))
    torch.testing.assert_close(again.score(negatives), reward.score(negatives))


def test_frames_that_show_the_goal_do_not_count_as_false_positives():
    frames, labels = reds(10, 20, 30, 250, 240), [0, 0, 0, 1, 1]
    assert red().calibrate(frames, labels, false_positives=0.0).score(frames).tolist() == [0, 0, 0, 1, 1]
    assert red().calibrate(frames, false_positives=0.0).score(frames).tolist() == [0, 0, 0, 0, 0]


def test_a_reward_may_be_calibrated_again():
    frames = reds(10, 20, 30)
    once = red().calibrate(frames, false_positives=0.0)
    assert once.calibrate(frames, false_positives=0.5).spec == red().calibrate(frames, false_positives=0.5).spec


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        ([1, 1, 1], "no such frames were given"),
        ([0, 1], "one label of 0 or 1 for each of 3 frames"),
        ([0, 0.5, 1], "one label of 0 or 1"),
    ],
)
def test_labels_that_cannot_calibrate_are_refused(labels, message):
    with pytest.raises(SpecError, match=message):
        red().calibrate(reds(10, 20, 30), labels)


def test_milestones_are_not_calibrated_as_one():
    spec = RewardSpec(encoder="colour", prompts=PromptSet(["red", "blue"]), head="milestones")
    with pytest.raises(SpecError, match="by hand"):
        RewardModel(ColourEncoder(), spec).calibrate(reds(10))

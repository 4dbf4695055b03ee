"""`calibrate`: a budget of false positives becomes a threshold in the spec."""

import pytest
import torch

from tests.toys import ColourEncoder, red_reward
from vlmrm import PromptSet, RewardModel, RewardSpec
from vlmrm.errors import SpecError
from vlmrm.fitting import calibrate


def reds(*shares):
    frames = torch.zeros(len(shares), 8, 8, 3, dtype=torch.uint8)
    frames[..., 0] = torch.tensor(shares, dtype=torch.uint8)[:, None, None]
    return frames


def test_a_calibrated_reward_keeps_its_budget_on_the_frames_it_saw_and_its_threshold_in_the_spec():
    negatives = reds(*range(0, 200, 2))
    reward = calibrate(red_reward(), negatives, false_positives=0.1)
    assert reward.score(negatives).sum() == 10
    assert reward.score(reds(250, 10)).tolist() == [1.0, 0.0]
    again = RewardModel(ColourEncoder(), RewardSpec.from_dict(reward.spec.to_dict()))
    torch.testing.assert_close(again.score(negatives), reward.score(negatives))


def test_frames_that_show_the_goal_do_not_count_as_false_positives():
    frames, labels = reds(10, 20, 30, 250, 240), [0, 0, 0, 1, 1]
    assert calibrate(red_reward(), frames, labels, false_positives=0.0).score(frames).tolist() == [0, 0, 0, 1, 1]
    assert calibrate(red_reward(), frames, false_positives=0.0).score(frames).tolist() == [0, 0, 0, 0, 0]


def test_a_reward_may_be_calibrated_again():
    frames = reds(10, 20, 30)
    once = calibrate(red_reward(), frames, false_positives=0.0)
    assert (
        calibrate(once, frames, false_positives=0.5).spec == calibrate(red_reward(), frames, false_positives=0.5).spec
    )


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
        calibrate(red_reward(), reds(10, 20, 30), labels)


def test_milestones_are_not_calibrated_as_one():
    spec = RewardSpec(encoder="colour", prompts=PromptSet(["red", "blue"]), over_time={"kind": "milestones"})
    with pytest.raises(SpecError, match="over_time and threshold do not go together: each milestone has a probability"):
        calibrate(RewardModel(ColourEncoder(), spec), reds(10))


def test_a_reward_that_looks_back_is_calibrated_on_the_scores_of_its_frames():
    frames, over_time = reds(10, 20, 30, 250), {"kind": "difference"}
    binary = calibrate(red_reward(over_time=over_time), frames, [0, 0, 0, 1], false_positives=0.0)
    assert binary.spec.threshold == calibrate(red_reward(), frames, [0, 0, 0, 1], false_positives=0.0).spec.threshold
    assert binary.score_episode(frames).tolist() == [0, 0, 1]  # from 0 to 1 in the last step


def test_the_reward_that_is_given_stays_as_it_is():
    reward, frames = red_reward(), reds(10, 20, 30)
    before = reward.score(frames)
    calibrate(reward, frames, false_positives=0.5)
    assert reward.spec == red_reward().spec
    assert torch.equal(reward.score(frames), before)

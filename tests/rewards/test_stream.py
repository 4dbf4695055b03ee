"""`RewardStream`: episodes side by side, rewarded as they happen."""

import copy

import pytest
import torch

from tests.toys import random_colours, red_reward
from vlmrm.errors import PairingError


def test_a_stream_that_was_never_given_a_first_frame_says_so():
    reward, frames = red_reward(over_time={"kind": "difference"}), random_colours(4)
    stream = reward.stream(2)
    seen = reward.read(frames[:2])
    with pytest.raises(PairingError, match="the first frame of an episode, which was not given"):
        stream.step(seen, torch.tensor([False, False]))
    stream.begin(seen[:1], torch.tensor([True, False]))
    with pytest.raises(PairingError, match="the first frame of an episode"):
        stream.step(seen, torch.tensor([False, False]))
    assert stream.step(seen[:1], torch.tensor([False]), torch.tensor([True, False])).shape == (1,)


@pytest.mark.parametrize("over_time", [None, {"kind": "difference"}])
def test_scores_that_were_read_in_a_large_batch_are_not_made_again_step_by_step(over_time):
    reward, frames = red_reward(over_time=over_time), random_colours(9)
    seen = reward.read(frames)
    (score,) = seen.scores
    poisoned = seen.with_scores(score, torch.arange(9.0))  # what nobody would score
    stream = reward.stream(1)
    stream.begin(poisoned[:1])
    paid = [float(stream.step(poisoned[t : t + 1], torch.tensor([False]))) for t in range(1, 9)]
    assert paid == ([1, 2, 3, 4, 5, 6, 7, 8] if over_time is None else [1] * 8)


def test_a_stream_that_is_copied_goes_on_by_itself():
    reward, frames = red_reward(over_time={"kind": "difference"}), random_colours(5)
    scores = red_reward().score(frames)
    stream = reward.stream(1)
    stream.begin(reward.read(frames[:1]))
    other = copy.copy(stream)
    going_on = torch.tensor([False])
    torch.testing.assert_close(stream.step(reward.read(frames[1:2]), going_on), scores[1:2] - scores[:1])
    torch.testing.assert_close(other.step(reward.read(frames[2:3]), going_on), scores[2:3] - scores[:1])
    torch.testing.assert_close(stream.step(reward.read(frames[3:4]), going_on), scores[3:4] - scores[1:2])


def test_a_goal_is_reached_where_the_last_step_was_paid_more_than_0():
    red, black = (torch.tensor(colour, dtype=torch.uint8).expand(1, 8, 8, 3) for colour in ((255, 0, 0), (0, 0, 0)))
    reward = red_reward(threshold=0.5)
    stream = reward.stream(2)
    assert stream.goal_reached().tolist() == [False, False]
    stream.step(reward.read(torch.cat([red, black])), torch.tensor([False, False]))
    assert stream.goal_reached().tolist() == [True, False]
    stream.step(reward.read(black), torch.tensor([False]), torch.tensor([True, False]))
    assert stream.goal_reached().tolist() == [False, False]

"""`standardize`: a mean of 0 and a deviation of 1 over some frames."""

import pytest
import torch

from tests.toys import ColourEncoder, red_reward
from vlmrm import PromptSet, RewardModel, RewardSpec
from vlmrm.errors import SpecError
from vlmrm.fitting import standardize

COLOURS = {"red": (255, 0, 0), "green": (0, 255, 0), "blue": (0, 0, 255), "black": (0, 0, 0), "pink": (200, 90, 90)}


def shown(*colours):
    return torch.tensor([COLOURS[colour] for colour in colours], dtype=torch.uint8)[:, None, None].expand(-1, 8, 8, 3)


def test_standardized_scores_have_mean_0_and_deviation_1_and_keep_their_order():
    frames = shown("red", "pink", "black", "green", "blue")
    reward = standardize(red_reward(), frames)
    scores = reward.score(frames)
    assert float(scores.mean()) == pytest.approx(0, abs=1e-6)
    assert float(scores.std(correction=0)) == pytest.approx(1, abs=1e-6)
    assert scores.argsort(stable=True).tolist() == red_reward().score(frames).argsort(stable=True).tolist()
    assert standardize(reward, frames).spec == reward.spec


def test_limits_clip_and_survive_standardizing():
    frames = shown("red", "pink", "black")
    reward = standardize(red_reward(scaling={"highest": 0.5, "lowest": -0.5}), frames)
    assert (float(reward.score(frames).max()), float(reward.score(frames).min())) == (0.5, -0.5)


@pytest.mark.parametrize("frames", [shown("red"), shown("red", "red")])
def test_frames_that_show_no_scale_are_refused(frames):
    with pytest.raises(SpecError, match="scale"):
        standardize(red_reward(), frames)


def test_a_threshold_of_another_scale_is_left_out():
    reward = standardize(red_reward(threshold=0.9), shown("red", "black"))
    assert reward.spec.threshold is None
    assert reward.score(shown("red", "black")).tolist() == pytest.approx([1, -1])


def test_a_reward_that_looks_back_is_standardized_by_the_scores_of_its_frames():
    frames = shown("black", "pink", "red")
    reward = standardize(red_reward(over_time={"kind": "difference"}), frames)
    assert reward.spec.scaling == standardize(red_reward(), frames).spec.scaling
    torch.testing.assert_close(reward.score_episode(frames), standardize(red_reward(), frames).score(frames).diff())


def test_milestones_have_no_scale_of_their_own():
    spec = RewardSpec(encoder="colour", prompts=PromptSet(["red", "blue"]), over_time={"kind": "milestones"})
    with pytest.raises(SpecError, match="over_time and scaling do not go together"):
        standardize(RewardModel(ColourEncoder(), spec), shown("red", "pink", "black"))


def test_the_reward_that_is_given_stays_as_it_is():
    reward, frames = red_reward(), shown("red", "pink", "black")
    before = reward.score(frames)
    standardize(reward, frames)
    assert reward.spec == red_reward().spec
    assert torch.equal(reward.score(frames), before)

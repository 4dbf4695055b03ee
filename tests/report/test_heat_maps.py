"""Which patches of a picture raise its score, and which labelled frames are like it."""

import re

import numpy as np
import pytest
import torch
import vlmrm_envs as envs

from tests.report.test_evaluation import reds
from tests.toys import red_function, red_reward
from vlmrm.data import LabelledFrames, TaskStates
from vlmrm.data.scores import Scores
from vlmrm.encoders.towers.gradients import DifferentiableEncoder
from vlmrm.errors import FrameError, SpecError
from vlmrm.metrics import kendall
from vlmrm.report import evaluate
from vlmrm.report.heat_maps import LOWERS, RAISES, gradient_map, nearest, occlusion, overlay
from vlmrm.rewards import FunctionReward, RewardModel
from vlmrm.rewards.features.frame_features import FrameFeatures

SHARES, GOAL = [0.9, 0.8, 0.7, 0.2], [True, True, False, False]


def corner():
    """Pays for red in the top left pixel."""
    return FunctionReward(lambda frames: frames[:, 0, 0, 0].float(), name="corner")


def half_red():
    frame = torch.zeros(8, 8, 3, dtype=torch.uint8)
    frame[:, :4, 0] = 200
    return frame


@pytest.fixture(scope="module")
def pendulum():
    """The reward of pendulum/upright, and frames in the goal and others."""
    task = envs.task("pendulum/upright")
    reward = RewardModel.from_spec(task.reward)
    return reward, LabelledFrames.join(list(TaskStates(task=task, n=20).batches(reward.capture)))


@pytest.mark.parametrize(("fill", "falls"), [(50, 150.0), (None, 186.0), (255, -55.0)])
def test_only_the_patch_that_is_looked_at_counts(fill, falls):
    """The mean of one pixel of 200 among 15 of 0 is 12.5, which is 12 in the grey values of a picture; here 14."""
    frame = torch.zeros(5, 3, 3, dtype=torch.uint8)  # which three patches do not divide
    frame[0, 0, 0] = 200
    frame[4, 2, 0] = 10
    expected = np.zeros((3, 3))
    expected[0, 0] = falls
    np.testing.assert_array_equal(occlusion(corner(), frame, patches=3, fill=fill), expected)


def test_patches_cover_all_of_a_frame_that_they_do_not_divide():
    frame = torch.full((7, 11, 3), 255, dtype=torch.uint8)
    total = FunctionReward(lambda frames: (frames[..., 0] == 255).float().sum(dim=(1, 2)), name="pixels left")
    found = occlusion(total, frame, patches=4, fill=0)
    assert found.sum() == 7 * 11
    assert (found.min(), found.max()) == (1 * 2, 2 * 3)


def test_a_model_is_asked_once_for_all_patches():
    reward = red_reward()
    found = occlusion(reward, half_red(), patches=2)
    assert reward.encoder.batches == [5]
    assert (found[:, 0] > 0).all()
    assert (found[:, 1] < 0).all()  # the mean colour of the frame is redder than black
    np.testing.assert_allclose(occlusion(red_function(), half_red(), patches=2), [[25 / 255, -25 / 255]] * 2, rtol=1e-5)


@pytest.mark.parametrize("over_time", [{"kind": "difference"}, {"kind": "window", "length": 2}])
def test_of_a_reward_that_looks_back_the_single_frame_is_scored(over_time):
    plain, looks_back = occlusion(red_reward(), half_red()), occlusion(red_reward(over_time=over_time), half_red())
    np.testing.assert_array_equal(plain, looks_back)


def test_a_gradient_map_says_how_the_score_begins_to_fall(pendulum):
    """Every patch against a small step of its own towards the mean colour."""
    reward, frames = pendulum
    frame = frames.frames[np.flatnonzero(~frames.in_goal)[0]]
    found = gradient_map(reward, frame, patches=4)
    differentiable = DifferentiableEncoder(reward.encoder, copied=())
    copied = RewardModel(differentiable, reward.spec)
    pixels = reward.encoder.preprocessing.normalise(frame[None])
    steps = torch.zeros(16, *pixels.shape[1:])
    for patch in range(16):
        row, column = (24 * number for number in divmod(patch, 4))
        part = (slice(None), slice(row, row + 24), slice(column, column + 24))
        steps[patch][part] = (pixels - pixels.mean(dim=(2, 3), keepdim=True))[0][part]
    with torch.no_grad():
        moved = [
            copied.score(FrameFeatures(embeddings=differentiable.embed_pixels(pixels + sign * 3e-3 * steps)))
            for sign in (-1, 1)
        ]
    slopes = ((moved[1] - moved[0]) / 6e-3).reshape(4, 4)
    np.testing.assert_allclose(found, slopes, atol=0.05 * np.abs(found).max())


def test_gradient_and_occlusion_agree_on_a_pendulum(pendulum):
    reward, frames = pendulum
    frame = frames.frames[np.flatnonzero(frames.in_goal)[0]]
    covered, slopes = occlusion(reward, frame), gradient_map(reward, frame)
    assert kendall(covered.ravel().tolist(), slopes.ravel().tolist()) > 0.2


def test_a_gradient_map_leaves_the_encoder_as_it_was(pendulum):
    reward, frames = pendulum
    before = reward.encoder.fingerprint, reward.score(frames.frames[:1])
    gradient_map(reward, frames.frames[0])
    assert not any(parameter.grad is not None for parameter in reward.encoder.model.parameters())
    assert (reward.encoder.fingerprint, reward.score(frames.frames[:1])) == before


def test_where_no_gradient_reaches_the_pixels_that_is_said(pendulum):
    reward, frames = pendulum
    with pytest.raises(SpecError, match=r"red is another.*occlusion\(reward, frame\) asks any reward"):
        gradient_map(red_function(), half_red())
    with pytest.raises(SpecError, match="colour is another"):
        gradient_map(red_reward(), half_red())
    cropped = RewardModel(reward.encoder, type(reward.spec).from_dict(reward.spec.to_dict() | {"threshold": 0.5}))
    with pytest.raises(SpecError, match="through threshold in a spec"):
        gradient_map(cropped, frames.frames[0])


def test_a_map_is_of_one_frame_and_of_patches_that_hold_a_pixel():
    with pytest.raises(FrameError, match="of one frame"):
        occlusion(corner(), torch.zeros(2, 8, 8, 3, dtype=torch.uint8))
    with pytest.raises(SpecError, match=r"patches must be 1 to .* 4 pixels; got 5"):
        occlusion(corner(), torch.zeros(8, 4, 3, dtype=torch.uint8), patches=5)
    with pytest.raises(SpecError, match="grey value"):
        occlusion(corner(), half_red(), fill=256)


def test_colours_say_what_raises_a_score_and_what_lowers_it():
    frame = np.full((40, 60, 3), 128, np.uint8)
    drawn = overlay(frame, np.array([[2.0, 0.0], [0.0, -1.0]]))
    assert drawn.shape == frame.shape
    distances = [np.abs(drawn[5, 5].astype(int) - RAISES).sum(), np.abs(drawn[5, 5].astype(int) - LOWERS).sum()]
    assert distances[0] < distances[1]
    assert drawn[35, 55, 2] > drawn[35, 55, 0]  # blue
    np.testing.assert_array_equal(overlay(frame, np.zeros((2, 2))), frame)


def test_the_nearest_labelled_frames_come_with_their_indices():
    reward = red_reward()
    known = reds([0.1, 0.5, 0.9], [False, False, True])
    found = nearest(reward.read(reds([0.85, 0.2], [True, False]).frames), reward.read(known.frames), k=2)
    assert found.tolist() == [[2, 1], [0, 1]]
    assert known.in_goal[found[:, 0]].tolist() == [True, False]
    with pytest.raises(SpecError, match="number of labelled frames, 3; got 4"):
        nearest(reward.read(known.frames), reward.read(known.frames), k=4)
    with pytest.raises(SpecError, match="got 0 and 4 numbers"):
        nearest(red_function().read(known.frames), reward.read(known.frames))


def test_the_page_shows_why_the_frame_that_fools_most_is_paid():
    frames = reds(SHARES, GOAL)
    frames.frames[:, :, :4] = 0
    page = evaluate(red_reward(), frames, controls=False).html()
    assert re.search(r"Why the first of them is paid: each of (8 x 8|4 x 4) patches", page)  # fewer on a busy machine
    assert page.count('alt="Heat map of frame') == 1


def test_a_slow_reward_has_no_map(monkeypatch):
    frames = reds(SHARES, GOAL)
    frames.frames[:, :, :4] = 0
    monkeypatch.setattr("vlmrm.report.page._MAP_S", 0.0)
    assert "Heat map" not in evaluate(red_reward(), frames, controls=False).html()


def test_rewards_that_cannot_be_asked_again_have_no_map():
    frames = reds(SHARES, GOAL)
    scores = Scores(name="theirs", by_key=dict(zip(frames.names, SHARES, strict=True)))

    def whole_pictures_only(pictures):
        if len(pictures.flatten(1).unique(dim=0)) > len(SHARES):
            raise KeyError("no camera took this picture")
        return pictures[:, 0, 0, 0].float()

    for reward in (scores, whole_pictures_only, lambda pictures: pictures[:, 0, 0, 0] * 0.0):
        assert "Heat map" not in evaluate(reward, frames, controls=False).html()

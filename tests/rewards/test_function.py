"""A user's own function of frames as a reward."""

import copy
import functools

import numpy as np
import pytest
import torch

from vlmrm import RewardModel
from vlmrm.errors import FrameError
from vlmrm.rewards import FrameFeatures, FunctionReward
from vlmrm.rewards.protocols import FrameReward


def share_of_red(frames):
    return frames[..., 0].float().mean(dim=(1, 2)) / 255


RED = FunctionReward(share_of_red, name="red")


def reds(*values, size=8):
    frames = torch.zeros(len(values), size, size, 3, dtype=torch.uint8)
    frames[..., 0] = torch.tensor(values, dtype=torch.uint8)[:, None, None]
    return frames


def test_frames_get_the_functions_values():
    assert RED.score(reds(0, 51, 255)).tolist() == pytest.approx([0, 0.2, 1])
    assert RED.score(reds(51)[0]).tolist() == pytest.approx([0.2])
    assert RED.score([frame.numpy() for frame in reds(51, 255)]).tolist() == pytest.approx([0.2, 1])


def test_the_function_sees_uint8_frames_in_a_batch_of_any_size():
    seen = []
    reward = FunctionReward(lambda frames: seen.append(frames) or torch.zeros(len(frames)))
    reward.score(np.zeros((3, 5, 7, 3), np.uint8))
    assert [(tuple(frames.shape), frames.dtype) for frames in seen] == [((3, 5, 7, 3), torch.uint8)]


@pytest.mark.parametrize(
    "values",
    [
        lambda frames: [0.25] * len(frames),
        lambda frames: np.full(len(frames), 0.25),
        lambda frames: torch.full((len(frames), 1), 0.25, dtype=torch.float64),
        lambda frames: torch.full((len(frames),), 0.25, requires_grad=True),
    ],
    ids=["list", "array", "column", "gradient"],
)
def test_numbers_of_any_kind_become_float32_without_a_gradient(values):
    scores = FunctionReward(values).score(reds(1, 2))
    assert (scores.tolist(), scores.dtype, scores.requires_grad) == ([0.25, 0.25], torch.float32, False)


def test_features_that_were_read_are_scored_without_the_function():
    calls = []
    reward = FunctionReward(lambda frames: calls.append(len(frames)) or share_of_red(frames))
    seen = reward.read(reds(0, 51, 255))
    assert reward.score(FrameFeatures.join([seen[2:], seen[:1]])).tolist() == [1, 0]
    assert calls == [3]


def test_steps_are_worth_the_frame_after_them_however_an_episode_ends():
    frames = reds(255, 0, 51, 255)
    for terminated in (False, True):
        assert RED.score_episode(frames, terminated=terminated).tolist() == pytest.approx([0, 0.2, 1])
    assert RED.score_episode(frames[:1]).tolist() == []
    stream = RED.stream(2)
    assert not stream.needs_history
    assert stream.step(RED.read(frames[[1, 3]]), torch.tensor([False, True])).tolist() == [0, 1]


def test_explain_has_one_column():
    columns = RED.explain(reds(0, 51))
    assert list(columns) == ["score"]
    assert columns["score"].tolist() == pytest.approx([0, 0.2])


@pytest.mark.parametrize(
    ("values", "got"),
    [
        (lambda frames: torch.zeros(len(frames) + 1), r"gave numbers of shape \(3,\) for 2 frames"),
        (lambda frames: frames.float(), r"gave numbers of shape \(2, 8, 8, 3\) for 2 frames"),
        (lambda frames: 0.5, r"gave numbers of shape \(\) for 2 frames"),
        (lambda frames: [0.0, float("nan")], "gave NaN or infinity for 1 of 2 frames"),
        (lambda frames: [0.0, float("inf")], "gave NaN or infinity for 1 of 2 frames"),
    ],
)
def test_what_is_not_one_finite_number_for_each_frame_is_refused(values, got):
    with pytest.raises(FrameError, match=f"the reward wrong {got}. It must give one finite number for each"):
        FunctionReward(values, name="wrong").score(reds(1, 2))


@pytest.mark.parametrize("bad", [np.zeros((2, 8, 8)), np.zeros((2, 8, 8, 4), np.uint8), None, []])
def test_what_is_no_frame_is_refused(bad):
    with pytest.raises(FrameError):
        RED.score(bad)


def test_it_has_the_functions_own_name_where_none_is_given():
    assert FunctionReward(share_of_red).name == f"{__name__}.share_of_red"
    assert RED.name == "red"
    assert FunctionReward(functools.partial(share_of_red)).name == "functools.partial"
    assert FunctionReward(torch.nn.Identity()).name == "torch.nn.modules.linear.Identity"


def test_it_is_a_reward_without_spec_or_weights_that_wants_frames_as_they_are():
    assert isinstance(RED, FrameReward)
    assert not isinstance(RED, RewardModel)
    assert (RED.spec, RED.fingerprint, RED.capture) == (None, None, None)


def test_a_stream_that_is_copied_goes_on_by_itself():
    stream = RED.stream(1)
    stream.step(RED.read(reds(255)), torch.tensor([False]))
    other = copy.copy(stream)
    other.step(RED.read(reds(0)), torch.tensor([False]))
    assert (stream.goal_reached().tolist(), other.goal_reached().tolist()) == ([True], [False])

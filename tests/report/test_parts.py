"""What a reward is made of stands on its page, with the share of each part."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from tests.report.test_evaluation import reds
from tests.toys import red_reward
from vlmrm.frames.side_by_side import put_together
from vlmrm.report import evaluate
from vlmrm.report.parts import REST, shares_of_parts

PARTS = [
    {"weight": 0.75, "head": "projection", "alpha": 0.0, "prompts": {"goal": "red"}},
    {"weight": 0.25, "head": "projection", "alpha": 0.0, "prompts": {"goal": "green"}},
]
RED, GREEN = np.tile([0.0, 0.0, 0.6, 0.6], 3), np.tile([0.0, 0.6, 0.0, 0.6], 3)


@pytest.fixture
def frames():
    """Red and green in all four ways, three times; red is the goal."""
    shown = reds(RED.tolist(), (RED > 0).tolist())
    shown.frames[..., 1] = (255 * shown.frames.new_tensor(GREEN > 0) * 0.6).round().byte()[:, None, None]
    return shown


def test_each_part_has_its_share_and_an_auroc_of_its_own(frames):
    """Variances go by the squares of the weights, 9 to 1."""
    report = evaluate(red_reward(head="ensemble", alpha=None, options={"parts": PARTS}), frames, controls=False)
    red, green = report.best.evidence.measures.parts
    assert red.share == pytest.approx(0.9, abs=1e-4)
    assert green.share == pytest.approx(0.1, abs=1e-4)
    assert (red.auroc, green.auroc) == (1.0, 0.5)
    page = report.html()
    assert "What it is made of" in page
    assert "90 %" in page
    (entry,) = report.to_dict()["rewards"]
    assert [part["name"] for part in entry["measures"]["parts"]] == [red.name, green.name]


def test_a_reward_of_one_part_says_nothing_of_parts(frames):
    report = evaluate(red_reward(), frames, controls=False)
    assert report.best.evidence.measures.parts == []
    assert "What it is made of" not in report.html()


def test_what_a_clip_takes_away_is_named():
    clipped = np.minimum(RED + GREEN, 0.6)
    *parts, rest = shares_of_parts(clipped, {"red": RED, "green": GREEN}, RED > 0)
    assert rest.name == REST
    assert rest.share == pytest.approx(1 / 3)  # of 0, 0.6, 0.6, 0.6 either part explains a third
    assert [part.share for part in parts] == pytest.approx([1 / 3, 1 / 3])
    assert rest.auroc is None


def test_nothing_is_said_of_a_constant_or_of_few_frames():
    assert shares_of_parts(np.zeros(12), {"red": RED}, RED > 0) == []
    assert shares_of_parts(RED[2:5], {"red": RED[2:5], "green": GREEN[2:5]}, RED[2:5] > 0) == []


def test_each_camera_of_a_frame_is_a_part_with_controls_beside(frames):
    """The left camera sees the shades of red, the right one nothing but black."""
    beside = put_together([frames.frames, torch.zeros_like(frames.frames)])
    shown = replace(frames, frames=beside)
    report = evaluate(red_reward(cameras={"names": ["left", "right"]}), shown)
    parts = {part.name: part.auroc for part in report.best.evidence.measures.parts}
    assert (parts["camera left"], parts["camera right"]) == (1.0, 0.5)
    assert "camera left" in report.html()


def test_a_picture_from_two_cameras_is_as_near_to_sentences_as_it_is_from_one(frames):
    twice = replace(frames, frames=put_together([frames.frames] * 2))
    alone = evaluate(red_reward(), frames).best.evidence.nearness
    both = evaluate(red_reward(cameras={"names": ["left", "right"]}), twice).best.evidence.nearness
    assert both.goal == pytest.approx(alone.goal)
    assert both.nonsense == pytest.approx(alone.nonsense)
    own = {"names": ["left", "right"], "prompts": {"right": "black"}}
    assert evaluate(red_reward(cameras=own), twice).best.evidence.nearness is None

"""Probes of pictures, on a reward that reads mean colours, and the changes that they make."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from tests.report.audit.audits import audit_cartpole, red_frames
from tests.report.test_evaluation import reds
from tests.toys import red_function, red_reward
from vlmrm.frames.side_by_side import put_together
from vlmrm.report.audit import audit
from vlmrm.report.audit.picture_changes import blank_pictures, brighten, crop, mirror, shift, tint, upside_down, write
from vlmrm.rewards import FunctionReward

CHANGES = ["mirror", "sharpness", "light", "camera_shift", "occlusion", "texture", "blank_frames"]


def ramp():
    """One picture whose columns are 0, 10, 20 … 70 grey."""
    return (torch.arange(8, dtype=torch.uint8) * 10)[None, None, :, None].expand(1, 8, 8, 3).clone()


def test_changes_are_what_they_say():
    columns = ramp()[0, 0, :, 0]
    assert mirror(ramp())[0, 0, :, 0].tolist() == columns.flip(0).tolist()
    assert upside_down(ramp())[0, 0, :, 0].tolist() == columns.flip(0).tolist()
    assert brighten(ramp(), 0.5)[0, 0, :, 0].tolist() == (columns // 2).tolist()
    assert tint(ramp(), (1.0, 0.5, 0.0))[0, 0, 4].tolist() == [40, 20, 0]
    assert shift(ramp(), 0.25)[0, 0, :, 0].tolist() == [0, 0, 0, 10, 20, 30, 40, 50]
    assert shift(ramp(), -0.25)[0, 0, :, 0].tolist() == [20, 30, 40, 50, 60, 70, 70, 70]
    middle = crop(ramp(), 0.5)[0, 0, :, 0]
    assert (middle.min(), middle.max()) == (20, 50)


def test_a_long_sentence_is_broken_into_lines_that_fit():
    """Of 96 pixels a long sentence takes more than one line and leaves the upper half of the picture as it was."""
    frames = torch.full((1, 96, 96, 3), 100, dtype=torch.uint8)
    short, long = (write(frames, said) for said in ("a car", "a car at the peak of the mountain, next to the flag"))
    strips = [int((written[0, :, 50] != 100).any(dim=1).sum()) for written in (short, long)]
    assert strips[0] < strips[1] < 48
    assert bool((long[0, 96 - strips[1] :] < 100).any())  # there are letters


def test_pictures_of_nothing_have_the_size_of_the_frames():
    blank = blank_pictures(ramp(), seed=0)
    assert {picture.shape for picture in blank.values()} == {(1, 8, 8, 3)}
    assert blank["the mean colour of all frames"].unique().tolist() == [35]


def test_a_mean_colour_bears_a_mirror_and_pays_white_like_the_goal():
    found = audit(red_function(), red_frames(), probes=["blank_frames"]).finding("blank_frames")
    assert (found.verdict, found.effect.value) == ("fail", 1.0)  # white is as red as it gets
    assert found.exhibits[0].text == "white"
    mirrored = audit(red_reward(), red_frames(), probes=["mirror"]).finding("mirror")
    assert mirrored.effect.value == 0.0
    assert mirrored.says.startswith("No AUROC is lost, not even by a mirror: 0.000 [0.000, 0.000] (all")


def test_the_pictures_of_several_cameras_are_changed_each_by_itself():
    """A mirror of the whole frame would exchange the cameras, and the right one is paid for black."""
    red, black = red_frames(), torch.zeros_like(red_frames().frames)
    frames = replace(red, frames=put_together([red.frames, black]))
    reward = red_reward(cameras={"names": ["left", "right"], "prompts": {"right": "black"}})
    assert audit(reward, frames, probes=["mirror"]).finding("mirror").effect.value == 0.0


def test_where_no_sentence_says_so_nobody_knows_what_a_mirror_changes():
    found = audit(red_function(), red_frames(), probes=["mirror", "stood_on_head", "written_words"])
    assert {one.finding.verdict for one in found.answered} == {"left out"}
    assert "whether a mirrored goal is still one" in found.finding("mirror").says


def test_a_change_that_makes_others_paid_like_the_goal_fails():
    """A reward that pays most for any pattern is told by none of the frames once all have one."""

    def edges(frames):
        rough = frames.float().diff(dim=2).abs().amax(dim=(1, 2, 3)) > 2
        noise = torch.rand(len(frames), generator=torch.Generator().manual_seed(0))
        return torch.where(rough, noise + 1, frames[:, 0, 0, 0] / 255)

    found = audit(FunctionReward(edges, name="edges"), red_frames(), probes=["texture"]).finding("texture")
    assert found.verdict == "fail"
    assert found.effect.value == pytest.approx(0.5, abs=0.15)  # nothing is told any more
    assert found.says.startswith("Most AUROC is lost by a pattern: ")
    assert "100 % of the other frames paid like the median goal frame" in found.says


def test_a_function_that_refuses_a_picture_is_left_out_and_not_an_error():
    def particular(frames):
        if bool((frames == 0).all()):
            raise ValueError("no black pictures, please")
        return frames[:, 0, 0, 0]

    found = audit(particular, red_frames(), probes=["blank_frames"]).finding("blank_frames")
    assert found.verdict == "left out"
    assert "no black pictures, please" in found.says


def test_frames_from_memory_have_no_bounds_to_hold():
    found = audit(red_reward(), red_frames(), probes=["borders", "nearer_pairs", "alike_pairs", "random_policy"])
    assert {one.finding.verdict for one in found.answered} == {"left out"}
    assert "no task with success bounds" in found.finding("borders").says
    assert "no task to play" in found.finding("random_policy").says


def test_the_shipped_reward_bears_a_mirror_and_stands_by_which_way_is_up():
    found = audit_cartpole("mirror", "stood_on_head", "blank_frames", "written_words", "alike_pairs", "borders")
    assert {one.probe.name: one.finding.verdict for one in found.answered} == {
        "mirror": "pass",
        "stood_on_head": "pass",
        "blank_frames": "pass",
        "written_words": found.finding("written_words").verdict,
        "alike_pairs": "pass",
        "borders": "pass",
    }
    assert found.finding("written_words").verdict in ("pass", "warn")
    assert found.finding("borders").effect.value > 0.95


def test_every_change_leaves_labels_and_frames_as_they_were():
    frames = red_frames()
    before = frames.frames.clone()
    audit(red_reward(), frames, probes=CHANGES)
    assert torch.equal(frames.frames, before)


def test_groups_that_hold_one_label_each_leave_no_interval_and_no_pass():
    frames = reds([0.9, 0.8, 0.2, 0.1], [True, True, False, False], groups=["a", "a", "b", "b"])
    found = audit(red_reward(), frames, probes=["false_alarms"]).finding("false_alarms")
    assert found.verdict == "warn"
    assert np.isnan(found.effect.low)


def two_levels(threshold):
    """A reward that pays 1 above a share of red, and 0 below."""
    return FunctionReward(
        lambda frames: (frames[..., 0].float().mean(dim=(1, 2)) / 255 > threshold).float(), name="two"
    )


def test_a_reward_of_two_levels_is_judged_by_the_threshold_that_it_has():
    """It pays no other frame and 18 of 30 goal frames: all frames pass a threshold that finds 90 % of these."""
    found = audit(two_levels(0.8), red_frames(), probes=["false_alarms", "blank_frames"])
    alarms, blank = found.finding("false_alarms"), found.finding("blank_frames")
    assert (alarms.verdict, alarms.effect.value) == ("pass", 0.0)
    assert "60 % of the goal frames" in alarms.says
    firing = audit(two_levels(0.2), red_frames(), probes=["false_alarms"]).finding("false_alarms")
    assert firing.effect.value == pytest.approx(17 / 30)
    assert firing.verdict == "fail"
    assert blank.exhibits[0].text == "white"  # all of its levels are up, red among them


def test_nothing_is_beaten_by_a_picture_that_is_paid_as_little_as_anything():
    """Black is paid 0, as 12 of 30 goal frames are; a constant reward pays it as much as every goal frame."""
    only_red = FunctionReward(
        lambda frames: ((frames[..., 0] > 204) & (frames[..., 1] < 9)).float().mean(dim=(1, 2)).round(), name="red"
    )
    found = audit(only_red, red_frames(), probes=["blank_frames"]).finding("blank_frames")
    assert (found.verdict, found.effect.value) == ("pass", 0.0)
    constant = audit(lambda frames: torch.ones(len(frames)), red_frames(), probes=["blank_frames"])
    assert (constant.verdict, constant.finding("blank_frames").effect.value) == ("fail", 0.5)


def test_words_that_would_cover_most_of_a_picture_are_not_written():
    found = audit(red_reward(), red_frames(), probes=["written_words"]).finding("written_words")
    assert found.verdict == "left out"
    assert "of pictures of 8x8 pixels" in found.says

"""What a person is asked to label, and what becomes of labels that do not count and of files that are gone."""

import io
import json
from dataclasses import replace

import numpy as np
import pytest
import torch

from tests.improving.labelling import PERSON, is_bright, label_all, rows_to_label
from vlmrm import RewardSpec
from vlmrm.data import Label, LabelTable
from vlmrm.data.labelled import LabelledFrames
from vlmrm.errors import RunError
from vlmrm.improving import improve
from vlmrm.improving.asking import what_is_left_out, what_to_label
from vlmrm.improving.proposing import Proposed
from vlmrm.improving.round_folder import RoundFolder
from vlmrm.training.progress import Progress


def proposed(shade):
    """Four frames of one shade, drawn twice as large as the reward sees them."""
    frames = torch.full((4, 2, 2, 3), shade, dtype=torch.uint8)
    labelled = LabelledFrames(frames=frames, in_goal=np.array([True, True, False, False]), names=list("abcd"))
    pictures = [np.full((4, 4, 3), shade, np.uint8)] * 4
    return Proposed(labelled=labelled, pictures=pictures, scores=np.zeros(4), remarks=["One."])


@pytest.fixture
def files(tmp_path):
    """A round of four frames."""
    files = RoundFolder(tmp_path / "round_1", 1)
    files.write_proposed(proposed(40))
    return files


def rate(files, **said):
    """Write a table with the labels that each rater gives of the frames, in their order."""
    labels = [
        Label(frame=f"{row:03d}.png", in_goal=letter == "1", rater=rater)
        for rater, letters in said.items()
        for row, letter in enumerate(letters)
    ]
    LabelTable(labels=tuple(labels)).write(files.labels)


def test_frames_that_raters_disagree_on_are_said_to_be_so(files, tmp_path):
    asked = what_to_label(files, tmp_path / "a b.json")
    assert asked.startswith(
        "round 1: 4 frames wait for labels. Label them, and start the same again:\n\n  vlmrm label /"
    )
    assert asked.endswith(f"--reward '{tmp_path / 'a b.json'}'")
    rate(files, a="1100", b="0011")
    asked = what_to_label(files, tmp_path / "r.json")
    assert asked.startswith(
        "round 1: raters disagree on 4 of 4 frames. Settle these, each under a rater's own name, and"
    )
    assert asked.endswith("r.json --rater NAME")
    rate(files, a="11", b="00")
    assert "disagree on 2 of 4 frames, and the other 2 wait for labels. Settle" in what_to_label(files, tmp_path)
    rate(files, a="110", b="010")
    said = "2 of 4 frames have a label; the others are left out; raters disagree on 1 of them."
    assert what_is_left_out(files, 2) == said
    rate(files, a="1100")
    assert what_is_left_out(files, 4) == ""


def test_labels_of_other_frames_are_set_aside_and_do_not_count(files):
    for shade, name in ((80, "labels-of-other-frames.csv"), (90, "labels-of-other-frames-2.csv")):
        rate(files, a="1100")
        given = files.labels.read_bytes()
        files.origins.unlink()
        files.write_proposed(proposed(shade))
        assert files.read_labels() == {}
        assert files.labels.with_name(name).read_bytes() == given
        remark = f"Labels that lay there are of other frames. They do not count, and are {files.path / name} now."
        assert files.read_origins()["remarks"] == ["One.", remark]
    files.origins.unlink()
    files.write_proposed(proposed(90), rater="bounds")
    assert files.read_labels() == dict(
        zip([f"{row:03d}.png" for row in range(4)], [True, True, False, False], strict=True)
    )


def test_a_picture_that_is_gone_or_damaged_is_shown_as_the_reward_sees_it(files):
    (files.frames / "001.png").unlink()
    (files.frames / "002.png").write_bytes(b"")
    assert [files.read_picture(f"{row:03d}.png").shape for row in range(4)] == [
        (4, 4, 3),
        (2, 2, 3),
        (2, 2, 3),
        (4, 4, 3),
    ]


def test_a_lost_frames_json_counts_no_label_and_replaces_no_fitted_frame(config, tmp_path):
    better, said = tmp_path / "better", io.StringIO()
    folder = better / "round_1"
    waiting = improve(config, PERSON).waiting
    assert waiting.endswith(f"--labels {folder / 'labels.csv'} --reward {better / 'first_reward.json'}")
    assert RewardSpec.load(better / "first_reward.json").prompts.goal == ("red",)
    label_all(folder, is_bright)
    (folder / "frames.json").unlink()
    found = improve(config, PERSON, progress=Progress(said))
    assert "12 frames wait for labels" in found.waiting
    assert "round 1: Labels that lay there are of other frames." in said.getvalue()
    assert "Labels that lay there" in (better / "improve.html").read_text()
    assert len(rows_to_label(folder)) == len(LabelTable.read(folder / "labels-of-other-frames.csv").labels) == 12
    (folder / "frames.json").rename(better / "kept.json")
    (folder / "reward.json").write_text(json.dumps({}))
    with pytest.raises(RunError, match=r"round 1 was fitted, and .*frames\.json, .* is missing\. Put it back; or move"):
        improve(config, replace(PERSON, rounds=2))

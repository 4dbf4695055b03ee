"""Beside a frame that fools a reward stands the frame of the other label that looks most like it."""

import numpy as np
import pytest
import torch

from tests.report.test_evaluation import reds
from tests.toys import red_function, red_reward
from vlmrm.report import evaluate
from vlmrm.report.look_alikes import LookAlikes

SHARES, GOAL = [0.9, 0.6, 0.7, 0.2], [True, True, False, False]


def test_the_nearest_frame_of_the_other_label_stands_beside_each_frame():
    report = evaluate(red_reward(), reds(SHARES, GOAL), controls=False)
    fooling = report.best.fooling
    assert [(shown.name, shown.look_alike.name) for shown in fooling.paid] == [
        ("frame 2", "frame 1"), ("frame 3", "frame 1"),
    ]  # fmt: skip
    assert [shown.look_alike.name for shown in fooling.missed] == ["frame 2", "frame 2"]
    colours = [np.array([share, (1 - share**2) ** 0.5]) for share in (0.7, 0.6)]  # red and the rest, unit vectors
    assert fooling.paid[0].look_alike.cosine == pytest.approx(colours[0] @ colours[1], abs=2e-3)
    assert fooling.paid[0].look_alike.picture[0, 0, 0] == 153  # 0.6 of 255
    (entry,) = report.to_dict()["rewards"]
    assert entry["fooled_by"]["paid"][0]["look_alike"]["frame"] == "frame 1"
    assert report.html().count('alt="Looks like it: frame') == 4


def test_a_function_has_no_embeddings_to_compare():
    report = evaluate(red_function(), reds(SHARES, GOAL), controls=False)
    assert report.best.fooling.paid[0].look_alike is None
    assert "looks most like it" not in report.html()


def test_of_many_frames_every_second_or_fourth_is_kept(monkeypatch):
    monkeypatch.setattr("vlmrm.report.look_alikes.MOST", 3)
    shares = np.linspace(0, 0.9, 10).tolist()
    known, reward = LookAlikes(), red_reward()
    for first in (0, 5):
        some = reds(shares[first : first + 5], [True] * 5)
        some = type(some)(frames=some.frames, in_goal=some.in_goal, names=[str(first + i) for i in range(5)])
        known.add(some, reward.read(some.frames).embeddings)
    asked = reward.read(reds(shares, [True] * 10).frames).embeddings
    found = {known.of(row, in_goal=True).name for row in asked}
    assert found == {"0", "4", "8"}
    assert known.of(torch.ones(4), in_goal=False) is None

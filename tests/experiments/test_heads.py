"""The comparison of ways to make a reward measures all of them, on embeddings whose answer is known."""

import sys
from pathlib import Path

import numpy as np
import pytest
import torch

sys.path.insert(0, str(Path(__file__).parent.parent.parent / "experiments"))

import heads

from vlmrm import RewardModel
from vlmrm.rewards.transforms.few_shot import FEW_SHOT


def plain_spec(task):
    return heads.head_specs("wide", task)["cosine (projection, alpha 0)"]


def near(texts, count, *, seed=0):
    """Embeddings around each text, in turn: a cosine of about 0.9."""
    rows = heads.Wide().embed_texts(texts).repeat(count, 1)
    return torch.nn.functional.normalize(rows + 0.5 * heads.unit(len(rows), seed=seed), dim=1)


def test_every_way_is_timed_and_all_together_are_their_sum():
    times = heads.time_all_heads(heads.Wide(), rounds=1)
    together = times.pop("all together")
    kinds = {f"over_time, {kind}" for kind in ("difference", "shaping", "window")}
    assert set(heads.head_specs("wide", heads.TASKS[0])) | kinds | {"milestones"} <= set(times)
    assert {f"few_shot, {method}" for method in FEW_SHOT} <= set(times)
    assert all(milliseconds > 0 for milliseconds in times.values())
    assert together == pytest.approx(sum(times.values()))


def test_milestones_pay_the_right_order_most_and_a_mean_pays_every_order_the_same(monkeypatch):
    monkeypatch.setattr(heads, "EPISODES", 3)
    goals = [plain_spec(task).prompts.goal[0] for task in heads.ORDERED]
    found = heads.milestones(heads.Wide(), [near([goal], 8, seed=i) for i, goal in enumerate(goals)])
    assert found["milestones"]["right_order_wins"] == 1.0
    assert found["milestones, held for 2 frames"]["right_order_wins"] == 1.0
    assert found["mean of all frames"]["right_order_wins"] == 0.0


def test_sentences_and_every_method_tell_apart_what_lies_far_apart(monkeypatch):
    monkeypatch.setattr(heads, "SUPPORTS", 2)
    spec = plain_spec(heads.TASKS[0])
    embeddings = near([spec.prompts.goal[0], spec.prompts.negatives[0]], 30)
    in_goal = np.arange(len(embeddings)) % 2 == 0
    model = RewardModel(heads.Wide(), spec)
    assert heads.measured(heads.scores_of(model), embeddings, in_goal)["auroc"] == 1.0
    found = heads.few_shot(model, embeddings, in_goal)
    assert found == {way: [1.0, 1.0] for way in ("sentence", *FEW_SHOT, heads.BY_NAME)}

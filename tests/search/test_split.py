"""Labels in two parts: groups stay whole, labels keep their shares, and too few are refused."""

import numpy as np
import pytest
import torch
import vlmrm_envs as envs

from tests.toys import SIZE_PX, red_reward
from vlmrm.data import GivenFrames, LabelledFrames
from vlmrm.errors import SpecError
from vlmrm.search.split import FEWEST, LabelledParts, split_rows


def reds(shares, in_goal, groups=()):
    frames = torch.zeros(len(shares), SIZE_PX, SIZE_PX, 3, dtype=torch.uint8)
    frames[..., 0] = (255 * torch.tensor(shares)).round().to(torch.uint8)[:, None, None]
    shown = LabelledFrames(
        frames=frames, in_goal=np.array(in_goal), names=[str(i) for i in range(len(shares))], groups=groups
    )
    return GivenFrames(frames=shown)


def test_no_group_is_on_both_sides_and_both_labels_are():
    rng = np.random.default_rng(0)
    groups = [f"episode {i}" for i in np.repeat(np.arange(12), 10)]
    in_goal = rng.random(120) < 0.3
    chosen, whole = split_rows(in_goal, groups, seed=3)
    sides = [{groups[i] for i in np.flatnonzero(rows)} for rows in (chosen, ~chosen)]
    assert whole
    assert not sides[0] & sides[1]
    assert abs(int(chosen.sum()) - 60) <= 10
    assert abs(int((chosen & in_goal).sum()) - int(in_goal.sum()) / 2) <= 5


def test_the_split_is_the_same_each_time_and_another_with_another_seed():
    in_goal, groups = np.arange(80) % 2 == 0, [str(i // 4) for i in range(80)]
    first, again, other = (split_rows(in_goal, groups, seed=seed)[0] for seed in (0, 0, 1))
    assert first.tolist() == again.tolist() != other.tolist()


def test_groups_are_cut_where_one_of_them_holds_the_whole_goal_and_that_is_said():
    in_goal, groups = np.arange(40) < 20, ["the goal"] * 20 + ["elsewhere"] * 20
    chosen, whole = split_rows(in_goal, groups)
    assert not whole
    assert int(chosen.sum()) == 20 == 2 * int((chosen & in_goal).sum())
    shares = np.linspace(0, 1, 40).tolist()
    read = LabelledParts(search=reds(shares, in_goal, groups)).read(red_reward())
    assert "both parts" in read.remarks[0]


def test_frames_without_groups_are_split_and_that_is_said():
    read = LabelledParts(search=reds([0.1] * 30 + [0.9] * 30, np.arange(60) >= 30)).read(red_reward())
    assert "Nothing is known" in read.remarks[0]
    assert read.search.for_intervals is None


@pytest.mark.parametrize(("goals", "where"), [(5, "in the goal"), (57, "outside of the goal")])
def test_too_few_labels_of_a_side_are_refused_with_both_numbers(goals, where):
    held_out = reds([0.1, 0.9], [False, True])
    parts = LabelledParts(search=reds([0.5] * 60, np.arange(60) < goals), held_out=held_out)
    few = min(goals, 60 - goals)
    with pytest.raises(SpecError, match=rf"at least {FEWEST} frames .* has {few} {where} to search on, of 60"):
        parts.read(red_reward())


def test_a_part_to_judge_on_needs_both_labels():
    parts = LabelledParts(search=reds([0.5] * 40, np.arange(40) < 20), held_out=reds([0.5], [True]))
    with pytest.raises(SpecError, match=r"no held-out frame .* is outside of the goal"):
        parts.read(red_reward())


def test_two_draws_of_a_task_are_other_states():
    parts = LabelledParts.of_task(envs.task("pendulum/upright"), 8, held_out=8)
    first, second = (
        [name for batch in source.batches() for name in batch.names] for source in (parts.search, parts.held_out)
    )
    assert len({*first, *second}) == 16


def test_a_split_by_a_seed_below_0_is_refused():
    frames = LabelledFrames(
        frames=torch.zeros(2, SIZE_PX, SIZE_PX, 3, dtype=torch.uint8), in_goal=np.array([True, False]), names=["a", "b"]
    )
    with pytest.raises(SpecError, match="seed must be a whole number of at least 0; got -1"):
        LabelledParts(search=GivenFrames(frames=frames), seed=-1)

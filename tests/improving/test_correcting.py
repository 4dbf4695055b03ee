"""A reward is corrected by labels, on the scale of the first one, and judged with an interval where there is one."""

import json
from dataclasses import replace

import numpy as np
import pytest
import torch

from tests.training.toy_runs import lamp_reward
from vlmrm.atomic import json_text
from vlmrm.improving.correcting import Correction, Labelled, correct, keep_aside
from vlmrm.rewards.transforms.scaling import ScalingOptions


def labelled(count):
    """Frames of a lamp that grows brighter; the second half is labelled as the goal."""
    frames = torch.zeros((count, 8, 8, 3), dtype=torch.uint8)
    frames[..., 0] = torch.linspace(0, 255, count).to(torch.uint8)[:, None, None]
    frames[..., 1] = 60
    in_goal = np.arange(count) >= count // 2
    names = [f"{row:03d}.png" for row in range(count)]
    return Labelled(frames=frames, names=names, in_goal=in_goal, kept_aside=keep_aside(in_goal, 0.4, seed=0))


def corrected(base, count, tmp_path):
    known = labelled(count)
    reward, found = correct(base, base, [known], method="goal_pictures", out=tmp_path / "encoder")
    return known.frames, reward, found


@pytest.mark.parametrize(("count", "shown"), [(4, "(no interval)"), (20, "(no interval)"), (26, "[")])
def test_a_change_has_an_interval_from_five_labels_of_each_kind_on(count, shown, tmp_path):
    """Of 20 labels 4 of each kind are kept aside, and of 26 labels 5."""
    *_, found = corrected(lamp_reward(), count, tmp_path)
    assert found.kept_aside == {4: 2, 20: 8, 26: 10}[count]
    again = Correction.from_dict(json.loads(json_text(found.to_dict())))
    assert shown in str(again.gain)
    assert again.gain.value == pytest.approx(found.after.auroc - found.before.auroc)


def unclipped(reward, frames):
    scaling = replace(reward.spec.scaling, lowest=None, highest=None)
    return reward.with_spec(replace(reward.spec, scaling=scaling)).score(frames)


def test_a_clipped_reward_keeps_its_mean_and_spread_from_before_it_is_clipped(tmp_path):
    plain = lamp_reward()
    base = plain.with_spec(
        replace(plain.spec, scaling=ScalingOptions(subtract=0.5, divide=0.2, lowest=0.0, highest=1.5))
    )
    frames, reward, _ = corrected(base, 26, tmp_path)
    wanted, found = unclipped(base, frames), unclipped(reward, frames)
    assert (wanted < 0).any()
    assert (wanted > 1.5).any()
    assert float(found.mean()) == pytest.approx(float(wanted.mean()), abs=1e-4)
    assert float(found.std()) == pytest.approx(float(wanted.std()), rel=1e-3)
    assert (reward.spec.scaling.lowest, reward.spec.scaling.highest) == (0.0, 1.5)
    assert float(reward.score(frames).max()) <= 1.5


def test_a_reward_of_0_and_1_keeps_their_mean_and_spread_and_no_bounds_of_before(tmp_path):
    plain = lamp_reward()
    spec = replace(plain.spec, scaling=ScalingOptions(divide=0.1, lowest=5.0), threshold=8.0)
    base = plain.with_spec(spec)
    frames, reward, _ = corrected(base, 26, tmp_path)
    wanted, found = base.score(frames), reward.score(frames)
    assert set(wanted.tolist()) == {0.0, 1.0}
    assert float(found.mean()) == pytest.approx(float(wanted.mean()), abs=1e-4)
    assert float(found.std()) == pytest.approx(float(wanted.std()), rel=1e-3)

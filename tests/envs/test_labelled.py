from dataclasses import replace

import numpy as np
import pytest
import vlmrm_envs as envs
from vlmrm_envs import labelled_frames

from vlmrm.errors import SpecError
from vlmrm.rendering import Camera
from vlmrm.wrappers import RenderMujoco

CAMERAS = [
    Camera(lookat_m=(0, 0, 0.8), distance_m=3.5, azimuth_deg=azimuth, elevation_deg=-10) for azimuth in (180, 90)
]


def test_goals_look_alikes_and_others_are_all_there():
    drawn = labelled_frames("humanoid/kneeling", 200, seed=0, size_px=16)
    assert 0.3 < drawn.in_goal.mean() < 0.5
    assert 0.25 < np.mean([kind == "look-alike" for kind in drawn.kinds]) < 0.45
    assert {kind for kind, inside in zip(drawn.kinds, drawn.in_goal, strict=True) if inside} == {"goal"}
    assert {"kneeling", "squatting", "heap"} <= set(drawn.names)
    assert drawn.groups == drawn.names


def test_the_oracle_labels_and_not_the_name_of_the_pose():
    """A pose is drawn from ranges, and near their ends it may be no goal."""
    strict = envs.tasks()["humanoid/kneeling"]
    never = replace(strict, success=replace(strict.success, where={"head_height_m": (5, 6)}))
    assert not labelled_frames(never, 30, seed=0, size_px=16).in_goal.any()


def test_the_same_seed_gives_the_same_frames_and_another_one_others():
    first, again, other = (labelled_frames("humanoid/splits", 12, seed=seed, size_px=16) for seed in (1, 1, 2))
    assert (first.frames == again.frames).all()
    assert first.names == again.names
    assert first.names != other.names


def test_frames_are_taken_from_every_camera():
    drawn = labelled_frames("humanoid/one_leg", 40, seed=0, size_px=16, cameras=CAMERAS)
    assert set(drawn.groups) == {"camera 0", "camera 1"}
    one = labelled_frames("humanoid/one_leg", 40, seed=0, size_px=16, cameras=CAMERAS[:1])
    assert not set(one.groups) & set(drawn.groups)


def test_one_camera_needs_no_list():
    one, listed = (
        labelled_frames("humanoid/one_leg", 4, seed=0, size_px=16, cameras=cameras)
        for cameras in (CAMERAS[1], CAMERAS[1:])
    )
    assert (one.frames == listed.frames).all()


def test_no_environment_stays_open_after_an_error(monkeypatch):
    opened, closed = [], []
    monkeypatch.setattr(RenderMujoco, "reset", lambda self, **_: opened.append(self) or (None, {}))
    monkeypatch.setattr(RenderMujoco, "close", lambda self: closed.append(self))
    wrong = Camera(track="tors", distance_m=2.0)
    with pytest.raises(SpecError, match="no body 'tors'"):
        labelled_frames("humanoid/one_leg", 4, seed=0, size_px=16, cameras=[CAMERAS[0], wrong])
    assert opened == closed != []


def test_a_task_with_a_state_variable_is_spread_over_it():
    drawn = labelled_frames("pendulum/upright", 73, seed=0, size_px=32)
    angles = np.array([float(pose.split()[1]) for pose in drawn.names])
    cells = np.floor((np.sort(angles) + 180) / 360 * 73)
    np.testing.assert_array_equal(cells.clip(0, 72), np.arange(73))
    told = np.abs(np.abs(angles) - 12) > 0.1  # a name has four digits
    np.testing.assert_array_equal(drawn.in_goal[told], np.abs(angles[told]) <= 12)
    assert told.sum() > 70


def test_what_cannot_be_labelled_says_so():
    task = envs.tasks()["pendulum/upright"]
    with pytest.raises(SpecError, match="no success bounds"):
        labelled_frames(replace(task, success=None), 5, seed=0)
    with pytest.raises(SpecError, match="neither poses nor a state variable"):
        labelled_frames(replace(task, sweep=None), 5, seed=0)


def test_another_seed_has_other_states_so_that_two_are_a_held_out_split():
    """The seed once changed nothing but the order."""
    first, second = (envs.labelled_frames("hopper/stand", 12, seed=seed, size_px=32) for seed in (0, 1))
    assert not set(first.names) & set(second.names)
    pictures = [{frame.numpy().tobytes() for frame in drawn.frames} for drawn in (first, second)]
    assert not pictures[0] & pictures[1]

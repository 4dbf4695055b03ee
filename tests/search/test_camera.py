"""Searches for a view."""

import json
from dataclasses import replace

import pytest
import vlmrm_envs as envs
from PIL import Image

from vlmrm import RewardModel
from vlmrm.data import TaskStates
from vlmrm.errors import SpecError
from vlmrm.rendering import Camera
from vlmrm.search import CameraSearch, search_camera
from vlmrm.search.camera_map import camera_toml, draw_camera_map
from vlmrm.search.separation import separation_of
from vlmrm.search.split import read_source
from vlmrm.search.views import grid_around, steps_from
from vlmrm.tasks import Task

_REACHER = envs.task("reacher/top")
TASK = replace(_REACHER, reward=replace(_REACHER.reward, encoder="sim-xs"))
ASIDE = Camera(lookat_m=(0.25, 0, 0), distance_m=0.55, azimuth_deg=90, elevation_deg=-90)
"""Half of the arm's reach is outside of its picture."""


@pytest.fixture(scope="module")
def found():
    options = CameraSearch(
        azimuths_deg=(0.0, 180.0), elevations_deg=(0.0,), aim=0.5, views=4, generation=4, held_out=40, frames=72
    )
    told = []
    result = search_camera(TASK, around=ASIDE, options=options, progress=lambda *numbers: told.append(numbers))
    return result, told


def test_every_view_is_tried_on_the_same_states_and_the_first_is_the_shipped_one(found):
    result, told = found
    assert len(result.ranked) == 4
    assert [done for done, _, _ in told] == [1, 2, 3, 4]
    assert result.shipped.camera == ASIDE
    assert sum(result.searched) == 72
    assert result.best.search == max(one.search for one in result.ranked)
    assert result.best.held_out is not None


def test_the_camera_is_written_as_json_and_as_toml(found, tmp_path):
    result, _ = found
    result.save(tmp_path / "camera.json", take_best=True)
    written = json.loads((tmp_path / "camera.json").read_text())
    assert Camera.from_dict(written["camera"]) == result.best.camera
    assert camera_toml(ASIDE).startswith("[camera]\nlookat_m = [0.25, 0.0, 0.0]\ndistance_m = 0.55")
    with Image.open(draw_camera_map(result, tmp_path / "map.png")) as picture:
        assert picture.size[0] > 500


def test_finalists_are_compared_on_other_states():
    options = CameraSearch(
        azimuths_deg=(0.0, 180.0), elevations_deg=(0.0,), views=2, finalists=2, final_frames=60, held_out=40, seed=2
    )
    result = search_camera(TASK, options=options)
    assert any("were compared on 60 others" in remark for remark in result.remarks)


def test_the_best_views_are_tried_in_pairs_as_a_task_of_two_cameras_scores_them(tmp_path):
    options = CameraSearch(
        azimuths_deg=(0.0, 90.0), elevations_deg=(0.0,), views=3, generation=1, pairs=1, held_out=40, frames=60
    )
    result = search_camera(TASK, options=options)
    pairs = [one for one in result.ranked if one.cameras]
    alone = {one.name: one for one in result.ranked if one.camera is not None}
    assert (len(alone), len(pairs)) == (3, 4)  # the best with two others, by mean and lowest
    best = max(alone.values(), key=lambda one: one.search).camera
    assert all(pair.cameras["first"] == best != pair.cameras["second"] for pair in pairs)
    lowest = next(pair for pair in pairs if pair.spec.cameras.join == "lowest")
    task = replace(TASK, camera=None, cameras=lowest.cameras, reward=lowest.spec)
    drawn = read_source(TaskStates(task=task, n=60, seed=0), reward := RewardModel.from_spec(task.reward))
    by_task = separation_of(reward.score(drawn.features).double().numpy(), drawn.in_goal)
    assert by_task.auroc == pytest.approx(lowest.search.auroc, abs=1e-6)
    taken = replace(result, ranked=[lowest, *result.ranked])
    taken.save(tmp_path / "cameras.json", take_best=True)
    written = json.loads((tmp_path / "cameras.json").read_text())
    assert Task.from_dict(TASK.to_dict() | {"camera": None} | written).drawn_cameras == lowest.cameras
    assert camera_toml(best, "cameras.first").startswith("[cameras.first]\n")
    draw_camera_map(taken, tmp_path / "map.png")


def test_a_grid_has_each_view_once_and_begins_with_the_task_s_own():
    options = CameraSearch(azimuths_deg=(0, 90, -270), elevations_deg=(0, -20))
    grid = grid_around(TASK.camera, options)
    assert grid[0] == TASK.camera
    assert sorted((camera.azimuth_deg, camera.elevation_deg) for camera in grid) == [(-180, -90), (90, -90)]


def test_steps_become_smaller_and_stay_within_their_limits():
    start = Camera(lookat_m=(0, 0, 1), distance_m=2.0, azimuth_deg=170)
    options = CameraSearch(distances=(0.9, 1.1), aim=0.1)
    early, late = ([*steps_from([start], start, options, generation=g, count=40)] for g in (0, 6))
    assert all(1.8 <= camera.distance_m <= 2.2 for camera in early)
    assert all(abs(camera.lookat_m[2] - 1) <= 0.2 for camera in early)
    assert max(abs(camera.elevation_deg) for camera in late) < max(abs(camera.elevation_deg) for camera in early) / 5


@pytest.mark.parametrize(
    ("task", "said"),
    [
        (envs.task("cartpole/upright"), "no camera of MuJoCo"),
        (replace(TASK, camera=Camera(name="track")), "stands where the XML says"),
        (replace(TASK, states=None), "names nothing that draws labelled states"),
    ],
)
def test_what_has_no_views_is_refused(task, said):
    with pytest.raises(SpecError, match=said):
        search_camera(task, options=CameraSearch(frames=4, views=1))


def test_too_few_labels_are_refused_before_many_views_are_drawn():
    told = []
    with pytest.raises(SpecError, match="at least 10 frames in the goal"):
        search_camera(TASK, options=CameraSearch(frames=12), progress=lambda *numbers: told.append(numbers))
    assert told == []


def test_options_that_are_impossible_are_refused():
    with pytest.raises(SpecError, match="the nearest first"):
        CameraSearch(distances=(1.2, 0.8))


def test_a_task_of_several_cameras_says_so():
    task = replace(TASK, camera=None, cameras={"front": Camera(name="track"), "side": TASK.camera})
    with pytest.raises(SpecError, match="has the cameras front, side, and one is moved at a time"):
        search_camera(task)

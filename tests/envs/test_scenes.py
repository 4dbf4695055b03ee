import subprocess
import sys

import gymnasium as gym
import numpy as np
import pytest
import vlmrm_envs as envs
from vlmrm_envs.looks import COLOURS, random_backdrop, random_colours, recolour
from vlmrm_envs.scenes import SCENES, find_scene
from vlmrm_envs.scenes.scene import random_pictures

from vlmrm.errors import SpecError
from vlmrm.frames.preprocessing import Preprocessing

SMALL = Preprocessing(size_px=96, mean=(0.5, 0.5, 0.5), std=(0.5, 0.5, 0.5), resize_mode="longest", fill_color=255)


@pytest.mark.parametrize(("scene", "environment"), SCENES.items())
def test_a_row_leads_to_the_record_of_its_name_and_gymnasium_s_id_to_its_environment(scene, environment):
    record = find_scene(scene)
    assert record.name == scene
    assert gym.make(f"vlmrm_envs:vlmrm/{environment}-v0").unwrapped.__class__ is record.environment


def test_an_unknown_scene_names_the_nearest():
    with pytest.raises(SpecError, match=r"no scene 'hoper'\. Near: hopper, reacher\. Known: cartpole, "):
        find_scene("hoper")


def test_no_two_scenes_share_their_random_numbers():
    assert len({find_scene(scene).seed for scene in SCENES}) == len(SCENES)


@pytest.mark.parametrize(
    "task", [task for task in envs.tasks().values() if task.camera is not None], ids=lambda task: task.name
)
def test_a_model_is_taught_pictures_from_the_camera_of_the_tasks(task):
    assert find_scene(task.name.split("/")[0]).pictures.camera == task.camera


def test_making_an_environment_loads_no_torch():
    """A worker process of a vector environment would pay with time and memory for what it does not use."""
    code = "import gymnasium, sys; gymnasium.make('vlmrm_envs:vlmrm/Hopper-v0'); print('torch' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split()[-1] == "False"


@pytest.mark.parametrize("scene", SCENES)
def test_the_same_seed_draws_the_same_pictures(scene):
    (first, states), (again, _), (other, _) = (
        random_pictures(find_scene(scene), 4, seed=seed, preprocessing=SMALL) for seed in (3, 3, 4)
    )
    assert first.shape == (4, 96, 96, 3)
    assert states.scene.name == scene
    np.testing.assert_array_equal(first, again)
    assert (first != other).any()


def test_the_state_recorded_is_the_state_shown():
    """A rod that points right has its pixels right of the pivot, also in other colours."""
    frames, states = random_pictures(find_scene("pendulum"), 60, seed=0, preprocessing=SMALL, own_look=1.0)
    for frame, angle in zip(frames.astype(int), states["angle"], strict=True):
        red = (frame[..., 0] - frame[..., 1]) > 60
        rows, columns = np.nonzero(red)
        shown = np.arctan2(columns.mean() - 47.5, 47.5 - rows.mean())
        assert np.cos(shown - angle) > np.cos(np.radians(8))


def test_both_links_of_the_arm_are_recorded_as_shown():
    frames, states = random_pictures(find_scene("acrobot"), 40, seed=1, preprocessing=SMALL, own_look=1.0)
    for frame, first, second in zip(frames.astype(int), states["angle"], states["second"], strict=True):
        teal = (frame[..., 2] - frame[..., 0]) > 60
        rows, columns = np.nonzero(teal)
        scale = 96 / 4.4
        middle_x = 47.5 + scale * (0.75 * np.sin(first) + 0.25 * np.sin(second))  # mean of two links of length 1
        middle_y = 47.5 - scale * (0.75 * np.cos(first) + 0.25 * np.cos(second))
        assert abs(columns.mean() - middle_x) < 6
        assert abs(rows.mean() - middle_y) < 6


def test_colours_stand_out_from_the_background():
    for seed in range(50):
        colours, names = random_colours(np.random.default_rng(seed), 4)
        assert all(0 <= name < len(COLOURS) for name in names)
        distances = np.linalg.norm(np.array(colours[1:], float) - colours[0], axis=1)
        assert distances.min() > 80


def test_recolouring_keeps_the_shape():
    picture = np.full((20, 30, 3), 255, np.uint8)
    picture[5:10, 5:10] = (202, 152, 101)
    backdrop = random_backdrop(np.random.default_rng(0), (0, 0, 200), (20, 30))
    painted = recolour(picture, [(255, 255, 255), (202, 152, 101)], [(0, 0, 200), (250, 0, 0)], backdrop)
    assert (painted[5:10, 5:10] == (250, 0, 0)).all()
    np.testing.assert_array_equal(painted[12:], backdrop[12:])

"""What sentences say of the small MuJoCo scenes agrees with their bodies, and with what is in the picture."""

import gymnasium as gym
import numpy as np
import pytest
import vlmrm_envs as envs
from vlmrm_envs.looks import _CENTRES, COLOURS
from vlmrm_envs.mujoco_bodies import SINK_M, lowest_point_m
from vlmrm_envs.scenes import find_scene
from vlmrm_envs.scenes.scene import random_pictures

from vlmrm.frames.preprocessing import Preprocessing

HALF_TRUE = np.log(0.5)
AS_IT_IS = Preprocessing(size_px=64, mean=(0.5,) * 3, std=(0.5,) * 3)


def truth(scene, phrase, **state):
    (concept,) = [concept for concept in find_scene(scene).concepts if phrase in concept.phrases]
    return float(concept.log_truth({name: np.array([value], np.float32) for name, value in state.items()})[0])


@pytest.mark.parametrize(
    ("scene", "tilt_rad", "grounded", "anyhow"),
    [
        ("hopper", 0.0, "stands upright", "is in the air"),
        ("half_cheetah", 0.0, "stands on its legs", "is the right way up"),
        ("half_cheetah", np.pi, "lies on its back", "is upside down"),
    ],
)
def test_who_stands_or_lies_touches_the_floor(scene, tilt_rad, grounded, anyhow):
    task = next(task for name, task in envs.tasks().items() if name.startswith(scene))
    env = gym.make(task.env_id, disable_env_checker=True).unwrapped
    position = env.init_qpos.copy()
    position[2] = tilt_rad

    def said(phrase, lift_m):
        env.set_on_floor(position, lift_m=lift_m)
        return truth(scene, phrase, lowest_m=lowest_point_m(env.model, env.data), **env.state_variables())

    assert said(grounded, -SINK_M) > HALF_TRUE > said(grounded, 0.3)
    assert said(anyhow, 0.3) > HALF_TRUE
    env.close()


def test_who_misses_the_ball_by_little_does_not_reach_it():
    assert truth("reacher", "does not reach the target", tip_to_ball_m=0.08) > HALF_TRUE
    assert truth("reacher", "is far from the ball", tip_to_ball_m=0.08) < HALF_TRUE
    assert truth("reacher", "does not reach the target", tip_to_ball_m=0.005) < HALF_TRUE


def test_nothing_is_said_of_the_pole_on_its_rail_that_its_hinge_forbids():
    env = gym.make("vlmrm_envs:vlmrm/InvertedPendulum-v0", disable_env_checker=True).unwrapped
    low, high = env.model.joint("hinge").range
    angles = np.linspace(low, high, 181)
    for concept in find_scene("inverted_pendulum").concepts:
        assert concept.log_truth({"angle": angles}).max() > HALF_TRUE, concept.phrases
    env.close()


@pytest.mark.parametrize("scene", ["reacher", "ant"])
def test_what_is_seen_from_above_has_its_floor_behind_it(scene):
    """Its sky is not in the picture; a sentence that names the sky's colour would teach nothing but error."""
    frames, states = random_pictures(find_scene(scene), 240, seed=0, preprocessing=AS_IT_IS)
    seen = 0
    for picture, ground in zip(frames.reshape(len(frames), -1, 3), states["ground"], strict=True):
        colour = np.array(_CENTRES[COLOURS[int(ground)]], float)
        likeness = picture @ colour / np.maximum(np.linalg.norm(picture, axis=1) * np.linalg.norm(colour), 1e-9)
        seen += (likeness > 0.98).mean() > 0.1  # light changes its brightness, not its direction
    assert seen >= 0.8 * len(frames)

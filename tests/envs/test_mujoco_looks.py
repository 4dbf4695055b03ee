import gymnasium as gym
import numpy as np
import pytest
from gymnasium.envs.mujoco.mujoco_env import expand_model_path
from vlmrm_envs.mujoco_looks import Look, find_look, load_model

from vlmrm.errors import SpecError
from vlmrm.rendering import Camera
from vlmrm.wrappers import RenderMujoco

SIDE = Camera(lookat_m=(0, 0, 1), distance_m=3.5, azimuth_deg=180, elevation_deg=-10)


def picture(**options):
    env = RenderMujoco(gym.make("vlmrm_envs:vlmrm/Humanoid-v0", render_mode="rgb_array", **options), SIDE, size_px=96)
    env.reset(seed=0)
    return env.render().astype(int)


def test_the_plain_look_is_gymnasiums_picture():
    theirs = RenderMujoco(gym.make("Humanoid-v5", render_mode="rgb_array"), SIDE, size_px=96)
    theirs.reset(seed=0)
    np.testing.assert_array_equal(picture(look="plain"), theirs.render())


def test_the_textured_look_has_a_bright_sky_and_a_light_floor():
    plain, textured = picture(look="plain"), picture(look="textured")
    assert textured[:20].mean() > plain[:20].mean() + 60
    assert textured[80:].mean() > plain[80:].mean() + 30
    assert (textured[:20, :, 2] >= textured[:20, :, 0]).mean() > 0.9  # bluish


@pytest.mark.parametrize("name", ["hopper", "half_cheetah", "ant", "humanoid", "inverted_pendulum", "reacher"])
def test_every_model_of_gymnasium_can_be_painted_and_keeps_its_physics(name):
    path = expand_model_path(f"{name}.xml")
    plain, painted = load_model(path, None), load_model(path, Look(body=(1, 0, 0)))
    for what in ("body_mass", "geom_size", "jnt_range", "dof_damping", "actuator_gear", "geom_friction"):
        np.testing.assert_allclose(getattr(painted, what), getattr(plain, what), atol=1e-12)


def test_an_unknown_look_names_the_known_ones():
    with pytest.raises(SpecError, match="Known: plain, textured"):
        find_look("textued")
    with pytest.raises(SpecError, match="textured"):
        gym.make("vlmrm_envs:vlmrm/Humanoid-v0", look="textued")


def test_a_file_that_is_no_model_says_so(tmp_path):
    broken = tmp_path / "broken.xml"
    broken.write_text("<mujoco><worldbody><geom size='1'/></worldbody>")
    with pytest.raises(SpecError, match="not a MuJoCo model"):
        load_model(str(broken), None)
    with pytest.raises(SpecError, match="not a MuJoCo model"):
        load_model(str(tmp_path / "nowhere.xml"), Look())

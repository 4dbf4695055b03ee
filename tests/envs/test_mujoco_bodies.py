"""Bodies that are set on the floor stand on it, whichever way they are turned."""

import gymnasium as gym
import mujoco
import numpy as np
import pytest
from vlmrm_envs.mujoco_bodies import SINK_M, lowest_point_m


def gaps_m(model, data):
    """From the floor to each part of the body, as MuJoCo's own collision code measures it."""
    (floor,) = (i for i in range(model.ngeom) if model.geom(i).name == "floor")
    parts = [i for i in range(model.ngeom) if model.geom_bodyid[i] > 0]
    return {model.geom(i).name: mujoco.mj_geomDistance(model, data, floor, i, 5.0, None) for i in parts}


@pytest.mark.parametrize("tilt_deg", [0, 40, 90, 135, 180])
@pytest.mark.parametrize("scene", ["Hopper", "HalfCheetah"])
def test_a_body_of_capsules_is_set_on_its_lowest_end(scene, tilt_deg):
    inner = gym.make(f"vlmrm_envs:vlmrm/{scene}-v0").unwrapped
    inner.reset(seed=0)
    for lift_m in (-SINK_M, 0.3):
        position = inner.init_qpos.copy()
        position[2] = np.radians(tilt_deg)
        inner.set_on_floor(position, lift_m=lift_m)
        assert min(gaps_m(inner.model, inner.data).values()) == pytest.approx(lift_m, abs=1e-6)


@pytest.mark.parametrize("seed", range(5))
def test_the_lowest_point_is_where_the_floor_is_nearest(seed):
    inner = gym.make("vlmrm_envs:vlmrm/Humanoid-v0").unwrapped
    inner.reset(seed=0)
    rng = np.random.default_rng(seed)
    inner.data.qpos[2], inner.data.qpos[3:] = 2.0, rng.normal(size=inner.model.nq - 3)
    mujoco.mj_forward(inner.model, inner.data)
    gaps = gaps_m(inner.model, inner.data)
    assert lowest_point_m(inner.model, inner.data) == pytest.approx(min(gaps.values()), abs=1e-6)
    for part in ("butt", "left_thigh1", "head"):
        assert lowest_point_m(inner.model, inner.data, part) == pytest.approx(gaps[part], abs=1e-6)

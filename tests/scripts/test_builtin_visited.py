"""What sim-h is trained on: states near those that were met, never those that are held out."""

import sys
from pathlib import Path

import numpy as np
import pytest
from vlmrm_envs.scenes.humanoid import Humanoid

sys.path.insert(0, str(Path(__file__).parent.parent.parent / "scripts"))

import builtin_visited
from visited_file import KEPT, Visited


@pytest.fixture(scope="module")
def inner():
    env = Humanoid()
    yield env
    env.close()


def test_states_that_are_drawn_are_new_and_near_those_that_were_met(inner):
    """Near: the torso within some degrees and the knees within centimetres; else sentences would change their truth."""
    kept = Visited.load(KEPT)
    kneeling, rng = [], np.random.default_rng(0)
    for position in kept.positions[rng.permutation(len(kept.positions))[:60]].astype(float):
        inner.set_state(position, np.zeros(inner.model.nv))
        before = dict(inner.state_variables())
        found = builtin_visited._near(position, inner.model, rng)
        assert np.linalg.norm(found[3:7]) == pytest.approx(1)
        assert not np.allclose(found[7:], position[7:])
        inner.set_state(found, np.zeros(inner.model.nv))
        after = inner.state_variables()
        kneeling.append([abs(after[name] - before[name]) for name in ("torso_tilt_deg", "higher_knee_m")])
    lean_deg, knee_m = np.median(kneeling, axis=0)
    assert 0.5 < lean_deg < 8
    assert 0.005 < knee_m < 0.06


def test_joints_stay_within_their_ranges_or_where_they_were(inner):
    kept, rng = Visited.load(KEPT), np.random.default_rng(1)
    low, high = inner.model.jnt_range[1:].T
    for position in kept.positions[:200:10].astype(float):
        joints = builtin_visited._near(position, inner.model, rng)[7:]
        assert (joints >= np.minimum(low, position[7:]) - 1e-9).all()
        assert (joints <= np.maximum(high, position[7:]) + 1e-9).all()


def test_no_state_of_a_held_out_episode_is_drawn(inner, monkeypatch):
    kept = Visited.load(KEPT)
    held = {position.tobytes() for position in kept.positions[kept.held_out]}
    monkeypatch.setattr(builtin_visited, "_near", lambda position, model, rng: position)
    rng, drawn = np.random.default_rng(0), set()
    scene = builtin_visited.visited_scene(("again", "early"))
    for _ in range(200):
        scene.pictures.randomise(inner, rng)
        drawn.add(inner.data.qpos.astype(np.float32).tobytes())
    sources = {bytes(p.tobytes()): str(s).split()[0] for p, s in zip(kept.positions, kept.sources, strict=True)}
    assert not drawn & held
    assert {sources[one] for one in drawn} == {"again", "early"}

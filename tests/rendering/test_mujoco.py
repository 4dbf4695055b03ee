"""Pictures of MuJoCo environments: right, from the camera that was asked for, and fast."""

import subprocess
import sys
import types

import gymnasium as gym
import numpy as np
import pytest

from vlmrm.errors import FrameError, SpecError
from vlmrm.rendering import Camera, RenderQuality
from vlmrm.rendering.view import CameraView
from vlmrm.wrappers import CaptureFrame, RenderMujoco

mujoco = pytest.importorskip("mujoco")

PAPER = Camera(lookat_m=(0, 0, 1), distance_m=3.5, azimuth_deg=180, elevation_deg=-10)


FREE = {"camera_id": -1}  # else Gymnasium 1.1 to 1.3 take the camera `track` of the model


def make(env_id="Hopper-v5", camera=None, **options):
    env = RenderMujoco(gym.make(env_id, render_mode="rgb_array"), camera, **{"size_px": 64} | options)
    env.reset(seed=0)
    return env


def test_two_environments_in_one_process_draw_what_each_draws_alone():
    """Gymnasium 1.4 draws into the context that was made last: 75 of 255 off, without a word."""
    alone = {}
    for env_id in ("Hopper-v5", "Ant-v5"):
        env = make(env_id)
        alone[env_id] = env.render()
        env.close()
    hopper, ant = make("Hopper-v5"), make("Ant-v5")
    for _ in range(2):
        np.testing.assert_array_equal(hopper.render(), alone["Hopper-v5"])
        np.testing.assert_array_equal(ant.render(), alone["Ant-v5"])


def test_it_also_draws_right_beside_gymnasiums_own_viewer():
    ours, theirs = make("Hopper-v5"), CaptureFrame(gym.make("Ant-v5", render_mode="rgb_array"))
    before = ours.render()
    first = theirs.reset(seed=0)[1]["frame"]
    np.testing.assert_array_equal(ours.render(), before)
    np.testing.assert_array_equal(theirs.reset(seed=0)[1]["frame"], first)


@pytest.mark.parametrize("place", ["physics", "_env"])
def test_an_environment_of_dm_control_says_what_it_is(place):
    """Its own class has physics, and shimmy's has such an environment in _env."""
    env = gym.make("CartPole-v1", render_mode="rgb_array")
    inner = types.SimpleNamespace(physics="an engine")
    setattr(env.unwrapped, place, inner if place == "_env" else inner.physics)
    with pytest.raises(FrameError, match=r"of dm_control, which keeps its model in physics: not supported"):
        RenderMujoco(env)


@pytest.mark.parametrize(
    "camera", [PAPER, Camera(track="torso", distance_m=4.0, azimuth_deg=30), Camera(name="track")], ids=str
)
def test_the_picture_is_taken_from_where_the_camera_says(camera):
    env = make("Humanoid-v5", camera, quality="fast")
    env.render()
    drawn_from = np.mean([eye.pos for eye in env._renderer.scene.camera], axis=0)
    torso = env.unwrapped.data.body("torso").xpos
    by_hand = {  # distances and angles by hand; `track` stands 4 m to the side of the centre of mass
        PAPER: (3.5 * np.cos(np.radians(10)), 0.0, 1 + 3.5 * np.sin(np.radians(10))),
        Camera(name="track"): env.unwrapped.data.camera("track").xpos,
    }
    other = torso - 4.0 * np.array([np.cos(np.radians(30)), 0.5, 0.0])
    np.testing.assert_allclose(drawn_from, by_hand.get(camera, other), atol=1e-3)


def test_a_camera_that_does_not_apply_is_an_error(monkeypatch):
    """Gymnasium 1.0 to 1.3 ignore some environments' camera, and the pictures look fine."""
    env = make("Hopper-v5", Camera(track="torso", distance_m=4.0))
    monkeypatch.setattr(CameraView, "camera", lambda _: "track")
    with pytest.raises(FrameError, match="did not apply"):
        env.render()


@pytest.mark.parametrize(
    "own",
    [
        {},
        {"default_camera_config": {"distance": 2.5, "azimuth": 30.0, "lookat": np.array([0.0, 0.0, 0.5])}, **FREE},
        {"default_camera_config": {"distance": 9.0, "elevation": -80}, **FREE},
        {"camera_name": "track"},
        {"camera_id": 0},
        {"visual_options": {mujoco.mjtVisFlag.mjVIS_TRANSPARENT: True, mujoco.mjtVisFlag.mjVIS_JOINT: True}, **FREE},
        {"visual_options": {5: True}, **FREE},
    ],
    ids=str,
)
def test_without_a_word_the_view_is_the_one_that_the_environment_draws_itself(own):
    theirs = gym.make("Ant-v5", render_mode="rgb_array", width=64, height=64, **own)
    ours = RenderMujoco(gym.make("Ant-v5", render_mode="rgb_array", **own), size_px=64)
    small = ours.at_size(64)
    wanted = pictures_while_it_moves(theirs)
    np.testing.assert_array_equal(pictures_while_it_moves(ours), wanted)
    np.testing.assert_array_equal(small.render(), wanted[-1])  # also where it is drawn for the first time later


def test_what_else_an_environment_shall_show_is_shown_from_any_camera():
    plain = make("Ant-v5", PAPER)
    transparent = gym.make(
        "Ant-v5", render_mode="rgb_array", visual_options={mujoco.mjtVisFlag.mjVIS_TRANSPARENT: True}
    )
    seen = RenderMujoco(transparent, PAPER, size_px=64)
    seen.reset(seed=0)
    assert np.abs(seen.render().astype(int) - plain.render()).max() > 20


@pytest.mark.parametrize("options", [{99: True}, {-1: True}, {"transparent": True}, [3], {3: "yes"}], ids=str)
def test_a_thing_to_show_that_does_not_exist_is_refused(options):
    env = gym.make("Ant-v5", render_mode="rgb_array", visual_options=options)
    with pytest.raises(SpecError, match=r"(?s)cannot take visual_options=.*members of mujoco\.mjtVisFlag"):
        RenderMujoco(env, PAPER)


def test_the_view_of_an_environment_that_has_drawn_already_stays():
    env = gym.make("Ant-v5", render_mode="rgb_array", width=64, height=64)
    *_, wanted = pictures_while_it_moves(env)
    np.testing.assert_array_equal(RenderMujoco(env, size_px=64).render(), wanted)


def pictures_while_it_moves(env):
    env.reset(seed=0)
    first, inner = env.render(), env.unwrapped
    inner.set_state(inner.init_qpos + 0.3, inner.init_qvel)
    return [first, env.render()]


def test_a_view_that_cannot_be_known_has_to_be_chosen():
    env = gym.make("Ant-v5", render_mode="rgb_array")
    env.unwrapped.mujoco_renderer = None
    with pytest.raises(FrameError, match="cannot be known"):
        RenderMujoco(env)
    assert RenderMujoco(env, PAPER).quality == "full"


def test_a_tracking_camera_follows():
    env = make("Hopper-v5", Camera(track="torso", distance_m=3.0))
    env.render()
    before = np.mean([eye.pos for eye in env._renderer.scene.camera], axis=0)
    env.unwrapped.data.qpos[0] += 5.0
    env.unwrapped.set_state(env.unwrapped.data.qpos, env.unwrapped.data.qvel)
    env.render()
    after = np.mean([eye.pos for eye in env._renderer.scene.camera], axis=0)
    np.testing.assert_allclose(after - before, (5, 0, 0), atol=1e-4)


def test_fast_pictures_have_no_shadow_and_full_ones_are_gymnasiums():
    """The same camera, size and quality give the very picture that Gymnasium draws."""
    theirs = gym.make("Humanoid-v5", render_mode="rgb_array", width=64, height=64)
    theirs.reset(seed=0)
    full, fast = (make("Humanoid-v5", quality=quality).render() for quality in RenderQuality)
    np.testing.assert_array_equal(full, theirs.render())
    assert np.abs(full.astype(int) - fast).mean() > 1


def test_the_choice_of_quality_leaves_the_environments_own_pictures_alone():
    env = gym.make("Hopper-v5", render_mode="rgb_array")
    samples = env.unwrapped.model.vis.quality.offsamples
    wrapped = RenderMujoco(env, quality="fast", size_px=32)
    wrapped.reset(seed=0)
    wrapped.render()
    assert env.unwrapped.model.vis.quality.offsamples == samples


def test_any_size_up_to_the_limit_is_drawn():
    assert make(size_px=1).render().shape == (1, 1, 3)
    assert make(size_px=1000, quality="fast").render().shape == (1000, 1000, 3)  # larger than the XML's buffer


def test_the_spec_of_the_environment_can_be_made_again():
    env = make("Hopper-v5", Camera(track="torso", distance_m=3.0, azimuth_deg=45), quality="fast")
    again = gym.make(env.spec)
    again.reset(seed=0)
    np.testing.assert_array_equal(again.render(), env.render())


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"camera": Camera(name="trak")}, SpecError, "no camera 'trak'. Near: track"),
        ({"camera": Camera(track="torsoo", distance_m=1.0)}, SpecError, "no body 'torsoo'. Near: torso"),
        ({"quality": "best"}, SpecError, "Known: full, fast"),
        ({"size_px": 0}, FrameError, "1 to 8192; got 0"),
        ({"size_px": True}, FrameError, "got True"),
        ({"size_px": 100_000}, FrameError, "1 to 8192; got 100000"),
        ({"env_id": "CartPole-v1"}, FrameError, "no MuJoCo environment"),
    ],
)
def test_what_cannot_be_drawn_is_refused_before_the_first_step(options, error, message):
    with pytest.raises(error, match=message):
        make(**options)


@pytest.mark.parametrize(("asked", "most"), [({"max_geom": 12_345}, 12_345), ({}, 10_000)])
def test_a_picture_has_room_for_as_many_shapes_as_the_environment_asks_for(asked, most):
    """MuJoCo leaves out what comes after them; `mujoco.Renderer` has room for 10,000 where nobody asks."""
    env = RenderMujoco(gym.make("Hopper-v5", render_mode="rgb_array", **asked), size_px=32)
    env.reset(seed=0)
    env.render()
    assert env._renderer.scene.maxgeom == most


def test_a_buffer_that_is_too_large_is_told_from_a_machine_that_cannot_draw():
    env = RenderMujoco(gym.make("Hopper-v5", render_mode="rgb_array", width=100_000), size_px=64)
    env.reset(seed=0)
    with pytest.raises(FrameError, match="buffer of 100000 x 480 pixels is too large for OpenGL"):
        env.render()


def test_an_environment_that_does_not_render_is_refused():
    with pytest.raises(FrameError, match="render_mode=None"):
        RenderMujoco(gym.make("Hopper-v5"))


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({}, "one of the three"),
        ({"name": "track", "track": "torso"}, "one of the three"),
        ({"name": "track", "azimuth_deg": 10}, "say nothing else"),
        ({"track": "torso"}, "distance_m above 0"),
        ({"track": "torso", "distance_m": -1}, "distance_m above 0"),
        ({"lookat_m": [0, 1], "distance_m": 1}, "a point x, y, z"),
        ({"track": "torso", "distance_m": True}, "must be numbers"),
        ({"track": "torso", "distance_m": 1, "elevation_deg": 100}, "-90 to 90"),
        ({"tracks": "torso"}, "Near: track"),
    ],
)
def test_an_impossible_camera_says_what_is_wrong(values, message):
    with pytest.raises(SpecError, match=message):
        Camera.from_dict(values)


def test_values_of_the_wrong_kind_are_named():
    """In a process of its own: here jaxtyping would refuse them first."""
    values = {
        "Camera(lookat_m=5, distance_m=1)": "SpecError: lookat_m is a point x, y, z; got 5.",
        "Camera(lookat_m='abc', distance_m=1)": "SpecError: the numbers of a camera must be numbers",
        "Camera(name=3)": "SpecError: name of a camera is a name, in quotes; got 3.",
        "Camera(track=3, distance_m=1)": "SpecError: track of a camera is a name, in quotes; got 3.",
        "Camera(track='torso', distance_m='far')": "SpecError: the numbers of a camera must be numbers",
        "RenderMujoco(env, size_px='64')": "FrameError: size_px must be a whole number in 1 to 8192; got '64'.",
        "RenderMujoco(env, size_px=None)": "FrameError: size_px must be a whole number in 1 to 8192; got None.",
    }
    code = (
        "import gymnasium as gym\nfrom vlmrm.errors import VlmrmError\nfrom vlmrm.rendering import Camera\n"
        "from vlmrm.wrappers import RenderMujoco\nenv = gym.make('Hopper-v5', render_mode='rgb_array')\n"
        f"for made in {list(values)}:\n"
        "    try:\n        eval(made)\n"
        "    except VlmrmError as error:\n        print(f'{type(error).__name__}: {error}')\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    for line, said in zip(done.stdout.splitlines(), values.values(), strict=True):
        assert line.startswith(said)


def test_a_camera_survives_plain_values():
    for camera in (PAPER, Camera(name="track"), Camera(track="torso", distance_m=2)):
        assert Camera.from_dict(camera.to_dict()) == camera


def test_fast_pictures_have_no_mirror_image():
    """Gymnasium's floor reflects; with the shadow gone as well, only the mirror image is left to see."""
    env = gym.make("Hopper-v5", render_mode="rgb_array")
    pictures = {}
    for reflectance in (0.0, 0.9):
        env.unwrapped.model.mat_reflectance[:] = reflectance
        drawn = RenderMujoco(env, quality="fast", size_px=96)
        drawn.reset(seed=0)
        pictures[reflectance] = drawn.render()
        drawn.free()
    np.testing.assert_array_equal(pictures[0.0], pictures[0.9])


def test_the_same_view_at_another_size_is_the_picture_drawn_at_that_size():
    large, small = make("Hopper-v5", PAPER, quality="fast", size_px=200), make("Hopper-v5", PAPER, quality="fast")
    np.testing.assert_array_equal(large.at_size(64).render(), small.render())
    assert large.render().shape == (200, 200, 3)


@pytest.mark.parametrize("values", [{"lookat_m": [0, 0, float("nan")]}, {"track": "torso"}])
def test_numbers_of_a_camera_must_be_numbers(values):
    with pytest.raises(SpecError, match="must be numbers, and finite"):
        Camera.from_dict({"distance_m": 1.0, "azimuth_deg": float("nan")} | values)


@pytest.mark.parametrize("camera", [PAPER, Camera(track="torso", distance_m=4.0, azimuth_deg=30), None], ids=str)
def test_a_point_of_the_world_is_where_it_is_drawn(camera):
    """A bright ball put at the point: its pixels are around the place that is told."""
    env = make("Humanoid-v5", camera, size_px=120, quality="fast")
    model, data = env.unwrapped.model, env.unwrapped.data
    without, seen = env.render().astype(int), 0
    for geom in ("head", "left_hand", "right_hand", "right_foot"):
        ball = model.geom(geom).id
        usual, material = model.geom_rgba[ball].copy(), model.geom_matid[ball]
        model.geom_matid[ball], model.geom_rgba[ball] = -1, (0, 1, 0, 1)
        changed = np.abs(env.render().astype(int) - without).max(axis=2) > 20
        model.geom_rgba[ball], model.geom_matid[ball] = usual, material
        if changed.sum() < 4:
            continue  # behind another part
        seen += 1
        rows, columns = np.nonzero(changed)
        x, y = env.place_in_picture(data.geom_xpos[ball])
        assert abs(columns.mean() + 0.5 - 120 * x) < 1.5, geom
        assert abs(rows.mean() + 0.5 - 120 * y) < 1.5, geom
    assert seen >= 2


def test_a_point_behind_the_camera_has_no_place():
    env = make("Humanoid-v5", PAPER)
    env.render()
    assert np.isnan(env.place_in_picture((9.0, 0.0, 2.6))).all()  # the camera stands at x 3.4 and looks to -x
    x, y = env.place_in_picture((0.0, 0.0, 1.0))
    assert (x, y) == pytest.approx((0.5, 0.5), abs=1e-3)  # where it looks


def test_nothing_has_a_place_before_anything_is_drawn():
    with pytest.raises(FrameError, match="Call render"):
        make().place_in_picture((0, 0, 0))

from dataclasses import replace
from typing import ClassVar

import gymnasium as gym
import numpy as np
import pytest
from gymnasium.error import DependencyNotInstalled

from tests.toys import SIZE_PX, ColourEncoder, CountingEnv, red_spec
from vlmrm.agents.make_vec import make_vec
from vlmrm.errors import FrameError, MissingExtra, SpecError
from vlmrm.rendering import Camera
from vlmrm.tasks import SuccessRule, Task, find_task
from vlmrm.wrappers import RenderMujoco
from vlmrm.wrappers.make_env import MakeEnv, registered_spec, with_time_limit
from vlmrm.wrappers.wrapper_chain import find_wrapper


class Blind(CountingEnv):
    metadata: ClassVar = {"render_modes": ["human"]}


class Wordless(CountingEnv):
    """Takes no render_mode at all."""

    def __init__(self):
        super().__init__()


def needs(package):
    def make(**kwargs):
        raise DependencyNotInstalled(f"{package} is not installed")

    return make


def crash(**kwargs):
    raise ImportError("No module named 'sensors'")


ENVS = {
    "Counting-v0": CountingEnv,
    "Blind-v0": Blind,
    "Wordless-v0": Wordless,
    "Endless-v0": CountingEnv,
    "NeedsBox2d-v0": needs("Box2D"),
    "NeedsMujoco-v0": needs("MuJoCo"),
    "NeedsOther-v0": needs("pygame"),
    "Crash-v0": crash,
}


@pytest.fixture(scope="module", autouse=True)
def toys_are_registered():
    for name, entry_point in ENVS.items():
        gym.register(f"toy/{name}", entry_point=entry_point, max_episode_steps=None if "Endless" in name else 4)
    yield
    for name in ENVS:
        del gym.registry[f"toy/{name}"]


def task(env_id="toy/Counting-v0", **values):
    return Task(name="toy", description="", env_id=env_id, reward=red_spec(), **values)


def test_pictures_cost_something_and_are_drawn_only_when_asked_for():
    blind, drawn = MakeEnv(task=task(), pictures=False)(), MakeEnv(task=task(), pictures=True)()
    assert "frame" not in blind.reset()[1]
    assert drawn.reset()[1]["frame"].shape == (8, 8, 3)
    preprocessed = MakeEnv(
        task=task(env_kwargs={"size": (20, 20)}), pictures=True, preprocessing=ColourEncoder().preprocessing
    )()
    assert preprocessed.reset()[1]["frame"].shape == (8, 8, 3)


def test_success_is_judged_with_and_without_pictures():
    rule = SuccessRule(where={"t": (2, 2)}, within_last=1, at_least=1)
    for pictures in (False, True):
        env = MakeEnv(task=task(success=rule), pictures=pictures)()
        env.reset()
        assert [env.step(0)[-1]["is_success"] for _ in range(3)] == [False, True, False]


def test_the_tasks_episode_length_ends_episodes_by_truncation():
    env = MakeEnv(task=task(episode_steps=2), pictures=False)()
    env.reset()
    assert [env.step(0)[2:4] for _ in range(2)] == [(False, False), (False, True)]


def test_an_environment_without_a_limit_gets_one():
    assert with_time_limit(task("toy/Endless-v0")).episode_steps == 1_000
    assert with_time_limit(task()).episode_steps == 4
    assert with_time_limit(task(episode_steps=7)).episode_steps == 7


def test_unknown_environments_are_named_with_their_neighbours():
    with pytest.raises(SpecError, match=r"no environment 'CartPol-v1'. Near: CartPole-v1"):
        registered_spec("CartPol-v1")
    with pytest.raises(SpecError, match=r"no environment 'CartPole'. Near: CartPole-v1"):
        registered_spec("CartPole")
    with pytest.raises(SpecError, match=r"no module 'nowhere_to_be_found'"):
        registered_spec("nowhere_to_be_found:Thing-v0")
    assert registered_spec("vlmrm_envs:vlmrm/CartPole-v0").id == "vlmrm/CartPole-v0"


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("NeedsBox2d", r'pip install "vlmrm\[box2d\]"'),
        ("NeedsMujoco", r'pip install "vlmrm\[mujoco\]"'),
        ("NeedsOther", "pygame is not installed"),
        ("Crash", "No module named 'sensors'"),
    ],
)
def test_a_missing_package_is_named_with_the_command_that_installs_it(name, message):
    with pytest.raises(MissingExtra, match=message):
        MakeEnv(task=task(f"toy/{name}-v0"), pictures=True)()


def test_an_environment_that_does_not_draw_says_so_and_still_runs_blind():
    with pytest.raises(FrameError, match=r"its render modes are human"):
        MakeEnv(task=task("toy/Blind-v0"), pictures=True)()
    with pytest.raises(FrameError, match=r"takes no render_mode"):
        MakeEnv(task=task("toy/Wordless-v0"), pictures=True)()
    for name in ("Blind", "Wordless"):
        assert MakeEnv(task=task(f"toy/{name}-v0"), pictures=False)().reset()[0].tolist() == [0]


def test_arguments_that_the_environment_does_not_take_are_named():
    with pytest.raises(SpecError, match=r"toy/Counting-v0 cannot be made with \{'colour': 'red'\}"):
        MakeEnv(task=task(env_kwargs={"colour": "red"}), pictures=True)()


@pytest.mark.parametrize("arguments", [{"xml_file": "/nowhere.xml"}, {"xml_file": 5}, {"width": "64"}])
def test_arguments_that_a_mujoco_environment_chokes_on_are_named(arguments):
    pytest.importorskip("mujoco")
    with pytest.raises(SpecError, match=f"Ant-v5 cannot be made with .*{next(iter(arguments))}"):
        MakeEnv(task=task("Ant-v5", env_kwargs=arguments), pictures=False)()


@pytest.mark.parametrize("processes", [False, True])
def test_environments_side_by_side_have_sb3s_statistics(processes):
    cartpole = task("CartPole-v1", episode_steps=3)
    venv = make_vec(MakeEnv(task=cartpole, pictures=True), num_envs=2, processes=processes)
    try:
        venv.seed(0)
        venv.reset()
        for _ in range(3):
            _, _, dones, infos = venv.step(np.array([0, 1]))
        assert dones.all()
        assert infos[0]["episode"]["l"] == 3
        assert infos[1]["frame"].shape == (400, 600, 3)
        assert infos[0]["TimeLimit.truncated"]
    finally:
        venv.close()


def humanoid(**changes):
    return replace(find_task("humanoid/kneeling"), **changes)


def test_a_camera_and_a_quality_make_the_picture_at_the_encoders_size():
    env = MakeEnv(task=humanoid(), pictures=True, preprocessing=ColourEncoder().preprocessing)()
    drawing = find_wrapper(env, RenderMujoco)
    assert drawing.quality == "fast"
    assert env.reset(seed=0)[1]["frame"].shape == (SIZE_PX, SIZE_PX, 3)
    assert drawing.render().shape == (SIZE_PX, SIZE_PX, 3)  # drawn small, not drawn large and shrunk
    env.close()


def test_without_pictures_nothing_is_drawn():
    assert find_wrapper(MakeEnv(task=humanoid(), pictures=False)(), RenderMujoco) is None


def test_the_oracle_of_a_task_is_its_own_reward():
    env = MakeEnv(task=humanoid(), pictures=False)()
    env.reset(seed=0)
    assert env.step(env.action_space.sample())[1] == 0.0  # it stands


@pytest.mark.parametrize(
    ("changes", "error", "message"),
    [
        ({"camera": Camera(track="torsoo", distance_m=2)}, SpecError, "Near: torso"),
        (
            {"env_id": "CartPole-v1", "env_kwargs": {}, "success": None, "own_reward": "environment"},
            FrameError,
            "no Mu",
        ),
    ],
)
def test_a_camera_that_cannot_be_is_refused_before_training(changes, error, message):
    for pictures in (True, False):
        with pytest.raises(error, match=message):
            MakeEnv(task=humanoid(**changes), pictures=pictures)()


@pytest.mark.parametrize("pictures", [True, False])
@pytest.mark.parametrize("quality", ["fast", None])
def test_an_environments_own_camera_has_to_exist(pictures, quality):
    wrong = task("Ant-v5", env_kwargs={"camera_name": "nope"}, render_quality=quality)
    with pytest.raises(SpecError, match=r"no camera 'nope'\. It has: track"):
        MakeEnv(task=wrong, pictures=pictures)()


def test_a_chosen_camera_takes_the_place_of_a_configuration_that_is_ignored():
    own = {"default_camera_config": {"distance": 2.0}, "camera_name": "track"}
    ignored = task("Ant-v5", env_kwargs=own)
    with pytest.raises(FrameError, match="Choose a camera here instead: --camera"):
        MakeEnv(task=ignored, pictures=True)()
    env = MakeEnv(task=replace(ignored, camera=Camera(track="torso", distance_m=2.0)), pictures=True)()
    assert env.reset(seed=0)[1]["frame"].shape == (480, 480, 3)
    env.close()


class Tinted(gym.ObservationWrapper):
    """Adds 10 to every observation, and says so in its name."""

    def observation(self, observation):
        return observation + 10


class Refusing(gym.Wrapper):
    def __init__(self, env):
        raise ValueError("only for snakes")


class Paying(gym.RewardWrapper):
    def reward(self, reward):
        return np.array([reward])


def doubled(env):
    return gym.wrappers.TransformReward(env, lambda reward: 2 * reward)


def counting_task(*names, **words):
    wrappers = tuple(f"{__name__}:{name}" if ":" not in name else name for name in names)
    return Task(name="t", description="", env_id="toy/Counting-v0", reward=red_spec(), wrappers=wrappers, **words)


@pytest.mark.parametrize("pictures", [True, False])
def test_the_wrappers_of_a_task_lie_inside_ours_and_the_first_one_innermost(pictures):
    env = MakeEnv(task=counting_task("doubled", "Tinted", "Paying"), pictures=pictures)()
    env.reset(seed=0)
    obs, reward = env.step(0)[:2]
    assert (obs.tolist(), reward) == ([11.0], -2.0)
    layers = str(env)
    assert layers.index("PlainValues") < layers.index("Paying") < layers.index("Tinted") < layers.index("TransformRew")
    assert layers.startswith("<CaptureFrame" if pictures else "<PlainValues")


@pytest.mark.parametrize(
    ("name", "error", "said"),
    [
        ("Tinted", SpecError, "is named MODULE:NAME"),
        ("gymnasium.wrappers.FlattenObservation", SpecError, r"MODULE:NAME, as gymnasium\.wrappers:FlattenObservation"),
        ("gymnasium.wrappers:FlattenObservations", SpecError, "has no 'FlattenObservations'. Near: FlattenObservation"),
        ("no_such_package:Wrapper", SpecError, "no module 'no_such_package' for the wrapper"),
        (f"{__name__}:ENVS", SpecError, "cannot be put around an environment"),
        (f"{__name__}:Refusing", SpecError, r"cannot be put around <.*>: ValueError: only for snakes"),
        ("builtins:str", SpecError, "a wrapper makes an environment of an environment"),
    ],
)
def test_a_wrapper_that_cannot_be_used_is_refused_by_its_name(name, error, said):
    task = replace(counting_task(), wrappers=(name,))
    with pytest.raises(error, match=said):
        MakeEnv(task=task, pictures=False)()


def test_a_wrapper_whose_package_lacks_another_names_that(tmp_path, monkeypatch):
    (tmp_path / "half_installed.py").write_text("import no_such_sensors")
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(MissingExtra, match=r"half_installed needs 'no_such_sensors'"):
        MakeEnv(task=counting_task("half_installed:Wrapper"), pictures=False)()


def test_wrappers_are_kept_with_a_task_and_left_out_where_there_are_none():
    assert "wrappers" not in counting_task().to_dict()
    values = counting_task("Tinted").to_dict()
    assert Task.from_dict(values) == counting_task("Tinted")
    assert Task.from_dict(values | {"wrappers": f"{__name__}:Tinted"}) == counting_task("Tinted")

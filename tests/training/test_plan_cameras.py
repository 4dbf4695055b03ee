"""What a configuration is taken to mean where a moment is seen by several cameras."""

from importlib.util import find_spec
from pathlib import Path

import pytest

from tests.training.toy_runs import configure
from vlmrm import RewardSpec
from vlmrm.errors import SpecError
from vlmrm.training.plan import make_plan


@pytest.mark.parametrize("names", [None, ["front", "side"], ["side"]])
def test_a_reward_file_that_names_cameras_comes_with_them(names, tmp_path):
    """The task has one camera, and its reward is replaced by one that joins two: neither goes without the other."""
    cameras = {
        name: {"track": "torso", "distance_m": 3, "azimuth_deg": azimuth}
        for name, azimuth in (("front", 180), ("side", 90))
    }
    joined = {"cameras": {"names": names}} if names else {}
    spec = RewardSpec.from_dict({"encoder": "sim-xs", "prompts": {"goal": "a hopper robot standing"}} | joined)
    spec.save(tmp_path / "reward.json")
    options = configure(task="hopper/stand", reward=str(tmp_path / "reward.json"), cameras=cameras)
    made = make_plan(options)
    assert list(made.task.drawn_cameras) == (names or ["front", "side"])
    assert list(made.spec.cameras.names) == (names or ["front", "side"])


def two_cameras(tmp_path):
    """A task's file with two cameras, whose reward says nothing of them."""
    text = (Path(find_spec("vlmrm_envs").origin).parent / "catalogue" / "hopper" / "stand.toml").read_text()
    head, _, rest = text.partition("[camera]")
    _, _, rest = rest.partition("[reward]")
    views = '[cameras.front]\nname = "track"\n[cameras.side]\ntrack = "torso"\ndistance_m = 3\nazimuth_deg = 0\n'
    path = tmp_path / "two.toml"
    path.write_text(f"{head}{views}\n[reward]{rest}")
    return str(path)


def test_cameras_that_are_given_replace_those_that_the_task_filled_in(tmp_path):
    top = {"track": "torso", "distance_m": 3, "azimuth_deg": 0, "elevation_deg": -80}
    task, front = two_cameras(tmp_path), {"name": "track"}
    assert list(make_plan(configure(task=task)).task.drawn_cameras) == ["front", "side"]
    three = make_plan(configure(task=task, cameras={"front": front, "side": top | {"elevation_deg": 0}, "top": top}))
    assert list(three.task.drawn_cameras) == list(three.spec.cameras.names) == ["front", "side", "top"]
    assert list(make_plan(configure(task=task, cameras={"top": top, "front": front})).spec.cameras.names) == [
        "top", "front",
    ]  # fmt: skip
    assert make_plan(configure(task=task, camera=top)).spec.cameras is None


def test_another_goal_is_refused_where_each_camera_has_its_own(tmp_path):
    path = Path(two_cameras(tmp_path))
    own = '[reward.cameras]\nnames = ["front", "side"]\nprompts = { front = "a hopper up", side = "a leg up" }\n'
    path.write_text(f"{path.read_text()}\n{own}")
    with pytest.raises(SpecError, match="the cameras front, side have sentences of their own, so another goal"):
        make_plan(configure(task=str(path), goal=("a hopper on the moon",)))

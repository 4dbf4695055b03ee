"""The file of a task of one's own, in every place where a command takes a task or its reward."""

import json

import pytest

from tests.cli.refusals import refused
from vlmrm.cli import main
from vlmrm.tasks import find_task, is_task

TASK = """
name = "reacher/top"
description = "The arm up, seen from above and aside."
env_id = "vlmrm_envs:vlmrm/Reacher-v0"
env_kwargs = { look = "textured" }
episode_steps = 50
render_quality = "fast"
states = "vlmrm_envs.labelled:labelled_batches"
success = { where = { tip_y_m = [0.12, 1] }, within_last = 20, at_least = 15 }

[cameras]
above = { lookat_m = [0, 0, 0], distance_m = 0.55, azimuth_deg = 90, elevation_deg = -90 }
aside = { lookat_m = [0.25, 0, 0], distance_m = 0.55, azimuth_deg = 90, elevation_deg = -90 }

[reward]
encoder = "sim-xs"
alpha = 0.0
prompts = { goal = "a robot arm reaching towards the top of the table", baseline = "a robot arm and a red ball" }
"""


@pytest.fixture
def task(tmp_path):
    path = tmp_path / "task.toml"
    path.write_text(TASK)
    return str(path)


def test_a_task_is_found_by_its_file(task, tmp_path):
    assert find_task(task).name == "reacher/top"
    reward = tmp_path / "reward.toml"
    reward.write_text('prompts = { goal = "red" }')
    assert [is_task(name) for name in (task, str(reward), str(tmp_path / "no.toml"), "reacher/top", "reacher/x")] == [
        True, False, False, True, False,
    ]  # fmt: skip


def test_a_task_file_is_audited_with_its_own_reward(task, tmp_path):
    out = tmp_path / "page.html"
    assert main(["audit", task, "--frames", "60", "--probes", "tells_goal", "--out", str(out)]) == 0
    numbers = json.loads(out.with_suffix(".json").read_text())
    assert (numbers["task"], numbers["frames"]) == ("reacher/top", 60)
    assert numbers["spec"]["cameras"]["names"] == ["above", "aside"]


def test_the_reward_of_a_task_file_is_searched_and_one_of_its_cameras_moved(task, tmp_path, capsys):
    few = ["--frames", "72", "--held-out", "60"]
    found = tmp_path / "prompts.json"
    assert main(["search", "prompts", task, *few, "--rounds", "0", "--out", str(found)]) == 0
    assert json.loads(found.read_text())["cameras"]["names"] == ["above", "aside"]
    capsys.readouterr()
    few += ["--views", "2", "--out", str(tmp_path / "camera.json")]
    assert "Say from which to begin, with --around NAME" in refused(capsys, "search", "camera", task, *few)
    assert "name a camera 'abov' that there is not" in refused(
        capsys, "search", "camera", task, "--around", "abov", *few
    )
    assert main(["search", "camera", task, "--around", "above", *few]) == 0
    assert "camera" in json.loads((tmp_path / "camera.json").read_text())

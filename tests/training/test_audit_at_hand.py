"""A training is warned by an audit of its reward, weights and task, and by no other."""

import io
import json
from dataclasses import replace

import pytest

from tests.toys import ColourEncoder
from tests.training.toy_runs import configure, lamp_config, lamp_reward
from vlmrm.data import frames_of_task
from vlmrm.errors import SpecError, VlmrmWarning
from vlmrm.prompts import PromptSet
from vlmrm.report.audit import audit
from vlmrm.report.audit.saved_audit import pictures_of
from vlmrm.rewards import RewardModel, RewardSpec
from vlmrm.tasks import Task, find_task
from vlmrm.training import train
from vlmrm.training.plan import make_plan
from vlmrm.training.progress import Progress
from vlmrm.training.run_report import report_run

SHORT = {"steps": 20, "eval_episodes": 0, "eval_drawn": 0, "final_episodes": 0}
PROBES = ["tells_goal", "blank_frames", "random_policy"]


def green_reward():
    """The lamp is never green, so that every frame is paid nothing."""
    return RewardModel(ColourEncoder(), replace(lamp_reward().spec, prompts=PromptSet("green")))


@pytest.fixture
def saved(tmp_path):
    """Audits a reward on the lamp, and writes what came out to a file of this name."""

    def save(reward, name="audit", probes=PROBES):
        lamp_config(tmp_path)  # writes the task
        found = audit(reward, frames_of_task(Task.load(tmp_path / "lamp.toml"), 60), probes=probes)
        return found.save(tmp_path / f"{name}.html").with_suffix(".json")

    return save


def told(tmp_path, reward, **flags):
    """What a training says, without the line that names its folder."""
    out = io.StringIO()
    train(lamp_config(tmp_path, **SHORT, **flags), reward=reward, progress=Progress(out))
    return "\n".join(line for line in out.getvalue().splitlines() if not line.startswith("writing to"))


def test_an_audit_beside_the_folder_of_the_run_that_fails_is_named_and_kept(saved, tmp_path):
    path = saved(green_reward())
    said = told(tmp_path, green_reward(), goal=("green",))
    (line,) = [line for line in said.splitlines() if "of this reward" in line]
    assert line.startswith("warning: in the audit of this reward 2 of 2 probes fail: tells_goal, blank_frames.")
    assert json.loads((tmp_path / "run" / "audit.json").read_text()) == json.loads(path.read_text())


def test_a_training_that_shows_nothing_warns_of_a_failing_audit_at_the_line_that_called_it(saved, tmp_path):
    saved(green_reward())
    with pytest.warns(VlmrmWarning, match="in the audit of this reward 2 of 2 probes fail: tells_goal") as warned:
        train(lamp_config(tmp_path, **SHORT, goal=("green",)), reward=green_reward())
    assert [one.filename for one in warned] == [__file__]


def test_the_page_of_the_run_says_what_had_failed(saved, tmp_path):
    found = json.loads(saved(green_reward()).read_text())
    told(tmp_path, green_reward(), goal=("green",))
    report = report_run(tmp_path / "run", reward=green_reward())
    assert report.to_dict()["failed_probes"]["tells_goal"] == found["probes"][0]["says"]
    assert "2 probes of <code>vlmrm audit</code> failed" in report.html()


def test_an_audit_in_which_nothing_fails_is_kept_and_not_spoken_of(saved, tmp_path):
    path = saved(lamp_reward(), probes=["random_policy"])
    values = json.loads(path.read_text())
    assert values["verdict"] != "fail"
    assert "audit" not in told(tmp_path, lamp_reward())
    assert (tmp_path / "run" / "audit.json").exists()
    assert report_run(tmp_path / "run", reward=lamp_reward()).failed_probes == {}


@pytest.mark.parametrize(
    ("changed", "other"),
    [({"task": "lamp/dark"}, "the task lamp/dark"), ({"fingerprint": "x"}, "other weights"),
     ({"spec_hash": "x"}, "another reward"), ({"task": None}, "frames from files"),
     ({"pictures": "x"}, "other pictures of lamp/bright: another camera, or other arguments of its environment")],
)  # fmt: skip
def test_an_audit_of_something_else_is_passed_over_and_named_where_it_was_asked_for(saved, tmp_path, changed, other):
    path = saved(green_reward())
    path.write_text(json.dumps(json.loads(path.read_text()) | changed))
    assert "audit" not in told(tmp_path, green_reward(), goal=("green",))
    assert not (tmp_path / "run" / "audit.json").exists()
    named = told(tmp_path, green_reward(), goal=("green",), audit=str(path), out=tmp_path / "named")
    assert f"the audit {path} is of {other}, and says nothing of this training." in named


def test_an_audit_that_is_named_may_lie_anywhere(saved, tmp_path):
    path = saved(green_reward(), name="elsewhere")
    assert "tells_goal, blank_frames" in told(tmp_path, green_reward(), goal=("green",), audit=str(path))


def test_a_file_of_another_program_is_passed_over_and_refused_where_it_was_named(tmp_path):
    (tmp_path / "audit.json").write_text('{"vulnerabilities": {}}')
    assert "audit" not in told(tmp_path, lamp_reward())
    with pytest.raises(SpecError, match="is not the JSON file of an audit: KeyError: 'spec_hash'"):
        told(tmp_path, lamp_reward(), audit=str(tmp_path / "audit.json"), out=tmp_path / "named")
    assert not (tmp_path / "named").exists()


def test_a_run_on_the_own_reward_has_nothing_to_audit(tmp_path):
    with pytest.raises(SpecError, match="audit is of a text reward"):
        lamp_config(tmp_path, reward="env", audit="audit.json")


def test_an_audit_of_a_file_is_of_the_same_reward_as_a_training_on_it(tmp_path):
    """The task's quality of pictures completes both; without it no audit of a body of MuJoCo would ever be at hand."""
    spec = RewardSpec(encoder="sim-m", prompts=PromptSet("a cheetah robot lying on its back"), alpha=0.0)
    spec.save(tmp_path / "reward.json")
    task = find_task("half_cheetah/on_its_back")
    found = audit(tmp_path / "reward.json", frames_of_task(task, 30), probes=["tells_goal"])
    plan = make_plan(configure(task=task.name, reward=str(tmp_path / "reward.json")))
    assert plan.spec.render_quality == "fast"
    assert found.spec_hash == plan.spec.hash()
    spoken = audit(replace(spec, render_quality="full"), frames_of_task(task, 30), probes=["tells_goal"])
    assert spoken.spec["render_quality"] == "full"


def test_pictures_are_others_from_another_camera_and_with_other_arguments_of_the_environment():
    task = find_task("inverted_pendulum/upright")
    nearer = replace(task, camera=replace(task.camera, distance_m=1.0))
    both = replace(task, camera=None, cameras={"a": task.camera, "b": nearer.camera})
    turned = both.with_reward(replace(both.reward, cameras={"names": ["b", "a"]}))
    blue = replace(task, env_kwargs={**task.env_kwargs, "colour": "blue"})
    seen = [pictures_of(one) for one in (task, nearer, both, turned, blue)]
    assert len(set(seen)) == 5
    assert pictures_of(replace(task, reward=RewardSpec(encoder="sim-xs", prompts=PromptSet("up")))) == seen[0]

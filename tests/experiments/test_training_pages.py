"""The pages about many training runs say what their runs came to: reached, missed, too slow, not run."""

import json
import re
import shutil
import sys
from dataclasses import replace
from pathlib import Path

import imageio.v2 as imageio
import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).parent.parent.parent / "experiments"))

import chosen_agent
import heads_report
import humanoid_kneel
import mujoco_small
import shipped
import training_run
import training_runs
import vlmrm_envs as envs
from safetensors.torch import load_file, save_file
from training_runs import MARK, MARK_SAYS

from vlmrm.encoders import cards
from vlmrm.training.run.metrics import MetricsFile, MetricsRow

pytestmark = pytest.mark.filterwarnings("ignore:unclosed file:ResourceWarning")  # imageio-ffmpeg's pipes


def finish(run, success, reached_at, steps=30_000):
    """What `vlmrm train` leaves behind of a run that has ended so."""
    run.folder.mkdir(parents=True)
    metrics = MetricsFile(run.folder / "metrics.csv")
    metrics.add(MetricsRow(step=0, time_s=0.0, eval_success=0.0))
    metrics.add(MetricsRow(step=steps, time_s=300.0, eval_success=success))
    if run.filmed:
        with imageio.get_writer(run.folder / "after.mp4", fps=8) as video:
            for level in range(0, 256, 32):
                video.append_data(np.full((64, 64, 3), level, np.uint8))
    ended = {"success": success, "env_return": 100 * success}
    summary = {
        "run": str(run.folder), "steps": steps, "time_s": 300.0, "steps_per_s": 100.0,
        "random": {"success": 0.0, "env_return": 0.0},
        "trained": ended, "steps_to_success": reached_at, "best": ended | {"step": reached_at or steps},
    }  # fmt: skip
    (run.folder / "summary.json").write_text(json.dumps(summary))


@pytest.fixture(autouse=True)
def elsewhere(tmp_path, monkeypatch):
    """Runs and results of these tests, away from the real ones."""
    for script in (mujoco_small, humanoid_kneel):
        monkeypatch.setattr(script, "RUNS", tmp_path / "runs")
        monkeypatch.setattr(script, "RESULTS", tmp_path / "results")
    return tmp_path / "results"


def small_page(results, outcomes):
    for run in mujoco_small.all_runs():
        if (run.task, run.kind, run.seed) in outcomes:
            finish(run, *outcomes[run.task, run.kind, run.seed])
    mujoco_small.main(jobs=0)
    return (results / "mujoco_small.md").read_text()


def test_a_task_counts_as_reached_from_90_of_100_on(elsewhere):
    tasks = mujoco_small.TASKS
    page = small_page(
        elsewhere,
        {(tasks[i], "text", 1): (success, 10_000) for i, success in enumerate((0.9, 0.89, 1.0))}
        | {(task, "env", 1): (1.0, 10_000) for task in tasks},
    )
    assert "- Seed 1: 3 of 5 tasks finished, 2 at 90 of 100 or more (goal: 3)." in page
    assert "- Seed 0: 0 of 5 tasks finished, 0 at 90 of 100 or more (goal: 3)." in page
    assert "8 of 42 runs have finished" in page


def test_a_ratio_of_steps_says_why_there_is_none():
    """An own reward that is at the target before training is not slower than text that has to learn it."""
    ratios = {(1500, 1000): "1.50", (None, 1000): "text never gets there", (1000, None): "own reward never gets there"}
    ratios |= {(None, None): "neither gets there", (0, 0): "both at the start", (1000, 0): "own reward at the start"}
    assert {pair: training_runs.ratio(*pair) for pair in ratios} == ratios


def test_a_run_slower_than_twice_the_oracles_is_named_and_so_is_one_that_never_gets_there(elsewhere):
    slow, twice, never = mujoco_small.TASKS[:3]
    reached = {slow: 10_001, twice: 10_000, never: None}
    page = small_page(
        elsewhere,
        {(task, "text", 0): (1.0, at) for task, at in reached.items()}
        | {(task, "env", 0): (1.0, 5_000) for task in reached},
    )
    assert f"more than 2 times the oracle's steps: {slow} (2.00), {never} (text never gets there)." in page
    assert f"| {never} | 0 | 0 | 100 | **100** | 90 | never of 30,000 | 5,000 | text never gets there |" in page


def test_the_controls_and_the_opposite_goals_stand_beside_what_was_asked_of_them(elsewhere):
    page = small_page(
        elsewhere, {("reacher/top", "opposite", 0): (0.97, 9_000), ("hopper/stand", "random weights", 0): (0.02, None)}
    )
    assert "| reacher/top | its own sentence | 0 | 97 | reach it |" in page
    assert "| hopper/stand | random weights | 0 | 2 | fail |" in page
    assert "| reacher/bottom | its own sentence | not run yet | not run yet | reach it |" in page


def test_a_task_that_the_script_does_not_have_is_refused_before_anything_runs():
    with pytest.raises(SystemExit, match="unknown: hopper/dance"):
        mujoco_small.main(tasks=("hopper/dance",))


def test_numbers_outlive_the_folder_of_their_run(elsewhere, tmp_path):
    """A page is finished run by run, on machines that keep nothing but the repository."""
    first, second = mujoco_small.TASKS[:2]
    small_page(elsewhere, {(first, kind, 0): (1.0, 10_000) for kind in ("text", "env")})
    shutil.rmtree(tmp_path / "runs")
    page = small_page(elsewhere, {(second, kind, 0): (0.5, None) for kind in ("text", "env")})
    assert "4 of 42 runs have finished" in page
    assert "- Seed 0: 2 of 5 tasks finished, 1 at 90 of 100 or more" in page
    assert MARK not in page
    runs = {(run.task, run.kind, run.seed): run for run in mujoco_small.all_runs()}
    assert runs[first, "text", 0].up_to_date()
    assert runs[first, "text", 0].summary()["curve"] == [[0, 0.0], [30_000, 1.0]]
    assert not runs[first, "text", 1].up_to_date()


@pytest.fixture
def retrained(monkeypatch, tmp_path):
    """Other weights of `sim-m` than those that are shipped, once the test calls this."""

    def retrain():
        builtin = tmp_path / "builtin" / "sim-m"
        shutil.copytree(cards.BUILTIN_FOLDER / "sim-m", builtin)
        weights = load_file(builtin / cards.WEIGHTS_FILE)
        save_file(weights | {"logit_scale": weights["logit_scale"] + 1}, builtin / cards.WEIGHTS_FILE)
        monkeypatch.setattr(cards, "BUILTIN_FOLDER", builtin.parent)
        shipped.fingerprint.cache_clear()

    yield retrain
    shipped.fingerprint.cache_clear()


def test_numbers_of_earlier_weights_are_marked_and_count_for_nothing(elsewhere, retrained):
    task = mujoco_small.TASKS[0]
    assert MARK not in small_page(elsewhere, {(task, kind, 0): (1.0, 10_000) for kind in ("text", "env")})
    retrained()
    page = small_page(elsewhere, {})
    assert f"| {task} | 0 | 0 | 100 | **100** † |" in page
    assert MARK_SAYS in page
    assert "- Seed 0: 0 of 5 tasks finished" in page
    runs = {run.kind: run for run in mujoco_small.all_runs() if (run.task, run.seed) == (task, 0)}
    assert not runs["text"].up_to_date()
    assert runs["env"].up_to_date()  # the oracle's reward knows no encoder
    again = small_page(elsewhere, {(task, "text", 0): (0.4, None)})
    assert MARK not in again
    assert f"| {task} | 0 | 0 | 100 | **40** |" in again


def test_the_run_beside_it_is_marked_by_itself(elsewhere):
    task = mujoco_small.TASKS[0]
    small_page(elsewhere, {(task, kind, 0): (1.0, 10_000) for kind in ("text", "env")})
    numbers = json.loads((elsewhere / "mujoco_small.json").read_text())
    (own,) = [name for name in numbers if "-env-" in name]
    numbers[own]["made_with"] = "of before"
    (elsewhere / "mujoco_small.json").write_text(json.dumps(numbers))
    shutil.rmtree(mujoco_small.RUNS)
    assert f"| {task} | 0 | 0 | 100 † | **100** |" in small_page(elsewhere, {})


def test_a_figure_is_not_emptied_where_no_curve_was_kept(elsewhere):
    task = mujoco_small.TASKS[0]
    small_page(elsewhere, {(task, kind, 0): (1.0, 10_000) for kind in ("text", "env")})
    shutil.rmtree(mujoco_small.RUNS)
    path, figure = elsewhere / "mujoco_small.json", elsewhere / "mujoco_small.png"
    drawn = figure.read_bytes()
    path.write_text(json.dumps({name: part | {"curve": []} for name, part in json.loads(path.read_text()).items()}))
    assert "not in the figure" not in small_page(elsewhere, {})
    assert figure.read_bytes() == drawn
    assert not any(run.complete() for run in mujoco_small.all_runs())
    page = small_page(elsewhere, {(task, "text", 1): (1.0, 10_000)})
    assert figure.read_bytes() != drawn
    assert "2 of the 3 runs are not in the figure: their curves were not kept." in page


@pytest.fixture
def asked(monkeypatch):
    """The commands that would have been run."""
    commands = []
    monkeypatch.setattr(training_runs.subprocess, "run", lambda command, **_: commands.append(command) or Ended())
    return commands


def test_what_decides_a_run_decides_whether_it_is_carried_out_again(asked):
    run = mujoco_small.all_runs()[0]
    finish(run, 1.0, 10_000)
    training_runs.carry_out_all([run], jobs=1)
    assert asked == []
    for changed in (replace(run, options=["--alpha", "0.25"]), replace(run, target=0.8)):
        training_runs.carry_out_all([changed], jobs=1)
        assert asked[-1][2] == run.task  # anew, in a folder of its own
        assert str(changed.folder) in asked[-1]
        assert changed.folder != run.folder
    training_runs.carry_out_all([run], jobs=1)
    assert len(asked) == 2


def test_a_run_that_fails_says_so_where_an_earlier_result_is_kept(elsewhere, monkeypatch, capsys):
    task = mujoco_small.TASKS[0]
    small_page(elsewhere, {(task, "text", 0): (1.0, 10_000)})
    shutil.rmtree(mujoco_small.RUNS)
    path = elsewhere / "mujoco_small.json"
    path.write_text(json.dumps({name: part | {"curve": []} for name, part in json.loads(path.read_text()).items()}))
    (run,) = [run for run in mujoco_small.all_runs() if (run.task, run.kind, run.seed) == (task, "text", 0)]
    failed = Ended()
    failed.returncode = 1
    monkeypatch.setattr(training_runs.subprocess, "run", lambda command, **_: failed)
    training_runs.carry_out_all([run], jobs=1)
    assert f"{run.name}: failed, see" in capsys.readouterr().out


def test_the_oracles_result_is_shown_where_the_text_has_not_been_run(elsewhere):
    page = small_page(elsewhere, {("ant/flipped", "env", 0): (0.48, None)})
    assert "| ant/flipped | 0 | 0 | 48 | not run yet | 90 | - | never | - |" in page


def test_what_paused_a_run_is_not_what_it_costs(elsewhere):
    task = mujoco_small.TASKS[0]
    page = small_page(elsewhere, {(task, "text", 0): (1.0, 10_000)})
    assert "On text 5 to 5 minutes a run" in page  # 30,000 steps at 100 a second
    (run,) = [run for run in mujoco_small.all_runs() if (run.task, run.kind, run.seed) == (task, "text", 0)]
    summary = json.loads((run.folder / "summary.json").read_text())
    (run.folder / "summary.json").write_text(json.dumps(summary | {"time_s": 9_000.0}))
    assert "On text 5 to 5 minutes a run" in small_page(elsewhere, {})


def test_a_run_that_was_stopped_goes_on(asked):
    run = mujoco_small.all_runs()[0]
    run.folder.mkdir(parents=True)
    (run.folder / "config.json").write_text("{}")
    training_runs.carry_out_all([run], jobs=1)
    assert asked[0][2:] == ["--resume", str(run.folder)]


def test_a_tasks_description_decides_nothing_and_its_bounds_do(monkeypatch):
    run = mujoco_small.all_runs()[0]
    task, before = training_run.find_task(run.task), run.digest()

    def changed(**changes):
        monkeypatch.setattr(training_run, "find_task", lambda name: replace(task, **changes))
        return run.digest()

    assert changed(description="Other words.", sweep=None) == before
    assert changed(success=replace(task.success, at_least=3)) != before
    assert changed(train=replace(task.train, steps=5)) != before


def test_a_page_of_heads_written_anew_keeps_agents_whose_folders_are_gone(tmp_path):
    kept = json.loads((Path(heads_report.__file__).parent / "results" / "heads.json").read_text())
    runs = [
        training_run.Run(root=tmp_path, name=name, task="cartpole/upright", kind=name, seed=0, target=0.95)
        for name in kept["cartpole"]
    ]
    (tmp_path / "heads.json").write_text(json.dumps(kept))
    measured = {name: part for name, part in kept.items() if name != "cartpole"}
    for fingerprint, earlier in ((shipped.fingerprint(kept["encoder"]), False), ("others", True)):
        heads_report.write_report(measured | {"fingerprint": fingerprint}, runs, tmp_path)
        page = (tmp_path / "heads.md").read_text()
        assert "not run yet" not in page
        assert (heads_report.EARLIER[0] in page) == earlier
    assert json.loads((tmp_path / "heads.json").read_text())["cartpole"] == kept["cartpole"]


class Ended:
    """A process that has ended well."""

    returncode = 0


class Still:
    """An agent that moves nothing, so that the humanoid falls from where it stood."""

    def predict(self, obs, deterministic):
        return np.zeros(17, np.float32), None


def test_the_page_of_the_kneeling_humanoid_tells_a_failure_as_plainly_as_a_success(elsewhere, monkeypatch):
    monkeypatch.setattr(humanoid_kneel, "load_agent", lambda folder: Still())
    monkeypatch.setattr(chosen_agent, "LOOKED_AT", 1)
    args = humanoid_kneel.Args(small=True, jobs=0)
    for run, success in zip(humanoid_kneel.all_runs(args), (0.0, 0.25, 1.0), strict=True):
        finish(run, success, None)
    humanoid_kneel.main(args)
    page = (elsewhere / "humanoid_kneel_small.md").read_text()
    rows = {label: [cell.strip() for cell in re.split(r"\|", line)] for line in page.splitlines()
            for _, label in humanoid_kneel.STYLES.values() if line.startswith(f"| {label} |")}  # fmt: skip
    assert rows["text reward"][2:5] == ["30,000", "0", "**0**"]
    assert rows["the oracle's reward"][2:5] == ["30,000", "0", "**25**"]
    side = rows["text reward from the side, less both leans"]
    assert side[2:5] == ["30,000", "0", "**100**"]
    for picture in ("humanoid_kneel_small.gif", "humanoid_kneel_small_side.gif"):
        assert (elsewhere / picture).is_file()
        assert f"]({picture})" in page
    bounds = json.loads((elsewhere / "humanoid_kneel_small.json").read_text())["small-text-0"]["bounds"]
    assert set(bounds) == set(envs.task("humanoid/kneeling").success.where)
    assert min(bound["held"] for bound in bounds.values()) < 0.5 <= max(bound["held"] for bound in bounds.values())
    assert "| `torso_tilt_deg` | 0 to 35 |" in page

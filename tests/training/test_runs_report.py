"""The page of several runs: averages over seeds, made of files whose every number is known."""

import json
import shutil

import pytest

from tests.cli.refusals import refused
from tests.training.toy_runs import lamp_config
from vlmrm.cli import main
from vlmrm.errors import RunError, SpecError
from vlmrm.training import train
from vlmrm.training.runs_report import report_runs


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    folder = tmp_path_factory.mktemp("several")
    train(lamp_config(folder, reward="env", steps=60, final_episodes=2))
    return folder / "run"


@pytest.fixture
def make_run(trained, tmp_path):
    """A copy of a run with another seed, success and learning rate in its files."""

    def make(name, *, seed, success, learning_rate=None):
        folder = tmp_path / name
        shutil.copytree(trained, folder)
        config, summary = (json.loads((folder / f"{kind}.json").read_text()) for kind in ("config", "summary"))
        config["config"]["train"]["seed"] = summary["seed"] = seed
        if learning_rate is not None:
            config["config"]["train"]["hyperparameters"]["learning_rate"] = learning_rate
        summary["trained"]["success"] = success
        (folder / "config.json").write_text(json.dumps(config))
        (folder / "summary.json").write_text(json.dumps(summary))
        return folder

    return make


def test_runs_that_differ_in_their_seed_are_averaged_over_the_middle_half(make_run, tmp_path):
    runs = [make_run(f"r{seed}", seed=seed, success=success) for seed, success in enumerate((0.0, 0.5, 0.7, 1.0))]
    report = report_runs(runs)
    (setting,) = report.settings
    assert setting.name == "lamp/bright"
    assert setting.average.value == pytest.approx(0.6)  # of 0.5 and 0.7
    assert setting.average.low < 0.6 < setting.average.high
    assert report.headline.startswith("lamp/bright: over 4 seeds the interquartile mean of success is 0.600 [")
    page = report.save(tmp_path / "runs.html")
    assert "60 %" in page.read_text()
    assert str(tmp_path) not in page.read_text()
    numbers = json.loads(page.with_suffix(".json").read_text())
    assert [run["value"] for run in numbers["settings"][0]["runs"]] == [0.0, 0.5, 0.7, 1.0]


def test_settings_are_kept_apart_and_named_by_what_differs(make_run, tmp_path, capsys):
    slow = [make_run(f"slow{seed}", seed=seed, success=0.2, learning_rate=0.001) for seed in (0, 1)]
    quick = make_run("quick", seed=0, success=0.9, learning_rate=0.1)
    assert main(["report", *map(str, (*slow, quick)), "--out", str(tmp_path / "runs.html")]) == 0
    printed = capsys.readouterr().out
    assert "Of 3 runs in 2 settings, train.hyperparameters.learning_rate 0.1 is the best: success 0.9" in printed
    assert "train.hyperparameters.learning_rate 0.001: interquartile mean 0.200 [0.200, 0.200] (0.2, 0.2)" in printed
    assert "one run<span" in (tmp_path / "runs.html").read_text()  # which has no interval


def test_what_a_setting_leaves_open_is_not_in_its_name_and_the_best_may_be_two(make_run):
    text, other = make_run("text", seed=0, success=0.9), make_run("other", seed=1, success=0.9)
    config = json.loads((other / "config.json").read_text())
    config["config"]["train"]["hyperparameters"]["gamma"] = 0.9
    (other / "config.json").write_text(json.dumps(config))
    report = report_runs([text, other])
    assert [setting.name for setting in report.settings] == ["lamp/bright", "train.hyperparameters.gamma 0.9"]
    assert "lamp/bright and train.hyperparameters.gamma 0.9 are the best: success 0.9 of one run" in report.headline


def test_runs_without_a_success_rule_are_compared_by_return(make_run):
    report = report_runs([make_run("a", seed=0, success=None), make_run("b", seed=1, success=0.5)])
    assert not report.by_success
    assert report.settings[0].values == [run.summary.trained.env_return for run in report.settings[0].runs]
    assert "compared by the environment's own return" in report.html()


def test_what_makes_no_average_is_refused(make_run, tmp_path, capsys):
    run, same = make_run("run", seed=0, success=0.5), make_run("same", seed=0, success=0.6)
    with pytest.raises(SpecError, match="run and same have the same setting and the same seed"):
        report_runs([run, same])
    with pytest.raises(SpecError, match="two or more; got 1"):
        report_runs([run])
    (same / "summary.json").unlink()
    with pytest.raises(RunError, match="has not finished"):
        report_runs([run, same])
    out = tmp_path / "page.html"
    assert "pendulum/upright is none" in refused(capsys, "report", "pendulum/upright", run, "--out", out)
    assert "--alphas has no effect" in refused(capsys, "report", run, same, "--alphas", "0.5", "--out", out)

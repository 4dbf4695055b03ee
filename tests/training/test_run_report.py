"""The page of a training run."""

import json

import pytest

from tests.browser import open_browser
from tests.toys import red_reward
from tests.training.toy_runs import LENGTH, lamp_config, lamp_reward
from vlmrm import PromptSet, RewardModel, RewardSpec
from vlmrm.cli import main
from vlmrm.errors import RunError, SpecError
from vlmrm.tasks import find_task
from vlmrm.training import train
from vlmrm.training.run_agents import BEST, HALF, LAST, RANDOM, agents_of_run
from vlmrm.training.run_report import report_run


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    folder = tmp_path_factory.mktemp("reported")
    learns = {"learning_rate": 0.01, "gamma": 0.9, "exploration_fraction": 0.5, "gradient_steps": 10}
    train(lamp_config(folder, steps=400, videos=True, hyperparameters=learns), reward=lamp_reward())
    return folder / "run"


@pytest.fixture(scope="module")
def report(run):
    return report_run(run, reward=lamp_reward())


def test_agents_are_ranked_by_what_the_simulator_says(report):
    agents = {agent.name: agent for agent in report.ranks.agents}
    random, half, _, last = (agents[name] for name in (RANDOM, HALF, BEST, LAST))
    assert last.in_goal > random.in_goal
    assert last.reward > random.reward
    assert last.env_return > random.env_return
    assert random.in_goal <= half.in_goal < last.in_goal
    assert [agent.episodes for agent in agents.values()] == [3, 3, 3, 3]
    assert report.ranks.kendall > 0.5


def test_a_task_is_reported_with_the_agents_of_a_run(run, tmp_path, capsys):
    out, words = tmp_path / "page.html", ["--agents", str(run), "--goal", "a red lamp", "--frames", "40"]
    assert main(["report", str(run.parent / "lamp.toml"), *words, "--out", str(out)]) == 0
    ((name, ranks),) = json.loads(out.with_suffix(".json").read_text())["agents"].items()
    assert name == "sim-s"
    assert [agent["name"] for agent in ranks["agents"]] == [RANDOM, HALF, BEST, LAST]
    assert "Does it rank agents as the environment does?" in out.read_text()
    files = ["--success", str(run / "before.mp4"), "--failure", str(run / "after.mp4"), "--goal", "a red lamp"]
    assert main(["report", *files, "--agents", str(run), "--out", str(tmp_path / "other.html")]) == 2
    assert "--agents act in a task" in capsys.readouterr().err


def test_agents_of_another_environment_do_not_act_in_a_task(run):
    with pytest.raises(SpecError, match=r"act in another environment: env_id .*Lamp-v0 where pendulum/upright has"):
        agents_of_run(run, task=find_task("pendulum/upright"))


def test_the_reward_is_judged_on_the_frames_that_the_agents_met(report):
    labels = report.judged.scored.labels
    assert len(labels) == 4 * 3 * (LENGTH + 1)  # four agents, three episodes, and the frame of the reset
    measures = report.judged.best.evidence.measures
    assert measures.auroc.value == 1.0  # red as the lamp is bright, and bright is the goal
    assert measures.borders["brightness"].auroc == 1.0


def test_what_raises_the_reward_is_looked_for_in_the_frames_of_a_run(run, report, tmp_path, capsys):
    spec = RewardSpec(encoder="sim-xs", prompts=PromptSet("a red lamp", "a lamp"))
    taken_apart = report_run(run, reward=RewardModel.from_spec(spec), concepts=True, sentences=["a red lamp", "a dog"])
    (section,) = taken_apart.judged.sections
    concepts = section.numbers["concepts"]
    assert section.numbers["frames"] == len(report.judged.scored.labels)
    assert max(one["effect"]["value"] for one in concepts) > 0
    page = taken_apart.save(tmp_path / "run.html")
    assert f"<h2>{section.title}</h2>" in page.read_text()
    assert json.loads(page.with_suffix(".json").read_text())["reward"]["concepts"]["concepts"] == concepts
    assert main(["report", str(run), str(run), "--concepts", "--out", str(tmp_path / "several.html")]) == 2
    assert "--concepts takes the frames of one run apart" in capsys.readouterr().err


def test_success_has_the_interval_of_few_episodes(report):
    summary = report.summary
    found = report.success_of(summary.trained)
    assert found.value == summary.trained.success
    assert found.low < 0.8 <= 1.0 == found.high


def test_the_page_opens_without_errors_or_requests(report, tmp_path):
    page = report.save(tmp_path / "run.html")
    with open_browser(tmp_path / "profile") as browser:
        browser.open(page.as_uri())
        assert browser.text("h1") == report.headline
        assert browser.run("return [...document.querySelectorAll('video')].map(video => video.src.slice(0, 14))") == [
            "data:video/mp4", "data:video/mp4",
        ]  # fmt: skip
        browser.wait_for(lambda: browser.run("return document.querySelector('video').readyState") >= 1)
        assert browser.console_errors() == []
        assert [url for url in browser.requests() if not url.startswith("chrome:")] == [page.as_uri()]


def test_no_path_of_this_machine_is_on_the_page(report, run, tmp_path):
    page = report.save(tmp_path / "run.html")
    assert str(run.parent) not in page.read_text() + page.with_suffix(".json").read_text()
    assert json.loads(page.with_suffix(".json").read_text())["headline"] == report.headline


def test_a_run_that_has_not_finished_has_a_page(run, tmp_path):
    import shutil

    unfinished = tmp_path / "run"
    shutil.copytree(run, unfinished)
    (unfinished / "summary.json").unlink()
    report = report_run(unfinished, reward=red_reward())
    assert report.headline == "lamp/bright: the run has not finished."
    assert report.html().count("<video") == 2


def test_a_run_on_the_own_reward_says_that_no_text_reward_is_judged(tmp_path):
    train(lamp_config(tmp_path, reward="env"))
    out = tmp_path / "page.html"
    assert main(["report", str(tmp_path / "run"), "--out", str(out)]) == 0
    assert "trained on the environment&#39;s own reward" in out.read_text()


def test_what_is_no_run_and_what_has_no_effect_is_refused(run, tmp_path, capsys):
    with pytest.raises(RunError, match=r"config\.json is missing"):
        report_run(tmp_path)
    assert main(["report", str(run), "--alphas", "0.5", "--out", str(tmp_path / "page.html")]) == 2
    assert "is a run, which has its own; --alphas has no effect" in capsys.readouterr().err


def test_a_page_is_a_page(report, tmp_path):
    with pytest.raises(SpecError, match=r"ends in \.html"):
        report.save(tmp_path / "run.txt")

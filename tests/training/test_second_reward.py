"""A second reward looks at the evaluation episodes: where it falls while the first one rises, the agent fools it."""

import csv
import json
from dataclasses import replace

import numpy as np
import pytest
import torch

from tests.toys import ColourEncoder
from tests.training.toy_runs import lamp_config, lamp_reward
from vlmrm import PromptSet, RewardModel, RewardSpec
from vlmrm.errors import RunError, SpecError
from vlmrm.fitting import fit
from vlmrm.training import resume, run_parts, train
from vlmrm.training.plan import make_plan
from vlmrm.training.run.metrics import MetricsFile, MetricsRow
from vlmrm.training.run_report import report_run
from vlmrm.training.watch import second_partings_of


@pytest.fixture(autouse=True)
def colour_models(monkeypatch):
    """Rewards of files see colours too."""
    made = classmethod(lambda cls, spec, **_: cls(ColourEncoder(), spec))
    monkeypatch.setattr(run_parts.RewardModel, "from_spec", made)


@pytest.fixture
def blue(tmp_path):
    path = tmp_path / "blue.json"
    RewardSpec(encoder="colour", prompts=PromptSet("blue"), alpha=0.0).save(path)
    return str(path)


def test_a_second_reward_scores_the_same_episodes_and_pays_nothing(tmp_path, blue):
    train(lamp_config(tmp_path, eval_second_reward=blue), reward=lamp_reward())
    rows = [row for row in MetricsFile(tmp_path / "run" / "metrics.csv").read() if row.eval_vlm_reward is not None]
    assert len(rows) >= 2
    assert all(row.eval_second_reward is not None for row in rows)
    assert all(row.eval_second_reward != row.eval_vlm_reward for row in rows)
    (tmp_path / "alone").mkdir()
    train(lamp_config(tmp_path / "alone"), reward=lamp_reward())
    alone = MetricsFile(tmp_path / "alone" / "run" / "metrics.csv").read()
    assert [row.eval_vlm_reward for row in alone if row.eval_vlm_reward is not None] == [
        row.eval_vlm_reward for row in rows
    ]
    page = report_run(tmp_path / "run", episodes=1, reward=lamp_reward()).html()
    assert "second reward per step" in page


def test_a_run_goes_on_from_another_folder(tmp_path, blue, monkeypatch):
    monkeypatch.chdir(tmp_path)
    train(lamp_config(tmp_path, eval_second_reward="blue.json"), reward=lamp_reward())
    (tmp_path / "run" / "summary.json").unlink()
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    resume(tmp_path / "run", reward=lamp_reward())
    assert (tmp_path / "run" / "summary.json").is_file()


def test_a_run_does_not_go_on_with_another_second_reward(tmp_path, blue):
    train(lamp_config(tmp_path, eval_second_reward=blue), reward=lamp_reward())
    (entry,) = json.loads((tmp_path / "run" / "versions.json").read_text())
    spec = RewardSpec.load(blue)
    assert entry["second_reward"] == f"{spec.hash()} {ColourEncoder().fingerprint}"
    (tmp_path / "run" / "summary.json").unlink()
    replace(spec, prompts=PromptSet("green")).save(blue)
    with pytest.raises(RunError, match="cannot go on: it began with a second reward"):
        resume(tmp_path / "run", reward=lamp_reward())


def test_the_same_weights_under_another_name_are_no_second_reward(tmp_path):
    path = tmp_path / "same.json"
    replace(lamp_reward().spec, encoder="local-dir:elsewhere").save(path)
    with pytest.raises(SpecError, match="cannot contradict itself"):
        train(lamp_config(tmp_path, eval_second_reward=str(path)), reward=lamp_reward())


def test_rising_reward_and_falling_second_reward_part():
    noise = np.random.default_rng(0).normal(scale=0.002, size=20)
    rows = [
        MetricsRow(step=10 * i, time_s=0.0, train_vlm_reward=0.1 * i + noise[i], eval_second_reward=5 - 0.2 * i)
        for i in range(20)
    ]
    (found,) = second_partings_of(rows)
    assert (found.first_step, found.last_step, found.truth_change < 0) == (0, 190, True)
    overtaken = [replace(row, eval_second_reward=min(0.5 * row.step, 30.0)) for row in rows]
    (found,) = second_partings_of(overtaken)  # rises, then stays at its highest while the reward goes on
    assert found.last_step == 190
    agreeing = [
        MetricsRow(step=10 * i, time_s=0.0, train_vlm_reward=0.1 * i, eval_second_reward=5 + 0.2 * i) for i in range(20)
    ]
    assert second_partings_of(agreeing) == []


def test_files_without_the_column_are_read_and_resumed(tmp_path):
    train(lamp_config(tmp_path), reward=lamp_reward())
    metrics = MetricsFile(tmp_path / "run" / "metrics.csv")
    with metrics.path.open() as file:
        rows = [
            {name: cell for name, cell in row.items() if name != "eval_second_reward"} for row in csv.DictReader(file)
        ]
    with metrics.path.open("w", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    assert [row.eval_second_reward for row in metrics.read()] == [None] * len(rows)
    resume(tmp_path / "run", reward=lamp_reward())
    assert metrics.read()[-1].step == 200


def test_a_second_reward_that_can_say_nothing_is_refused(tmp_path, blue):
    red = tmp_path / "red.json"
    lamp_reward().spec.save(red)
    with pytest.raises(SpecError, match="cannot contradict itself"):
        train(lamp_config(tmp_path, eval_second_reward=str(red)), reward=lamp_reward())
    with pytest.raises(SpecError, match="at least 1 with --eval"):
        lamp_config(tmp_path, eval_second_reward=blue, eval_drawn=0)
    with pytest.raises(SpecError, match="this run has none"):
        train(lamp_config(tmp_path, eval_second_reward=blue, reward="env", encoder=None, goal=(), alpha=None))
    assert RewardModel is run_parts.RewardModel


def test_a_second_model_judges_by_the_sentences_of_a_fitted_reward(tmp_path, monkeypatch):
    """Examples are embeddings of the first model, which no other has."""
    frames = torch.zeros(4, 8, 8, 3, dtype=torch.uint8)
    frames[:2, ..., 0] = 255
    fitted = fit(lamp_reward(), frames, [1, 1, 0, 0], method="prototypes")
    fitted.spec.save(tmp_path / "fitted.json")
    config = lamp_config(tmp_path, reward=str(tmp_path / "fitted.json"), encoder=None, eval_second_reward="other")
    second = run_parts._second_reward(make_plan(config), fitted)
    assert (second.spec.encoder, second.spec.few_shot) == ("other", None)
    assert second.spec.prompts == fitted.spec.prompts

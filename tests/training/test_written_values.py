"""What the JSON files of a run hold."""

import json

import gymnasium as gym
import pytest

from tests.training.toy_runs import PPO, lamp_config, lamp_reward
from vlmrm.cli.train import format_results
from vlmrm.errors import EnvValueWarning
from vlmrm.training import Summary, train
from vlmrm.training.episodes import mean_of


class Unpaid(gym.Wrapper):
    """Its environment's own reward is not a number."""

    def step(self, action):
        obs, _, terminated, truncated, info = self.env.step(action)
        return obs, None, terminated, truncated, info


@pytest.mark.parametrize("changes", [{}, PPO], ids=["relabelled", "step-wise"])
def test_an_own_reward_that_is_not_a_number_leaves_a_summary_that_every_reader_of_json_takes(changes, tmp_path):
    with pytest.warns(EnvValueWarning, match="returned None as its reward"):
        summary = train(lamp_config(tmp_path, wrapper=(f"{__name__}:Unpaid",), **changes), reward=lamp_reward())
    assert summary.trained.env_return is None
    assert summary.trained.success is not None

    def refuse(token):
        raise ValueError(token)

    for file in (tmp_path / "run").rglob("*.json"):
        json.loads(file.read_text(), parse_constant=refuse)
    assert Summary.from_dict(json.loads((tmp_path / "run" / "summary.json").read_text())) == summary


def test_a_run_tells_how_its_frames_were_scored(tmp_path, monkeypatch):
    """And hands the batch size to the encoder."""
    asked = {}

    def load_encoder(name, **options):
        asked.update(options)
        return lamp_reward().encoder

    monkeypatch.setattr("vlmrm.rewards.model.load_encoder", load_encoder)
    train(lamp_config(tmp_path, batch_size=5, steps=20, eval_drawn=0))
    (start,) = json.loads((tmp_path / "run" / "versions.json").read_text())
    assert start["scoring"] == {"device": "cpu", "precision": "fp32", "batch_size": 5}
    assert asked["batch_size"] == 5


def test_results_without_a_number_are_said_in_words(tmp_path):
    summary = train(lamp_config(tmp_path, final_episodes=0, eval_drawn=0), reward=lamp_reward())
    assert summary.trained == mean_of([])
    assert "not evaluated" in format_results(summary)

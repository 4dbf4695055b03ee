"""Runs on a function of a user's own, which no file can hold."""

import json
from dataclasses import replace

import numpy as np
import pytest

from tests.toys import red_function
from tests.training.toy_runs import PPO, break_down, lamp_config, lamp_reward, rows_of
from vlmrm.errors import SpecError
from vlmrm.rewards import FunctionReward
from vlmrm.training import load_agent, resume, train


@pytest.mark.parametrize("changes", [{}, PPO], ids=["DQN", "PPO"])
def test_a_function_trains_the_agent_that_the_same_text_reward_trains(tmp_path, changes):
    """Frames are scored as they are drawn, so that no resize comes between."""
    (tmp_path / "text").mkdir()
    summary = train(lamp_config(tmp_path, videos=True, encoder=None, **changes), reward=red_function())
    train(lamp_config(tmp_path / "text", videos=True, **changes), reward=lamp_reward())
    assert summary.reward == "red"
    assert (tmp_path / "run" / "reward_landscape.png").exists()
    assert (tmp_path / "run" / "after.mp4").exists()
    of_function, of_text = rows_of(tmp_path / "run"), rows_of(tmp_path / "text" / "run")
    for one, other in zip(of_function, of_text, strict=True):
        assert one.eval_success == other.eval_success
        np.testing.assert_allclose(one.train_vlm_reward or 0, other.train_vlm_reward or 0, atol=0.01)


def test_a_run_notes_the_functions_name_and_resuming_asks_for_it(tmp_path, crash_at):
    crash_at(137, break_down)
    with pytest.raises(ConnectionError):
        train(lamp_config(tmp_path, eval_drawn=0, encoder=None), reward=red_function())
    run = tmp_path / "run"
    config = json.loads((run / "config.json").read_text())
    assert (config["config"]["reward"]["source"], config["spec_hash"]) == ("function:red", None)
    for given in (None, FunctionReward(lambda frames: frames, name="green"), lamp_reward()):
        with pytest.raises(
            SpecError, match=r"rewarded by the function red, which no file and no command line can hold.*Give it"
        ):
            resume(run, reward=given)
    assert resume(run, reward=red_function()).steps == 200
    observation = np.zeros((1, 1), np.float32)
    assert load_agent(run).predict(observation)[0].shape == (1,)


@pytest.mark.parametrize(
    ("changes", "reward", "message"),
    [
        ({}, red_function(), r"the function red is the whole reward, so leave out reward.encoder"),
        ({"encoder": None, "reward": "env"}, red_function(), r"whole reward, so leave out source='env'"),
        ({"encoder": None, "reward": "env"}, lamp_reward(), r"own reward, so the reward colour would not be used"),
        ({"scaling": {"subtract": 0.5}}, lamp_reward(), r"the reward colour is another one than the configuration's"),
        ({"encoder": None, "reward": "function:red"}, None, r"Give it in Python: train\(config, reward=Function"),
    ],
)
def test_a_reward_that_the_configuration_does_not_say_is_refused_before_anything_is_written(
    tmp_path, changes, reward, message
):
    with pytest.raises(SpecError, match=message):
        train(lamp_config(tmp_path, **changes), reward=reward)
    assert not (tmp_path / "run").exists()


def test_a_run_does_not_go_on_with_another_reward_of_the_same_encoder(tmp_path, crash_at):
    crash_at(137, break_down)
    with pytest.raises(ConnectionError):
        train(lamp_config(tmp_path, eval_drawn=0), reward=lamp_reward())
    other = lamp_reward().with_spec(replace(lamp_reward().spec, scaling={"subtract": 0.5}))
    with pytest.raises(SpecError, match="is another one than the configuration's"):
        resume(tmp_path / "run", reward=other)

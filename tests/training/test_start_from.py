"""A run may begin as the agent of another one: its networks and optimisers, and nothing that its reward had paid."""

import json
from pathlib import Path

import gymnasium as gym
import numpy as np
import pytest
from stable_baselines3.common.vec_env import DummyVecEnv

from tests.training.toy_runs import PPO, TASK, Lamp, break_down, lamp_config, lamp_reward, rows_of
from vlmrm.errors import RunError
from vlmrm.training import load_agent, resume, train
from vlmrm.training.algorithms import find_algorithm
from vlmrm.training.make_agent import make_agent
from vlmrm.training.plan import comparison_config
from vlmrm.training.run.agent_state import read_state, write_learnt
from vlmrm.training.run.checkpoint import list_checkpoints
from vlmrm.training.run_report import report_run

BRIGHTNESS = np.linspace(0, 1, 21, dtype=np.float32)[:, None]
QUIET = {"eval_drawn": 0, "final_episodes": 0}


def trained(folder, **changes):
    train(lamp_config(folder, **QUIET | changes), reward=lamp_reward())
    return folder / "run"


def started(folder, **changes):
    """A second run of one rollout, before which nothing is learnt, from the run of the same folder."""
    config = lamp_config(folder, **QUIET | {"start_from": folder / "run", "out": folder / "next"} | changes)
    return train(config, reward=lamp_reward())


def first_agent(run):
    """The agent of the checkpoint of step 0."""
    newest, *_, first = list_checkpoints(run / "checkpoints")
    assert first.name == "step-00000000"
    newest.rename(run / "later")
    return load_agent(run)


@pytest.mark.parametrize("changes", [{}, PPO], ids=["DQN", "PPO"])
def test_the_first_actions_are_those_of_the_other_runs_agent(changes, tmp_path):
    run = trained(tmp_path, seed=1, **changes)
    config = {"steps": 20, "checkpoint_every": 20, "seed": 2, **changes}
    if not changes:
        config["hyperparameters"] = {"train_freq": 20, "learning_starts": 19}
    started(tmp_path, **config)
    old, new = load_agent(run), first_agent(tmp_path / "next")
    assert (
        new.predict(BRIGHTNESS, deterministic=True)[0].tolist()
        == old.predict(BRIGHTNESS, deterministic=True)[0].tolist()
    )
    for ours, theirs in zip(new.policy.state_dict().values(), old.policy.state_dict().values(), strict=True):
        assert np.array_equal(ours.numpy(), theirs.numpy())
    moments = [agent.policy.optimizer.state_dict()["state"][0]["step"] for agent in (old, new)]
    assert moments[0] == moments[1] > 0
    assert new.num_timesteps == 0
    assert rows_of(tmp_path / "next")[0].eval_success == rows_of(run)[-1].eval_success


def test_no_action_is_random_while_the_buffer_fills(tmp_path):
    run = trained(tmp_path)
    starts = {"train_freq": 10, "learning_starts": 100, "exploration_final_eps": 0.0}
    started(tmp_path, steps=100, checkpoint_every=100, seed=7, hyperparameters=starts)
    buffer = load_agent(tmp_path / "next").replay_buffer
    acted, seen = buffer.actions[:100, 0, 0], buffer.observations[:100, 0]
    assert acted.tolist() == load_agent(run).predict(seen, deterministic=True)[0].tolist()


def test_the_share_of_random_actions_is_the_last_one_or_the_one_asked_for():
    env, dqn = DummyVecEnv([Lamp]), find_algorithm("DQN")
    new = make_agent(dqn, env, hyperparameters={}, seed=0)
    old = make_agent(dqn, env, hyperparameters={}, seed=0, warm_start=True)
    asked = make_agent(dqn, env, hyperparameters={"exploration_initial_eps": 0.5}, seed=0, warm_start=True)
    assert [agent.exploration_schedule(1.0) for agent in (new, old, asked)] == [1.0, 0.05, 0.5]


def test_an_agent_with_continuous_actions_acts_at_once_too():
    env, td3 = DummyVecEnv([lambda: gym.make("Pendulum-v1")]), find_algorithm("TD3")
    settings = {"learning_starts": 50, "train_freq": 10, "buffer_size": 60}
    agents = [make_agent(td3, env, hyperparameters=settings, seed=3, warm_start=warm) for warm in (False, True)]
    follows = []
    for agent in agents:
        agent.learn(50)
        seen, acted = agent.replay_buffer.observations[:50, 0], agent.replay_buffer.actions[:50, 0]
        follows.append(np.allclose(2 * acted, agent.predict(seen, deterministic=True)[0], atol=1e-4))
    assert follows == [False, True]


def test_rewards_of_the_other_run_are_left_behind(tmp_path):
    trained(tmp_path)
    started(tmp_path, steps=20, checkpoint_every=20, hyperparameters={"train_freq": 20})
    agent = first_agent(tmp_path / "next")
    assert agent.replay_buffer.pos == 0
    assert not agent.replay_buffer.full


def test_a_crash_before_the_first_checkpoint_starts_from_the_other_run_again(tmp_path, crash_at):
    run = trained(tmp_path, steps=100)
    crash_at(1, break_down)
    with pytest.raises(ConnectionError):
        started(tmp_path)
    for checkpoint in list_checkpoints(tmp_path / "next" / "checkpoints"):
        checkpoint.rename(checkpoint.with_name(f".unfinished-{checkpoint.name}"))
    assert resume(tmp_path / "next", reward=lamp_reward()).steps == 200
    assert rows_of(tmp_path / "next")[0].eval_success == rows_of(run)[-1].eval_success


def test_a_run_goes_on_when_the_one_it_started_from_is_gone(tmp_path, crash_at):
    run = trained(tmp_path)
    crash_at(137, break_down)
    with pytest.raises(ConnectionError):
        started(tmp_path)
    run.rename(tmp_path / "gone")
    assert resume(tmp_path / "next", reward=lamp_reward()).steps == 200


def test_the_run_notes_and_its_page_says_where_it_began(tmp_path, monkeypatch):
    trained(tmp_path, steps=50)
    monkeypatch.chdir(tmp_path)
    config = lamp_config(tmp_path, **QUIET, steps=50, start_from=Path("run"), out=tmp_path / "next")
    train(config, reward=lamp_reward())
    noted = json.loads((tmp_path / "next" / "config.json").read_text())["config"]["train"]["start_from"]
    assert noted == str(tmp_path / "run")
    assert report_run(tmp_path / "next", reward=lamp_reward()).facts["begins as"] == "the agent of run"


NETWORK = {"hyperparameters": {"policy_kwargs": {"net_arch": [16]}}}


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        (PPO, r"its algorithm is DQN, and that of the new run is PPO"),
        (NETWORK, r"its network \(policy_kwargs\) is \{'net_arch': \[8\]\}.* \{'net_arch': \[16\]\}"),
        ({"start_from": Path("nowhere")}, r"nowhere.config\.json"),
    ],
    ids=["algorithm", "network", "no run"],
)
def test_what_does_not_fit_is_refused_before_anything_is_written(changes, said, tmp_path):
    trained(tmp_path, steps=50)
    with pytest.raises(RunError, match=said):
        started(tmp_path, **changes)
    assert not (tmp_path / "next").exists()


def test_an_agent_of_other_spaces_is_refused(tmp_path):
    trained(tmp_path, steps=50)
    (tmp_path / "cartpole.toml").write_text(
        TASK.replace("tests.training.toy_runs:toy/Lamp-v0", "CartPole-v1").partition("success =")[0]
        + "[train]"
        + TASK.partition("[train]")[2]
    )
    with pytest.raises(RunError, match=r"its observation space is Box\(0\.0, 1\.0, \(1,\).* new run is Box\("):
        started(tmp_path, task=str(tmp_path / "cartpole.toml"))


def test_a_run_without_a_checkpoint_is_refused(tmp_path):
    run = trained(tmp_path, steps=50)
    (run / "checkpoints").rename(tmp_path / "moved")
    with pytest.raises(RunError, match=r"run, which has no checkpoint yet\. Name a run that has one"):
        started(tmp_path)


def test_a_fixed_entropy_coefficient_is_the_new_runs_own():
    """Stable-Baselines3 stores it beside what is learnt, as a tensor; the new run's 0.01 would train as 0.1."""
    env, sac = DummyVecEnv([lambda: gym.make("Pendulum-v1")]), find_algorithm("SAC")
    old, new = (make_agent(sac, env, hyperparameters={"ent_coef": given}, seed=0) for given in (0.1, 0.01))
    write_learnt(new, read_state(old))
    assert float(new.ent_coef_tensor) == pytest.approx(0.01)
    learnt = [make_agent(sac, env, hyperparameters={}, seed=0) for _ in range(2)]
    learnt[0].log_ent_coef.data.fill_(-3.0)
    write_learnt(learnt[1], read_state(learnt[0]))
    assert learnt[1].log_ent_coef.detach().item() == -3.0


def test_a_comparison_on_the_own_reward_begins_untrained(tmp_path):
    config = lamp_config(tmp_path, start_from=tmp_path / "run")
    assert comparison_config(config, tmp_path / "own").train.start_from is None

import json
import os
import signal
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from stable_baselines3 import DQN
from stable_baselines3 import PPO as PPO_ALGORITHM

from tests.training.toy_runs import GROUPS, LENGTH, PPO, Lamp, configure, lamp_config, lamp_reward, rows_of
from vlmrm import PromptSet
from vlmrm.errors import RunError, SpecError, SurvivalBonusWarning
from vlmrm.training import Summary, TrainConfig, load_agent, train
from vlmrm.training.episodes import EpisodeRecord, Evaluation, mean_of
from vlmrm.training.evaluation import Measures
from vlmrm.training.outcome import steps_to_success
from vlmrm.training.plan import make_plan
from vlmrm.training.progress import Progress
from vlmrm.training.run.directory import RunDirectory
from vlmrm.training.run.metrics import MetricsRow
from vlmrm.training.run_parts import build_parts
from vlmrm.training.stop import StopSignal


def test_a_run_leaves_everything_behind(tmp_path):
    config = lamp_config(tmp_path, videos=True, tensorboard=True, export_sb3=True)
    summary = train(config, reward=lamp_reward())
    run = tmp_path / "run"
    written = {path.name for path in run.iterdir()}
    assert written == {
        "config.json", "versions.json", "metrics.csv", "tensorboard", "checkpoints", "before.mp4", "after.mp4",
        "reward_landscape.png", "curves.png", "summary.json", "model.zip",
    }  # fmt: skip
    assert all(Path(path).exists() for path in summary.files.values())
    assert Summary.from_dict(json.loads((run / "summary.json").read_text())) == summary
    assert summary.steps == 200
    assert summary.trained.episodes == 4
    config_json = json.loads((run / "config.json").read_text())
    assert config_json["config"]["train"]["algorithm"] == "DQN"
    assert config_json["task"]["reward"]["prompts"] == {"goal": ["red"]}
    assert config_json["spec_hash"] == lamp_reward().spec.hash()
    assert json.loads((run / "versions.json").read_text())[0]["packages"]["vlmrm"]


@pytest.mark.parametrize("changes", [{}, PPO], ids=["relabelled", "step-wise"])
def test_the_agent_is_paid_for_its_pictures(changes, tmp_path):
    """The lamp's own reward is its brightness; the picture's is red = round(255 brightness) / 255."""
    train(lamp_config(tmp_path, num_envs=2, **changes), reward=lamp_reward())
    rows = [row for row in rows_of(tmp_path / "run") if row.train_vlm_reward is not None]
    assert len(rows) >= 4
    for row in rows:
        assert row.train_vlm_reward == pytest.approx(row.train_env_reward, abs=0.005)


def test_environments_in_processes_of_their_own_work_and_ignore_ctrl_c(tmp_path):
    """Ctrl-C reaches every process of a terminal; the workers must live on for the main one to finish its step."""
    config = lamp_config(tmp_path, num_envs=2, processes=True, steps=40, eval_drawn=0)
    parts = build_parts(make_plan(config), lamp_reward())
    try:
        parts.venv.reset()
        for worker in parts.venv.processes:
            os.kill(worker.pid, signal.SIGINT)
        parts.agent.learn(20, callback=list(parts.callbacks))
    finally:
        parts.venv.close()
    assert parts.agent.replay_buffer.rewards[:10].max() > 0


def test_what_scaling_subtracts_is_off_in_training_evaluations_landscape_and_video(tmp_path, monkeypatch):
    """Each is drawn beside another one, on one axis."""
    drawn = {}
    monkeypatch.setattr(
        "vlmrm.training.evaluation.draw_landscape", lambda seen, path, **_: drawn.update(landscape=seen)
    )
    monkeypatch.setattr("vlmrm.training.evaluation.write_video", lambda seen, path, **_: drawn.update(video=seen))
    dimmed = lamp_reward().with_spec(replace(lamp_reward().spec, scaling={"subtract": 0.25}))
    train(lamp_config(tmp_path, scaling={"subtract": 0.25}, eval_episodes=2, eval_drawn=2, videos=True), reward=dimmed)
    rows = rows_of(tmp_path / "run")
    evaluated = [row for row in rows if row.eval_vlm_reward is not None]
    for row in rows[1:]:
        assert row.train_vlm_reward == pytest.approx(row.train_env_reward - 0.25, abs=0.005)
    assert len(evaluated) >= 4
    for row in evaluated:
        assert row.eval_vlm_reward == pytest.approx(row.eval_env_return / LENGTH - 0.25, abs=0.005)
    np.testing.assert_allclose(drawn["landscape"].rewards[0], drawn["landscape"].values - 0.25, atol=0.005)
    red = np.array([frame[0, 0, 0] for frame in drawn["video"].frames])
    np.testing.assert_allclose(drawn["video"].rewards, red / 255 - 0.25, atol=0.005)


def test_training_on_text_reaches_what_the_text_says(tmp_path):
    settings = {"learning_rate": 1e-2, "gradient_steps": 10, "gamma": 0.8, "target_update_interval": 20}
    config = lamp_config(tmp_path, steps=400, seed=1, hyperparameters=settings)
    summary = train(config, reward=lamp_reward())
    assert summary.random.success < 0.5
    assert summary.trained.success == 1.0
    assert summary.steps_to_success is not None


def test_on_the_environments_own_reward_nothing_is_drawn(tmp_path):
    Lamp.pictures = 0
    train(lamp_config(tmp_path, reward="env"))
    assert Lamp.pictures == 0
    rows = rows_of(tmp_path / "run")
    assert rows[-1].train_vlm_reward is None
    assert rows[-1].eval_success is not None


def test_evaluations_draw_only_the_episodes_that_are_scored(tmp_path):
    """5 evaluations, each with one drawn episode of 10 pictures and that of the reset."""
    Lamp.pictures = 0
    train(lamp_config(tmp_path, eval_drawn=0), reward=lamp_reward())
    without = Lamp.pictures
    Lamp.pictures = 0
    train(lamp_config(tmp_path, eval_drawn=1, out=tmp_path / "drawn"), reward=lamp_reward())
    assert Lamp.pictures - without == 5 * (LENGTH + 1)


def test_an_evaluation_does_not_change_the_training(tmp_path):
    train(lamp_config(tmp_path), reward=lamp_reward())
    train(lamp_config(tmp_path, eval_every=200, eval_drawn=0, out=tmp_path / "rare"), reward=lamp_reward())
    often, rare = (load_agent(tmp_path / name) for name in ("run", "rare"))
    for ours, theirs in zip(often.policy.parameters(), rare.policy.parameters(), strict=True):
        assert ours.equal(theirs)


def test_the_seed_decides_a_run(tmp_path):
    def measured(name, seed):
        train(lamp_config(tmp_path, seed=seed, out=tmp_path / name), reward=lamp_reward())
        return [(row.step, row.train_vlm_reward, row.eval_env_return) for row in rows_of(tmp_path / name)]

    first = measured("a", 3)
    assert measured("b", 3) == first
    assert measured("c", 4) != first


def test_a_run_never_writes_into_a_folder_with_something_in_it(tmp_path):
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "thesis.tex").write_text("precious")
    with pytest.raises(RunError, match=r"exists already and is not empty\. Choose another --out"):
        train(lamp_config(tmp_path), reward=lamp_reward())
    assert [path.name for path in (tmp_path / "run").iterdir()] == ["thesis.tex"]
    (tmp_path / "run" / "config.json").write_text("{}")
    with pytest.raises(RunError, match=r"is not empty\. Go on with it: vlmrm train --resume .*run; or choose another"):
        train(lamp_config(tmp_path), reward=lamp_reward())


def test_a_mistake_in_the_configuration_leaves_no_folder_behind(tmp_path):
    with pytest.raises(SpecError, match="gama"):
        train(lamp_config(tmp_path, hyperparameters={"gama": 0.9}), reward=lamp_reward())
    with pytest.raises(SpecError, match="cannot be made"):
        train(lamp_config(tmp_path, hyperparameters={"train_freq": [1, "year"]}), reward=lamp_reward())
    assert not (tmp_path / "run").exists()


def test_the_best_agent_is_chosen_by_true_success_and_not_by_the_reward_it_was_paid(tmp_path, monkeypatch):
    """An earlier system kept the checkpoint with the highest text reward. Here that one has success 0.25."""
    success = iter([0.0, 0.75, 0.5, 0.25, 0.25])
    proxy = iter([0.1, 0.2, 0.5, 0.8, 0.9])

    def evaluation(self):
        return Evaluation(episodes=4, success=next(success), env_return=1.0, vlm_reward=next(proxy), steps=10.0)

    monkeypatch.setattr(Measures, "evaluate", evaluation)
    summary = train(lamp_config(tmp_path), reward=lamp_reward())
    assert summary.best == {"step": 50, "success": 0.75, "env_return": 1.0, "vlm_return": None}
    assert load_agent(tmp_path / "run", best=True).num_timesteps == 50
    assert load_agent(tmp_path / "run").num_timesteps == 200


def test_asked_to_the_agent_with_the_highest_text_return_is_kept(tmp_path, monkeypatch):
    """Where nobody can judge success it is all that there is; and it shows what the reward alone would choose."""
    success = iter([0.0, 0.75, 0.5, 0.25, 0.25])
    proxy = iter([1.0, 2.0, 5.0, 9.0, 8.0])

    def evaluation(self):
        text = next(proxy)
        return Evaluation(
            episodes=4, success=next(success), env_return=1.0, vlm_reward=text / 10, steps=10.0, vlm_return=text
        )

    monkeypatch.setattr(Measures, "evaluate", evaluation)
    summary = train(lamp_config(tmp_path, best_by="vlm_return"), reward=lamp_reward())
    assert (summary.best["step"], summary.best["success"], summary.best["vlm_return"]) == (150, 0.25, 9.0)
    assert load_agent(tmp_path / "run", best=True).num_timesteps == 150


def test_the_text_return_is_the_sum_over_an_episode():
    """Mean rewards of a step would prefer the episode that ends after one good step."""
    records = [
        EpisodeRecord(seed=0, steps=2, success=None, env_return=0.0, vlm_reward=0.9),
        EpisodeRecord(seed=1, steps=10, success=None, env_return=0.0, vlm_reward=0.5),
        EpisodeRecord(seed=2, steps=99, success=None, env_return=0.0, vlm_reward=None),
    ]
    assert mean_of(records).vlm_return == pytest.approx((2 * 0.9 + 10 * 0.5) / 2)


def test_choosing_by_a_text_return_that_nothing_measures_is_refused(tmp_path):
    with pytest.raises(SpecError, match=r"best_by='vlm_return'.*--eval-drawn"):
        lamp_config(tmp_path, best_by="vlm_return", eval_drawn=0)
    with pytest.raises(SpecError, match=r"evaluation\.best_by has no effect where the environment rewards"):
        train(lamp_config(tmp_path, best_by="vlm_return", reward="env", encoder=None, device=None))


def test_without_a_success_rule_the_environments_own_return_decides(tmp_path, monkeypatch):
    returns, proxy = iter([1.0, 3.0, 2.0, 2.0, 2.0]), iter([0.1, 0.2, 0.3, 0.4, 0.5])

    def evaluation(self):
        return Evaluation(episodes=4, success=None, env_return=next(returns), vlm_reward=next(proxy), steps=10.0)

    monkeypatch.setattr(Measures, "evaluate", evaluation)
    assert train(lamp_config(tmp_path), reward=lamp_reward()).best["step"] == 50


def test_the_comparison_trains_the_same_on_the_environments_own_reward(tmp_path):
    summary = train(lamp_config(tmp_path, compare_env_reward=True), reward=lamp_reward())
    own = tmp_path / "run" / "env_reward"
    ours, theirs = (json.loads((path / "config.json").read_text())["config"] for path in (tmp_path / "run", own))
    differ = {(group, key) for group in GROUPS for key in ours[group] if ours[group][key] != theirs[group][key]}
    assert differ == {
        ("reward", "source"),
        ("reward", "encoder"),
        ("train", "compare_env_reward"),
        ("output", "folder"),
    }
    alone = Summary.from_dict(json.loads((own / "summary.json").read_text()))
    assert (summary.env_reward, summary.env_reward_best) == (alone.trained, alone.best)


def test_episodes_that_end_early_under_a_constant_reward_give_a_warning(tmp_path):
    """As in LunarLander: every further step pays the constant part of a cosine, whatever it shows."""
    config = configure(
        env="CartPole-v1",
        goal=("grey",),
        encoder="colour",
        steps=400,
        eval_every=400,
        eval_episodes=1,
        eval_drawn=0,
        final_episodes=1,
        videos=False,
        tensorboard=False,
        out=tmp_path / "run",
    )
    spec = replace(lamp_reward().spec, prompts=PromptSet("grey"))
    with pytest.warns(SurvivalBonusWarning, match=r"take the constant off"):
        summary = train(config, reward=lamp_reward().with_spec(spec))
    assert summary.trained.success is None
    assert not (tmp_path / "run" / "reward_landscape.png").exists()


def test_the_agent_of_a_run_acts(tmp_path):
    train(lamp_config(tmp_path), reward=lamp_reward())
    actions, _ = load_agent(tmp_path / "run").predict(np.array([[0.1], [0.9]], np.float32), deterministic=True)
    assert actions.shape == (2,)
    with pytest.raises(RunError, match="missing or damaged"):
        load_agent(tmp_path / "nowhere")


@pytest.mark.parametrize("best", [False, True])
def test_loading_an_agent_leaves_the_callers_random_numbers_alone(best, tmp_path):
    """A checkpoint holds those of its run, for a run that goes on."""
    train(lamp_config(tmp_path), reward=lamp_reward())
    torch.manual_seed(5)
    expected = torch.rand(3)
    torch.manual_seed(5)
    load_agent(tmp_path / "run", best=best)
    assert torch.equal(torch.rand(3), expected)


def test_one_lucky_evaluation_is_no_success():
    def rows(*success):
        return [MetricsRow(step=10 * i, time_s=0.0, eval_success=value) for i, value in enumerate(success)]

    assert steps_to_success(rows(0.0, 1.0, 0.8, 1.0), 0.9) is None
    assert steps_to_success(rows(0.0, 1.0, None, 0.9, 0.0), 0.9) == 10
    assert steps_to_success(rows(), 0.9) is None


@pytest.mark.parametrize("changes", [{}, PPO], ids=["DQN", "PPO"])
def test_learning_uses_one_thread_and_scoring_those_it_was_given(changes, tmp_path, monkeypatch):
    threads = {"learning": set(), "scoring": set()}
    kind = DQN if not changes else PPO_ALGORITHM
    learn, reward = kind.train, lamp_reward()
    embed = reward.encoder.embed_frames

    def watched_train(self, *args, **kwargs):
        threads["learning"].add(torch.get_num_threads())
        learn(self, *args, **kwargs)

    def watched_embed(frames):
        threads["scoring"].add(torch.get_num_threads())
        return embed(frames)

    monkeypatch.setattr(kind, "train", watched_train)
    monkeypatch.setattr(reward.encoder, "embed_frames", watched_embed)
    before = torch.get_num_threads()
    train(lamp_config(tmp_path, threads=2, **changes), reward=reward)
    assert threads == {"learning": {1}, "scoring": {2}}
    assert torch.get_num_threads() == before


def test_a_configuration_survives_json():
    config = configure(task="a/b", goal=("x", "y"), hyperparameters={"gamma": 0.9}, out=Path("runs/x"))
    assert TrainConfig.from_dict(json.loads(json.dumps(config.to_dict()))) == config
    with pytest.raises(SpecError, match=r"unknown key train\.stepz\. Near: steps"):
        TrainConfig.from_dict(config.to_dict() | {"train": {"stepz": 3}})


def test_a_configuration_without_groups_says_where_its_keys_are_now():
    former = {"task": "a/b", "reward": "text", "steps": 100, "eval_every": 10, "hyperparameters": {}}
    with pytest.raises(
        SpecError, match=r"reward is reward\.source, steps is train\.steps, eval_every is evaluation\.every"
    ):
        TrainConfig.from_dict(former)


@pytest.mark.parametrize(
    "changes", [{"steps": 0}, {"eval_every": -1}, {"eval_episodes": -1}, {"eval_drawn": 21}, {"success_target": 0.0}]
)
def test_impossible_numbers_are_refused(changes):
    with pytest.raises(SpecError, match=next(iter(changes)).removeprefix("eval_")):
        configure(**changes)


def test_each_episode_of_an_evaluation_begins_in_a_state_of_its_own(tmp_path, monkeypatch):
    seeds = []
    reset = Lamp.reset

    def noting_its_seed(lamp, *, seed=None, options=None):
        seeds.append(seed)
        return reset(lamp, seed=seed, options=options)

    parts = build_parts(make_plan(lamp_config(tmp_path, eval_episodes=4, eval_drawn=2)), lamp_reward())
    monkeypatch.setattr(Lamp, "reset", noting_its_seed)
    try:
        Measures(parts, RunDirectory(tmp_path / "run"), Progress(), StopSignal()).evaluate()
    finally:
        parts.venv.close()
    assert len(seeds) == 4
    assert len(set(seeds)) == 4

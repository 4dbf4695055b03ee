import csv
import io
import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import torch
from stable_baselines3 import DQN
from stable_baselines3 import PPO as PPO_ALGORITHM

from tests.conftest import ROOT
from tests.training.toy_runs import LENGTH, Lamp, lamp_config, lamp_reward
from vlmrm.agents.checkpoint import list_checkpoints
from vlmrm.agents.evaluate import Evaluation
from vlmrm.agents.metrics import MetricsFile, MetricsRow
from vlmrm.agents.progress import Progress
from vlmrm.errors import RunError, SpecError, SurvivalBonusWarning
from vlmrm.training import Summary, TrainConfig, TrainingStopped, load_agent, resume, train
from vlmrm.training.measures import Measures
from vlmrm.training.outcome import steps_to_success
from vlmrm.training.parts import build_parts
from vlmrm.training.plan import make_plan

PPO = {
    "algorithm": "PPO",
    "hyperparameters": {"n_steps": 20, "batch_size": 10, "n_epochs": 1, "policy_kwargs": {"net_arch": [8]}},
}


def rows_of(run):
    return MetricsFile(run / "metrics.csv").read()


@pytest.fixture(autouse=True)
def interruptible():
    """Ctrl-C as in a terminal: a shell script's background jobs, these tests among them, inherit that it is ignored."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.fixture
def crash_at(monkeypatch):
    """Make the lamp break, or do something else, at its n-th step of training."""

    def arrange(step, action):
        count = 0
        original = Lamp.step

        def counted(self, button):
            nonlocal count
            if self.render_mode is not None:  # evaluation is blind here
                count += 1
                if count == step:
                    action()
            return original(self, button)

        monkeypatch.setattr(Lamp, "step", counted)

    return arrange


def break_down():
    raise ConnectionError("the lamp broke")


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
    assert config_json["train"]["algorithm"] == "DQN"
    assert config_json["spec"]["prompts"] == {"goal": ["red"], "baseline": []}
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


def test_the_offset_is_taken_off(tmp_path):
    train(lamp_config(tmp_path, offset=0.25), reward=lamp_reward())
    for row in rows_of(tmp_path / "run")[1:]:
        assert row.train_vlm_reward == pytest.approx(row.train_env_reward - 0.25, abs=0.005)


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


def test_a_run_that_crashed_goes_on_from_its_last_checkpoint(tmp_path, crash_at):
    crash_at(137, break_down)
    config = lamp_config(tmp_path, tensorboard=True, eval_drawn=0)
    with pytest.raises(ConnectionError):
        train(config, reward=lamp_reward())
    run = tmp_path / "run"
    assert not (run / "summary.json").exists()
    assert list_checkpoints(run / "checkpoints")[0].name == "step-00000100"
    before = [row for row in rows_of(run) if row.step <= 100]
    out = io.StringIO()
    summary = resume(run, reward=lamp_reward(), progress=Progress(out))
    assert "going on from step 100 of 200" in out.getvalue()
    assert summary.steps == 200
    rows = rows_of(run)
    assert rows[: len(before)] == before
    assert [row.step for row in rows if row.eval_success is not None] == [0, 50, 100, 150, 200]
    assert all(one.step < two.step and one.time_s <= two.time_s for one, two in pairwise(rows))
    assert [entry["from_step"] for entry in json.loads((run / "versions.json").read_text())] == [0, 100]
    assert len(list((run / "tensorboard").iterdir())) == 2


def test_a_crash_before_the_first_checkpoint_starts_from_the_beginning(tmp_path, crash_at):
    crash_at(1, break_down)
    with pytest.raises(ConnectionError):
        train(lamp_config(tmp_path, eval_drawn=0, checkpoint_every=100), reward=lamp_reward())
    checkpoints = tmp_path / "run" / "checkpoints"
    for path in list_checkpoints(checkpoints):
        path.rename(checkpoints / f".unfinished-{path.name}")
    assert resume(tmp_path / "run", reward=lamp_reward()).steps == 200
    assert [row.step for row in rows_of(tmp_path / "run")].count(0) == 1
    assert not list(checkpoints.glob(".*"))


def test_resuming_falls_back_to_the_checkpoint_before_a_damaged_one_and_says_so(tmp_path, crash_at):
    crash_at(137, break_down)
    with pytest.raises(ConnectionError):
        train(lamp_config(tmp_path, eval_drawn=0), reward=lamp_reward())
    newest, older = list_checkpoints(tmp_path / "run" / "checkpoints")
    (newest / "replay.npz").write_bytes(b"damaged")
    out = io.StringIO()
    resume(tmp_path / "run", reward=lamp_reward(), progress=Progress(out))
    assert f"{newest / 'replay.npz'} is damaged" in out.getvalue()
    assert "The checkpoint before it is used" in out.getvalue()
    assert older.name == "step-00000050"
    assert "going on from step 50" in out.getvalue()


@pytest.mark.parametrize(("changes", "stored"), [({}, 136), (PPO, 120)], ids=["DQN", "PPO"])
def test_ctrl_c_stores_everything_and_says_how_to_go_on(changes, stored, tmp_path, crash_at):
    """At step 137: DQN has stored 136 transitions; of PPO's rollouts of 20 steps, 6 are complete."""
    crash_at(137, lambda: os.kill(os.getpid(), signal.SIGINT))
    before = signal.getsignal(signal.SIGINT)
    with pytest.raises(TrainingStopped, match=rf"stopped at step {stored}\. .* vlmrm train --resume .*run"):
        train(lamp_config(tmp_path, eval_drawn=0, **changes), reward=lamp_reward())
    assert signal.getsignal(signal.SIGINT) is before
    agent = load_agent(tmp_path / "run")
    assert agent.num_timesteps == stored
    if not changes:
        assert agent.replay_buffer.pos == stored
        np.testing.assert_allclose(  # also the last, unfinished rollout has the rewards of its pictures
            agent.replay_buffer.rewards[:stored, 0],
            np.round(255 * agent.replay_buffer.next_observations[:stored, 0, 0]) / 255,
            atol=1e-3,
        )
    assert 200 <= resume(tmp_path / "run", reward=lamp_reward()).steps < 220  # whole rollouts


def test_a_stop_loses_no_evaluation(tmp_path, crash_at):
    """The evaluation at step 100 is due when the rollout ends, after the stop: then it comes first on resuming."""
    config = {"eval_every": 100, "checkpoint_every": 30, "eval_drawn": 0}
    crash_at(105, lambda: os.kill(os.getpid(), signal.SIGINT))
    settings = config | {"hyperparameters": {"train_freq": 30}}
    with pytest.raises(TrainingStopped):
        train(lamp_config(tmp_path, **settings), reward=lamp_reward())
    resume(tmp_path / "run", reward=lamp_reward())
    judged = [row.step for row in rows_of(tmp_path / "run") if row.eval_success is not None]
    assert any(100 <= step < 140 for step in judged), judged


def test_a_second_ctrl_c_interrupts_at_once(tmp_path, crash_at):
    def twice():
        for _ in range(2):
            signal.raise_signal(signal.SIGINT)

    crash_at(137, twice)
    with pytest.raises(KeyboardInterrupt):
        train(lamp_config(tmp_path, eval_drawn=0), reward=lamp_reward())
    assert resume(tmp_path / "run", reward=lamp_reward()).steps == 200


KILLED = """
import sys
sys.path.insert(0, {root!r})
from pathlib import Path
import torch
torch.set_num_threads(1)
from tests.training.toy_runs import lamp_config, lamp_reward
from vlmrm.training import train
train(lamp_config(Path({folder!r}), steps=1_000_000, eval_every=50), reward=lamp_reward())
"""


def test_a_killed_run_goes_on(tmp_path):
    """SIGKILL at any moment, also while a checkpoint is written."""
    process = subprocess.Popen([sys.executable, "-c", KILLED.format(root=ROOT, folder=str(tmp_path))])
    run = tmp_path / "run"
    deadline = time.monotonic() + 120
    while len(list_checkpoints(run / "checkpoints")) < 2 and time.monotonic() < deadline and process.poll() is None:
        time.sleep(0.02)
    process.kill()
    process.wait()
    reached = rows_of(run)[-1].step
    assert reached >= 50
    plan = json.loads((run / "config.json").read_text())
    plan["train"]["steps"] = reached + 100
    (run / "config.json").write_text(json.dumps(plan))
    summary = resume(run, reward=lamp_reward())
    assert summary.steps >= reached + 100
    with (run / "metrics.csv").open() as file:
        steps = [int(row["step"]) for row in csv.DictReader(file)]
    assert steps == sorted(set(steps))


def test_a_complete_run_is_left_as_it_is(tmp_path):
    summary = train(lamp_config(tmp_path), reward=lamp_reward())
    before = {path: path.stat().st_mtime_ns for path in (tmp_path / "run").rglob("*")}
    out = io.StringIO()
    assert resume(tmp_path / "run", reward=lamp_reward(), progress=Progress(out)) == summary
    assert "is complete" in out.getvalue()
    assert {path: path.stat().st_mtime_ns for path in (tmp_path / "run").rglob("*")} == before


def test_a_run_never_writes_into_a_folder_with_something_in_it(tmp_path):
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "thesis.tex").write_text("precious")
    with pytest.raises(RunError, match=r"exists already and is not empty.*--resume"):
        train(lamp_config(tmp_path), reward=lamp_reward())
    assert [path.name for path in (tmp_path / "run").iterdir()] == ["thesis.tex"]


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
    assert summary.best == {"step": 50, "success": 0.75, "env_return": 1.0}
    assert load_agent(tmp_path / "run", best=True).num_timesteps == 50
    assert load_agent(tmp_path / "run").num_timesteps == 200


def test_without_a_success_rule_the_environments_own_return_decides(tmp_path, monkeypatch):
    returns, proxy = iter([1.0, 3.0, 2.0, 2.0, 2.0]), iter([0.1, 0.2, 0.3, 0.4, 0.5])

    def evaluation(self):
        return Evaluation(episodes=4, success=None, env_return=next(returns), vlm_reward=next(proxy), steps=10.0)

    monkeypatch.setattr(Measures, "evaluate", evaluation)
    assert train(lamp_config(tmp_path), reward=lamp_reward()).best["step"] == 50


def test_the_comparison_trains_the_same_on_the_environments_own_reward(tmp_path):
    summary = train(lamp_config(tmp_path, compare_env_reward=True), reward=lamp_reward())
    own = tmp_path / "run" / "env_reward"
    ours, theirs = (json.loads((path / "config.json").read_text())["train"] for path in (tmp_path / "run", own))
    differ = {key for key in ours if ours[key] != theirs[key]}
    assert differ == {"reward", "compare_env_reward", "out"}
    assert summary.env_reward == Summary.from_dict(json.loads((own / "summary.json").read_text())).trained


def test_a_comparison_that_was_cut_off_goes_on(tmp_path, monkeypatch):
    def cut(plan, run, progress):
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr("vlmrm.training.carry_out._compare", cut)
        with pytest.raises(KeyboardInterrupt):
            train(lamp_config(tmp_path, compare_env_reward=True), reward=lamp_reward())
    assert resume(tmp_path / "run", reward=lamp_reward()).env_reward is not None


def test_episodes_that_end_early_under_a_constant_reward_give_a_warning(tmp_path):
    """As in LunarLander: every further step pays the constant part of a cosine, whatever it shows."""
    config = TrainConfig(
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
    with pytest.warns(SurvivalBonusWarning, match=r"offset="):
        summary = train(config, reward=lamp_reward())
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


def test_a_run_may_be_moved_and_resumed_there(tmp_path, crash_at):
    crash_at(137, break_down)
    with pytest.raises(ConnectionError):
        train(lamp_config(tmp_path, eval_drawn=0), reward=lamp_reward())
    moved = (tmp_path / "run").rename(tmp_path / "elsewhere")
    summary = resume(moved, reward=lamp_reward())
    assert summary.run == moved
    assert not (tmp_path / "run").exists()


def test_a_configuration_survives_json():
    config = TrainConfig(task="a/b", goal=("x", "y"), hyperparameters={"gamma": 0.9}, out=Path("runs/x"))
    assert TrainConfig.from_dict(json.loads(json.dumps(config.to_dict()))) == config
    with pytest.raises(SpecError, match="unknown key 'stepz'"):
        TrainConfig.from_dict(config.to_dict() | {"stepz": 3})


@pytest.mark.parametrize(
    "changes", [{"steps": 0}, {"eval_every": -1}, {"eval_episodes": 0}, {"eval_drawn": 21}, {"success_target": 0.0}]
)
def test_impossible_numbers_are_refused(changes):
    with pytest.raises(SpecError):
        replace(TrainConfig(), **changes)

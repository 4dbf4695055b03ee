"""Runs that were stopped, killed or broken go on as if nothing had happened."""

import csv
import io
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from tests.conftest import ROOT
from tests.toys import ColourEncoder
from tests.training.toy_runs import PPO, Lamp, break_down, lamp_config, lamp_reward, rows_of
from vlmrm.errors import RunError
from vlmrm.rewards import RewardModel
from vlmrm.training import TrainingStopped, load_agent, resume, train
from vlmrm.training.plan import Plan
from vlmrm.training.progress import Progress
from vlmrm.training.run.checkpoint import list_checkpoints


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


def test_a_crash_after_the_checkpoint_of_step_0_leaves_one_row_of_step_0(tmp_path, crash_at):
    crash_at(1, break_down)
    with pytest.raises(ConnectionError):
        train(lamp_config(tmp_path, eval_drawn=0), reward=lamp_reward())
    assert [path.name for path in list_checkpoints(tmp_path / "run" / "checkpoints")] == ["step-00000000"]
    assert resume(tmp_path / "run", reward=lamp_reward()).steps == 200
    assert [row.step for row in rows_of(tmp_path / "run")].count(0) == 1


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


class OtherWeights(ColourEncoder):
    """Of the same name, and of the same embeddings as well."""

    fingerprint = "other-colours"


def test_a_run_does_not_go_on_with_other_weights_than_it_began_with(tmp_path, crash_at):
    """It once went on, paid by one reward before and another after, and nothing told of it."""
    crash_at(137, break_down)
    with pytest.raises(ConnectionError):
        train(lamp_config(tmp_path, eval_drawn=0), reward=lamp_reward())
    run, spec = tmp_path / "run", lamp_reward().spec
    versions = (run / "versions.json").read_text()
    with pytest.raises(RunError, match=r"fingerprint colours, .* other-colours\. .*begin a new run"):
        resume(run, reward=RewardModel(OtherWeights(), spec))
    assert (run / "versions.json").read_text() == versions
    assert resume(run, reward=RewardModel(ColourEncoder(), spec)).steps == 200
    assert [entry["encoder"] for entry in json.loads((run / "versions.json").read_text())] == ["colours", "colours"]


def test_comparing_encoders_embeds_no_frame(tmp_path, crash_at):
    crash_at(137, break_down)
    with pytest.raises(ConnectionError):
        train(lamp_config(tmp_path, eval_drawn=0), reward=lamp_reward())
    encoder = OtherWeights()
    with pytest.raises(RunError, match="cannot go on"):
        resume(tmp_path / "run", reward=RewardModel(encoder, lamp_reward().spec))
    assert encoder.batches == []


def test_on_the_environments_own_reward_no_encoder_is_noted(tmp_path):
    train(lamp_config(tmp_path, reward="env"))
    assert [entry["encoder"] for entry in json.loads((tmp_path / "run" / "versions.json").read_text())] == [None]


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
    assert 180 < resume(tmp_path / "run", reward=lamp_reward()).steps <= 200  # whole rollouts


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
    plan["config"]["train"]["steps"] = reached + 100
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


def test_a_comparison_that_was_cut_off_goes_on(tmp_path, monkeypatch):
    def cut(plan, run, progress):
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr("vlmrm.training.runner._compare", cut)
        with pytest.raises(KeyboardInterrupt):
            train(lamp_config(tmp_path, compare_env_reward=True), reward=lamp_reward())
    assert resume(tmp_path / "run", reward=lamp_reward()).env_reward is not None


def test_a_run_may_be_moved_and_resumed_there(tmp_path, crash_at):
    crash_at(137, break_down)
    with pytest.raises(ConnectionError):
        train(lamp_config(tmp_path, eval_drawn=0), reward=lamp_reward())
    moved = (tmp_path / "run").rename(tmp_path / "elsewhere")
    summary = resume(moved, reward=lamp_reward())
    assert summary.run == moved
    assert not (tmp_path / "run").exists()


def test_a_run_keeps_a_copy_of_what_its_reward_reads_and_goes_on_from_another_folder(tmp_path, crash_at, monkeypatch):
    (tmp_path / "made").mkdir()
    (tmp_path / "made" / "unsure.safetensors").write_bytes(b"a posterior")
    uncertainty = {"file": "unsure.safetensors", "sha256": "0" * 64, "fingerprint": "f"}
    said = {"encoder": "colour", "prompts": {"goal": "red"}, "uncertainty": uncertainty}
    (tmp_path / "made" / "unsure.json").write_text(json.dumps(said))
    monkeypatch.chdir(tmp_path)
    crash_at(137, break_down)
    monkeypatch.setattr("vlmrm.training.run_parts._reward", lambda plan, given: given)  # nothing is read of the copy
    config = lamp_config(tmp_path, eval_drawn=0, encoder=None, reward="made/unsure.json", out=Path("run"))
    with pytest.raises(ConnectionError):
        train(config, reward=lamp_reward())
    shutil.rmtree(tmp_path / "made")
    moved = (tmp_path / "run").rename(tmp_path / "moved")
    monkeypatch.chdir("/")
    plan = Plan.from_dict(json.loads((moved / "config.json").read_text()), moved)
    assert Path(plan.spec.uncertainty.file).read_bytes() == b"a posterior"
    assert resume(moved, reward=lamp_reward()).steps == 200


@pytest.mark.parametrize(
    ("at", "stored", "trained"),
    [(5, 0, 0), (45, 0, 1), (110, 50, 51), (220, 200, 200), (260, 200, 200)],
    ids=["of the random policy", "at the start", "while training", "at the end", "the last one"],
)
def test_one_ctrl_c_ends_an_evaluation_at_once_and_the_run_goes_on(at, stored, trained, tmp_path, monkeypatch):
    """Of 4 episodes of 10 steps each: of the random policy, at steps 0, 50, ..., 200, and at the end."""
    counts, step = {True: 0, False: 0}, Lamp.step

    def counted(self, action):
        counts[self.render_mode is not None] += 1
        if not self.render_mode and counts[False] == at:
            os.kill(os.getpid(), signal.SIGINT)
        return step(self, action)

    monkeypatch.setattr(Lamp, "step", counted)
    with pytest.raises(TrainingStopped, match=rf"stopped at step {stored}\. .* vlmrm train --resume .*run"):
        train(lamp_config(tmp_path, eval_drawn=0), reward=lamp_reward())
    assert counts == {False: at, True: trained}
    assert resume(tmp_path / "run", reward=lamp_reward()).steps == 200
    assert [row.step for row in rows_of(tmp_path / "run") if row.eval_success is not None] == [0, 50, 100, 150, 200]

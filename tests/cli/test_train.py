import json
import os
import re
import signal
from pathlib import Path

import gymnasium as gym
import pytest

from tests.cli.refusals import refused
from tests.training.toy_runs import TASK, Lamp
from vlmrm.cli import main

# imageio-ffmpeg does not close the pipes of the ffmpeg process it reads from
pytestmark = pytest.mark.filterwarnings("ignore:unclosed file:ResourceWarning")

HOPPER_XML = Path(gym.__file__).parent / "envs" / "mujoco" / "assets" / "hopper.xml"
QUICK = ["--eval-episodes", "2", "--final-episodes", "2", "--eval-drawn", "0", "--no-videos", "--no-tensorboard"]


@pytest.fixture
def lamp_task(tmp_path):
    path = tmp_path / "lamp.toml"
    path.write_text(TASK)
    return path


def test_a_run_is_trained_and_its_results_are_printed(lamp_task, encoder, tmp_path, capsys):
    out = tmp_path / "run"
    assert main(["train", str(lamp_task), "--encoder", encoder, "--out", str(out), *QUICK]) == 0
    captured = capsys.readouterr()
    assert f"writing to {out}" in captured.err
    for text in ("random policy", f"DQN on the reward of {encoder}", "steps to 90%", str(out / "summary.json")):
        assert text in captured.out
    assert main(["train", "--resume", str(out)]) == 0
    assert "is complete" in capsys.readouterr().err


def test_any_environment_is_trained_without_a_task_file(encoder, tmp_path, capsys):
    words = ["--goal", "a pole standing upright", "--baseline", "a pole"]
    options = ["--encoder", encoder, "--steps", "60", "--episode-steps", "20", "--out", str(tmp_path / "run")]
    settings = ["--algorithm", "PPO", "--hyperparameters", "n_steps = 20, n_epochs = 1, batch_size = 20"]
    drawn = ["--eval-episodes", "2", "--final-episodes", "2", "--no-videos", "--no-tensorboard"]
    assert main(["train", "--env", "Pendulum-v1", *words, *options, *settings, *drawn]) == 0
    out = capsys.readouterr().out
    assert "env return" in out
    assert "steps to" not in out  # without a success test there is nothing to count to
    rows = {line.split("  ")[0]: line for line in out.splitlines()}
    assert "text reward per step" in rows["policy"]
    summary = json.loads((tmp_path / "run" / "summary.json").read_text())
    for policy, part in ((f"PPO on the reward of {encoder}", "trained"), ("random policy", "random")):
        assert f"{summary[part]['vlm_reward']:.3f}" in rows[policy]
    saved = json.loads((tmp_path / "run" / "config.json").read_text())
    assert saved["config"]["train"]["hyperparameters"] == {"n_steps": 20, "n_epochs": 1, "batch_size": 20}


def test_the_comparison_stands_in_the_table(lamp_task, encoder, tmp_path, capsys):
    arguments = ["--steps", "60", "--encoder", encoder, "--out", str(tmp_path / "run"), "--compare-env-reward"]
    assert main(["train", str(lamp_task), *arguments, *QUICK]) == 0
    assert "DQN on the environment's own reward" in capsys.readouterr().out


def test_what_cannot_be_trained_is_one_clean_line(lamp_task, tmp_path, capsys):
    words = ["--goal", "a", "--baseline", "b"]
    assert "give a task or an environment" in refused(capsys, "train")
    hopper = ["train", "--env", "Hopper-v5", *words]
    assert "camera.distance_m must be a number; got True" in refused(
        capsys, *hopper, "--camera", "track = 'torso', distance_m = true"
    )
    assert "/nowhere.xml does not exist" in refused(capsys, *hopper, "--env-kwargs", 'xml_file = "/nowhere.xml"')
    still = tmp_path / "still.xml"
    still.write_text(re.sub("<actuator>.*</actuator>", "", HOPPER_XML.read_text(), flags=re.DOTALL))
    no_motor = ["--env-kwargs", f'xml_file = "{still}"', "--out", tmp_path / "run"]
    assert "takes no action" in refused(capsys, *hopper, *no_motor)
    lamp = tmp_path / "dim.toml"
    lamp.write_text(TASK.replace("where = { brightness", "where = { brightnes"))
    assert "reports no 'brightnes'" in refused(capsys, "train", lamp, "--out", tmp_path / "run")
    assert "Near: cartpole/upright" in refused(capsys, "train", "cartpole/uprigt")
    assert "Near: LunarLander-v3" in refused(capsys, "train", "--env", "LunarLandr-v3", *words)
    assert "no hyper-parameter 'gama'" in refused(capsys, "train", lamp_task, "--hyperparameters", "gama = 1")
    assert "unknown algorithm" in refused(capsys, "train", lamp_task, "--algorithm", "DQM")
    assert "steps must be a whole number of at least 1" in refused(capsys, "train", lamp_task, "--steps", "0")
    assert "empty sentence" in refused(capsys, "train", lamp_task, "--goal", "")
    assert "no model 'sim-q'" in refused(capsys, "train", lamp_task, "--encoder", "sim-q", "--out", tmp_path / "run")
    assert not (tmp_path / "run").exists()
    assert "not empty" in refused(capsys, "train", lamp_task, "--out", tmp_path)
    assert "not a run directory" in refused(capsys, "train", "--resume", tmp_path)
    assert "drop task, train.steps" in refused(capsys, "train", lamp_task, "--steps", "9", "--resume", tmp_path)


def test_debug_shows_the_traceback(capsys):
    assert main(["train", "--debug"]) == 2
    captured = capsys.readouterr().err
    assert "Traceback" in captured
    assert "vlmrm: error: give a task" in captured


def test_ctrl_c_stores_everything_and_says_how_to_go_on(lamp_task, encoder, tmp_path, capsys, monkeypatch):
    out, original = tmp_path / "run", Lamp.step

    def interrupt(self, button):
        if self.render_mode is not None:
            os.kill(os.getpid(), signal.SIGINT)
            monkeypatch.setattr(Lamp, "step", original)
        return original(self, button)

    monkeypatch.setattr(Lamp, "step", interrupt)
    assert main(["train", str(lamp_task), "--encoder", encoder, "--out", str(out), *QUICK]) == 130
    assert f"go on with: vlmrm train --resume {out}" in capsys.readouterr().err
    assert main(["train", "--resume", str(out)]) == 0

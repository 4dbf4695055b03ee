import gc
import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import imageio.v2 as imageio
import numpy as np
import pytest
from PIL import Image

import vlmrm
from tests.encoders.models import SIGLIP_LIKE, write_model
from tests.training.toy_runs import TASK, Lamp
from vlmrm.cli import main
from vlmrm.errors import OutOfDomainWarning
from vlmrm.rewards import RewardModel, RewardSpec
from vlmrm.tasks import all_tasks

# imageio-ffmpeg does not close the pipes of the ffmpeg process it reads from
pytestmark = pytest.mark.filterwarnings("ignore:unclosed file:ResourceWarning")

QUICK = ["--eval-episodes", "2", "--final-episodes", "2", "--eval-drawn", "0", "--no-videos", "--no-tensorboard"]


@pytest.fixture(autouse=True)
def pipes_are_collected_here():
    yield
    gc.collect()


@pytest.fixture(scope="module")
def encoder(tmp_path_factory):
    """The name of a small model with random weights."""
    return f"local-dir:{write_model(tmp_path_factory.mktemp('model'), SIGLIP_LIKE)}"


@pytest.fixture
def spec(tmp_path, encoder):
    path = tmp_path / "reward.toml"
    path.write_text(
        f'encoder = "{encoder}"\nalpha = 0.5\n[prompts]\ngoal = "a red car"\nbaseline = ["a car", "a road"]\n'
    )
    return path


@pytest.fixture
def pictures(tmp_path):
    folder = tmp_path / "frames"
    folder.mkdir()
    rng = np.random.default_rng(0)
    for index in range(3):
        Image.fromarray(rng.integers(0, 255, (20, 30, 3), np.uint8)).save(folder / f"{index}.png")
    return folder


@pytest.fixture
def lamp_task(tmp_path):
    path = tmp_path / "lamp.toml"
    path.write_text(TASK)
    return path


def refused(capsys, *arguments):
    """The one line on stderr."""
    assert main(list(map(str, arguments))) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert "Traceback" not in captured.err
    lines = [line for line in captured.err.splitlines() if line.startswith("vlmrm: error: ")]
    assert len(lines) == 1
    return lines[0]


def test_scoring_prints_the_rewards_of_the_reward_model(spec, pictures, capsys):
    assert main(["score", str(spec), str(pictures), "--json", "--alphas", "0", "0.5"]) == 0
    printed = json.loads(capsys.readouterr().out)
    reward: RewardModel = RewardSpec.load(spec).build("cpu")
    frames = np.stack([np.asarray(Image.open(path)) for path in sorted(pictures.iterdir())])
    expected = reward.score_alphas(frames, [0.0, 0.5])
    assert printed["spec_hash"] == reward.spec.hash()
    assert [row["frame"] for row in printed["frames"]] == [str(path) for path in sorted(pictures.iterdir())]
    for index, alpha in enumerate(["0.0", "0.5"]):
        got = [row["rewards"][alpha] for row in printed["frames"]]
        assert got == pytest.approx(expected[index].tolist(), abs=1e-6)


def test_scoring_prints_a_table_of_pictures_videos_and_arrays(spec, pictures, tmp_path, capsys):
    np.save(tmp_path / "a.npy", np.zeros((2, 8, 8, 3), np.uint8))
    imageio.mimwrite(tmp_path / "a.mp4", [np.zeros((32, 32, 3), np.uint8)] * 3, macro_block_size=2)
    files = [str(pictures / "0.png"), str(tmp_path / "a.npy"), str(tmp_path / "a.mp4")]
    assert main(["score", str(spec), *files]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].split() == ["frame", "alpha=0.5"]
    assert [line.split()[0] for line in lines[1:]] == [
        files[0], *(f"{files[1]}#{i}" for i in range(2)), *(f"{files[2]}#{i}" for i in range(3)),
    ]  # fmt: skip


def test_sentences_may_be_given_instead_of_a_file_and_override_one(spec, pictures, encoder, capsys):
    frame = str(pictures / "0.png")
    words = ["--goal", "a red car", "--baseline", "a car", "a road", "--encoder", encoder]
    assert main(["score", frame, *words, "--json"]) == 0
    by_words = json.loads(capsys.readouterr().out)
    assert main(["score", str(spec), frame, "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == by_words
    assert main(["score", str(spec), frame, "--json", "--alpha", "0"]) == 0
    assert json.loads(capsys.readouterr().out)["spec"]["alpha"] == 0.0


def test_a_reward_with_another_head_is_scored_under_its_name(pictures, encoder, tmp_path, capsys):
    path = tmp_path / "softmax.toml"
    path.write_text(
        f'encoder = "{encoder}"\nhead = "softmax"\noptions = {{ temperature = 0.02 }}\n'
        '[prompts]\ngoal = "a red car"\nnegatives = ["a blue car", "a road"]\n'
    )
    assert main(["score", str(path), str(pictures), "--json"]) == 0
    scored = [row["rewards"]["softmax"] for row in json.loads(capsys.readouterr().out)["frames"]]
    frames = np.stack([np.asarray(Image.open(picture)) for picture in sorted(pictures.iterdir())])
    assert scored == pytest.approx(RewardSpec.load(path).build("cpu").score(frames).tolist(), abs=1e-6)
    assert main(["score", str(path), str(pictures)]) == 0
    assert capsys.readouterr().out.splitlines()[0].split() == ["frame", "softmax"]
    assert "alphas belong to a plain projection" in refused(capsys, "score", path, pictures, "--alphas", "0.5")


def test_a_reward_that_looks_back_takes_the_frames_for_an_episode(pictures, encoder, tmp_path, capsys):
    path = tmp_path / "progress.toml"
    path.write_text(
        f'encoder = "{encoder}"\nalpha = 0.0\n[prompts]\ngoal = "a red car"\n[over_time]\nkind = "difference"\n'
    )
    assert main(["score", str(path), str(pictures), "--json"]) == 0
    first, *rows = (row["rewards"] for row in json.loads(capsys.readouterr().out)["frames"])
    assert first["reward"] is None
    last = first
    for row in rows:
        assert row["reward"] == pytest.approx(row["projection"] - last["projection"], abs=1e-6)
        last = row
    assert main(["score", str(path), str(pictures)]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].split() == ["frame", "projection", "reward"]
    assert [len(line.split()) for line in lines[1:]] == [2, *[3] * len(rows)]


def test_a_reward_is_fitted_on_pictures_and_scored_from_its_file(spec, pictures, tmp_path, capsys):
    first, second, *_ = sorted(pictures.iterdir())
    out = tmp_path / "fitted.json"
    assert main(["fit", str(spec), "--success", str(first), "--failure", str(second), "--out", str(out)]) == 0
    printed = capsys.readouterr().out
    assert [line.split()[:2] for line in printed.splitlines()[1:3]] == [["success", "1"], ["failure", "1"]]
    frames = np.stack([np.asarray(Image.open(path)) for path in (first, second)])
    fitted = RewardSpec.load(spec).build("cpu").fit(frames, [1, 0])
    assert RewardSpec.load(out) == fitted.spec
    assert main(["score", str(out), str(first), "--json"]) == 0
    scored = json.loads(capsys.readouterr().out)["frames"][0]["rewards"]
    assert scored["projection"] == pytest.approx(float(fitted.score(frames[0])), abs=1e-6)

    scaled = tmp_path / "scaled.json"
    assert main(["fit", str(spec), "--scale-on", str(pictures), "--out", str(scaled)]) == 0
    assert "scale_on" in capsys.readouterr().out
    assert set(RewardSpec.load(scaled).scaling) == {"subtract", "divide"}

    again = ["--negatives", str(pictures), "--false-positives", "0", "--out", str(out), "--force"]
    assert main(["fit", str(out), *again]) == 0
    assert "threshold" in capsys.readouterr().out
    binary = RewardSpec.load(out)
    assert binary.few_shot == fitted.spec.few_shot
    assert not binary.build("cpu").score(frames).any()


def test_how_unsure_a_reward_is_is_kept_beside_it_and_printed(pictures, tmp_path, capsys):
    out = tmp_path / "reward.json"
    fit = ["fit", "cartpole/upright", "--uncertainty-on", str(pictures), "--kappa", "1.5", "--out", str(out)]
    with pytest.warns(OutOfDomainWarning):
        assert main(fit) == 0
    assert {path.name for path in tmp_path.iterdir()} >= {"reward.json", "reward.safetensors"}
    assert RewardSpec.load(out).uncertainty["kappa"] == 1.5
    capsys.readouterr()
    assert main(["score", str(out), str(pictures)]) == 0
    assert capsys.readouterr().out.splitlines()[0].split() == ["frame", "projection", "std"]


def test_a_tuned_encoder_lies_beside_the_reward_that_names_it(spec, pictures, tmp_path, monkeypatch, capsys):
    first, second, *_ = sorted(pictures.iterdir())
    fit = ["fit", str(spec), "--success", str(first), "--failure", str(second), "--method", "svd"]
    monkeypatch.chdir(tmp_path)
    assert main([*fit, "--out", "tuned.json"]) == 0
    assert RewardSpec.load("tuned.json").encoder == f"local-dir:{tmp_path / 'tuned-encoder'}"
    capsys.readouterr()
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    assert main(["score", "../tuned.json", str(first), str(second), "--json"]) == 0
    better, worse = (row["rewards"]["0.5"] for row in json.loads(capsys.readouterr().out)["frames"])
    assert better > worse
    assert "exists already" in refused(capsys, *fit, "--out", "../tuned.json")
    (tmp_path / "tuned.json").unlink()
    assert "tuned-encoder exists already" in refused(capsys, *fit, "--out", "../tuned.json")
    before = (tmp_path / "tuned-encoder" / "tuning.json").stat().st_mtime_ns
    assert "the same label" in refused(capsys, *fit[:4], "--method", "svd", "--out", "../tuned.json", "--force")
    assert (tmp_path / "tuned-encoder" / "tuning.json").stat().st_mtime_ns == before  # still there
    assert main([*fit, "--out", "../tuned.json", "--force"]) == 0
    capsys.readouterr()
    assert (tmp_path / "tuned-encoder" / "tuning.json").stat().st_mtime_ns > before
    again = ["fit", "../tuned.json", *fit[2:], "--out", "../tuned.json", "--force"]
    assert "take the place of the encoder that is tuned" in refused(capsys, *again)
    assert {path.name for path in tmp_path.iterdir() if "encoder" in path.name} == {"tuned-encoder"}


def test_fitting_refuses_what_it_cannot_do(spec, pictures, tmp_path, capsys):
    picture, there = str(next(pictures.iterdir())), tmp_path / "there.json"
    there.write_text("{}")
    for arguments, message in (
        ([spec], "give frames: --success and --failure to fit"),
        (["--success", picture], "give a reward"),
        ([spec, "--success", picture, "--method", "knn"], "unknown method 'knn'"),
        ([spec, "--success", picture, "--out", "a.toml"], "a file that ends in .json"),
        ([spec, "--success", picture, "--out", there], "exists already"),
        ([spec, "--success", picture, "--out", tmp_path / "new.json"], "all 1 frames have the same label"),
        ([spec, "--success", tmp_path / "none.png", "--out", tmp_path / "new.json"], "no file or folder"),
    ):
        assert message in refused(capsys, "fit", *arguments)
    assert not (tmp_path / "new.json").exists()


def test_a_task_may_stand_for_its_reward(pictures, encoder, capsys):
    assert main(["score", "pendulum/upright", str(pictures / "0.png"), "--encoder", encoder, "--json"]) == 0
    goal = json.loads(capsys.readouterr().out)["spec"]["prompts"]["goal"]
    assert goal == list(all_tasks()["pendulum/upright"].prompts.goal)


def test_what_cannot_be_scored_is_one_clean_line(spec, pictures, tmp_path, capsys):
    assert "give a reward" in refused(capsys, "score")
    assert "no frames were given" in refused(capsys, "score", spec)
    assert "no file or folder" in refused(capsys, "score", spec, tmp_path / "nowhere.png")
    assert "is not a reward" in refused(capsys, "score", pictures / "0.png")
    assert "no task 'cartpole/uprigt'" in refused(capsys, "score", "cartpole/uprigt", pictures)
    assert "no reward spec at" in refused(capsys, "score", "nowhere.toml", pictures)
    assert "alpha must lie in 0 to 1" in refused(capsys, "score", spec, pictures, "--alphas", "2")
    (tmp_path / "bad.toml").write_text('encodr = "x"')
    assert "unknown key 'encodr'" in refused(capsys, "score", tmp_path / "bad.toml", pictures)


def test_a_run_is_trained_and_its_results_are_printed(lamp_task, encoder, tmp_path, capsys):
    out = tmp_path / "run"
    assert main(["train", str(lamp_task), "--encoder", encoder, "--out", str(out), *QUICK]) == 0
    captured = capsys.readouterr()
    assert f"writing to {out}" in captured.err
    for text in ("random policy", f"DQN on text, scored by {encoder}", "steps to 90%", str(out / "summary.json")):
        assert text in captured.out
    assert main(["train", "--resume", str(out)]) == 0
    assert "is complete" in capsys.readouterr().err


def test_any_environment_is_trained_without_a_task_file(encoder, tmp_path, capsys):
    words = ["--goal", "a pole standing upright", "--baseline", "a pole"]
    options = ["--encoder", encoder, "--steps", "60", "--episode-steps", "20", "--out", str(tmp_path / "run")]
    settings = ["--algorithm", "PPO", "--hyperparameters", "n_steps = 20, n_epochs = 1, batch_size = 20"]
    assert main(["train", "--env", "Pendulum-v1", *words, *options, *settings, *QUICK]) == 0
    out = capsys.readouterr().out
    assert "env return" in out
    assert "steps to" not in out  # without a success test there is nothing to count to
    saved = json.loads((tmp_path / "run" / "config.json").read_text())
    assert saved["train"]["hyperparameters"] == {"n_steps": 20, "n_epochs": 1, "batch_size": 20}


def test_the_comparison_stands_in_the_table(lamp_task, encoder, tmp_path, capsys):
    arguments = ["--steps", "60", "--encoder", encoder, "--out", str(tmp_path / "run"), "--compare-env-reward"]
    assert main(["train", str(lamp_task), *arguments, *QUICK]) == 0
    assert "DQN on the environment's own reward" in capsys.readouterr().out


def test_what_cannot_be_trained_is_one_clean_line(lamp_task, tmp_path, capsys):
    words = ["--goal", "a", "--baseline", "b"]
    assert "give a task or an environment" in refused(capsys, "train")
    hopper = ["train", "--env", "Hopper-v5", *words]
    assert "must be numbers" in refused(capsys, *hopper, "--camera", "track = 'torso', distance_m = true")
    assert "/nowhere.xml does not exist" in refused(capsys, *hopper, "--env-kwargs", 'xml_file = "/nowhere.xml"')
    assert "Near: cartpole/upright" in refused(capsys, "train", "cartpole/uprigt")
    assert "Near: LunarLander-v3" in refused(capsys, "train", "--env", "LunarLandr-v3", *words)
    assert "no hyper-parameter 'gama'" in refused(capsys, "train", lamp_task, "--hyperparameters", "gama = 1")
    assert "unknown algorithm" in refused(capsys, "train", lamp_task, "--algorithm", "DQM")
    assert "steps must be at least 1" in refused(capsys, "train", lamp_task, "--steps", "0")
    assert "empty sentence" in refused(capsys, "train", lamp_task, "--goal", "")
    assert "no model 'sim-q'" in refused(capsys, "train", lamp_task, "--encoder", "sim-q", "--out", tmp_path / "run")
    assert not (tmp_path / "run").exists()
    assert "not empty" in refused(capsys, "train", lamp_task, "--out", tmp_path)
    assert "no run directory" in refused(capsys, "train", "--resume", tmp_path)
    assert "drop task, steps" in refused(capsys, "train", lamp_task, "--steps", "9", "--resume", tmp_path)


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


def test_tasks_are_listed_with_their_sentences_and_their_success_test(capsys):
    assert main(["tasks"]) == 0
    out = capsys.readouterr().out
    assert "cartpole/upright" in out
    assert "pole vertically upright on top of the cart" in out
    assert "angle_deg in -12..12" in out
    assert "camera lookat_m (0.0, 0.0, 1.0), distance_m 3.5, azimuth_deg 180, elevation_deg -10; quality fast" in out
    assert "SAC, 10,000,000 steps; small: SAC, 300,000 steps" in out
    assert main(["tasks", "--json"]) == 0
    listed = json.loads(capsys.readouterr().out)
    assert {task["name"] for task in listed} == set(all_tasks())


def test_some_tasks_are_listed_by_name_and_unknown_ones_are_refused(capsys):
    assert main(["tasks", "pendulum/upright", "cartpole/upright"]) == 0
    out = capsys.readouterr().out
    assert [line for line in out.splitlines() if line and line[0] != " "] == ["pendulum/upright", "cartpole/upright"]
    assert main(["tasks", "humanoid/kneeling", "--json"]) == 0
    assert [task["name"] for task in json.loads(capsys.readouterr().out)] == ["humanoid/kneeling"]
    assert "Near: humanoid/kneeling" in refused(capsys, "tasks", "pendulum/upright", "humanoid/kneling")


def test_models_are_listed_with_what_they_know_and_how_to_name_others(capsys, tmp_path, monkeypatch):
    from tests.encoders.models import write_card

    folder = write_card(write_model(tmp_path / "sim-toy", SIGLIP_LIKE), ["red", "car"])
    monkeypatch.setattr("vlmrm.encoders.cards.BUILTIN_FOLDER", folder.parent)
    assert main(["models"]) == 0
    out = capsys.readouterr().out
    for text in ("sim-toy", "32 px", "knows red things", "ViT-L-14/openai", "local-dir:FOLDER"):
        assert text in out
    assert main(["models", "--json"]) == 0
    (card,) = json.loads(capsys.readouterr().out)
    assert card["words"] == ["car", "red"]


def test_the_version_is_printed(capsys):
    assert main(["--version"]) == 0
    assert capsys.readouterr().out == f"vlmrm {vlmrm.__version__}\n"


@pytest.mark.parametrize("arguments", [[], ["--help"], ["train", "--help"], ["score", "--help"]])
def test_help_is_printed(arguments, capsys):
    with pytest.raises(SystemExit) as done:
        main(arguments)
    assert done.value.code == 0
    out = capsys.readouterr().out
    assert "usage: vlmrm" in out
    assert "(default: None)" not in out


def test_every_option_of_train_is_explained(capsys):
    from dataclasses import fields

    from vlmrm.training import TrainConfig

    with pytest.raises(SystemExit):
        main(["train", "--help"])
    out = capsys.readouterr().out
    for entry in fields(TrainConfig):
        if entry.name != "task":
            assert f"--{entry.name.replace('_', '-')}" in out


def test_help_and_tasks_do_not_wait_for_torch():
    code = "import sys; from vlmrm.cli import main; main(['tasks']); assert 'torch' not in sys.modules"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_the_module_runs_as_the_command_does():
    done = subprocess.run(
        [sys.executable, "-m", "vlmrm", "--version"],
        capture_output=True,
        text=True,
        check=True,
        cwd=Path(__file__).parent,
    )
    assert done.stdout == f"vlmrm {vlmrm.__version__}\n"

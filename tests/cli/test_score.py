import json

import imageio.v2 as imageio
import numpy as np
import pytest
from PIL import Image

from tests.cli.refusals import refused
from vlmrm.cli import main
from vlmrm.rewards import RewardModel, RewardSpec
from vlmrm.tasks import all_tasks

# imageio-ffmpeg does not close the pipes of the ffmpeg process it reads from
pytestmark = pytest.mark.filterwarnings("ignore:unclosed file:ResourceWarning")


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


def test_a_task_may_stand_for_its_reward(pictures, encoder, capsys):
    assert main(["score", "pendulum/upright", str(pictures / "0.png"), "--encoder", encoder, "--json"]) == 0
    goal = json.loads(capsys.readouterr().out)["spec"]["prompts"]["goal"]
    assert goal == list(all_tasks()["pendulum/upright"].reward.prompts.goal)


def test_alphas_of_a_task_are_compared_by_closeness_itself(pictures, encoder, capsys):
    """Its reward takes a constant off, which says nothing about alpha."""
    picture, task = str(pictures / "0.png"), all_tasks()["cartpole/upright"]
    options = ["--encoder", encoder, "--json", "--alphas", "0", "0.5"]
    assert main(["score", "cartpole/upright", picture, *options]) == 0
    plain = RewardSpec(encoder=encoder, prompts=task.reward.prompts).build("cpu")
    expected = plain.score_alphas(np.asarray(Image.open(picture)), [0.0, 0.5])[:, 0].tolist()
    printed = json.loads(capsys.readouterr().out)["frames"][0]["rewards"]
    assert [printed["0.0"], printed["0.5"]] == pytest.approx(expected, abs=1e-6)


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

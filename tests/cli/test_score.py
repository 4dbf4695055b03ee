import json

import imageio.v2 as imageio
import numpy as np
import pytest
from PIL import Image

from tests.cli.refusals import refused
from vlmrm.cli import main
from vlmrm.cli.score import named_spec
from vlmrm.errors import OutOfDomainWarning
from vlmrm.rewards import RewardModel
from vlmrm.rewards.heads.projection import score_alphas
from vlmrm.tasks import all_tasks, find_task

# imageio-ffmpeg does not close the pipes of the ffmpeg process it reads from
pytestmark = pytest.mark.filterwarnings("ignore:unclosed file:ResourceWarning")


def test_scoring_prints_the_rewards_of_the_reward_model(spec, pictures, capsys):
    assert main(["score", str(spec), str(pictures), "--json", "--alphas", "0", "0.5"]) == 0
    printed = json.loads(capsys.readouterr().out)
    reward = RewardModel.from_spec(spec, device="cpu")
    frames = np.stack([np.asarray(Image.open(path)) for path in sorted(pictures.iterdir())])
    expected = score_alphas(reward, frames, [0.0, 0.5])
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


def test_close_alphas_have_columns_of_their_own_and_equal_ones_are_refused(spec, pictures, capsys):
    frame = str(pictures / "0.png")
    assert main(["score", str(spec), frame, "--json", "--alphas", "0.1234561", "0.1234562"]) == 0
    assert set(json.loads(capsys.readouterr().out)["frames"][0]["rewards"]) == {"0.1234561", "0.1234562"}
    assert "--alphas has one of them twice; got 0.5, 0.5" in refused(capsys, "score", spec, frame, "--alphas", 0.5, 0.5)


def test_sentences_take_the_place_of_a_tasks_own(pictures, capsys):
    words = ["--goal", "a pole hanging straight down", "--baseline", "a pole"]
    with pytest.warns(OutOfDomainWarning):
        assert main(["score", "cartpole/upright", str(pictures), *words, "--json"]) == 0
    said = json.loads(capsys.readouterr().out)["spec"]
    assert said["prompts"] == {"goal": ["a pole hanging straight down"], "baseline": ["a pole"]}
    assert said["scaling"] == find_task("cartpole/upright").reward.to_dict()["scaling"]


def test_a_broken_reward_file_is_named_whatever_else_is_given(pictures, tmp_path, capsys):
    (tmp_path / "bad.toml").write_text('encodr = "sim-s"')
    given = ["score", tmp_path / "bad.toml", pictures, "--goal", "a red car"]
    assert "unknown key encodr. Near: encoder." in refused(capsys, *given)


def test_frames_after_a_sentence_are_not_taken_for_another(pictures, capsys):
    assert "is a file or folder, no sentence. Put frames before --goal" in refused(
        capsys, "score", "--goal", "a red car", pictures
    )


def test_a_baseline_that_the_head_does_not_look_at_is_refused(pictures, encoder, tmp_path, capsys):
    path = tmp_path / "soft.toml"
    path.write_text(f'encoder = "{encoder}"\nhead = "softmax"\n[prompts]\ngoal = "a car"\nnegatives = ["a road"]\n')
    assert "--baseline has no effect: the head softmax" in refused(
        capsys, "score", path, pictures, "--baseline", "a street"
    )


def test_a_folder_with_the_name_of_a_task_does_not_hide_it(pictures, tmp_path, monkeypatch):
    (tmp_path / "cartpole" / "upright").mkdir(parents=True)
    monkeypatch.chdir(tmp_path)
    assert named_spec("cartpole/upright") == find_task("cartpole/upright").reward


def test_sentences_may_be_given_instead_of_a_file_and_override_one(spec, pictures, encoder, capsys):
    frame = str(pictures / "0.png")
    words = ["--goal", "a red car", "--baseline", "a car", "a road", "--encoder", encoder]
    assert main(["score", frame, *words, "--json"]) == 0
    by_words = json.loads(capsys.readouterr().out)
    assert main(["score", str(spec), frame, "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == by_words
    assert main(["score", str(spec), frame, "--json", "--alpha", "0"]) == 0
    assert json.loads(capsys.readouterr().out)["spec"]["alpha"] == 0.0


def test_a_reward_with_another_head_has_its_score_in_a_column(pictures, encoder, tmp_path, capsys):
    path = tmp_path / "softmax.toml"
    path.write_text(
        f'encoder = "{encoder}"\nhead = "softmax"\noptions = {{ temperature = 0.02 }}\n'
        '[prompts]\ngoal = "a red car"\nnegatives = ["a blue car", "a road"]\n'
    )
    assert main(["score", str(path), str(pictures), "--json"]) == 0
    scored = [row["rewards"]["score"] for row in json.loads(capsys.readouterr().out)["frames"]]
    frames = np.stack([np.asarray(Image.open(picture)) for picture in sorted(pictures.iterdir())])
    assert scored == pytest.approx(RewardModel.from_spec(path, device="cpu").score(frames).tolist(), abs=1e-6)
    assert main(["score", str(path), str(pictures)]) == 0
    assert capsys.readouterr().out.splitlines()[0].split() == ["frame", "score"]
    assert "and the reward has head='softmax'. Leave" in refused(capsys, "score", path, pictures, "--alphas", "0.5")


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
        assert row["reward"] == pytest.approx(row["score"] - last["score"], abs=1e-6)
        last = row
    assert main(["score", str(path), str(pictures)]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].split() == ["frame", "score", "reward"]
    assert [len(line.split()) for line in lines[1:]] == [2, *[3] * len(rows)]


def columns_of(path, pictures, capsys):
    """The columns that are printed, and those that the reward explains itself by."""
    assert main(["score", str(path), str(pictures), "--json"]) == 0
    rows = [row["rewards"] for row in json.loads(capsys.readouterr().out)["frames"]]
    frames = np.stack([np.asarray(Image.open(picture)) for picture in sorted(pictures.iterdir())])
    explained = RewardModel.from_spec(path, device="cpu").explain(frames)
    assert main(["score", str(path), str(pictures)]) == 0
    header = capsys.readouterr().out.splitlines()[0]
    assert header.split() == ["frame", *" ".join(explained).split()]
    return {name: [row[name] for row in rows] for name in rows[0]}, explained


def test_the_parts_of_an_ensemble_are_columns(pictures, encoder, tmp_path, capsys):
    path = tmp_path / "ensemble.toml"
    path.write_text(
        f'encoder = "{encoder}"\nhead = "ensemble"\n[prompts]\ngoal = "a red car"\nnegatives = ["a blue car"]\n'
        '[[options.parts]]\nweight = 0.25\nhead = "softmax"\noptions = { temperature = 0.02 }\n'
        "scaling = { subtract = 0.5 }\n"
        "[[options.parts]]\nweight = 0.75\nalpha = 0.0\nscaling = { divide = 0.4, lowest = 0.0 }\n"
    )
    printed, explained = columns_of(path, pictures, capsys)
    assert list(printed) == list(explained) == ["score", "part 1 (softmax)", "part 2 (projection)"]
    for name, column in printed.items():
        assert column == pytest.approx(explained[name].tolist(), abs=1e-6)
    _, *parts = printed.values()
    assert printed["score"] == pytest.approx([0.25 * a + 0.75 * b for a, b in zip(*parts, strict=True)], abs=1e-6)


def test_the_milestones_and_the_rewards_of_steps_are_columns(pictures, encoder, tmp_path, capsys):
    path = tmp_path / "milestones.toml"
    path.write_text(
        f'encoder = "{encoder}"\nalpha = 0.0\n[prompts]\ngoal = ["a blue car", "a red car"]\n'
        '[over_time]\nkind = "milestones"\ntemperature = 0.02\n'
    )
    printed, explained = columns_of(path, pictures, capsys)
    assert list(printed) == list(explained) == ["score", "milestone 1", "milestone 2", "reward"]
    assert printed["score"] == printed["milestone 2"]
    both = zip(printed["milestone 1"], printed["milestone 2"], strict=True)
    assert [first + second for first, second in both] == pytest.approx([1.0] * 3, abs=1e-6)
    assert printed["reward"][0] is None
    assert printed["reward"][1:] == pytest.approx(explained["reward"][1:].tolist(), abs=1e-6)


def test_a_task_may_stand_for_its_reward(pictures, encoder, capsys):
    assert main(["score", "pendulum/upright", str(pictures / "0.png"), "--encoder", encoder, "--json"]) == 0
    goal = json.loads(capsys.readouterr().out)["spec"]["prompts"]["goal"]
    assert goal == list(all_tasks()["pendulum/upright"].reward.prompts.goal)


def test_alphas_of_more_than_a_projection_are_refused_with_what_it_has(spec, pictures, capsys):
    spec.write_text('threshold = 0.5\ncameras = { names = ["front", "side"] }\n' + spec.read_text())
    said = refused(capsys, "score", spec, pictures, "--alphas", "0", "0.5")
    assert "a plain projection of one picture, and the reward has cameras and threshold. Leave out" in said


def test_alphas_of_a_task_are_compared_by_closeness_itself(pictures, encoder, capsys):
    """Its reward takes a constant off, which says nothing about alpha."""
    picture, task = str(pictures / "0.png"), all_tasks()["cartpole/upright"]
    options = ["--encoder", encoder, "--json", "--alphas", "0", "0.5"]
    assert main(["score", "cartpole/upright", picture, *options]) == 0
    plain = RewardModel.load(encoder, task.reward.prompts, device="cpu")
    expected = score_alphas(plain, np.asarray(Image.open(picture)), [0.0, 0.5])[:, 0].tolist()
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
    assert "unknown key encodr. Near: encoder." in refused(capsys, "score", tmp_path / "bad.toml", pictures)

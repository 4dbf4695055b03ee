"""`vlmrm adapt caption` and `vlmrm caption` on pictures of the table top, and what they refuse."""

import csv
import json

import imageio.v2 as imageio
import numpy as np
import pytest
from PIL import Image
from vlmrm_envs.table_top import caption, draw_tables, random_tables

from tests.cli.refusals import refused
from vlmrm.cli import main
from vlmrm.rlcf.captions import load_captioner

TABLES = random_tables(3, seed=77)
JUDGE = ["--judge", "vlmrm_envs.table_judge:TableJudge", "--truths"]


@pytest.fixture(scope="module")
def shown(tmp_path_factory):
    """A folder of three tables, and a table of their captions."""
    folder = tmp_path_factory.mktemp("tables")
    frames = draw_tables(TABLES, seed=7, size_px=64)
    with (folder / "captions.csv").open("w", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(["frame", "caption"])
        for place, table in enumerate(TABLES):
            Image.fromarray(frames[place].numpy()).save(folder / f"{place}.png")
            rows.writerow([f"{place}.png", caption(table)])
    return folder


@pytest.fixture
def words(shown, tmp_path):
    models = ["--policy", "tab-cap", "--reward", "tab-m", "--preset", "tab_caption", "--steps", "1"]
    return ["adapt", "caption", str(shown), *models, "--out", str(tmp_path / "out.json")]


def test_captions_are_adapted_judged_and_shown(shown, words, tmp_path, capsys):
    table = str(shown / "captions.csv")
    assert main([*words, "--captions", table, *JUDGE, table]) == 0
    printed = capsys.readouterr().out
    for method in ("zero_shot", "best_of_k", "reward_only", "self_reward", "adapted"):
        assert method in printed
    assert "3 pictures; judged by facts." in printed
    said = json.loads((tmp_path / "out.json").read_text())
    assert {"facts", "CIDEr-D", "BLEU-4", "reward", "repetition"} <= set(said["methods"]["adapted"])
    assert len(said["after_each_step"]["facts"]) == len(said["after_each_step"]["reward"]) == 1
    assert len(list((tmp_path / "out").glob("*.jsonl"))) == 5
    page = tmp_path / "page.html"
    again = [*words[:-1], str(page), "--keep", str(tmp_path / "out"), "--captions", table, *JUDGE, table]
    assert main(again) == 0  # from what was kept
    assert said["headline"] in page.read_text()
    changed = [one for one in said["captions"] if one["zero_shot"] != one["adapted"]]
    assert page.read_text().count("<img") <= 3
    assert all(one["picture"].endswith(".png") for one in changed)


def test_without_references_the_reward_judges_itself_and_says_so(words, tmp_path, capsys):
    assert main(words) == 0
    assert "judged by the reward itself" in capsys.readouterr().out
    said = json.loads((tmp_path / "out.json").read_text())
    assert said["verdict"]["word"] != "good"
    assert any("says nothing of whether the captions are true" in reason for reason in said["verdict"]["reasons"])


def test_pictures_that_do_not_open_are_left_out_and_counted(shown, words, tmp_path, capsys):
    folder = tmp_path / "some"
    folder.mkdir()
    (folder / "0.png").write_bytes((shown / "0.png").read_bytes())
    (folder / "1.png").write_bytes(b"no picture")
    assert main([*words[:2], str(folder), *words[3:]]) == 0
    printed = capsys.readouterr().out
    assert "1 pictures; judged by" in printed
    assert "1 pictures could not be opened and were left out" in printed


@pytest.mark.parametrize(
    ("more", "says"),
    [
        (["--classes", "classes.txt"], "--classes is not for vlmrm adapt caption"),
        (["--judge", "vlmrm_envs.table_judge:TableJudge"], "reads the facts of the pictures from --truths"),
        (["--truths", "captions.csv"], "--truths is what a --judge reads"),
        (["--judge", "vlmrm_envs.table_judge:Judge", "--truths", "x.csv"], "no judge 'vlmrm_envs.table_judge:Judge'"),
        (["--method", "kd"], "captions are adapted by the method 'rlcf'"),
        (["--policy", "tab-cup"], "no captioner 'tab-cup'"),
    ],
)
def test_what_cannot_be_adapted_is_refused(words, more, says, capsys):
    assert says in refused(capsys, *words, *more)


def test_a_judge_of_captions_is_for_captions(shown, capsys):
    said = refused(capsys, "adapt", "classify", str(shown), "--judge", "a:B", "--truths", "c.csv")
    assert "--judge and --truths are for vlmrm adapt caption" in said


def test_a_captioner_is_trained_and_goes_on(shown, tmp_path, capsys):
    options = tmp_path / "training.toml"
    options.write_text(
        'captioner = "tab-cap"\nupdates = 2\ncheck_every = 1\npictures = 2\nsamples = 6\ntemperature = 3.0\n'
        "most_tokens = 24\n"
        '[terms.similarity]\nencoder = "tab-m"\n[terms.repetition]\nweight = 0.1\n'
    )
    table = str(shown / "captions.csv")
    words = ["caption", "train", str(options), "--pictures", str(shown), "--held-out", str(shown), "--captions", table]
    words += [*JUDGE, table, "--out", str(tmp_path / "run")]
    assert main(words) == 0
    printed = capsys.readouterr().out
    assert "update 2: " in printed
    assert "held_out_facts" in printed
    assert "held_out_cider_d" in printed
    captioner = load_captioner(f"local-dir:{tmp_path / 'run' / 'captioner'}")
    assert captioner.fingerprint != load_captioner("tab-cap").fingerprint
    assert main(words) == 0
    assert "goes on after 2 updates" in capsys.readouterr().out


@pytest.mark.filterwarnings("ignore:unclosed file:ResourceWarning")  # imageio-ffmpeg's pipes
def test_a_captioner_describes_a_video(tmp_path, capsys):
    frames = draw_tables(TABLES[[0, 0, 1, 2]], seed=7, size_px=64).numpy()
    video = tmp_path / "tables.mp4"
    imageio.mimwrite(video, list(np.repeat(frames, 3, axis=0)), fps=10, macro_block_size=1)
    out = tmp_path / "said.html"
    assert main(["caption", "describe", str(video), "--captioner", "tab-cap", "--every", "3", "--out", str(out)]) == 0
    assert "frame     0  a " in capsys.readouterr().out
    said = json.loads(out.with_suffix(".json").read_text())
    assert [one["frame"] for one in said["captions"]] == [0, 3, 6, 9]
    assert said["rewards"] is None
    assert said["spells"][0]["caption"] in out.read_text()


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["caption"], "say what to do"),
        (["caption", "trane", "x.toml"], "Near: train"),
        (["caption", "train", "x.toml"], "give the pictures to train on"),
        (["caption", "describe", "x.png"], "neither a run's folder nor a video"),
        (["caption", "describe", "x.mp4", "--out", "x.json"], "a file that ends in .html"),
        (["caption", "describe", "x.mp4", "--every", "0"], "at least 1 frame"),
    ],
)
def test_what_captions_cannot_do_is_refused(words, says, capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("vlmrm.cli.describe.load_captioner", lambda name, device=None: None)
    assert says in refused(capsys, *words)

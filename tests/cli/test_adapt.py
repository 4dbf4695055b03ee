"""`vlmrm adapt` on a folder of pictures, and what it refuses."""

import json
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from tests.cli.refusals import refused
from vlmrm.cli import main
from vlmrm.cli.adapt_arguments import Adapt
from vlmrm.cli.adapt_problems import problems
from vlmrm.errors import FrameError


@pytest.fixture(scope="module")
def pictures(tmp_path_factory):
    folder = tmp_path_factory.mktemp("pictures")
    random = np.random.default_rng(0)
    for name in ("stands upright", "hangs down"):
        (folder / name).mkdir()
        for number in range(2):
            Image.fromarray(random.integers(0, 256, (64, 64, 3), np.uint8)).save(folder / name / f"{number}.png")
    return folder


WORDS = ["--policy", "random:sim-xs", "--reward", "random:sim-s", "--template", "the pole {}"]
WORDS += ["--preset", "sim_image", "--views", "4"]


def test_a_table_with_every_control_is_printed_and_written_and_a_page_made_of_it(pictures, tmp_path, capsys):
    words = ["adapt", "classify", str(pictures), *WORDS, "--steps", "1", "--out", str(tmp_path / "out.json")]
    assert main(words) == 0
    printed = capsys.readouterr().out
    for method in ("zero_shot", "reward_only", "best_of_k", "ensemble", "self_reward", "kd", "adapted"):
        assert method in printed
    assert "4 pictures of 2 classes" in printed
    said = json.loads((tmp_path / "out.json").read_text())
    assert said["protocol"]["classes"] == ["hangs down", "stands upright"]
    assert said["protocol"]["options"]["candidates"] is None  # 3 of 2 classes are all
    assert len(list((tmp_path / "out").glob("*.jsonl"))) == 7
    assert main([*words, "--force"]) == 0  # from what was kept
    page = tmp_path / "page.html"
    assert main([*words[:-1], str(page), "--keep", str(tmp_path / "out")]) == 0
    assert json.loads(page.with_suffix(".json").read_text()) == said
    assert said["headline"] in capsys.readouterr().out
    assert said["headline"] in page.read_text()
    assert main([*words[:-2], "--steps", "2", "--out", str(tmp_path / "out.json"), "--force"]) == 2
    assert "other settings" in capsys.readouterr().err


def test_both_directions_of_retrieval_have_a_table_and_a_page_each(pictures, tmp_path, capsys):
    table = tmp_path / "captions.csv"
    files = [f"{name}/{number}.png" for name in ("stands upright", "hangs down") for number in (0, 1)]
    rows = ["frame,caption", *(f"{file},the pole in {file}" for file in files), "hangs down/0.png,a <b>pole</b>"]
    table.write_text("\n".join(rows))
    models = [*WORDS[:4], "--steps", "1", "--out", str(tmp_path / "out.html")]
    assert main(["adapt", "retrieve", str(pictures), "--captions", str(table), *models]) == 0
    printed = capsys.readouterr().out
    assert "4 pictures and 5 captions: the caption of each picture" in printed
    for name, queries, answers in (("picture_to_text", 4, 5), ("text_to_picture", 5, 4)):
        said = json.loads((tmp_path / f"out_{name}.json").read_text())
        assert f"{queries} queries among {answers} answers" in said["headline"]
        assert said["protocol"]["options"]["tune"] == {"picture_to_text": "image", "text_to_picture": "text"}[name]
        page = (tmp_path / f"out_{name}.html").read_text()
        assert "<b>pole" not in page
    assert main(["adapt", "retrieve", str(pictures), "--captions", str(table), *models]) == 2
    assert "is there already" in capsys.readouterr().err


def test_a_published_set_by_its_name_with_more_methods_beside(tmp_path, capsys):
    content = b"".join(bytes([label]) + bytes([40 * label]) * 3072 for label in (0, 1, 1))
    (tmp_path / "test_batch.bin").write_bytes(content)
    (tmp_path / "batches.meta.txt").write_text("airplane\nautomobile\n")
    words = [*WORDS[:4], "--dataset", "cifar10", "--per-class", "1", "--also", "zero", "template_mean", "tpt"]
    words += ["--templates", "simple", "--views", "2", "--steps", "1", "--out", str(tmp_path / "out.json")]
    assert main(["adapt", "classify", str(tmp_path), *words]) == 0
    said = json.loads((tmp_path / "out.json").read_text())
    assert said["answers"] == ["airplane", "automobile"]
    assert {"zero", "template_mean", "tpt", "adapted"} <= set(said["methods"])
    assert "2 pictures of 2 classes" in capsys.readouterr().out


def test_the_seed_draws_what_is_taken_of_each_class_and_a_part_of_a_set_will_do(tmp_path):
    for index in range(1000):
        (tmp_path / str(index)).mkdir()
        for name in ("a.png", "b.png"):  # of 10 that were published
            (tmp_path / str(index) / name).touch()
    given = Adapt(what="classify", folder=str(tmp_path), dataset="imagenet-v2", per_class=1)
    names = {tuple(problems(replace(given, seed=seed))[0].names) for seed in (0, 1, None)}
    assert [len(one) for one in names] == [1000, 1000]  # none is 0, as for views
    with pytest.raises(FrameError, match="10 pictures in each"):
        problems(replace(given, per_class=None))


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["retrieval", "FOLDER"], "say what to adapt for"),
        (["retrieve", "FOLDER"], "retrieve needs --captions"),
        (["classify", "FOLDER", "--captions", "captions.csv"], "for vlmrm adapt retrieve"),
        (["retrieve", "FOLDER", "--captions", "captions.csv", "--labels", "x.csv"], "for vlmrm adapt classify"),
        (["retrieve", "FOLDER", "--captions", "captions.csv", "--per-class", "1"], "for vlmrm adapt classify"),
        (["classify", "FOLDER", "--per-class", "0"], "at least one picture of each class"),
        (["classify", "nowhere"], "no folder"),
        (["classify", "FOLDER", "--dataset", "imagenet-v3"], "imagenet-v2"),
        (["classify", "FOLDER", "--dataset", "cifar10", "--labels", "x.csv"], "has its own classes"),
        (["classify", "FOLDER", *WORDS, "--also", "zeros"], "zero"),
        (["classify", "FOLDER", *WORDS, "--also", "auto_clip"], "Give --templates"),
        (["classify", "FOLDER", "--also", "auto_clip", "--templates", "FILE"], "exactly one {}, where"),
        (["classify", "FOLDER", "--preset", "images"], "image"),
        (["classify", "FOLDER", "--out", "numbers.csv"], "ends in .html or .json"),
        (["classify", "FOLDER", *WORDS, "--reward", "random:sim-xs"], "self_reward"),
        (["classify", "FOLDER", *WORDS, "--template", "a pole"], "one {}"),
    ],
)
def test_what_cannot_be_is_refused(pictures, tmp_path, monkeypatch, capsys, words, said):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "templates.txt").write_text("a picture of {}\na pole\n")
    given = {"FOLDER": pictures, "FILE": tmp_path / "templates.txt"}
    assert said in refused(capsys, "adapt", *(given.get(word, word) for word in words))

"""`vlmrm search` on a task and on pictures with labels, and what it refuses."""

import json

import pytest
import vlmrm_envs as envs
from PIL import Image

from tests.cli.refusals import refused
from vlmrm.cli import main
from vlmrm.rendering import Camera
from vlmrm.rewards import RewardSpec
from vlmrm.tasks import find_task

# imageio-ffmpeg does not close the pipes of the ffmpeg process it reads from
pytestmark = pytest.mark.filterwarnings("ignore:unclosed file:ResourceWarning")


@pytest.fixture(scope="module")
def labelled(tmp_path_factory):
    """A folder of pictures of an arm, with a table of labels beside it."""
    folder = tmp_path_factory.mktemp("labelled")
    drawn = envs.labelled_frames("acrobot/up", 60, seed=1, size_px=96)
    rows = ["frame,in_goal"]
    (folder / "frames").mkdir()
    for i, (frame, inside) in enumerate(zip(drawn.frames.numpy(), drawn.in_goal, strict=True)):
        Image.fromarray(frame).save(folder / "frames" / f"{i}.png")
        rows.append(f"{i}.png,{int(inside)}")
    (folder / "labels.csv").write_text("\n".join(rows))
    return folder


def test_a_sentence_is_searched_on_pictures_and_written_as_a_spec(labelled, tmp_path, capsys):
    out = tmp_path / "found.json"
    words = ["--labels", labelled / "labels.csv", "--reward", "acrobot/up", "--rounds", "0", "--out", out]
    words += ["--sentences", "a double pendulum pointing straight up", "a double pendulum hanging"]
    assert main(list(map(str, ["search", "prompts", labelled / "frames", *words]))) == 0
    printed = capsys.readouterr().out
    assert "AUROC to search on" in printed
    better = "A better sentence was found" in printed
    assert (f"wrote {out}: the sentence found" in printed) == better
    assert (RewardSpec.load(out) == find_task("acrobot/up").reward) != better


def test_a_sentence_is_searched_on_two_folders(labelled, tmp_path, capsys):
    for name in ("up", "down"):
        (tmp_path / name).mkdir()
    for row in (labelled / "labels.csv").read_text().splitlines()[1:]:
        file, inside = row.split(",")
        (tmp_path / ("up" if inside == "1" else "down") / file).symlink_to(labelled / "frames" / file)
    words = ["--success", tmp_path / "up", "--failure", tmp_path / "down", "--reward", "acrobot/up", "--rounds", "0"]
    words += ["--sentences", "a double pendulum hanging", "--out", tmp_path / "found.json"]
    assert main(list(map(str, ["search", "prompts", *words]))) == 0
    assert "AUROC held out" in capsys.readouterr().out


def test_a_camera_is_searched_drawn_printed_and_written(tmp_path, capsys):
    out, picture = tmp_path / "camera.json", tmp_path / "views.png"
    words = ["--views", "2", "--frames", "72", "--held-out", "40", "--out", str(out), "--map", str(picture)]
    words.append("--take-best")
    assert main(["search", "camera", "reacher/top", *words]) == 0
    printed = capsys.readouterr().out
    assert "[camera]\nlookat_m = " in printed
    assert picture.is_file()
    Camera.from_dict(json.loads(out.read_text())["camera"])


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ([], "say what to search for"),
        (["sentences", "acrobot/up"], "say what to search for"),
        (["prompts"], "give labelled frames"),
        (["prompts", "acrobot/upp"], "no task 'acrobot/upp'"),
        (["prompts", "FRAMES"], "nothing says which frames of"),
        (["camera", "FRAMES"], "are pictures"),
        (["prompts", "FRAMES", "--labels", "LABELS"], "give a reward to begin with"),
        (["camera", "acrobot/up"], "no camera of MuJoCo"),
        (["reward", "acrobot/up", "--sentences", "a b"], "--sentences has no effect"),
        (["prompts", "acrobot/up", "--out", "found.txt"], "ends in .json"),
        (["prompts", "acrobot/up", "--frames", "12", "--held-out", "10"], "at least 10 frames in the goal"),
    ],
)
def test_what_cannot_be_searched_is_refused_in_one_line(words, said, labelled, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    places = {"FRAMES": labelled / "frames", "LABELS": labelled / "labels.csv"}
    assert said in refused(capsys, "search", *(places.get(word, word) for word in words))


def test_a_file_that_is_there_is_kept(tmp_path, capsys):
    (tmp_path / "found.json").write_text("mine")
    said = refused(capsys, "search", "prompts", "acrobot/up", "--out", tmp_path / "found.json")
    assert "is there already" in said
    assert (tmp_path / "found.json").read_text() == "mine"

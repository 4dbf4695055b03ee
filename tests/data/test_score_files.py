import json
import sys

import numpy as np
import pytest
import torch

from vlmrm.data import LabelledFrames, Scores, read_scores
from vlmrm.errors import FrameError, MissingExtra

BY_FRAME = {"up/1.png": 0.25, "up/2.png": -3.0}


def file(tmp_path, name, content):
    path = tmp_path / name
    path.write_text(content if isinstance(content, str) else json.dumps(content))
    return path


def frames(*names, **words):
    pixels = torch.zeros(len(names), 4, 4, 3, dtype=torch.uint8)
    return LabelledFrames(frames=pixels, in_goal=np.zeros(len(names), bool), names=list(names), **words)


RECORDS = [{"frame": "up/1.png", "score": 0.25, "note": "x"}, {"frame": "up/2.png", "score": -3}]


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("other.csv", "frame,score,note\nup/1.png,0.25,x\nup/2.png,-3,\n"),
        ("other.csv", "reward;frame\n0.25;up/1.png\n-3;up/2.png\n"),
        ("other.json", RECORDS),
        ("other.json", {"frame": ["up/1.png", "up/2.png"], "score": [0.25, -3.0]}),
        ("other.json", {"frames": [{"frame": name, "rewards": {"0.5": score}} for name, score in BY_FRAME.items()]}),
        (
            "other.json",
            {"frames": [{"frame": name, "rewards": {"score": score, "goal": 9}} for name, score in BY_FRAME.items()]},
        ),
    ],
)
def test_scores_are_read_from_whatever_holds_them(tmp_path, name, content):
    scores = read_scores(file(tmp_path, name, content))
    assert (scores.name, scores.by_key) == ("other", BY_FRAME)
    assert scores.of(frames("up/2.png", "up/1.png")).tolist() == [-3.0, 0.25]


@pytest.mark.filterwarnings("ignore::vlmrm.errors.OutOfDomainWarning")
def test_what_vlmrm_score_prints_is_read(tmp_path, capsys):
    from PIL import Image

    from vlmrm.cli import main

    for name in ("a.png", "b.png"):
        Image.new("RGB", (16, 16)).save(tmp_path / name)
    main(["score", "cartpole/upright", str(tmp_path / "a.png"), str(tmp_path / "b.png"), "--json"])
    scores = read_scores(file(tmp_path, "cartpole.json", capsys.readouterr().out))
    assert list(scores.by_key) == [str(tmp_path / "a.png"), str(tmp_path / "b.png")]
    found = scores.of(frames("b.png", "a.png"))
    assert found[0] == found[1]  # two black pictures


def test_scores_of_episodes_are_found_by_group_and_step(tmp_path):
    path = file(tmp_path, "other.csv", "episode,step,score\n3,0,1\n3,1,2\nlast,0,5\n")
    scores = read_scores(path)
    assert scores.by_key == {("3", 0): 1.0, ("3", 1): 2.0, ("last", 0): 5.0}
    known = frames("a", "b", "c", groups=["episode 3", "episode 3", "last"], steps=np.array([1, 0, 0]))
    assert scores.of(known).tolist() == [2, 1, 5]
    with pytest.raises(FrameError, match="by episode and step, which are not known of these frames"):
        scores.of(frames("a"))
    with pytest.raises(FrameError, match=r"no score of 1 of 1 frames: a. It has those of \('3', 0\), .* and 1 more"):
        scores.of(frames("a", groups=["episode 4"], steps=np.array([0])))


def test_episodes_of_json_are_numbers_or_names(tmp_path):
    rows = [{"episode": 3, "step": 0, "reward": 1}, {"episode": "b", "step": 2.0, "reward": 2}]
    assert read_scores(file(tmp_path, "o.json", rows)).by_key == {("3", 0): 1.0, ("b", 2): 2.0}


@pytest.mark.parametrize("key", ["1.png", "up/1.png", "/data/frames/up/1.png", "./up/1.png"])
def test_a_name_is_found_by_its_end_folder_by_folder(key):
    assert Scores(name="other", by_key={key: 2.0, "down/3.png": 3.0}).of(frames("up/1.png")).tolist() == [2.0]


@pytest.mark.parametrize("key", ["down/1.png", "p/1.png", "11.png", "1.jpg", "1.png#0"])
def test_a_name_with_another_end_is_another_frame(key):
    with pytest.raises(FrameError, match=rf"other has no score of 1 of 1 frames: up/1.png. It has those of {key}"):
        Scores(name="other", by_key={key: 2.0}).of(frames("up/1.png"))


def test_of_many_missing_frames_five_are_named():
    names = [f"{i}.png" for i in range(9)]
    with pytest.raises(FrameError, match=r"no score of 8 of 9 frames: 1.png, 2.png, 3.png, 4.png, 5.png and 3 more"):
        Scores(name="other", by_key={"0.png": 1.0}).of(frames(*names))


def test_a_score_that_two_frames_could_have_is_given_to_neither():
    """Names without folders: the second folder would silently get the scores of the first."""
    scores = Scores(name="other", by_key={"1.png": 1.0})
    with pytest.raises(FrameError, match=r"one score for up/1.png, down/1.png"):
        scores.of(frames("up/1.png", "down/1.png"))
    assert scores.of(frames("up/1.png")).tolist() == scores.of(frames("data/up/1.png")).tolist() == [1.0]
    with pytest.raises(FrameError, match=r"one score for up/1.png and down/1.png. Name the scores with their folders"):
        scores.of(frames("down/1.png"))
    with pytest.raises(FrameError, match=r"several scores that could be those of 1.png: up/1.png, down/1.png"):
        Scores(name="other", by_key={"up/1.png": 1.0, "down/1.png": 2.0}).of(frames("1.png"))


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("o.csv", "frame,score\na,1\na,1\n", r"o.csv, line 3: a second score of a"),
        ("o.csv", "frame,score\na,nan\n", r"line 2: the score of a must be a finite number; got 'nan'"),
        ("o.csv", "frame,score\na,\n", r"line 2: the score of a must be a finite number; got ''"),
        ("o.csv", "frame,score\na,1_0\n", r"must be a finite number"),
        ("o.csv", "frame,score\na,inf\n", r"must be a finite number"),
        ("o.csv", "frame,value\na,1\n", r"there is no column score. Near: value"),
        ("o.csv", "image,score\na,1\n", r"nothing tells the frame of a score. Near: image"),
        ("o.csv", "episode,score\na,1\n", r"nothing tells the frame of a score"),
        ("o.csv", "frame,score,reward\na,1,2\n", r"both score and reward. Leave one out"),
        ("o.csv", "frame,score\n,1\n", r"line 2: frame must be the name of a frame; got ''"),
        ("o.csv", "episode,step,score\n3,1.5,1\n", r"line 2: step must be a whole number"),
        ("o.csv", "episode,step,score\n,1,1\n", r"line 2: episode must be a name or a whole number; got ''"),
        ("o.csv", "frame,score\n", r"holds no score"),
        ("o.json", '{"frame"', r"cannot be read as JSON"),
        ("o.json", '[{"frame": "a", "frame": "b", "score": 1}]', r"the key 'frame' stands twice"),
        ("o.json", '[{"frame": "a", "score": NaN}]', r"row 0: the score of a must be a finite number; got nan"),
        ("o.json", [{"frame": "a", "score": True}], r"must be a finite number; got True"),
        ("o.json", [{"frame": "a", "score": 10**400}], r"must be a finite number"),
        ("o.json", [{"frame": "a", "score": None}], r"must be a finite number; got None"),
        ("o.json", [{"frame": 1, "score": 1}], r"frame must be the name of a frame; got 1"),
        ("o.json", [{"episode": 1.0, "step": 0, "score": 1}], r"episode must be a name or a whole number; got 1.0"),
        ("o.json", [{"episode": 1, "step": True, "score": 1}], r"step must be a whole number"),
        ("o.json", [3], r"row 0: a row is a table"),
        ("o.json", {"frame": ["a", "b"], "score": [1]}, r"columns have one value per row; got .*2.*1"),
        ("o.json", {"a.png": 1}, r"holds no scores. Write a list of records"),
        ("o.json", [], r"holds no score"),
        ("o.json", {"frames": [{"frame": "a", "rewards": {"0.0": 1, "0.5": 2}}]}, r"scores for the alphas 0.0, 0.5"),
        ("o.json", {"frames": [{"frame": "a", "rewards": {"score": None}}]}, r"the score of a must be a finite"),
        ("o.parquet", "not parquet", r"."),
        ("o.txt", "", r"ends in .csv, .json, .parquet"),
    ],
)
def test_scores_that_could_be_misread_are_refused(tmp_path, name, content, said):
    with pytest.raises((FrameError, MissingExtra), match=said):
        read_scores(file(tmp_path, name, content))


def test_a_file_that_is_not_there_is_refused(tmp_path):
    with pytest.raises(FrameError, match="there is no file"):
        read_scores(tmp_path / "o.csv")


def test_parquet_needs_pyarrow(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "pyarrow.parquet", None)
    with pytest.raises(MissingExtra, match=r'pip install "vlmrm\[parquet\]"'):
        read_scores(file(tmp_path, "o.parquet", ""))


def test_scores_of_parquet_are_read(tmp_path):
    pyarrow = pytest.importorskip("pyarrow")
    parquet = pytest.importorskip("pyarrow.parquet")
    parquet.write_table(pyarrow.Table.from_pylist(RECORDS), tmp_path / "other.parquet", row_group_size=1)
    assert read_scores(tmp_path / "other.parquet").by_key == BY_FRAME
    steps = {"episode": [0, 0], "step": [0, 1], "reward": [1.0, None]}
    parquet.write_table(pyarrow.table(steps), tmp_path / "o.parquet")
    with pytest.raises(FrameError, match=r"row 1: the score of episode 0, step 1 must be a finite number; got None"):
        read_scores(tmp_path / "o.parquet")
    (tmp_path / "o.parquet").write_text("not parquet")
    with pytest.raises(FrameError, match="cannot be read as Parquet"):
        read_scores(tmp_path / "o.parquet")

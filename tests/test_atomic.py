import json
import math

import pytest
import torch
from safetensors.torch import save_file

from vlmrm.atomic import json_text, remove_folder, remove_unfinished, whole_file, whole_folder, write_json


def write_and_break(whole, name):
    with whole as unfinished:
        (unfinished / name).write_text("new")
        raise RuntimeError("broken")


def test_a_file_appears_only_when_it_is_whole(tmp_path):
    path = tmp_path / "new" / "a.txt"
    with whole_file(path) as unfinished:
        unfinished.write_text("half")
        assert not path.exists()
        assert unfinished.suffix == ".txt"
    assert path.read_text() == "half"
    assert [file.name for file in path.parent.iterdir()] == ["a.txt"]


def test_two_writers_of_one_file_do_not_disturb_each_other(tmp_path):
    """As of two trainings that begin at once and note the same reward."""
    path = tmp_path / "a.txt"
    with whole_file(path) as first:
        first.write_text("first")
        with whole_file(path) as second:
            second.write_text("second")
        assert path.read_text() == "second"
    assert path.read_text() == "first"
    assert list(tmp_path.iterdir()) == [path]


def test_an_error_while_writing_leaves_the_old_file(tmp_path):
    path = tmp_path / "a.txt"
    path.write_text("old")
    with pytest.raises(RuntimeError, match="broken"):
        write_and_break(whole_file(path), "")
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_a_folder_appears_whole_and_takes_the_place_of_an_older_one(tmp_path):
    path = tmp_path / "folder"
    for text in ("first", "second"):
        with whole_folder(path) as unfinished:
            (unfinished / "a.txt").write_text(text)
    assert (path / "a.txt").read_text() == "second"
    with pytest.raises(RuntimeError, match="broken"):
        write_and_break(whole_folder(path), "a.txt")
    assert (path / "a.txt").read_text() == "second"
    assert list(tmp_path.iterdir()) == [path]


def test_of_two_writers_of_a_folder_the_last_stays_and_neither_meets_the_other(tmp_path):
    path = tmp_path / "folder"
    with whole_folder(path) as first:
        (first / "a.txt").write_text("first")
        with whole_folder(path) as second:
            (second / "a.txt").write_text("second")
        assert (path / "a.txt").read_text() == "second"
    assert (path / "a.txt").read_text() == "first"
    assert list(tmp_path.iterdir()) == [path]


def test_what_a_crash_left_is_removed_and_nothing_else(tmp_path):
    (tmp_path / ".unfinished-a.png").write_text("half")
    (tmp_path / ".doomed-step-1").mkdir()
    (tmp_path / "b.png").write_text("whole")
    remove_unfinished(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["b.png"]
    (tmp_path / "folder").mkdir()
    remove_folder(tmp_path / "folder")
    assert [path.name for path in tmp_path.iterdir()] == ["b.png"]


def test_files_of_a_folder_can_be_read_by_whom_the_user_lets_read_others(tmp_path):
    (tmp_path / "usual").write_text("")
    with whole_folder(tmp_path / "made") as unfinished:
        save_file({"numbers": torch.zeros(2)}, unfinished / "numbers.safetensors")
    modes = [(tmp_path / name).stat().st_mode for name in ("usual", "made/numbers.safetensors")]
    assert modes[0] == modes[1]


def only_json(token):
    raise ValueError(f"{token} is not JSON")


def test_json_that_is_written_has_null_for_numbers_that_json_does_not_know(tmp_path):
    values = {"a": math.nan, "b": [1.5, math.inf, (-math.inf, 2)], "c": {"d": "NaN"}}
    write_json(tmp_path / "a.json", values)
    for text in ((tmp_path / "a.json").read_text(), json_text(values)):
        read = json.loads(text, parse_constant=only_json)
        assert read == {"a": None, "b": [1.5, None, [None, 2]], "c": {"d": "NaN"}}


def test_json_for_a_terminal_without_other_characters_is_the_same_json():
    text = json_text({"goal": "ein weißer Würfel"}, ascii_only=True)
    assert text.isascii()
    assert json.loads(text) == {"goal": "ein weißer Würfel"}

import os
from multiprocessing import get_context

import pytest

from tests.labelling.pages import said, serve
from vlmrm.data.label_table import Label, LabelTable
from vlmrm.errors import FrameError, VlmrmError
from vlmrm.labelling import LabelOptions, label
from vlmrm.labelling.label_file import LabelFile


def test_labels_of_frames_that_are_not_there_stay_and_are_told_of_once(frames, labels_csv):
    before = [Label(frame=f"gone/{number}.png", in_goal=True, rater="anna") for number in range(7)]
    LabelTable(labels=tuple(before)).write(labels_csv)
    with serve([frames], labels_csv, rater="anna") as page:
        page.answer(0, False)
        assert page.state()["progress"] == "1 of 6 labelled, 0 goal / 1 not"
        told = [message for message in page.told if "gone/" in message]
    assert told == [
        f"{labels_csv} labels 7 frames that are not among these: gone/0.png, gone/1.png, gone/2.png and others. "
        "They stay in it."
    ]
    assert LabelTable.read(labels_csv).labels[:7] == tuple(before)


def test_other_ways_to_write_a_name_are_the_same_frame(frames, labels_csv):
    LabelTable().with_label("./0.png", True).write(labels_csv)
    with serve([frames], labels_csv) as page:
        assert page.state()["labelled"] == 1
        page.answer(0, False)
    assert said(labels_csv) == {"./0.png": False}


def test_what_a_simulator_told_of_a_frame_stays(frames, labels_csv):
    rows = [Label(frame=f"{n}.png", in_goal=False, group="e", step=n, rater="sim", states={"x": 1.5}) for n in range(6)]
    LabelTable(labels=tuple(rows)).write(labels_csv)
    with serve([frames], labels_csv, rater="anna") as page:
        page.answer(3, True)
    table = LabelTable.read(labels_csv)
    assert table.labels[:6] == tuple(rows)
    assert table.labels[6] == Label(frame="3.png", in_goal=True, group="e", step=3, rater="anna", states={"x": 1.5})


def test_a_file_that_knows_more_of_its_frames_takes_no_others(frames, labels_csv):
    LabelTable(labels=(Label(frame="0.png", in_goal=False, group="e"),)).write(labels_csv)
    with pytest.raises(VlmrmError, match=r"can take no new frames.*'1.png'.*Label into another file"):
        label([frames], labels_csv, LabelOptions(open_browser=False))


def test_two_at_once_lose_nothing_of_each_other(frames, labels_csv):
    with serve([frames], labels_csv, rater="anna") as anna, serve([frames], labels_csv, rater="ben") as ben:
        for number in range(6):
            anna.answer(number, True)
            ben.answer(number, False)
    assert said(labels_csv, "anna") == {f"{number}.png": True for number in range(6)}
    assert said(labels_csv, "ben") == {f"{number}.png": False for number in range(6)}


def test_what_the_same_rater_labelled_elsewhere_is_not_asked_again(frames, labels_csv):
    with (
        serve([frames], labels_csv, in_order=True) as here,
        serve([frames], labels_csv, in_order=True) as elsewhere,
    ):
        elsewhere.answer(1, True)
        assert here.label_next(True) == "0.png"
        assert here.label_next(True) == "2.png"
        assert here.state()["labelled"] == 3


def put_many(labels_csv, rater):
    file = LabelFile(labels_csv, rater)
    for number in range(20):
        file.put(f"{number}.png", True)


@pytest.mark.filterwarnings("ignore:.*multi-threaded:DeprecationWarning")  # these only write files
def test_many_at_once_in_several_processes(labels_csv):
    """Each process writes the whole file; the lock and the second reading keep all 4 x 20 labels."""
    forks = get_context("fork")  # which need not load everything anew
    workers = [forks.Process(target=put_many, args=(labels_csv, f"rater {number}")) for number in range(4)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join(timeout=120)
    assert [worker.exitcode for worker in workers] == [0, 0, 0, 0]
    assert len(LabelTable.read(labels_csv).labels) == 80


def test_an_answer_that_cannot_be_saved_does_not_count(frames, labels_csv):
    with serve([frames], labels_csv, in_order=True) as page:
        page.label_next(True)
        labels_csv.write_text("frame,in_goal\n0.png,perhaps\n")  # by somebody else, meanwhile
        refused = page.answer(1, True)
        assert refused.status == 409
        assert "must be 1 or 0" in refused.json["error"]
        assert page.current()["name"] == "1.png"
        assert page.state()["labelled"] == 1
        labels_csv.write_text("frame,in_goal\n5.png,no\n")
        assert page.answer(1, True).status == 200
    assert said(labels_csv) == {"5.png": False, "1.png": True}


def test_a_file_that_was_deleted_meanwhile_is_written_anew(frames, labels_csv):
    with serve([frames], labels_csv, in_order=True) as page:
        page.label_next(True)
        labels_csv.unlink()
        page.label_next(False)
    assert said(labels_csv) == {"0.png": True, "1.png": False}


def test_a_full_disk_is_told_of(frames, labels_csv, monkeypatch):
    def full(self, path):
        raise OSError(28, "No space left on device")

    with serve([frames], labels_csv) as page:
        monkeypatch.setattr(LabelTable, "write", full)
        refused = page.answer(0, True)
        monkeypatch.undo()
        assert refused.status == 409
        assert "cannot be saved" in refused.json["error"]
        assert "No space left" in refused.json["error"]
        assert page.state()["labelled"] == 0


@pytest.mark.parametrize("place", ["/proc/labels.csv", "file/labels.csv", "."])
def test_a_file_that_cannot_be_written_is_refused_at_once(frames, tmp_path, place):
    (tmp_path / "file").write_text("")
    with pytest.raises(VlmrmError, match=r"cannot be (saved|read)"):
        label([frames], tmp_path / place)


def test_a_read_only_file_is_refused_at_once(frames, labels_csv, monkeypatch):
    labels_csv.write_text("frame,in_goal\n")
    monkeypatch.setattr(os, "access", lambda path, mode: False)  # root may write to any
    with pytest.raises(VlmrmError, match=r"cannot be saved.*read-only"):
        label([frames], labels_csv)


def test_a_file_that_is_no_table_is_refused_at_once(frames, labels_csv):
    labels_csv.write_text("nothing\n")
    with pytest.raises(FrameError, match="no column frame"):
        label([frames], labels_csv)

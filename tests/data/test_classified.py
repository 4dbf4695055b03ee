"""Pictures of classes on disk, by folders and by a table."""

import numpy as np
import pytest
import torch
from PIL import Image

from vlmrm.data.classified import ClassifiedPictures, read_classes
from vlmrm.errors import FrameError


def picture(path, width=8):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.full((6, width, 3), 9, np.uint8)).save(path)


@pytest.fixture
def folders(tmp_path):
    for name, width in (("10", 8), ("2", 12), ("cat", 8)):
        picture(tmp_path / "by" / name / "a.png", width)
    return tmp_path / "by"


def test_the_names_of_folders_are_the_classes_whatever_order_is_given(folders):
    found = ClassifiedPictures.read(folders)
    assert found.classes == ("10", "2", "cat")
    assert [path.parent.name for path in found.pictures.paths] == ["10", "2", "cat"]
    other = ClassifiedPictures.read(folders, classes=["cat", "dog", "2", "10"])
    assert other.labels.tolist() == [3, 2, 0]  # by name: an order of folders is never taken for that of classes
    assert [tuple(one.shape) for one in other.pictures] == [(1, 6, 8, 3), (1, 6, 12, 3), (1, 6, 8, 3)]


def test_a_table_names_the_class_of_each_picture(tmp_path):
    for name in ("a.png", "b.png"):
        picture(tmp_path / name)
    table = tmp_path / "classes.csv"
    table.write_text("frame,class\nb.png,up\na.png,down\n")
    found = ClassifiedPictures.read(tmp_path, table=table)
    assert found.classes == ("down", "up")
    assert found.labels.tolist() == [1, 0]


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        ("frame,label\na.png,up\n", "columns frame and class"),
        ("frame,class\n", "columns frame and class"),
        ("frame,class\nmissing.png,up\n", "missing.png"),
        ("frame,class\na.png,\n", "no class for a.png"),
    ],
)
def test_a_table_that_does_not_fit_is_refused(tmp_path, rows, said):
    picture(tmp_path / "a.png")
    (tmp_path / "classes.csv").write_text(rows)
    with pytest.raises(FrameError, match=said):
        ClassifiedPictures.read(tmp_path, table=tmp_path / "classes.csv")


def test_what_is_not_there_is_refused(folders, tmp_path):
    with pytest.raises(FrameError, match="no folder"):
        ClassifiedPictures.read(tmp_path / "nowhere")
    with pytest.raises(FrameError, match="named like a class"):
        ClassifiedPictures.read(folders / "cat")
    with pytest.raises(FrameError, match=r"10 .* not among the 2 classes"):
        ClassifiedPictures.read(folders, classes=["2", "cat"])
    (tmp_path / "classes.txt").write_text("up\n\ndown \n")
    assert read_classes(tmp_path / "classes.txt") == ("up", "down")
    (tmp_path / "empty.txt").write_text("\n")
    with pytest.raises(FrameError, match="empty"):
        read_classes(tmp_path / "empty.txt")


def test_a_sample_has_as_many_of_each_class_the_same_for_a_seed():
    labels = np.arange(300) % 3
    labels[3::3] = 1  # class 0 has one picture, 199 are of class 1, 100 of class 2
    shades = torch.arange(300).remainder(256).to(torch.uint8)
    names = [f"{place:03}" for place in range(300)]
    shown = ClassifiedPictures(shades[:, None, None, None].expand(-1, 2, 2, 3), ("a", "b", "c"), labels, names)
    found = shown.sample(4, seed=7)
    assert np.bincount(found.labels).tolist() == [1, 4, 4]
    assert found.names == sorted(found.names)  # in the order they have
    places = [int(name) for name in found.names]
    assert found.labels.tolist() == labels[places].tolist()
    assert found.pictures[:, 0, 0, 0].tolist() == shades[places].tolist()
    assert shown.sample(4, seed=7).names == found.names
    assert set(shown.sample(2, seed=7).names) < set(found.names)
    assert len({tuple(shown.sample(4, seed=seed).names) for seed in range(5)}) == 5
    with pytest.raises(FrameError, match="at least one picture of each class; got 0"):
        shown.sample(0)
    with pytest.raises(FrameError, match="seed is a whole number from 0; got -1"):
        shown.sample(1, seed=-1)


def test_a_sample_of_files_has_their_names(folders):
    picture(folders / "cat" / "b.png", 16)
    found = ClassifiedPictures.read(folders).sample(1, seed=1)
    assert found.classes == ("10", "2", "cat")
    assert found.names == found.pictures.names
    assert {name.split("/")[0] for name in found.names} == {"10", "2", "cat"}
    drawn = {ClassifiedPictures.read(folders).sample(1, seed=seed).names[2] for seed in range(9)}
    assert drawn == {"cat/a.png", "cat/b.png"}

"""Pictures with captions on disk, in each form that they come in."""

import json

import numpy as np
import pytest
from PIL import Image

from vlmrm.data.captioned import CaptionedPictures
from vlmrm.errors import FrameError


@pytest.fixture
def folder(tmp_path):
    for number, name in enumerate(("a.png", "b.png", "sub/c.png")):
        path = tmp_path / "pictures" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(np.full((8, 8 + number, 3), number, np.uint8)).save(path)
    return tmp_path / "pictures"


def test_a_table_may_say_several_captions_of_a_picture_and_one_of_several(folder, tmp_path):
    table = tmp_path / "captions.csv"
    table.write_text("frame,caption\na.png,a cart\na.png,a  small cart\nb.png,a pole\nsub/c.png,a cart\n")
    found = CaptionedPictures.read(folder, table)
    assert found.captions == ("a cart", "a small cart", "a pole")
    assert found.captions_of == ((0, 1), (2,), (0,))
    assert found.pictures_of == ((0, 2), (0,), (1,))
    assert [found.pictures[place].shape for place in range(3)] == [(1, 8, 8, 3), (1, 8, 9, 3), (1, 8, 10, 3)]


def test_coco_and_karpathy_say_the_same(folder, tmp_path):
    coco = {
        "images": [{"id": 7, "file_name": "a.png"}, {"id": 3, "file_name": "b.png"}],
        "annotations": [
            {"image_id": 3, "caption": "a pole"}, {"image_id": 7, "caption": "a cart"},
            {"image_id": 3, "caption": "a thin pole"},
        ],
    }  # fmt: skip
    karpathy = {
        "images": [
            {"filename": "b.png", "split": "test", "sentences": [{"raw": "a pole"}, {"raw": "a thin pole"}]},
            {"filename": "a.png", "split": "test", "sentences": [{"raw": "a cart"}]},
            {"filename": "c.png", "filepath": "sub", "split": "train", "sentences": [{"raw": "a track"}]},
        ]
    }
    for name, said in (("coco", coco), ("karpathy", karpathy)):
        (tmp_path / f"{name}.json").write_text(json.dumps(said))
    first = CaptionedPictures.read(folder, tmp_path / "coco.json")
    second = CaptionedPictures.read(folder, tmp_path / "karpathy.json", split="test")
    for found in (first, second):
        pairs = {
            (path.name, found.captions[one])
            for path, several in zip(found.pictures.paths, found.captions_of, strict=True)
            for one in several
        }
        assert pairs == {("b.png", "a pole"), ("b.png", "a thin pole"), ("a.png", "a cart")}
    assert len(CaptionedPictures.read(folder, tmp_path / "karpathy.json").pictures) == 3


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("c.csv", "frame,text\na.png,a cart\n", "needs the columns frame and caption"),
        ("c.csv", "frame,caption\nz.png,a cart\n", r"z\.png of .* are not in"),
        ("c.csv", "frame,caption\na.png, \n", "caption 0 of 'a.png' is empty"),
        ("c.csv", "frame,caption\n", "has no captions"),
        ("c.json", '{"images": 3}', "no file of captions"),
        ("c.json", "{", "no file of captions"),
        ("none.csv", None, "is no table"),
    ],
)
def test_files_of_another_form_are_refused(folder, tmp_path, name, text, said):
    if text is not None:
        (tmp_path / name).write_text(text)
    with pytest.raises(FrameError, match=said):
        CaptionedPictures.read(folder, tmp_path / name)


def test_a_table_has_no_splits_and_a_folder_is_there(folder, tmp_path):
    (tmp_path / "c.csv").write_text("frame,caption\na.png,a cart\n")
    with pytest.raises(FrameError, match="has no splits"):
        CaptionedPictures.read(folder, tmp_path / "c.csv", split="test")
    with pytest.raises(FrameError, match="is no folder"):
        CaptionedPictures.read(tmp_path / "nowhere", tmp_path / "c.csv")

import gc

import imageio.v2 as imageio
import numpy as np
import pytest
from PIL import Image

from vlmrm.data import read_frames
from vlmrm.errors import FrameError

# imageio-ffmpeg does not close the pipes of the ffmpeg process it reads from
pytestmark = pytest.mark.filterwarnings("ignore:unclosed file:ResourceWarning")


@pytest.fixture(autouse=True)
def pipes_are_collected_here():
    yield
    gc.collect()


def picture(path, colour=(255, 0, 0), size=(6, 4), mode="RGB"):
    Image.new("RGB", size, colour).convert(mode).save(path)
    return path


def test_a_picture_is_one_frame_whatever_its_mode(tmp_path):
    for name, mode in (("a.png", "RGB"), ("b.png", "RGBA"), ("c.png", "P"), ("d.jpg", "RGB")):
        (batch,) = read_frames(picture(tmp_path / name, mode=mode))
        assert batch.frames.shape == (1, 4, 6, 3)
        assert batch.frames[0, 0, 0, 0] > 250
        assert batch.names == (str(tmp_path / name),)


def test_a_turned_photograph_is_turned_back(tmp_path):
    exif = Image.Exif()
    exif[0x0112] = 6  # orientation: turn by 90 degrees
    Image.new("RGB", (6, 4)).save(tmp_path / "a.jpg", exif=exif)
    (batch,) = read_frames(tmp_path / "a.jpg")
    assert batch.frames.shape == (1, 6, 4, 3)


def test_a_folder_gives_its_pictures_by_name_in_batches_of_one_size(tmp_path):
    picture(tmp_path / "2.png", size=(6, 4))
    picture(tmp_path / "1.png", size=(6, 4))
    picture(tmp_path / "3.png", size=(8, 8))
    (tmp_path / "notes.txt").write_text("not a picture")
    batches = list(read_frames(tmp_path))
    assert [batch.frames.shape for batch in batches] == [(2, 4, 6, 3), (1, 8, 8, 3)]
    assert batches[0].names == (str(tmp_path / "1.png"), str(tmp_path / "2.png"))


def test_a_video_gives_numbered_frames(tmp_path):
    path = tmp_path / "a.mp4"
    imageio.mimwrite(path, [np.full((32, 32, 3), i % 256, np.uint8) for i in range(300)], macro_block_size=2)
    batches = list(read_frames(path))
    assert [len(batch.names) for batch in batches] == [256, 44]
    assert batches[1].names[0] == f"{path}#256"
    assert batches[0].frames.shape == (256, 32, 32, 3)


def test_an_array_gives_numbered_frames(tmp_path):
    np.save(tmp_path / "a.npy", np.zeros((2, 4, 4, 3), np.uint8))
    (batch,) = read_frames(tmp_path / "a.npy")
    assert batch.names == (f"{tmp_path / 'a.npy'}#0", f"{tmp_path / 'a.npy'}#1")


def test_what_is_no_frame_is_named(tmp_path):
    (tmp_path / "empty").mkdir()
    (tmp_path / "a.txt").write_text("")
    (tmp_path / "broken.png").write_bytes(b"not a picture")
    (tmp_path / "broken.mp4").write_bytes(b"not a video")
    np.save(tmp_path / "pickled.npy", np.array([{}], dtype=object), allow_pickle=True)
    np.save(tmp_path / "float.npy", np.zeros((4, 4, 3)))
    for name, message in (
        ("nowhere", "no file or folder"),
        ("empty", "holds no picture"),
        ("a.txt", "is no picture"),
        ("broken.png", "cannot be read as a picture"),
        ("broken.mp4", "cannot be read as a video"),
        ("pickled.npy", "cannot be read as an array"),
        ("float.npy", "must be uint8"),
    ):
        with pytest.raises(FrameError, match=message):
            list(read_frames(tmp_path / name))

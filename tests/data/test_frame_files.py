import imageio.v2 as imageio
import numpy as np
import pytest
from PIL import Image

from vlmrm.data import frame_files, read_frames
from vlmrm.errors import FrameError

# imageio-ffmpeg does not close the pipes of the ffmpeg process it reads from
pytestmark = [
    pytest.mark.filterwarnings("ignore:unclosed file:ResourceWarning"),
    pytest.mark.usefixtures("pipes_are_collected_here"),
]


def picture(path, colour=(255, 0, 0), size=(6, 4), mode="RGB"):
    Image.new("RGB", size, colour).convert(mode).save(path)
    return path


def test_a_picture_is_one_frame_whatever_its_mode(tmp_path):
    for name, mode in (("a.png", "RGB"), ("b.png", "RGBA"), ("c.png", "P"), ("d.jpg", "RGB")):
        (batch,) = read_frames(picture(tmp_path / name, mode=mode))
        assert batch.frames.shape == (1, 4, 6, 3)
        assert batch.frames[0, 0, 0, 0] > 250
        assert batch.names == (str(tmp_path / name),)


@pytest.mark.parametrize("name", ["deep.png", "deep.tif", "deep.ppm"])
def test_grey_of_16_bits_is_scaled_to_8(tmp_path, name):
    levels = np.array([[0, 126 * 257], [255 * 257, 129]], np.uint16)  # 129 is nearer to 257 than to 0
    if name.endswith("ppm"):
        (tmp_path / name).write_bytes(b"P5 2 2 65535\n" + levels.astype(">u2").tobytes())
    else:
        Image.fromarray(levels).save(tmp_path / name)
    (batch,) = read_frames(tmp_path / name)
    assert batch.frames[0].tolist() == [[[0] * 3, [126] * 3], [[255] * 3, [1] * 3]]


@pytest.mark.parametrize(("dtype", "said"), [(np.float32, "floats"), (np.int32, "whole numbers of 32 bits")])
def test_numbers_of_which_nothing_says_what_is_white_are_refused(tmp_path, dtype, said):
    Image.fromarray(np.ones((4, 6), dtype)).save(tmp_path / "a.tif")
    with pytest.raises(FrameError, match=f"{said}.*which of them is white"):
        list(read_frames(tmp_path / "a.tif"))


@pytest.mark.parametrize("mode", ["L", "1", "CMYK", "YCbCr"])
def test_pictures_of_other_colours_become_rgb(tmp_path, mode):
    Image.new("RGB", (6, 4), (255, 255, 255)).convert(mode).save(tmp_path / "a.tif")
    (batch,) = read_frames(tmp_path / "a.tif")
    assert batch.frames.shape == (1, 4, 6, 3)
    assert batch.frames.float().mean() > 250


@pytest.mark.parametrize("mode", ["RGBA", "LA", "P"])
def test_white_is_put_behind_what_is_transparent_and_said_once(tmp_path, caplog, mode):
    layered = Image.new("RGBA", (6, 4), (0, 0, 0, 255))
    layered.paste((0, 0, 0, 0), (0, 0, 3, 4))
    layered.convert(mode).save(tmp_path / "a.png")
    (batch,) = read_frames(tmp_path / "a.png")
    assert batch.frames[0, 0, :, 0].tolist() == [255] * 3 + [0] * 3
    assert [record.getMessage() for record in caplog.records] == [
        f"{tmp_path / 'a.png'} is transparent in places; white is put behind it."
    ]


def test_a_layer_that_hides_nothing_is_left_out_without_a_word(tmp_path, caplog):
    (batch,) = read_frames(picture(tmp_path / "a.png", mode="RGBA"))
    assert batch.frames[0, 0, 0].tolist() == [255, 0, 0]
    assert not caplog.records


@pytest.mark.parametrize("name", ["a.gif", "a.png", "a.webp", "a.tiff"])
def test_an_animation_and_a_tiff_of_several_pages_give_all_their_pictures(tmp_path, name):
    levels = [40, 80, 120, 160]
    pictures = [Image.fromarray(np.arange(24, dtype=np.uint8).reshape(4, 6) + level) for level in np.uint8(levels) - 12]
    pictures[0].save(tmp_path / name, save_all=True, append_images=pictures[1:])
    (batch,) = read_frames(tmp_path / name)
    assert batch.names == tuple(f"{tmp_path / name}#{i}" for i in range(4))
    assert batch.frames.shape == (4, 4, 6, 3)
    assert [round(float(frame.float().mean()) / 40) * 40 for frame in batch.frames] == levels  # WebP loses a little


def test_a_grey_animation_keeps_all_of_its_columns(tmp_path):
    """Of 256 levels imageio makes pictures of (h, w), of which three columns were taken for colours."""
    levels = [np.random.default_rng(seed).integers(0, 256, (40, 60), dtype=np.uint8) for seed in range(2)]
    pictures = [Image.fromarray(grey) for grey in levels]
    pictures[0].save(tmp_path / "grey.gif", save_all=True, append_images=pictures[1:])
    (batch,) = read_frames(tmp_path / "grey.gif")
    assert batch.frames[..., 0].tolist() == batch.frames[..., 2].tolist() == np.stack(levels).tolist()


def test_the_preview_inside_a_photograph_is_not_a_frame(tmp_path):
    photograph, preview = Image.new("RGB", (6, 4), "red"), Image.new("RGB", (6, 4), "blue")
    photograph.save(tmp_path / "a.jpg", "MPO", save_all=True, append_images=[preview])
    (batch,) = read_frames(tmp_path / "a.jpg")
    assert batch.names == (str(tmp_path / "a.jpg"),)
    assert batch.frames[0, 0, 0, 0] > 250


def test_a_folder_counts_as_a_person_would(tmp_path):
    for number in (10, 2, 0, 11, 1):
        picture(tmp_path / f"step{number}.png")
    pages = [Image.new("RGB", (6, 4)) for _ in range(2)]
    pages[0].save(tmp_path / "step3.tif", save_all=True, append_images=pages[1:])
    (batch,) = read_frames(tmp_path)
    said = [name.removeprefix(f"{tmp_path}/step") for name in batch.names]
    assert said == ["0.png", "1.png", "2.png", "3.tif#0", "3.tif#1", "10.png", "11.png"]


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


@pytest.mark.parametrize("kind", ["folder", "video", "array", "animation"])
def test_a_batch_holds_no_more_bytes_than_memory_has(tmp_path, monkeypatch, kind):
    """Of 256 frames of 4K there were 6 GB in memory."""
    monkeypatch.setattr(frame_files, "_BYTES_AT_ONCE", 3 * 32 * 32 * 3 + 1)
    frames = [np.full((32, 32, 3), 20 * i, np.uint8) for i in range(7)]
    path = tmp_path / {"video": "a.mp4", "array": "a.npy", "animation": "a.gif"}.get(kind, "")
    if kind == "folder":
        for number, frame in enumerate(frames):
            Image.fromarray(frame).save(tmp_path / f"{number}.png")
    elif kind == "array":
        np.save(path, np.stack(frames))
    else:
        imageio.mimwrite(path, frames, **({"macro_block_size": 2} if kind == "video" else {}))
    assert [len(batch.names) for batch in read_frames(path)] == [3, 3, 1]


def test_frames_of_4k_come_two_at_a_time(tmp_path):
    """Of 25 MB each; the list, the batch and the one before it lie in memory at once."""
    np.lib.format.open_memmap(tmp_path / "a.npy", "w+", np.uint8, (3, 2160, 3840, 3)).flush()  # a file of holes
    assert [len(batch.names) for batch in read_frames(tmp_path / "a.npy")] == [2, 1]


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
    np.save(tmp_path / "flat.npy", np.zeros((4, 4), np.uint8))
    np.save(tmp_path / "none.npy", np.zeros((0, 4, 4, 3), np.uint8))
    for name, message in (
        ("nowhere", "no file or folder"),
        ("empty", "holds no picture"),
        ("a.txt", "is no picture"),
        ("broken.png", "cannot be read as a picture"),
        ("broken.mp4", "cannot be read as a video"),
        ("pickled.npy", "cannot be read as an array"),
        ("float.npy", "must be uint8"),
        ("flat.npy", "must be RGB"),
        ("none.npy", "must not be empty"),
    ):
        with pytest.raises(FrameError, match=message):
            list(read_frames(tmp_path / name))

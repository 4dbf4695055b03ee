import imageio.v2 as imageio
import numpy as np
import pytest
from PIL import Image

from vlmrm.data import FrameSource, LabelledFolder, LabelledFrames, TwoFolders, frame_files
from vlmrm.errors import FrameError

# imageio-ffmpeg does not close the pipes of the ffmpeg process it reads from
pytestmark = [
    pytest.mark.filterwarnings("ignore:unclosed file:ResourceWarning"),
    pytest.mark.usefixtures("pipes_are_collected_here"),
]


def picture(path, red=0, size=(6, 4)):
    path.parent.mkdir(exist_ok=True, parents=True)
    Image.new("RGB", size, (red, 0, 0)).save(path)


def table(tmp_path, text):
    path = tmp_path / "labels.csv"
    path.write_text(text)
    return path


def clip(path, levels, size=32):
    frames = [np.full((size, size, 3), level, np.uint8) for level in levels]
    if path.suffix == ".npy":
        np.save(path, np.stack(frames))
    else:
        imageio.mimwrite(path, frames, macro_block_size=2)


@pytest.fixture
def frames(tmp_path):
    """A folder with 2.png and 10.png of red 2 and 10, and up/1.png of red 100."""
    folder = tmp_path / "frames"
    for name, red in (("2.png", 2), ("10.png", 10), ("up/1.png", 100)):
        picture(folder / name, red)
    return folder


def reds(source):
    return [int(red) for batch in source.batches() for red in batch.frames[:, 0, 0, 0]]


def test_frames_have_the_labels_of_their_names_whatever_the_order_of_the_table(tmp_path, frames):
    text = "frame,in_goal,group,step,angle\nup/1.png,1,b,0,1\n10.png,0,a,7,2\n2.png,1,a,6,3\n"
    source = LabelledFolder(frames=frames, labels=table(tmp_path, text))
    (batch,) = source.batches()
    assert batch.names == ["2.png", "10.png", "up/1.png"]
    assert batch.frames[:, 0, 0, 0].tolist() == [2, 10, 100]
    assert batch.in_goal.tolist() == [True, False, True]
    assert batch.groups == ["a", "a", "b"]
    assert batch.steps.tolist() == [6, 7, 0]
    assert batch.states["angle"].tolist() == [3, 2, 1]
    assert isinstance(source, FrameSource)
    assert (source.name, source.count, source.task, source.draws) == ("frames", 3, None, False)


def test_what_a_table_does_not_tell_is_not_known(tmp_path, frames):
    (batch,) = LabelledFolder(frames=frames, labels=table(tmp_path, "frame,in_goal\n2.png,1\n")).batches()
    assert (list(batch.groups), batch.steps, batch.states) == ([], None, {})


def test_a_source_gives_the_same_frames_each_time_and_takes_text_for_paths(tmp_path, frames):
    source = LabelledFolder(frames=str(frames), labels=str(table(tmp_path, "frame,in_goal\n10.png,1\n2.png,0\n")))
    assert reds(source) == reds(source) == [2, 10]


def test_frames_without_a_label_and_disputed_ones_are_left_out_and_counted(tmp_path, frames):
    text = "frame,in_goal,rater\n2.png,1,anna\n2.png,1,ben\n10.png,1,anna\n10.png,0,ben\n"
    source = LabelledFolder(frames=frames, labels=table(tmp_path, text))
    picture(frames / "11.png")
    (frames / "12.png").write_bytes(b"not a picture")
    assert reds(source) == [2]
    assert source.about == (
        "1 frames of frames, labelled in labels.csv by anna and ben. Left out, since raters disagree: "
        "1. Left out without a label: 1."
    )


def test_absolute_names_are_those_of_the_folder(tmp_path, frames):
    text = f"frame,in_goal\n{frames}/up/../2.png,1\n./10.png,0\n"
    source = LabelledFolder(frames=frames, labels=table(tmp_path, text))
    (batch,) = source.batches()
    assert batch.frames[:, 0, 0, 0].tolist() == [2, 10]
    assert batch.in_goal.tolist() == [True, False]


def test_frames_of_several_sizes_keep_their_order(tmp_path, frames):
    picture(frames / "3.png", 3, size=(8, 8))
    source = LabelledFolder(frames=frames, labels=table(tmp_path, "frame,in_goal\n10.png,1\n3.png,0\n2.png,0\n"))
    assert [batch.frames.shape[1:] for batch in source.batches()] == [(4, 6, 3), (8, 8, 3), (4, 6, 3)]
    assert reds(source) == [2, 3, 10]


@pytest.mark.parametrize("name", ["clip.mp4", "clip.npy", "clip.gif"])
@pytest.mark.parametrize("whole_folder", [True, False])
def test_frames_of_a_file_are_called_by_their_numbers(tmp_path, name, whole_folder):
    folder = tmp_path / "clips"
    folder.mkdir()
    clip(folder / name, [0, 40, 80, 120])
    text = f"frame,in_goal\n{name}#3,1\n{name}#1,0\n"
    source = LabelledFolder(frames=folder if whole_folder else folder / name, labels=table(tmp_path, text))
    (batch,) = source.batches()
    assert [round(float(frame.float().mean()) / 40) for frame in batch.frames] == [1, 3]
    assert batch.in_goal.tolist() == [False, True]
    assert source.about.endswith(f"without a label: {'the rest of a video' if name.endswith('mp4') else 2}.")


def test_neighbours_in_a_video_are_one_group_where_the_table_tells_none(tmp_path, frames):
    """At 2 frames per second 5 seconds have 10 frames; an array has no times, and a picture is alone."""
    imageio.mimwrite(frames / "clip.mp4", [np.full((16, 16, 3), 9 * i, np.uint8) for i in range(21)], fps=2)
    clip(frames / "clip.npy", [0, 40])
    rows = ["2.png", "clip.mp4#0", "./clip.mp4#9", "clip.mp4#10", "clip.mp4#20", "clip.npy#0", "clip.npy#1"]
    text = "frame,in_goal\n" + "".join(f"{name},{n % 2}\n" for n, name in enumerate(rows))
    source = LabelledFolder(frames=frames, labels=table(tmp_path, text))
    found = {name: group for batch in source.batches() for name, group in zip(batch.names, batch.groups, strict=True)}
    assert [found[name] for name in rows] == [
        "2.png", *["clip.mp4 from 0 s"] * 2, "clip.mp4 from 5 s", "clip.mp4 from 10 s", "clip.npy", "clip.npy"
    ]  # fmt: skip
    told = text.replace("goal\n", "goal,group\n").replace(",0\n", ",0,mine\n").replace(",1\n", ",1,mine\n")
    again = LabelledFolder(frames=frames, labels=table(tmp_path, told))
    assert {group for batch in again.batches() for group in batch.groups} == {"mine"}


def test_a_picture_may_have_the_sign_of_a_number_in_its_name(tmp_path, frames):
    picture(frames / "a#1.png", 50)
    assert reds(LabelledFolder(frames=frames, labels=table(tmp_path, "frame,in_goal\na#1.png,1\n"))) == [50]


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        ("2.png,1\ngone.png,1\n", r"labels frames that are not in .*: gone.png. Names are relative to"),
        ("".join(f"{i}.jpg,1\n" for i in range(8)), r"0.jpg, 1.jpg, 2.jpg, 3.jpg, 4.jpg and 3 more"),
        ("../labels.csv,1\n", r"not in .*: \.\./labels.csv"),
        ("/etc/hostname,1\n", r"not in .*: /etc/hostname"),
        ("up,1\n", r"not in .*: up"),
        (".,1\n", r"not in .*: \."),
        ("gone.mp4#3,1\n", r"not in .*: gone.mp4#3"),
        ("2.png,1\n./2.png,0\n", r"two names of one frame: 2.png and ./2.png"),
        ("", r"labels nothing: it has 0 rows"),
    ],
)
def test_labels_of_frames_that_are_not_there_are_refused_at_once(tmp_path, frames, rows, said):
    with pytest.raises(FrameError, match=said):
        LabelledFolder(frames=frames, labels=table(tmp_path, f"frame,in_goal\n{rows}"))


def test_labels_of_which_all_are_disputed_are_refused(tmp_path, frames):
    path = table(tmp_path, "frame,in_goal,rater\n2.png,1,a\n2.png,0,b\n")
    with pytest.raises(FrameError, match=r"labels nothing: it has 2 rows, and raters disagree on 1 frames"):
        LabelledFolder(frames=frames, labels=path)


def test_labels_of_other_files_than_the_one_given_are_refused(tmp_path, frames):
    with pytest.raises(FrameError, match=r"not in .*/2.png: 10.png"):
        LabelledFolder(frames=frames / "2.png", labels=table(tmp_path, "frame,in_goal\n2.png,1\n10.png,1\n"))
    with pytest.raises(FrameError, match="there is no file or folder"):
        LabelledFolder(frames=tmp_path / "nowhere", labels=tmp_path / "labels.csv")


@pytest.mark.parametrize("frame", ["clip.npy", "clip.npy#4", "2.png#0", "clip.npy#01"])
def test_a_frame_that_its_file_does_not_hold_is_named(tmp_path, frames, frame):
    clip(frames / "clip.npy", [0] * 4)
    source = LabelledFolder(frames=frames, labels=table(tmp_path, f"frame,in_goal\n{frame},1\n"))
    with pytest.raises(FrameError, match=rf"that their files do not hold: {frame}\. .*FILE#0"):
        list(source.batches())


def test_a_broken_picture_is_named(tmp_path, frames):
    (frames / "2.png").write_bytes(b"not a picture")
    source = LabelledFolder(frames=frames, labels=table(tmp_path, "frame,in_goal\n2.png,1\n"))
    with pytest.raises(FrameError, match=r"2.png cannot be read as a picture"):
        list(source.batches())


def test_a_batch_of_labelled_frames_holds_no_more_bytes_than_memory_has(tmp_path, frames, monkeypatch):
    monkeypatch.setattr(frame_files, "_BYTES_AT_ONCE", 2 * 4 * 6 * 3 + 1)
    path = table(tmp_path, "frame,in_goal\n2.png,1\n10.png,0\nup/1.png,1\n")
    assert [len(batch) for batch in LabelledFolder(frames=frames, labels=path).batches()] == [2, 1]


def test_two_folders_are_success_and_failure(tmp_path, frames):
    clip(tmp_path / "down.npy", [200, 210])
    source = TwoFolders(success=(str(frames), frames / "up"), failure=(tmp_path / "down.npy",))
    both = LabelledFrames.join([batch for batch in source.batches() if batch.frames.shape[1] == 4])
    assert both.names == [str(frames / name) for name in ("2.png", "10.png", "up/1.png")]
    assert both.groups == both.names
    assert both.in_goal.all()
    *_, down = source.batches()
    assert down.names == (f"{tmp_path}/down.npy#0", f"{tmp_path}/down.npy#1")
    assert down.groups == [f"{tmp_path}/down.npy"] * 2
    assert not down.in_goal.any()
    assert isinstance(source, FrameSource)
    assert (source.name, source.count, source.draws) == ("frames and 1 more and down.npy", None, False)
    assert source.about == (
        f"All frames of these files, in the goal: {frames}, {frames}/up; not in the goal: {tmp_path}/down.npy."
    )


def test_frames_of_one_kind_only_are_a_source_all_the_same(frames):
    source = TwoFolders(failure=(frames,))
    assert [batch.in_goal.tolist() for batch in source.batches()] == [[False, False]]
    assert source.name == "frames"
    assert "in the goal: none" in source.about


def test_frames_that_are_missing_or_both_success_and_failure_are_refused(tmp_path, frames):
    (tmp_path / "empty").mkdir()
    for success, failure, said in (
        ((), (), "no frames were given"),
        ((tmp_path / "gone",), (), r"no file or folder .*gone"),
        ((frames,), (frames / "2.png",), r"as success or as failure; given twice: .*2.png"),
        ((frames, frames / "up" / ".." / "2.png"), (), r"given twice: .*2.png"),
    ):
        with pytest.raises(FrameError, match=said):
            TwoFolders(success=success, failure=failure)
    with pytest.raises(FrameError, match="holds no picture"):
        list(TwoFolders(success=(tmp_path / "empty",)).batches())

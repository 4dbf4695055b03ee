"""Labels of a video by time. The videos are made with ffmpeg, and picture k of each is a grey of 10 k."""

import math
import os
import subprocess

import imageio.v2 as imageio
import imageio_ffmpeg
import numpy as np
import pytest
from PIL import Image

from vlmrm.data import FrameSource, LabelledVideo, read_frames
from vlmrm.data.time_ranges import TimeRange, parse_ranges
from vlmrm.data.video_times import video_times
from vlmrm.errors import FrameError

# imageio-ffmpeg does not close the pipes of the ffmpeg process it reads from
pytestmark = [
    pytest.mark.filterwarnings("ignore:unclosed file:ResourceWarning"),
    pytest.mark.usefixtures("pipes_are_collected_here"),
]

SLOW_AND_FAST = [0.12] * 5 + [0.48] * 4 + [0.04] * 6
STARTS = [0.0, *np.cumsum(SLOW_AND_FAST)[:-1].round(2)]


def ffmpeg(*words):
    command = [imageio_ffmpeg.get_ffmpeg_exe(), "-loglevel", "error", "-y", *map(str, words)]
    subprocess.run(command, check=True, stdin=subprocess.DEVNULL)


def uneven(path, durations_s, *codec):
    """A video that shows each picture for so many seconds."""
    folder = path.parent / f"pictures of {path.name}"
    folder.mkdir()
    lines = []
    for number, duration_s in enumerate(durations_s):
        Image.new("RGB", (32, 32), (10 * number,) * 3).save(folder / f"{number}.png")
        lines += [f"file '{folder}/{number}.png'", f"duration {duration_s}"]
    (folder / "list.txt").write_text("\n".join(lines))
    codec = codec or ("-c:v", "libx264", "-pix_fmt", "yuv420p")
    ffmpeg("-f", "concat", "-safe", 0, "-i", folder / "list.txt", "-fps_mode", "vfr", *codec, path)
    return path


def even(path, count=20, fps=10, **words):
    frames = [np.full((32, 32, 3), 10 * number % 250, np.uint8) for number in range(count)]
    imageio.mimwrite(path, frames, fps=fps, macro_block_size=2, **words)
    return path


def shown(frames):
    """Which picture each frame shows."""
    return [round(float(frame.float().mean()) / 10) for frame in frames]


def read(path):
    return [picture for batch in read_frames(path) for picture in shown(batch.frames)]


@pytest.mark.parametrize("suffix", [".mp4", ".mov", ".mkv", ".webm"])
def test_each_frame_of_a_variable_rate_has_the_time_of_the_picture_that_it_shows(tmp_path, suffix):
    codec = ("-c:v", "libvpx-vp9", "-b:v", "1M") if suffix == ".webm" else ()
    path = uneven(tmp_path / f"a{suffix}", SLOW_AND_FAST, *codec)
    times, pictures = video_times(path), read(path)
    assert len(times) == len(pictures)
    assert times.pictures.tolist() == pictures
    np.testing.assert_allclose(times.starts_s, [STARTS[picture] for picture in pictures], atol=0.0011)
    next_one = [min((later for later in pictures if later > picture), default=None) for picture in pictures]
    ends = [times.length_s if later is None else STARTS[later] for later in next_one]
    np.testing.assert_allclose(times.ends_s, ends, atol=0.0011)
    assert times.repeated == len(pictures) - len(set(pictures)) > 40


def test_a_number_over_the_rate_that_the_file_names_would_be_another_time(tmp_path):
    """Why ffmpeg is asked: imageio tells the mean rate of an mp4, and reads frames at another one."""
    path = uneven(tmp_path / "a.mp4", SLOW_AND_FAST)
    with imageio.get_reader(path) as reader:
        named = reader.get_meta_data()["fps"]
    times = video_times(path)
    assert times.length_s < 3.1
    assert len(times) / named > 12


def test_pictures_that_come_faster_than_frames_are_left_out_and_counted(tmp_path):
    path = uneven(
        tmp_path / "a.mkv", [0.2] * 10 + [0.005] * 8 + [0.2] * 3, *("-c:v", "ffv1", "-enc_time_base", "1/1000")
    )
    times, pictures = video_times(path), read(path)
    assert times.pictures.tolist() == pictures
    assert times.left_out == 21 - len(set(pictures)) > 0
    assert f"faster than frames: {times.left_out} or more are left out." in LabelledVideo(video=path, goal="1-").about


@pytest.mark.parametrize("suffix", [".mp4", ".mkv", ".avi"])
@pytest.mark.parametrize("fps", [10, 24, 30])
def test_frame_k_of_a_constant_rate_is_shown_at_k_over_the_rate(tmp_path, suffix, fps):
    """AVI with H.264 has no time stamps, and ffmpeg's own clock starts two frames late."""
    times = video_times(even(tmp_path / f"a{suffix}", fps=fps))
    np.testing.assert_allclose(times.starts_s, np.arange(20) / fps, atol=0.0005)
    np.testing.assert_allclose(times.ends_s, np.arange(1, 21) / fps, atol=0.0005)
    assert times.repeated == times.left_out == 0


def test_times_count_from_the_start_of_the_file(tmp_path):
    video = even(tmp_path / "a.mkv")
    ffmpeg("-i", video, "-c", "copy", "-output_ts_offset", 5, tmp_path / "late.mkv")
    np.testing.assert_allclose(video_times(tmp_path / "late.mkv").starts_s, np.arange(20) / 10, atol=1e-9)


def test_a_picture_that_comes_after_the_sound_has_its_time_and_is_repeated_before(tmp_path):
    video = even(tmp_path / "a.mkv")
    sound = ("-f", "lavfi", "-t", 5, "-i", "sine")
    maps = ("-map", "0:v", "-map", "1:a", "-c:v", "copy", "-c:a", "aac")
    ffmpeg("-itsoffset", 1.0, "-i", video, *sound, *maps, tmp_path / "b.mkv")
    times, pictures = video_times(tmp_path / "b.mkv"), read(tmp_path / "b.mkv")
    assert times.pictures.tolist() == pictures
    np.testing.assert_allclose(times.starts_s, [1 + picture / 10 for picture in pictures], atol=1e-9)
    assert times.repeated == 10


def test_frames_without_time_stamps_and_with_a_doubtful_rate_are_refused(tmp_path):
    ffmpeg("-i", uneven(tmp_path / "a.mkv", SLOW_AND_FAST), "-c", "copy", "-f", "h264", tmp_path / "raw.h264")
    ffmpeg("-i", tmp_path / "raw.h264", "-c", "copy", tmp_path / "a.avi")
    with pytest.raises(FrameError, match=r"a.avi: 15 of 15 frames have no time stamp.*Write the video anew"):
        video_times(tmp_path / "a.avi")


def test_what_is_no_video_is_refused(tmp_path, monkeypatch):
    (tmp_path / "a.mp4").write_bytes(b"not a video")
    with pytest.raises(FrameError, match=r"a.mp4 cannot be read as a video: .*Invalid data"):
        video_times(tmp_path / "a.mp4")
    with pytest.raises(FrameError, match="there is no file"):
        video_times(tmp_path / "b.mp4")
    ffmpeg("-f", "lavfi", "-t", 1, "-i", "sine", "-c:a", "aac", tmp_path / "sound.mp4")
    with pytest.raises(FrameError, match=r"sound.mp4 (cannot be read as a video|holds no frame)"):
        video_times(tmp_path / "sound.mp4")


def test_an_ffmpeg_that_does_not_tell_times_is_refused(tmp_path, monkeypatch):
    old = tmp_path / "ffmpeg"
    old.write_text("#!/bin/sh\necho \"Unrecognized option 'stats_enc_pre'.\" >&2\nexit 1\n")
    old.chmod(0o700)
    monkeypatch.setattr(imageio_ffmpeg, "get_ffmpeg_exe", lambda: str(old))
    (tmp_path / "a.mp4").touch()
    with pytest.raises(FrameError, match=r"ffmpeg older than 6.0.*pip install --upgrade imageio-ffmpeg"):
        video_times(tmp_path / "a.mp4")


def labelled(source):
    """Number and label of each frame."""
    return [
        (int(name.rpartition("#")[2]), bool(in_goal))
        for batch in source.batches()
        for name, in_goal in zip(batch.names, batch.in_goal, strict=True)
    ]


def test_frames_inside_of_a_range_show_the_goal(tmp_path):
    source = LabelledVideo(video=str(even(tmp_path / "a.mp4")), goal="0.3-0.6,1.5-")
    assert [number for number, in_goal in labelled(source) if in_goal] == [3, 4, 5, 15, 16, 17, 18, 19]
    assert [number for number, _ in labelled(source)] == list(range(20))
    assert isinstance(source, FrameSource)
    assert (source.name, source.count, source.task, source.draws) == ("a.mp4", 20, None, False)
    assert source.about == "20 frames of a.mp4, labelled by when they are shown: the goal at 0.3-0.6,1.5- s."
    (batch,) = source.batches()
    assert shown(batch.frames) == list(range(20))
    assert batch.steps is None


def test_a_frame_on_both_sides_of_a_border_is_left_out(tmp_path):
    source = LabelledVideo(video=even(tmp_path / "a.mp4"), goal="0.35-0.6005")  # half a millisecond is rounding
    assert labelled(source)[2:6] == [(2, False), (4, True), (5, True), (6, False)]
    assert source.count == 19
    assert source.about.endswith("Frames on both sides of a border, left out: 1.")


def test_a_picture_and_its_repeats_have_one_label(tmp_path):
    """Picture 7 is shown from 1.56 to 2.04 s, and a range that starts inside tells nothing of it."""
    path = uneven(tmp_path / "a.mkv", SLOW_AND_FAST)
    pictures = read(path)
    for goal, in_goal, left_out in (
        ("1.56-2.04", {7}, set()),
        ("1.08-1.8", {6}, {7}),
        ("1.8-", set(range(8, 15)), {7}),
    ):
        source = LabelledVideo(video=path, goal=goal)
        found = {(pictures[number], label) for number, label in labelled(source)}
        assert found == {(picture, picture in in_goal) for picture in range(15) if picture not in left_out}
        assert "Pictures come unevenly" in source.about


def test_frames_of_five_seconds_are_a_group_that_ends_where_a_range_does(tmp_path):
    (batch,) = LabelledVideo(video=even(tmp_path / "a.mp4", count=24, fps=2), goal="3-4.5").batches()
    starts = [float(group.removeprefix("a.mp4 from ").removesuffix(" s")) for group in batch.groups]
    assert starts == [0] * 6 + [3] * 3 + [4.5] * 10 + [9.5] * 5


def test_a_long_video_comes_in_batches(tmp_path):
    source = LabelledVideo(video=even(tmp_path / "a.mp4", count=300, fps=30), goal="1-2")
    first, second = source.batches()
    assert (len(first), len(second)) == (256, 44)
    assert sum(in_goal for _, in_goal in labelled(source)) == 30


def test_a_range_that_ends_after_the_video_is_cut_and_said(tmp_path):
    source = LabelledVideo(video=even(tmp_path / "a.mp4"), goal="1-3.5")
    assert sum(in_goal for _, in_goal in labelled(source)) == 10
    assert source.about.endswith("The range 1-3.5 is cut at the end of the video, at 2.000 s.")
    assert "cut" not in LabelledVideo(video=tmp_path / "a.mp4", goal="1-2").about


def test_a_video_that_ends_early_is_said_to(tmp_path):
    """A recording that broke off: the head of the file tells 10 s, and half of its bytes are there."""
    whole = even(tmp_path / "whole.mkv", count=100, fps=10)
    assert "early" not in LabelledVideo(video=whole, goal="1-2").about
    cut = tmp_path / "cut.mkv"
    cut.write_bytes(whole.read_bytes()[: whole.stat().st_size // 2])
    source = LabelledVideo(video=cut, goal="1-2")
    frames = len(read(cut))
    assert 30 < frames < 90
    assert f"It ends early: the file says that it is 10.000 s long, and its pictures end at {frames / 10:.3f} s." in (
        source.about
    )


@pytest.mark.parametrize(
    ("goal", "said"),
    [
        ("0-1,2-", r"the range 2- starts after the end of .*a.mp4, which is 2.000 s long"),
        ("9-12", r"the range 9-12 starts after the end"),
        (
            "0.33-0.37",
            r"no frame of .*a.mp4 is shown only inside of the range 0.33-0.37: one is shown from 0.300 to 0.400",
        ),
        ("0.35-0.45", r"shown only inside of the range 0.35-0.45"),
        ("", r"'' is not a range of time in seconds. Write ranges as 3.0-5.5,8-"),
        ("1-2,", r"'' is not a range"),
        ("5", r"'5' is not a range"),
        ("-3", r"'-3' is not a range"),
        ("nan-3", r"'nan-3' is not a range"),
        ("1-inf", r"'1-inf' is not a range"),
        ("1e3-", r"'1e3-' is not a range"),
        ("0:30-0:50", r"'0:30-0:50' is not a range"),
        ("1--2", r"'1--2' is not a range"),
        ("5-3", r"the range 5-3 does not end after it starts"),
        ("3-3", r"the range 3-3 does not end after it starts"),
        ("1-3,2-4", r"the ranges 1-3 and 2-4 overlap, or are not in the order of time"),
        ("1-,2-4", r"the ranges 1- and 2-4 overlap"),
        ("3-4,1-2", r"the ranges 3-4 and 1-2 overlap, or are not in the order"),
    ],
)
def test_ranges_that_tell_nothing_are_refused(tmp_path, goal, said):
    with pytest.raises(FrameError, match=said):
        LabelledVideo(video=even(tmp_path / "a.mp4"), goal=goal)


def test_ranges_that_touch_do_not_overlap():
    assert parse_ranges(" 1 - 2 ,2-3.25,8-") == (
        TimeRange(start_s=1.0, end_s=2.0),
        TimeRange(start_s=2.0, end_s=3.25),
        TimeRange(start_s=8.0, end_s=math.inf),
    )


def test_only_videos_have_times(tmp_path):
    np.save(tmp_path / "a.npy", np.zeros((2, 4, 4, 3), np.uint8))
    with pytest.raises(FrameError, match=r"a.npy has no times in seconds: it is not a video"):
        LabelledVideo(video=tmp_path / "a.npy", goal="0-1")


def test_a_video_that_has_changed_meanwhile_is_refused(tmp_path):
    source = LabelledVideo(video=even(tmp_path / "a.mp4"), goal="0-1")
    for count in (10, 30):
        even(tmp_path / "new.mp4", count=count)
        os.replace(tmp_path / "new.mp4", tmp_path / "a.mp4")
        with pytest.raises(FrameError, match="had 20 frames, and now others"):
            list(source.batches())

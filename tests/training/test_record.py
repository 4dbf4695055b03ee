import imageio.v2 as imageio
import numpy as np
import pytest
from gymnasium.spaces import Discrete

from tests.toys import RED_PER_STEP, CountingEnv, red_reward
from vlmrm.errors import FrameError
from vlmrm.report.video import Episode, draw_frames, write_video
from vlmrm.training.acting import RandomPolicy
from vlmrm.training.record import record_episode
from vlmrm.wrappers import CaptureFrame

# imageio-ffmpeg does not close the pipes of the ffmpeg process it reads from
pytestmark = [
    pytest.mark.filterwarnings("ignore:unclosed file:ResourceWarning"),
    pytest.mark.usefixtures("pipes_are_collected_here"),
]


def recorded(size=(8, 8), reward=None, lengths=(5,)):
    policy = RandomPolicy(Discrete(2), seed=0)
    return record_episode(policy, lambda: CaptureFrame(CountingEnv(lengths, size=size)), seed=0, reward=reward)


def test_an_episode_is_recorded_with_the_reward_of_each_picture():
    episode = recorded(reward=red_reward())
    assert len(episode.frames) == 5
    assert episode.rewards == pytest.approx([(t + 1) * RED_PER_STEP / 255 for t in range(1, 6)])
    assert episode.fps == 10


def test_without_a_text_reward_the_environments_own_is_shown():
    assert recorded().rewards == [-1, -2, -3, -4, -5]


@pytest.mark.parametrize("size", [(9, 7), (300, 401), (64, 64)])
def test_every_picture_becomes_an_h264_video_of_even_size(size, tmp_path):
    path = write_video(recorded(size=size), tmp_path / "a.mp4")
    with imageio.get_reader(path) as reader:
        meta = reader.get_meta_data()
        pictures = [np.asarray(picture) for picture in reader]
    assert meta["codec"] == "h264"
    assert "yuv420p" in meta["pix_fmt"]
    assert len(pictures) == 5
    assert all(side % 2 == 0 for side in meta["size"])
    assert [path.name for path in tmp_path.iterdir()] == ["a.mp4"]


def test_the_picture_is_above_and_the_curve_below():
    """Reward 0 then 1: the last point of the curve is high, the first low."""
    frames = [np.full((250, 250, 3), 200, np.uint8)] * 2
    first, last = draw_frames(Episode(frames=frames, rewards=[0.0, 1.0]))
    assert (first[:250] == 200).all()
    blue = np.array([31, 119, 180])
    rows_first, rows_last = (
        np.flatnonzero((picture[250:] == blue).all(axis=2).any(axis=1)) for picture in (first, last)
    )
    assert rows_first.min() > rows_last.min() + 20


def test_both_videos_of_a_run_can_share_one_axis():
    frames = [np.zeros((250, 250, 3), np.uint8)]
    (narrow,) = draw_frames(Episode(frames=frames, rewards=[0.5]), limits=(0.0, 0.5))
    (wide,) = draw_frames(Episode(frames=frames, rewards=[0.5]), limits=(0.0, 5.0))
    assert (narrow != wide).any()


def test_large_pictures_are_shrunk_and_long_episodes_cut():
    assert recorded(size=(1300, 900)).frames[0].shape == (434, 300, 3)


def test_a_video_of_nothing_is_refused(tmp_path):
    with pytest.raises(FrameError, match="no frame"):
        write_video(Episode(frames=[], rewards=[]), tmp_path / "a.mp4")
    assert list(tmp_path.iterdir()) == []

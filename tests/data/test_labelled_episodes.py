from types import SimpleNamespace

import numpy as np
import pytest

from vlmrm.data import EpisodeFrames, FrameSource, frame_files
from vlmrm.errors import FrameError


def pictures(*levels):
    return np.stack([np.full((4, 6, 3), level, np.uint8) for level in levels])


def by_success(episode):
    return np.asarray(episode["infos"]["success"])


def episode(*levels, success=(False, True), **more):
    return {"observations": pictures(*levels), "infos": {"success": list(success)}} | more


def test_every_frame_has_the_label_and_the_place_of_its_step():
    source = EpisodeFrames(
        episodes=[episode(1, 2, 3, success=(False, False, True)), episode(7, 8, id=9)], in_goal=by_success
    )
    first, second = source.batches()
    assert first.frames[:, 0, 0, 0].tolist() == [1, 2, 3]
    assert first.in_goal.tolist() == [False, False, True]
    assert first.steps.tolist() == [0, 1, 2]
    assert set(first.groups) == {"episode 0"}
    assert second.names == ["episode 9, step 0", "episode 9, step 1"]
    assert isinstance(source, FrameSource)
    assert [batch.names for batch in source.batches()] == [first.names, second.names]


def test_episodes_may_be_objects_of_a_dataset_with_frames_among_their_observations():
    made = SimpleNamespace(id=4, observations={"pixels": pictures(5, 6), "state": np.zeros((2, 3))}, rewards=[1.0])
    dataset = SimpleNamespace(iterate_episodes=lambda: iter([made]))
    source = EpisodeFrames(
        episodes=dataset,
        in_goal=lambda episode: np.arange(len(episode.rewards) + 1) >= 1,
        frames="pixels",
        name="pen/human-v2",
        labelled_by="success at the end",
    )
    for _ in range(2):
        (batch,) = source.batches()
        assert batch.frames[:, 0, 0, 0].tolist() == [5, 6]
        assert batch.groups == ["episode 4"] * 2
    assert source.about == "Frames of pen/human-v2, labelled by success at the end."


def test_a_long_episode_comes_in_several_batches(monkeypatch):
    monkeypatch.setattr(frame_files, "_BYTES_AT_ONCE", 2 * 4 * 6 * 3 + 1)
    source = EpisodeFrames(episodes=[episode(1, 2, 3, success=(False, True, True))], in_goal=by_success)
    first, second = source.batches()
    assert (first.steps.tolist(), second.steps.tolist()) == ([0, 1], [2])
    assert (first.in_goal.tolist(), second.in_goal.tolist()) == ([False, True], [True])


@pytest.mark.parametrize(
    ("episodes", "said"),
    [
        ([episode(1, 2, success=(True,))], r"for each of the 2 frames of episode 0.*reset; got bool of shape \(1,\)"),
        ([episode(1, 2, success=(0.0, 1.0))], "got float64 of shape"),
        ([episode(1, 2, id="a"), episode(1, 2, id="a")], "two episodes are called 'episode a'"),
        ([episode(1, 2) | {"observations": {"pixels": pictures(1, 2)}}], "several kinds: pixels. Name that"),
        ([{"infos": {"success": [True]}}], "episode 0 has no observations"),
        ([episode(1, 2) | {"observations": np.zeros((2, 3))}], "episode 0: frames must be uint8"),
        ([episode(1, 2) | {"observations": [pictures(1)[0], np.zeros((8, 8, 3), np.uint8)]}], "episode 0: .*one size"),
    ],
)
def test_what_is_no_labelled_episode_is_refused_by_name(episodes, said):
    with pytest.raises(FrameError, match=said):
        list(EpisodeFrames(episodes=episodes, in_goal=by_success).batches())


def test_a_wrong_key_is_refused_with_the_nearest():
    made = episode(1, 2) | {"observations": {"pixels": pictures(1, 2)}}
    with pytest.raises(FrameError, match=r"no observations 'pixel'. Near: pixels"):
        list(EpisodeFrames(episodes=[made], in_goal=by_success, frames="pixel").batches())


def test_episodes_that_can_be_gone_through_once_are_refused():
    with pytest.raises(FrameError, match=r"Give list\(episodes\)"):
        EpisodeFrames(episodes=iter([episode(1, 2)]), in_goal=by_success)

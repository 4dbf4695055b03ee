import io

import numpy as np
import pytest
from PIL import Image

from tests.toys import red_reward
from vlmrm.labelling.stored_frames import folder_of, store_frames, with_disagreement
from vlmrm.prompts import PromptSet


@pytest.fixture
def folder(tmp_path):
    made = tmp_path / "shown"
    made.mkdir()
    return made


def test_without_a_reward_thumbnails_tell_what_looks_alike(frames, folder):
    """Frame i is a picture of red 50 i: its 64 thumbnail pixels are (50 i, 0, 0) / 255."""
    stored = store_frames([frames], folder)
    assert stored.embeddings.shape == (6, 192)
    np.testing.assert_allclose(stored.embeddings[:, 0], np.arange(6) * 50 / 255, atol=1e-6)
    assert stored.scores is None
    assert stored.disagreement is None


def test_with_a_reward_there_are_its_embeddings_and_scores(frames, folder):
    """The score is the share of red; one sentence does not disagree."""
    stored = store_frames([frames], folder, reward=with_disagreement(red_reward()))
    assert stored.embeddings.shape == (6, 4)
    np.testing.assert_allclose(stored.scores, np.arange(6) * 50 / 255, atol=1e-6)
    assert stored.disagreement is None


def test_scores_are_those_before_the_threshold(frames, folder):
    stored = store_frames([frames], folder, reward=with_disagreement(red_reward(threshold=0.5)))
    np.testing.assert_allclose(stored.scores, np.arange(6) * 50 / 255, atol=1e-6)


def test_several_sentences_disagree(frames, folder):
    """For red 250: red says r = 250 / 255, black says sqrt(1 - r²); the deviation of two is their gap / √2."""
    reward = red_reward(prompts=PromptSet(("red", "black")))
    stored = store_frames([frames], folder, reward=with_disagreement(reward))
    red = 250 / 255
    assert stored.disagreement[5] == pytest.approx((red - np.sqrt(1 - red**2)) / np.sqrt(2), abs=1e-5)


def test_progress_counts_frames_and_not_the_same_one_twice(frames, folder):
    told = []
    store_frames([frames / "0.png", frames], folder, progress=lambda done, total: told.append((done, total)))
    assert told == [(1, None), (6, None)]


def test_frames_of_several_sizes_keep_theirs(tmp_path, folder):
    Image.new("RGB", (30, 10)).save(tmp_path / "a.png")
    Image.new("RGB", (10, 30)).save(tmp_path / "b.png")
    stored = store_frames([tmp_path / "a.png", tmp_path / "b.png"], folder)
    assert [Image.open(io.BytesIO(stored.picture(index))).size for index in range(2)] == [(30, 10), (10, 30)]
    assert stored.embeddings.shape == (2, 192)


def test_names_are_relative_to_the_deepest_folder_of_all(tmp_path):
    (tmp_path / "up").mkdir()
    (tmp_path / "down").mkdir()
    assert folder_of([tmp_path / "up"]) == tmp_path / "up"
    assert folder_of([tmp_path / "up", tmp_path / "down" / "a.mp4"]) == tmp_path

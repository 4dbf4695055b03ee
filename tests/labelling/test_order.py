import numpy as np
import pytest

from vlmrm.labelling import most_informative, split_scores

LINE = np.array([[0.0], [1.0], [2.0], [10.0]])


def order(scores=None, disagreement=None, embeddings=LINE, labelled=(), **options):
    scores, disagreement = (None if column is None else np.array(column) for column in (scores, disagreement))
    return most_informative(scores, disagreement, embeddings, list(labelled), **options).tolist()


def test_with_embeddings_alone_the_farthest_comes_next():
    """From 0: 10 is 10 away; from 0 and 10: 2 is 2 away; then 1, which is 1 away."""
    assert order(labelled=[0]) == [3, 2, 1]


def test_with_nothing_labelled_it_begins_with_the_first():
    assert order() == [0, 3, 2, 1]


def test_frames_that_look_the_same_follow_in_the_order_given():
    assert order(embeddings=np.ones((4, 2))) == [0, 1, 2, 3]


def test_scores_near_the_threshold_come_first():
    assert order([0.9, 0.45, 0.1, 0.7], embeddings=np.ones((4, 2)), threshold=0.5) == [1, 3, 0, 2]


def test_frames_on_which_sentences_differ_come_first():
    assert order(disagreement=[0.1, 0.0, 0.3, 0.2], embeddings=np.ones((4, 2))) == [2, 3, 0, 1]


def test_the_parts_count_alike():
    """With frame 0 labelled: near = 1 - (0.1, 0.2, 0.4) / 0.4, disputed = (0, 2, 1) / 2, unlike = (1, 2, 10) / 10.

    Sums: 0.75 + 0 + 0.1 = 0.85; 0.5 + 1 + 0.2 = 1.7; 0 + 0.5 + 1 = 1.5. After frame 2 was chosen, unlike = (1, 8) / 8:
    frame 1 has 0.875, frame 3 has 1.5.
    """
    assert order([0.0, 0.6, 0.7, 0.1], [9.0, 0.0, 2.0, 1.0], labelled=[0], threshold=0.5) == [2, 3, 1]


def test_a_near_copy_of_a_chosen_frame_waits():
    """Frames 0 and 1 are nearest to the threshold and look alike: 0 has 1 + 1; then 2 has 0 + 1, and 1 has 0.8 + 0."""
    near = np.array([[0.0], [0.0], [1.0]])
    assert order([0.50, 0.51, 0.55], embeddings=near, threshold=0.5) == [0, 2, 1]


def test_labelled_frames_are_left_out_and_their_scores_set_no_scale():
    """Frame 0 is far from the threshold; were it to count, the others would differ by 0.01 and not by 1."""
    assert order([100.0, 0.6, 0.5, 0.0], labelled=[0], threshold=0.5)[0] == 2


def test_when_all_are_labelled_nothing_is_left():
    assert order(labelled=[0, 1, 2, 3]) == []


def test_after_the_first_few_the_others_follow_by_their_mean():
    """3 is chosen; then 1 and 2 are 1 and 2 away from 0, so that 2 comes before 1."""
    assert order(labelled=[0], first=1) == [3, 2, 1]


@pytest.mark.parametrize("first", [0, 7, None])
def test_every_frame_comes_once(first):
    rng = np.random.default_rng(0)
    found = most_informative(rng.random(50), rng.random(50), rng.random((50, 3)), [4, 8], 0.5, first)
    assert sorted(found.tolist()) == [frame for frame in range(50) if frame not in (4, 8)]


def test_distances_to_many_labelled_frames_are_those_of_one_by_one():
    rng = np.random.default_rng(0)
    rows, labelled = rng.random((700, 3)), list(range(600))  # more than fit into one block
    nearest = [min(np.linalg.norm(row - rows[other]) for other in labelled) for row in rows[600:]]
    assert most_informative(None, None, rows, labelled, first=1)[0] == 600 + int(np.argmax(nearest))


def test_scores_are_split_where_the_groups_are_tightest():
    assert split_scores(np.array([1.0, 0.0, 0.1, 0.8])) == pytest.approx(0.45)
    assert split_scores(np.array([3.0, 3.0])) == 3.0
    assert split_scores(np.array([2.0])) == 2.0


def test_without_a_threshold_the_split_of_the_scores_is_one():
    """0, 0.1 and 0.4 against 1: the split is 0.7, to which 0.4 and 1 are equally near."""
    assert order([0.0, 0.1, 0.4, 1.0], embeddings=np.ones((4, 2)))[:2] == [2, 3]

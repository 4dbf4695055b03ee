"""What there is to know of frames, cut and joined by rows."""

import pytest
import torch

from tests.toys import ColourEncoder
from vlmrm import PromptSet, RewardModel, RewardSpec
from vlmrm.rewards.features import FrameFeatures
from vlmrm.rewards.score import Score


def features(first, count):
    """Rows whose every number is the row's own, so that a mixed-up row is seen."""
    own = torch.arange(first, first + count, dtype=torch.float32)
    return FrameFeatures(
        embeddings=own[:, None].expand(-1, 2),
        extra={"judge": own, "crops": own[:, None, None].expand(-1, 3, 2)},
        scores={"head": own},
    )


def rows_of(seen):
    """The numbers of the rows, the same wherever one looks."""
    columns = [seen.embeddings, seen.extra["judge"][:, None], seen.extra["crops"].flatten(1)]
    columns += [scores[:, None] for scores in seen.scores.values()]
    table = torch.cat(columns, dim=1)
    assert torch.equal(table, table[:, :1].expand(table.shape))
    return table[:, 0].tolist()


@pytest.mark.parametrize(
    ("rows", "expected"),
    [
        (slice(1, 3), [1, 2]),
        (slice(0, 0), []),
        ([3, 0, 3], [3, 0, 3]),
        (torch.tensor([2, 1]), [2, 1]),
        (torch.tensor([True, False, False, True]), [0, 3]),
    ],
)
def test_rows_are_taken_of_everything_alike(rows, expected):
    seen = features(0, 4)[rows]
    assert rows_of(seen) == expected
    assert len(seen) == len(expected)
    assert (set(seen.extra), set(seen.scores)) == ({"judge", "crops"}, {"head"})


def test_parts_have_the_sizes_that_were_asked_for_in_order():
    assert [rows_of(part) for part in features(0, 6).split([2, 0, 3, 1])] == [[0, 1], [], [2, 3, 4], [5]]


def test_parts_that_are_joined_again_are_the_whole():
    whole = features(0, 6)
    assert rows_of(FrameFeatures.join(whole.split([2, 0, 3, 1]))) == [0, 1, 2, 3, 4, 5]
    assert rows_of(FrameFeatures.join([features(4, 2), features(0, 1)])) == [4, 5, 0]


def test_parts_share_the_memory_of_the_whole():
    whole = features(0, 4)
    assert whole.split([1, 3])[1].extra["judge"].data_ptr() == whole.extra["judge"][1:].data_ptr()


def test_scores_are_added_to_those_that_are_known_and_the_features_given_stay_as_they_are():
    seen = features(0, 3)
    more = seen.with_scores("other", torch.tensor([7.0, 8.0, 9.0]))
    assert {by: scores.tolist() for by, scores in more.scores.items()} == {"head": [0, 1, 2], "other": [7, 8, 9]}
    assert set(seen.scores) == {"head"}
    assert more[1:].scores["other"].tolist() == [8, 9]
    assert more.with_scores("other", torch.zeros(3)).scores["other"].tolist() == [0, 0, 0]


def test_a_join_keeps_only_scores_that_all_parts_have_by_the_same_giver():
    one, other = features(0, 2), features(2, 2)
    joined = FrameFeatures.join([one.with_scores("new", torch.zeros(2)), other])
    assert set(joined.scores) == {"head"}
    assert set(FrameFeatures.join([other, one.with_scores("new", torch.zeros(2))]).scores) == {"head"}


class CountingHead:
    """Scores by the first number of an embedding, and counts the rows that it was asked about."""

    def __init__(self):
        self.asked = 0

    def __call__(self, embeddings):
        self.asked += len(embeddings)
        return embeddings[:, 0]


def test_a_score_that_is_carried_along_is_not_made_again_and_another_score_is():
    score, other = Score(CountingHead()), Score(CountingHead())
    seen = FrameFeatures(embeddings=torch.eye(3))
    known = seen.with_scores(score, score(seen))
    assert score(known[1:]).tolist() == [0, 0]
    assert score(FrameFeatures.join([known[:1], known])).tolist() == [1, 1, 0, 0]
    assert score.head.asked == 3
    assert other(known).tolist() == [1, 0, 0]
    assert other.head.asked == 3


def test_scores_of_another_reward_are_never_taken_for_ones_own():
    """Even by a reward of the same spec: a score knows itself, not its numbers."""
    frames = torch.tensor([(255, 0, 0), (0, 0, 255)], dtype=torch.uint8)[:, None, None].expand(-1, 8, 8, 3)
    encoder = ColourEncoder()
    red, blue = (
        RewardModel(encoder, RewardSpec(encoder="colour", prompts=PromptSet(colour))) for colour in ("red", "blue")
    )
    seen = red.read(frames)
    assert blue.score(seen).tolist() == [0, 1]
    assert red.score(seen).tolist() == [1, 0]
    assert blue.score(FrameFeatures.join([seen, blue.read(frames)])).tolist() == [0, 1, 0, 1]
    torch.testing.assert_close(red.explain(blue.read(frames))["score"], red.score(frames))

"""A judge above a cheap reward, with an encoder of colours and a judge that counts what it is asked."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from tests.toys import ColourEncoder
from vlmrm.errors import EncoderError, SpecError
from vlmrm.rewards.gate import GateHead, Judge, JudgedFrames, gate, worth_asking

ABOVE, BONUS = 0.6, 2.0
NUMBERS = st.floats(-1, 1, width=32)
PROBABILITIES = st.floats(0, 1, width=32)


def red(embeddings):
    """The cheap reward: a frame's share of red."""
    return embeddings[:, 0]


class BlueJudge:
    """As sure as the frame is blue, of each frame by itself."""

    def __init__(self):
        self.asked_about = []

    def probabilities(self, frames):
        self.asked_about.extend(int(frame[0, 0, 0]) for frame in frames)
        return frames[:, 0, 0, 2].float() / 255


class FixedJudge:
    def __init__(self, answers):
        self.answers = torch.tensor(answers)

    def probabilities(self, frames):
        return self.answers


def frames(reds, blues=None):
    batch = torch.zeros(len(reds), 8, 8, 3, dtype=torch.uint8)
    batch[..., 0] = torch.tensor(reds, dtype=torch.uint8)[:, None, None]
    if blues is not None:
        batch[..., 2] = torch.tensor(blues, dtype=torch.uint8)[:, None, None]
    return batch


def judged(judge=None, above=ABOVE):
    return JudgedFrames(ColourEncoder(), red, judge or BlueJudge(), above)


def random_frames(n=40, seed=0):
    generator = torch.Generator().manual_seed(seed)
    reds, blues = torch.randint(0, 256, (2, n), generator=generator).tolist()
    return frames(reds, blues)


def test_the_cheap_reward_counts_up_to_the_threshold_and_the_judge_beyond_it():
    rows = torch.tensor([[0.2, 0.0, 0.9], [0.6, 0.0, 0.9], [0.7, 0.0, 0.0], [0.9, 0.0, 0.25], [0.7, 0.0, 1.0]])
    rewards = GateHead(red, above=ABOVE, bonus=BONUS)(rows)
    torch.testing.assert_close(rewards, torch.tensor([0.2, 0.6, 0.6, 1.1, 2.6]))


def test_a_score_at_the_threshold_is_not_above_it():
    """In float32, where 0.6 is a little more than in float64."""
    at = torch.tensor([0.6])
    over = torch.nextafter(at, torch.ones(1))
    assert worth_asking(torch.cat([at, over]), 0.6).tolist() == [False, True]


@given(st.lists(st.tuples(NUMBERS, PROBABILITIES, PROBABILITIES), min_size=1, max_size=8), NUMBERS, st.floats(0.01, 3))
def test_a_surer_judge_never_lowers_a_reward_and_no_reward_exceeds_above_plus_bonus(cases, above, bonus):
    dense, one, other = torch.tensor(cases, dtype=torch.float32).unbind(dim=1)
    less, more = (gate(dense, judged, above=above, bonus=bonus) for judged in (one.minimum(other), one.maximum(other)))
    assert bool((less <= more).all())
    assert bool((more <= above + bonus + 1e-6).all())
    assert bool((less >= dense.clamp(max=above) - 1e-6).all())


@given(st.lists(st.tuples(NUMBERS, PROBABILITIES), min_size=1, max_size=8), NUMBERS)
def test_how_far_a_score_exceeds_the_threshold_never_counts(cases, above):
    dense, judged = torch.tensor(cases, dtype=torch.float32).unbind(dim=1)
    rewards = gate(dense, judged, above=above, bonus=1.0)
    torch.testing.assert_close(rewards, gate(dense.where(dense <= above, 2.0), judged, above=above, bonus=1.0))


def test_the_judge_is_asked_only_about_frames_above_the_threshold():
    judge = BlueJudge()
    seeing = judged(judge)
    rows = seeing.rows(frames([0, 153, 154, 255, 100], [100, 51, 51, 0, 255]))  # 153 / 255 is 0.6
    assert judge.asked_about == [154, 255]
    assert (seeing.asked, seeing.seen) == (2, 5)
    torch.testing.assert_close(rows[:, -1], torch.tensor([0.0, 0.0, 0.2, 0.0, 0.0]))
    torch.testing.assert_close(
        rows[:, :-1], ColourEncoder().embed_frames(frames([0, 153, 154, 255, 100], [100, 51, 51, 0, 255]))
    )


def test_a_judge_is_left_alone_where_no_frame_is_above():
    seeing = judged(FixedJudge([float("nan")]))
    assert seeing.rows(frames([0, 10, 20]))[:, -1].tolist() == [0, 0, 0]
    assert (seeing.asked, seeing.seen) == (0, 3)


def test_counts_add_up_over_calls():
    seeing = judged()
    for reds in ([255, 0], [255, 255, 0]):
        seeing.rows(frames(reds))
    assert (seeing.asked, seeing.seen) == (3, 5)


@pytest.mark.parametrize("size", [1, 3, 7])
def test_how_frames_are_split_into_batches_never_changes_a_reward(size):
    head, batch = GateHead(red, above=ABOVE, bonus=BONUS), random_frames()
    whole = head(judged().rows(batch))
    parts = [head(judged().rows(batch[i : i + size])) for i in range(0, len(batch), size)]
    torch.testing.assert_close(torch.cat(parts), whole, rtol=0, atol=0)


def test_the_reward_of_a_frame_never_depends_on_other_frames():
    head, batch = GateHead(red, above=ABOVE, bonus=BONUS), random_frames()
    alone = head(judged().rows(batch[:5]))
    for seed in (1, 2):
        company = head(judged().rows(torch.cat([random_frames(seed=seed), batch[:5]])))
        torch.testing.assert_close(company[-5:], alone, rtol=0, atol=0)
    shuffled = torch.randperm(len(batch), generator=torch.Generator().manual_seed(0))
    torch.testing.assert_close(
        head(judged().rows(batch[shuffled])), head(judged().rows(batch))[shuffled], rtol=0, atol=0
    )


def test_a_frame_that_fools_the_cheap_reward_earns_less_than_one_that_the_judge_believes():
    fooling, real = frames([255], [0]), frames([170], [180])
    head = GateHead(red, above=ABOVE, bonus=BONUS)
    assert red(ColourEncoder().embed_frames(fooling)) > red(ColourEncoder().embed_frames(real))
    fooled, earned = head(judged().rows(torch.cat([fooling, real]))).tolist()
    assert fooled == pytest.approx(ABOVE)
    assert earned == pytest.approx(ABOVE + BONUS * 180 / 255)


@pytest.mark.parametrize(
    ("answers", "message"),
    [
        ([0.5], r"asked about 2 frames and gave numbers of shape \(1,\)"),
        ([0.5, 0.5, 0.5], r"asked about 2 frames and gave numbers of shape \(3,\)"),
        ([0.5, float("nan")], "must lie in 0 to 1; got nan for 1 of 2 frames"),
        ([1.5, -3.0], "must lie in 0 to 1; got 1.5 for 2 of 2 frames"),
    ],
)
def test_a_judge_that_gives_no_probabilities_is_an_error(answers, message):
    seeing = judged(FixedJudge(answers))
    with pytest.raises(EncoderError, match=message):
        seeing.rows(frames([255, 0, 255]))


@pytest.mark.parametrize(
    ("above", "bonus", "message"),
    [
        (float("nan"), 1.0, "above must be a number; got nan"),
        (0.5, 0, "bonus must be above 0; got 0"),
        (0.5, -1.0, "bonus must be above 0; got -1"),
        (0.5, float("inf"), "bonus must be a number; got inf"),
    ],
)
def test_numbers_that_cannot_be_meant_are_refused(above, bonus, message):
    with pytest.raises(SpecError, match=message):
        GateHead(red, above=above, bonus=bonus)


def test_a_threshold_that_is_no_number_is_refused_before_a_frame_is_seen():
    with pytest.raises(SpecError, match="above must be a number; got inf"):
        judged(above=float("inf"))


def test_a_yes_no_judge_is_a_judge():
    from vlmrm.judges import YesNoJudge

    assert issubclass(YesNoJudge, Judge)

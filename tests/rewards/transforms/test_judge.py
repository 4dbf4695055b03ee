"""A judge above a cheap reward: what is paid."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from tests.toys import ColourEncoder
from vlmrm.errors import SpecError
from vlmrm.rewards.features import FrameFeatures
from vlmrm.rewards.features.judged import JudgedFeatures, worth_asking
from vlmrm.rewards.features.plain import PlainFeatures
from vlmrm.rewards.score import Score
from vlmrm.rewards.transforms.judge import Gate, JudgeOptions, gate

ABOVE, BONUS = 0.6, 2.0
NUMBERS = st.floats(-1, 1, width=32)
PROBABILITIES = st.floats(0, 1, width=32)


def red(embeddings):
    """The cheap reward: a frame's share of red."""
    return embeddings[:, 0]


SCORE = Score(red, (Gate(ABOVE, BONUS),))


class BlueJudge:
    """As sure as the frame is blue, of each frame by itself."""

    def probabilities(self, frames):
        return frames[:, 0, 0, 2].float() / 255


def frames(reds, blues):
    batch = torch.zeros(len(reds), 8, 8, 3, dtype=torch.uint8)
    batch[..., 0] = torch.tensor(reds, dtype=torch.uint8)[:, None, None]
    batch[..., 2] = torch.tensor(blues, dtype=torch.uint8)[:, None, None]
    return batch


def read(batch):
    """The features of frames, with the judge's word on those of a high score."""
    judged = JudgedFeatures(PlainFeatures(ColourEncoder()), Score(red), BlueJudge(), above=ABOVE, asks="Blue?")
    return judged.read(batch)


def random_frames(n=40, seed=0):
    generator = torch.Generator().manual_seed(seed)
    reds, blues = torch.randint(0, 256, (2, n), generator=generator).tolist()
    return frames(reds, blues)


def test_the_cheap_reward_counts_up_to_the_threshold_and_the_judge_beyond_it():
    judge = torch.tensor([0.9, 0.9, 0.0, 0.25, 1.0])
    seen = FrameFeatures(embeddings=torch.zeros(5, 0), extra={"judge": judge})
    rewards = Gate(ABOVE, BONUS)(torch.tensor([0.2, 0.6, 0.7, 0.9, 0.7]), seen)
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


@pytest.mark.parametrize("size", [1, 3, 7])
def test_how_frames_are_split_into_batches_never_changes_a_reward(size):
    batch = random_frames()
    whole = SCORE(read(batch))
    parts = [SCORE(read(batch[i : i + size])) for i in range(0, len(batch), size)]
    torch.testing.assert_close(torch.cat(parts), whole, rtol=0, atol=0)


def test_the_reward_of_a_frame_never_depends_on_other_frames():
    batch = random_frames()
    alone = SCORE(read(batch[:5]))
    for seed in (1, 2):
        company = SCORE(read(torch.cat([random_frames(seed=seed), batch[:5]])))
        torch.testing.assert_close(company[-5:], alone, rtol=0, atol=0)
    shuffled = torch.randperm(len(batch), generator=torch.Generator().manual_seed(0))
    torch.testing.assert_close(SCORE(read(batch[shuffled])), SCORE(read(batch))[shuffled], rtol=0, atol=0)


def test_a_frame_that_fools_the_cheap_reward_earns_less_than_one_that_the_judge_believes():
    fooling, real = frames([255], [0]), frames([170], [180])
    assert red(ColourEncoder().embed_frames(fooling)) > red(ColourEncoder().embed_frames(real))
    fooled, earned = SCORE(read(torch.cat([fooling, real]))).tolist()
    assert fooled == pytest.approx(ABOVE)
    assert earned == pytest.approx(ABOVE + BONUS * 180 / 255)


@pytest.mark.parametrize(
    ("above", "bonus", "message"),
    [
        (float("nan"), 1.0, "above must be a number; got nan"),
        (float("inf"), 1.0, "above must be a number; got inf"),
        (0.5, 0, "bonus must be above 0; got 0"),
        (0.5, -1.0, "bonus must be above 0; got -1"),
        (0.5, float("inf"), "bonus must be a number; got inf"),
    ],
)
def test_numbers_that_cannot_be_meant_are_refused(above, bonus, message):
    with pytest.raises(SpecError, match=message):
        JudgeOptions(model="a/b", question="Blue?", above=above, bonus=bonus)


@pytest.mark.parametrize("name", ["model", "question"])
def test_a_text_that_is_empty_is_refused(name):
    with pytest.raises(SpecError, match=f"{name} of a judge is a text; got ' '"):
        JudgeOptions(**{"model": "a/b", "question": "Blue?", "above": 0.5, name: " "})

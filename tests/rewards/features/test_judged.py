"""Frames with a judge's word on those of a high score: who is asked, and what a judge may answer."""

import pytest
import torch

from tests.toys import ColourEncoder
from vlmrm.errors import EncoderError
from vlmrm.judges import Judge, YesNoJudge
from vlmrm.rewards.features import FeatureExtractor
from vlmrm.rewards.features.judged import JudgedFeatures
from vlmrm.rewards.features.plain import PlainFeatures
from vlmrm.rewards.score import Score

ABOVE = 0.6


def red(embeddings):
    """The cheap score: a frame's share of red."""
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


def judged(judge=None, above=ABOVE, asks="Blue?"):
    return JudgedFeatures(PlainFeatures(ColourEncoder()), Score(red), judge or BlueJudge(), above=above, asks=asks)


def test_the_judge_is_asked_only_about_frames_above_the_threshold():
    judge = BlueJudge()
    seeing = judged(judge)
    batch = frames([0, 153, 154, 255, 100], [100, 51, 51, 0, 255])  # 153 / 255 is 0.6
    seen = seeing.read(batch)
    assert judge.asked_about == [154, 255]
    assert (seeing.asked, seeing.seen) == (2, 5)
    torch.testing.assert_close(seen.extra["judge"], torch.tensor([0.0, 0.0, 0.2, 0.0, 0.0]))
    torch.testing.assert_close(seen.embeddings, ColourEncoder().embed_frames(batch))


def test_a_judge_is_left_alone_where_no_frame_is_above():
    seeing = judged(FixedJudge([float("nan")]))
    assert seeing.read(frames([0, 10, 20])).extra["judge"].tolist() == [0, 0, 0]
    assert (seeing.asked, seeing.seen) == (0, 3)


def test_counts_add_up_over_calls():
    seeing = judged()
    for reds in ([255, 0], [255, 255, 0]):
        seeing.read(frames(reds))
    assert (seeing.asked, seeing.seen) == (3, 5)


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
        seeing.read(frames([255, 0, 255]))


def test_a_yes_no_judge_is_a_judge():
    assert issubclass(YesNoJudge, Judge)


def test_it_is_an_extractor_whose_fingerprint_says_encoder_threshold_and_question():
    assert isinstance(judged(), FeatureExtractor)
    prints = {judged(**said).fingerprint for said in ({}, {"above": 0.7}, {"asks": "Red?"})}
    assert len(prints) == 3
    assert all(mark.startswith("colours-") for mark in prints)
    assert judged().fingerprint == judged().fingerprint

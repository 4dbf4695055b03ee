"""Rewards of clips against a loop that cuts every clip by hand, with a video encoder that a reader can follow."""

import pytest
import torch
from torch.nn.functional import normalize

from tests.toys import ColourEncoder
from vlmrm.encoders.video.x_clip import VideoEncoder
from vlmrm.errors import EncoderError, FrameError, SpecError
from vlmrm.frames.preprocessing import Preprocessing
from vlmrm.rewards.clips import ClipSteps, pixel_rows, require_video
from vlmrm.rewards.head import StepHead
from vlmrm.rewards.projection import ProjectionHead
from vlmrm.rewards.stream import RewardStream

SIDE = 2


class BrighteningEncoder:
    """Embeds a clip as (brightness of its last frame less that of its first, brightness of its middle frames, 1).

    A clip that gets brighter has another row than the same frames backwards.
    """

    name, fingerprint, dim, size_px = "brightening", "brightness", 3, SIDE
    logit_scale, logit_bias = 1.0, 0.0
    preprocessing = Preprocessing(size_px=SIDE, mean=(0.0, 0.0, 0.0), std=(1.0, 1.0, 1.0))

    def __init__(self, clip_frames=3):
        self.clip_frames = clip_frames
        self.batches = []

    def embed_clips(self, clips):
        assert clips.shape[1:] == (self.clip_frames, SIDE, SIDE, 3)
        assert clips.dtype == torch.uint8
        self.batches.append(len(clips))
        bright = clips.float().mean(dim=(2, 3, 4)) / 255  # n t
        rows = [bright[:, -1] - bright[:, 0], bright[:, 1:-1].sum(dim=1), torch.ones(len(clips))]
        return normalize(torch.stack(rows, dim=1), dim=1)

    def embed_frames(self, frames):
        return self.embed_clips(frames[:, None].expand(-1, self.clip_frames, -1, -1, -1))

    def embed_texts(self, texts):
        return torch.eye(3)[: len(texts)]


def brightens(embeddings):
    """The head "it gets brighter"."""
    return embeddings[:, 0]


def episode(steps, seed=0):
    generator = torch.Generator().manual_seed(seed)
    return torch.randint(0, 256, (steps + 1, SIDE, SIDE, 3), generator=generator, dtype=torch.uint8)


def measured_of(head, frames):
    return head.measure(pixel_rows(head.encoder, frames))


def rewards_of(head, frames, *, terminated=False):
    return head.rewards(measured_of(head, frames), terminated=terminated)


def clip_by_hand(frames, t, *, length, every):
    """The frames t - (length - 1) every, …, t - every, t; before the first frame is the first frame."""
    return torch.stack([frames[max(0, t - back * every)] for back in reversed(range(length))])


WAYS = [(1, 1), (2, 1), (3, 1), (3, 2), (4, 3), (8, 5)]
"""Frames of a clip, and every which frame is one of them; the last reaches back further than the episode."""


@pytest.mark.parametrize(("length", "every"), WAYS)
def test_a_step_is_worth_the_clip_that_ends_with_the_frame_after_it(length, every):
    encoder, frames = BrighteningEncoder(length), episode(12)
    paid = rewards_of(ClipSteps(brightens, encoder, every), frames)
    clips = [clip_by_hand(frames, t, length=length, every=every) for t in range(1, 13)]
    by_hand = torch.cat([brightens(encoder.embed_clips(clip[None])) for clip in clips])
    torch.testing.assert_close(paid, by_hand)
    assert paid.dtype == torch.float32


def test_two_steps_checked_by_hand():
    """Frames of brightness 0, 51, 255 of 255: the first clip is (0, 0, 0.2), the second (0, 0.2, 1)."""
    frames = torch.tensor([0, 51, 255], dtype=torch.uint8)[:, None, None, None].expand(-1, SIDE, SIDE, 3)
    paid = rewards_of(ClipSteps(brightens, BrighteningEncoder()), frames)
    assert paid.tolist() == pytest.approx([0.2 / (0.04 + 1) ** 0.5, 1 / (1 + 0.04 + 1) ** 0.5])


def test_the_order_of_frames_counts():
    frames = torch.arange(0, 250, 50, dtype=torch.uint8)[:, None, None, None].expand(-1, SIDE, SIDE, 3)
    head = ClipSteps(brightens, BrighteningEncoder())
    assert float(rewards_of(head, frames).min()) > 0
    assert float(rewards_of(head, frames.flip(0)).max()) < 0


@pytest.mark.parametrize("terminated", [False, True])
@pytest.mark.parametrize(("length", "every"), WAYS)
def test_an_episode_at_once_and_step_by_step_get_the_same_rewards(length, every, terminated):
    head, frames = ClipSteps(brightens, BrighteningEncoder(length), every), episode(20)
    stream = RewardStream(head, num_envs=1)
    stream.begin(measured_of(head, frames[:1]))
    ends = [False] * 19 + [terminated]
    steps = [
        stream.step(measured_of(head, frame[None]), torch.tensor([end]))
        for frame, end in zip(frames[1:], ends, strict=True)
    ]
    torch.testing.assert_close(torch.cat(steps), rewards_of(head, frames, terminated=terminated))


@pytest.mark.parametrize(("length", "every"), WAYS)
def test_episodes_side_by_side_do_not_touch_each_other(length, every):
    """Three environments whose episodes begin at different steps."""
    head = ClipSteps(brightens, BrighteningEncoder(length), every)
    lengths, frames = (3, 5, 7), [episode(20, seed) for seed in range(3)]
    measured = torch.stack([measured_of(head, shown) for shown in frames])  # e t k
    stream, paid = RewardStream(head, num_envs=3), []
    stream.begin(measured[:, 0])
    for t in range(1, 20):
        paid.append(stream.step(measured[:, t], torch.zeros(3, dtype=torch.bool)))
        ended = torch.tensor([t % episode_steps == 0 for episode_steps in lengths])
        stream.begin(measured[ended, t], ended)
    for env, episode_steps in enumerate(lengths):
        for first in range(0, 20 - episode_steps, episode_steps):
            alone = rewards_of(head, frames[env][first : first + episode_steps + 1])
            torch.testing.assert_close(torch.stack(paid)[first : first + episode_steps, env], alone)


@pytest.mark.parametrize(("length", "every"), WAYS)
def test_a_reward_never_depends_on_a_later_frame(length, every):
    head, frames = ClipSteps(brightens, BrighteningEncoder(length), every), episode(12)
    whole = rewards_of(head, frames)
    for steps in (1, 2, 5, 11):
        changed = torch.cat([frames[: steps + 1], episode(11 - steps, seed=9)])
        torch.testing.assert_close(rewards_of(head, changed)[:steps], whole[:steps])
        torch.testing.assert_close(rewards_of(head, frames[: steps + 1]), whole[:steps])


def test_the_clips_of_a_long_episode_are_embedded_a_few_at_a_time():
    encoder = BrighteningEncoder()
    assert rewards_of(ClipSteps(brightens, encoder), episode(100)).shape == (100,)
    assert sum(encoder.batches) == 100
    assert max(encoder.batches) <= 32


def test_many_environments_are_embedded_a_few_at_a_time_too():
    encoder, frames = BrighteningEncoder(), episode(69)
    head = ClipSteps(brightens, encoder)
    state, paid = head.advance(head.start(measured_of(head, frames)), measured_of(head, frames), torch.zeros(70).bool())
    assert (state.shape, paid.shape) == ((70, 2 * SIDE * SIDE * 3), (70,))
    assert max(encoder.batches) <= 32


def test_an_episode_without_a_step_and_a_step_of_no_environment_have_no_rewards():
    head = ClipSteps(brightens, BrighteningEncoder())
    assert rewards_of(head, episode(0)).tolist() == []
    none = measured_of(head, episode(0))[:0]
    assert head.advance(head.start(none), none, torch.zeros(0).bool())[1].tolist() == []


def test_rows_hold_every_brightness_exactly_in_two_bytes():
    frames = torch.arange(256, dtype=torch.uint8)[:, None, None, None].expand(-1, SIDE, SIDE, 3)
    head = ClipSteps(brightens, BrighteningEncoder())
    rows = measured_of(head, frames)
    assert (rows.dtype, rows.shape) == (torch.float16, (256, SIDE * SIDE * 3))
    assert torch.equal(rows.to(torch.uint8).unflatten(1, (SIDE, SIDE, 3)), frames)
    assert head.start(rows).dtype == torch.float16  # 8 frames of 224 x 224 would take 4.8 MB in float32
    torch.testing.assert_close(head.measure(frames.flatten(1)), rows)
    torch.testing.assert_close(head.measure(frames.flatten(1).float()), rows)


def test_frames_of_any_size_become_rows_of_the_encoders():
    encoder = BrighteningEncoder()
    large = torch.randint(0, 256, (3, 9, 9, 3), generator=torch.Generator().manual_seed(0), dtype=torch.uint8)
    rows = pixel_rows(encoder, large)
    assert torch.equal(rows, pixel_rows(encoder, encoder.preprocessing.resize(large)))
    assert pixel_rows(encoder, large[0].numpy()).shape == (1, SIDE * SIDE * 3)


def test_frames_may_be_measured_in_any_batch():
    head, frames = ClipSteps(brightens, BrighteningEncoder()), episode(11)
    parts = [measured_of(head, part) for part in frames.split(5)]
    assert torch.equal(torch.cat(parts), measured_of(head, frames))


def test_any_head_scores_the_clips():
    encoder, frames = BrighteningEncoder(), episode(9)
    goal, baseline = encoder.embed_texts(["brighter", "bright"])
    paid = rewards_of(ClipSteps(ProjectionHead(goal, baseline, 0.5), encoder), frames)
    clips = torch.stack([clip_by_hand(frames, t, length=3, every=1) for t in range(1, 10)])
    torch.testing.assert_close(paid, ProjectionHead(goal, baseline, 0.5)(encoder.embed_clips(clips)))


def test_it_is_a_step_head_that_looks_back():
    head = ClipSteps(brightens, BrighteningEncoder())
    assert isinstance(head, StepHead)
    assert head.looks_back


def test_an_encoder_of_single_frames_is_refused():
    encoder = BrighteningEncoder()
    assert isinstance(encoder, VideoEncoder)
    assert require_video(encoder) is encoder
    with pytest.raises(SpecError, match=r"needs a video encoder.*'colour' embeds single frames"):
        require_video(ColourEncoder())


@pytest.mark.parametrize("every", [0, -1])
def test_a_stride_below_1_is_refused(every):
    with pytest.raises(SpecError, match="every must be a whole number of at least 1"):
        ClipSteps(brightens, BrighteningEncoder(), every)


def test_embeddings_in_the_place_of_pixels_are_refused():
    with pytest.raises(FrameError, match=r"rows of 2 x 2 x 3 pixels; got rows of 3.*pixel_rows"):
        ClipSteps(brightens, BrighteningEncoder()).measure(torch.eye(3))


def test_a_clip_that_becomes_nan_is_an_error():
    encoder = BrighteningEncoder()
    encoder.embed_clips = lambda clips: torch.full((len(clips), 3), torch.nan)
    with pytest.raises(EncoderError, match="'brightening' gave NaN or infinity for 3 of 3"):
        rewards_of(ClipSteps(brightens, encoder), episode(3))

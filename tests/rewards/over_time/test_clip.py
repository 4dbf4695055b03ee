"""Rewards of clips against a loop that cuts every clip by hand, with a video encoder that a reader can follow."""

import pytest
import torch
from torch.nn.functional import normalize

from tests.toys import ColourEncoder
from vlmrm.encoders.video.video_encoder import VideoEncoder
from vlmrm.errors import EncoderError, FrameError, SpecError
from vlmrm.frames.preprocessing import Preprocessing
from vlmrm.rewards.features import FeatureExtractor, FrameFeatures
from vlmrm.rewards.features.clips import ClipFeatures
from vlmrm.rewards.heads.projection import ProjectionHead
from vlmrm.rewards.over_time.clip import ClipSteps, require_video
from vlmrm.rewards.protocols import OverTime
from vlmrm.rewards.score import Score
from vlmrm.rewards.stream import RewardStream, episode_rewards

SIDE = 2


class BrighteningEncoder:
    """Embeds a clip as (brightness of its last frame less that of its first, brightness of its middle frames, 1).

    A clip that gets brighter has another row than the same frames backwards.
    """

    name, fingerprint, dim, size_px = "brightening", "brightness", 3, SIDE
    logit_scale, logit_bias, domain = 1.0, 0.0, None
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


def brightens(seen):
    """The score "it gets brighter"."""
    return seen.embeddings[:, 0]


def episode(steps, seed=0):
    generator = torch.Generator().manual_seed(seed)
    return torch.randint(0, 256, (steps + 1, SIDE, SIDE, 3), generator=generator, dtype=torch.uint8)


def read(clips, frames):
    return ClipFeatures(clips.encoder).read(frames)


def rewards_of(clips, frames, *, terminated=False):
    return episode_rewards(clips, read(clips, frames), terminated=terminated)


def rewards_by_hand(clips, frames):
    """The score of every clip, each cut by hand and embedded alone."""
    shown = [
        clip_by_hand(frames, t, length=clips.encoder.clip_frames, every=clips.every) for t in range(1, len(frames))
    ]
    rows = [clips.encoder.embed_clips(clip[None]) for clip in shown]
    return torch.cat([clips.score(FrameFeatures(embeddings=row)) for row in rows])


def clip_by_hand(frames, t, *, length, every):
    """The frames t - (length - 1) every, …, t - every, t; before the first frame is the first frame."""
    return torch.stack([frames[max(0, t - back * every)] for back in reversed(range(length))])


WAYS = [(1, 1), (2, 1), (3, 1), (3, 2), (4, 3), (8, 5)]
"""Frames of a clip, and every which frame is one of them; the last reaches back further than the episode."""


@pytest.mark.parametrize(("length", "every"), WAYS)
def test_a_step_is_worth_the_clip_that_ends_with_the_frame_after_it(length, every):
    clips, frames = ClipSteps(brightens, BrighteningEncoder(length), every), episode(12)
    paid = rewards_of(clips, frames)
    torch.testing.assert_close(paid, rewards_by_hand(clips, frames))
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
def test_an_episode_gets_the_same_step_by_step_however_it_ends(length, every, terminated):
    clips, frames = ClipSteps(brightens, BrighteningEncoder(length), every), episode(20)
    stream = RewardStream(clips, num_envs=1)
    stream.begin(read(clips, frames[:1]))
    ends = [False] * 19 + [terminated]
    steps = [
        stream.step(read(clips, frame[None]), torch.tensor([end])) for frame, end in zip(frames[1:], ends, strict=True)
    ]
    torch.testing.assert_close(torch.cat(steps), rewards_by_hand(clips, frames))
    torch.testing.assert_close(rewards_of(clips, frames, terminated=terminated), torch.cat(steps))


@pytest.mark.parametrize(("length", "every"), WAYS)
def test_episodes_side_by_side_do_not_touch_each_other(length, every):
    """Three environments whose episodes begin at different steps."""
    clips = ClipSteps(brightens, BrighteningEncoder(length), every)
    lengths, frames = (3, 5, 7), [episode(20, seed) for seed in range(3)]
    seen = [read(clips, shown) for shown in frames]
    stream, paid = RewardStream(clips, num_envs=3), []
    stream.begin(FrameFeatures.join([each[:1] for each in seen]))
    for t in range(1, 20):
        after = FrameFeatures.join([each[t : t + 1] for each in seen])
        paid.append(stream.step(after, torch.zeros(3, dtype=torch.bool)))
        ended = torch.tensor([t % episode_steps == 0 for episode_steps in lengths])
        stream.begin(after[ended], ended)
    for env, episode_steps in enumerate(lengths):
        for first in range(0, 20 - episode_steps, episode_steps):
            alone = rewards_by_hand(clips, frames[env][first : first + episode_steps + 1])
            torch.testing.assert_close(torch.stack(paid)[first : first + episode_steps, env], alone)


@pytest.mark.parametrize(("length", "every"), WAYS)
def test_a_reward_never_depends_on_a_later_frame(length, every):
    head, frames = ClipSteps(brightens, BrighteningEncoder(length), every), episode(12)
    whole = rewards_of(head, frames)
    for steps in (1, 2, 5, 11):
        changed = torch.cat([frames[: steps + 1], episode(11 - steps, seed=9)])
        torch.testing.assert_close(rewards_of(head, changed)[:steps], whole[:steps])
        torch.testing.assert_close(rewards_of(head, frames[: steps + 1]), whole[:steps])


def test_each_clip_of_a_long_episode_is_embedded_once_and_a_few_at_a_time():
    encoder = BrighteningEncoder()
    assert rewards_of(ClipSteps(brightens, encoder), episode(100)).shape == (100,)
    assert sum(encoder.batches) == 100
    assert max(encoder.batches) <= 32


def test_many_environments_are_embedded_a_few_at_a_time_too():
    encoder, first, after = BrighteningEncoder(), episode(69), episode(69, seed=1)
    clips = ClipSteps(brightens, encoder)
    _, paid = clips.advance(clips.start(read(clips, first)), read(clips, after), torch.zeros(70).bool())
    assert max(encoder.batches) <= 32
    before, now = (frames.float().mean(dim=(1, 2, 3)) / 255 for frames in (first, after))  # clips: first, first, after
    by_hand = normalize(torch.stack([now - before, before, torch.ones(70)], dim=1), dim=1)
    torch.testing.assert_close(paid, brightens(FrameFeatures(embeddings=by_hand)))
    assert paid.std() > 0.1


def test_an_episode_without_a_step_and_a_step_of_no_environment_have_no_rewards():
    clips = ClipSteps(brightens, BrighteningEncoder())
    assert rewards_of(clips, episode(0)).tolist() == []
    none = read(clips, episode(0))[:0]
    assert clips.advance(clips.start(none), none, torch.zeros(0).bool())[1].tolist() == []
    assert clips.encoder.batches == []


def test_rows_hold_every_brightness_exactly_in_one_byte():
    frames = torch.arange(256, dtype=torch.uint8)[:, None, None, None].expand(-1, SIDE, SIDE, 3)
    clips = ClipSteps(brightens, BrighteningEncoder())
    seen = read(clips, frames)
    assert torch.equal(seen.extra["pixels"], frames)
    assert seen.embeddings.shape == (256, 0)
    assert clips.start(seen).dtype == torch.uint8  # 8 frames of 224 x 224 would take 4.8 MB in float32


def test_frames_of_any_size_become_pixels_of_the_encoders():
    encoder = BrighteningEncoder()
    large = torch.randint(0, 256, (3, 9, 9, 3), generator=torch.Generator().manual_seed(0), dtype=torch.uint8)
    pixels = ClipFeatures(encoder).read(large).extra["pixels"]
    small = encoder.preprocessing.resize(large)
    assert pixels.shape == (3, SIDE, SIDE, 3)
    assert torch.equal(pixels, small)
    assert torch.equal(ClipFeatures(encoder).read(small).extra["pixels"], pixels)


def test_frames_may_be_read_in_any_batch():
    clips, frames = ClipSteps(brightens, BrighteningEncoder()), episode(11)
    parts = FrameFeatures.join([read(clips, part) for part in frames.split(5)])
    assert torch.equal(parts.extra["pixels"], read(clips, frames).extra["pixels"])


def test_pixels_have_a_fingerprint_of_their_own():
    features = ClipFeatures(BrighteningEncoder())
    assert isinstance(features, FeatureExtractor)
    assert features.fingerprint.startswith("brightness-")


def test_any_score_scores_the_clips():
    encoder, frames = BrighteningEncoder(), episode(9)
    goal, baseline = encoder.embed_texts(["brighter", "bright"])
    score = Score(ProjectionHead(goal, baseline, 0.5))
    paid = rewards_of(ClipSteps(score, encoder), frames)
    clips = torch.stack([clip_by_hand(frames, t, length=3, every=1) for t in range(1, 10)])
    torch.testing.assert_close(paid, ProjectionHead(goal, baseline, 0.5)(encoder.embed_clips(clips)))


def test_it_makes_rewards_of_steps_and_needs_the_first_frame():
    clips = ClipSteps(brightens, BrighteningEncoder())
    assert isinstance(clips, OverTime)
    assert clips.needs_history


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
    clips, embedded = ClipSteps(brightens, BrighteningEncoder()), FrameFeatures(embeddings=torch.eye(3))
    with pytest.raises(FrameError, match=r"the pixels of frames, and these features have none"):
        clips.start(embedded)
    with pytest.raises(FrameError, match=r"the pixels of frames, and these features have none"):
        clips.advance(clips.start(read(clips, episode(2))), embedded, torch.zeros(3).bool())


def test_a_clip_that_becomes_nan_is_an_error():
    encoder = BrighteningEncoder()
    encoder.embed_clips = lambda clips: torch.full((len(clips), 3), torch.nan)
    with pytest.raises(EncoderError, match="'brightening' gave NaN or infinity for 1 of 1"):
        rewards_of(ClipSteps(brightens, encoder), episode(3))

"""Rewards of steps, against loops written from their definitions; streaming, batches and causality."""

import json
import math
from dataclasses import replace

import pytest
import torch

from tests.toys import ColourClipEncoder, ColourEncoder
from vlmrm import PromptSet, RewardModel, RewardSpec
from vlmrm.errors import SpecError
from vlmrm.fitting import fit
from vlmrm.rewards.features import FrameFeatures
from vlmrm.rewards.heads import HEADS
from vlmrm.rewards.over_time import OVER_TIME
from vlmrm.rewards.score import build_score
from vlmrm.rewards.transforms.few_shot import FEW_SHOT
from vlmrm.tables import write_table

GOALS = PromptSet("red", negatives=["green", "blue"])
ORDER = PromptSet(["red", "green", "blue"], negatives=["black"])


def fitted(method):
    """What a spec says of two frames, one red and one blue."""
    frames = torch.tensor([[255, 0, 0], [0, 0, 200]], dtype=torch.uint8)[:, None, None].expand(-1, 8, 8, 3)
    spec = RewardSpec(encoder="colour", prompts=GOALS, alpha=0.0)
    return fit(RewardModel(ColourEncoder(), spec), frames, [1, 0], method=method).spec.few_shot


WAYS = {
    "plain": {},
    "plain, thresholded": {"threshold": 0.5},
    "difference": {"over_time": {"kind": "difference"}},
    "difference of 0 and 1": {"over_time": {"kind": "difference"}, "threshold": 0.6},
    "shaping": {"over_time": {"kind": "shaping", "gamma": 0.9}},
    "window": {"over_time": {"kind": "window", "length": 4}},
    "window of a softmax": {"over_time": {"kind": "window", "length": 3}, "head": "softmax"},
    "clip": {"over_time": {"kind": "clip", "every": 2}},
    "clip of a softmax above a threshold": {"over_time": {"kind": "clip"}, "head": "softmax", "threshold": 0.4},
    "milestones": {"prompts": ORDER, "over_time": {"kind": "milestones", "temperature": 0.2}},
    "held milestones": {
        "prompts": ORDER,
        "over_time": {"kind": "milestones", "temperature": 0.2, "hold": 2, "share": 0.0, "threshold": 0.4},
    },
    "contrast": {"head": "contrast", "over_time": {"kind": "difference"}},
    "sigmoid": {"head": "sigmoid", "options": {"scale": 10.0, "bias": -5.0}},
    "auto_clip": {"head": "auto_clip", "options": {"templates": ["{}", "blue around {}", "{} red"]}},
    "factored": {
        "head": "factored", "prompts": PromptSet("{first} {last}"),
        "options": {"factors": {"first": ["red", "black"], "last": ["green", "blue", ""]}},
    },
    "ensemble": {
        "head": "ensemble",
        "options": {"parts": [{"weight": 0.5}, {"weight": 0.5, "prompts": {"goal": "blue", "baseline": "grey"}}]},
        "prompts": PromptSet("red", "grey"),
    },
    "scaled": {"scaling": {"subtract": 0.5, "divide": 0.1, "highest": 2.0}, "over_time": {"kind": "difference"}},
    **{method: {"few_shot": fitted(method)} for method in FEW_SHOT},
}  # fmt: skip


def test_every_head_every_method_and_every_way_to_look_back_is_among_them():
    specs = [model(way).spec for way in WAYS]
    assert {spec.head for spec in specs} == set(HEADS) - {"cocoop"}  # which needs a model of OpenCLIP
    assert {spec.few_shot.kind for spec in specs if spec.few_shot} == set(FEW_SHOT)
    assert {OVER_TIME.name_of(type(spec.over_time)) for spec in specs if spec.over_time} == set(OVER_TIME)


def model(way):
    spec = RewardSpec(**{"encoder": "colour", "prompts": GOALS, "alpha": 0.0} | WAYS[way])
    return RewardModel(ColourClipEncoder() if "clip" in way else ColourEncoder(), spec)


def episode(steps, seed=0):
    """Frames of random colours that stay for a while, so that windows and milestones have something to find."""
    generator = torch.Generator().manual_seed(seed)
    colours = torch.randint(0, 256, (steps + 1, 1, 1, 3), generator=generator, dtype=torch.uint8)
    return colours.repeat_interleave(2, dim=0)[: steps + 1].expand(-1, 8, 8, 3).contiguous()


def streamed(reward, frames, *, terminated=False):
    stream = reward.stream(1)
    stream.begin(reward.read(frames[:1]))
    ends = [False] * (len(frames) - 2) + [terminated]
    steps = zip(frames[1:], ends, strict=True)
    return torch.cat([stream.step(reward.read(frame), torch.tensor([end])) for frame, end in steps])


def slow_milestones(options, rows, goals, others):
    """Frame by frame in plain Python: what has been reached, for how long the next is shown, the farthest progress."""

    def next_one(row, reached):
        if reached == len(goals):
            return 0.0
        powers = [math.exp(float(row @ text) / options.temperature) for text in (*goals, *others)]
        return powers[reached] / sum(powers)

    reached, held, farthest, paid = 0, 0, 0.0, []
    for row in rows.double():
        held = held + 1 if next_one(row, reached) > options.threshold else 0
        if held >= options.hold:
            reached, held = reached + 1, 0
        progress = (reached + options.share * next_one(row, reached)) / len(goals)
        paid.append(max(progress - farthest, 0.0))
        farthest = max(farthest, progress)
    return torch.tensor(paid[1:])


def by_hand(reward, frames, *, terminated):
    """Rewards of steps from the definition of each kind, in a loop over the episode."""
    spec, encoder = reward.spec, reward.encoder
    kind = spec.over_time and OVER_TIME.name_of(type(spec.over_time))
    rows = encoder.embed_frames(frames)
    if kind == "milestones":
        goals, others = (encoder.embed_texts(list(of)).double() for of in (spec.prompts.goal, spec.prompts.negatives))
        return slow_milestones(spec.over_time, rows, goals, others)
    score = build_score(encoder, replace(spec, over_time=None)).of_embeddings
    steps = range(1, len(frames))
    if kind == "window":
        means = torch.stack([rows[max(0, t + 1 - spec.over_time.length) : t + 1].mean(dim=0) for t in steps])
        return score(torch.nn.functional.normalize(means, dim=1))
    if kind == "clip":
        back = [[max(0, t - k * spec.over_time.every) for k in (2, 1, 0)] for t in steps]
        return score(encoder.embed_clips(torch.stack([frames[list(shown)] for shown in back])))
    scores = score(rows).tolist()
    if kind is None:
        return torch.tensor(scores[1:])
    if kind == "difference":
        return torch.tensor([scores[t] - scores[t - 1] for t in steps])
    after = [0.0 if terminated and t == len(frames) - 1 else scores[t] for t in steps]
    return torch.tensor([0.9 * new - old for new, old in zip(after, scores[:-1], strict=True)])


@pytest.mark.parametrize("terminated", [False, True])
@pytest.mark.parametrize("way", WAYS)
def test_episodes_at_once_and_step_by_step_get_what_the_definition_says(way, terminated):
    reward = model(way)
    for seed in range(5):
        frames = episode(20, seed)
        expected = by_hand(reward, frames, terminated=terminated)
        at_once = reward.score_episode(frames, terminated=terminated)
        torch.testing.assert_close(at_once, expected, atol=2e-5, rtol=1e-5)
        torch.testing.assert_close(streamed(reward, frames, terminated=terminated), at_once)


@pytest.mark.parametrize("way", WAYS)
def test_episodes_side_by_side_do_not_touch_each_other(way):
    """Three environments whose episodes begin at different steps."""
    reward = model(way)
    lengths, frames = (3, 5, 7), [episode(20, seed) for seed in range(3)]
    seen = [reward.read(shown) for shown in frames]
    stream, paid = reward.stream(3), []
    stream.begin(FrameFeatures.join([each[:1] for each in seen]))
    for t in range(1, 20):
        after = FrameFeatures.join([each[t : t + 1] for each in seen])
        paid.append(stream.step(after, torch.zeros(3, dtype=torch.bool)))
        ended = torch.tensor([t % length == 0 for length in lengths])  # the next episode begins with the same frame
        stream.begin(after[ended], ended)
    for env, length in enumerate(lengths):
        for first in range(0, 20 - length, length):
            alone = reward.score_episode(frames[env][first : first + length + 1])
            torch.testing.assert_close(torch.stack(paid)[first : first + length, env], alone)


@pytest.mark.parametrize("way", WAYS)
def test_a_reward_never_depends_on_a_later_frame(way):
    reward, frames = model(way), episode(12)
    whole = reward.score_episode(frames)
    for steps in (1, 2, 5, 11):
        changed = torch.cat([frames[: steps + 1], episode(11 - steps, seed=9)])
        torch.testing.assert_close(reward.score_episode(changed)[:steps], whole[:steps])
        torch.testing.assert_close(reward.score_episode(frames[: steps + 1]), whole[:steps])


@pytest.mark.parametrize("way", WAYS)
def test_frames_may_be_read_in_any_batch(way):
    reward, frames = model(way), episode(11)
    whole = reward.read(frames)
    for size in (1, 5):
        parts = FrameFeatures.join([reward.read(frames[i : i + size]) for i in range(0, len(frames), size)])
        torch.testing.assert_close(parts.embeddings, whole.embeddings)
        for name, values in whole.extra.items():
            torch.testing.assert_close(parts.extra[name], values)
        torch.testing.assert_close(reward.explain(parts), reward.explain(whole), equal_nan=True)


@pytest.mark.parametrize("way", WAYS)
def test_a_spec_that_looks_back_survives_json_and_has_a_hash_of_its_own(way):
    spec = model(way).spec
    assert RewardSpec.from_dict(json.loads(json.dumps(spec.to_dict()))) == spec
    assert len({model(other).spec.hash() for other in WAYS}) == len(WAYS)


def test_one_frame_alone_has_no_reward_where_the_reward_looks_back():
    frames = episode(3)
    with pytest.raises(SpecError, match=r"looks back at earlier frames.*score_episode"):
        model("difference").score(frames)
    torch.testing.assert_close(model("plain").score(frames)[1:], model("plain").score_episode(frames))


@pytest.mark.parametrize("way", WAYS)
def test_an_episode_without_a_step_has_no_rewards(way):
    assert model(way).score_episode(episode(0)).tolist() == []


@pytest.mark.parametrize(
    ("over_time", "message"),
    [
        ({"gamma": 0.9}, "over_time.kind is missing: one of difference, shaping, window, milestones, clip"),
        ({"kind": "diference"}, "unknown over_time.kind 'diference'. Near: difference"),
        ({"kind": "difference", "gamma": 1}, "over_time has no options; got 'gamma'"),
        ({"kind": "shaping"}, "over_time.gamma is missing; the keys of over_time are gamma"),
        ({"kind": "shaping", "gama": 0.9}, "unknown key over_time.gama. Near: gamma"),
        ({"kind": "shaping", "gamma": 0}, "over_time.gamma must be above 0"),
        ({"kind": "shaping", "gamma": 99}, "over_time.gamma is the agent's discount, above 0 and at most 1; got 99"),
        ({"kind": "window", "length": 1}, "a window of 1 frame is the frame itself"),
        ({"kind": "clip", "every": 0}, "over_time.every must be a whole number of at least 1"),
        ({"kind": "window", "length": 0}, "over_time.length must be a whole number of at least 1"),
    ],
)
def test_a_way_to_look_back_that_cannot_be_meant_is_refused(over_time, message):
    with pytest.raises(SpecError, match=message):
        RewardSpec(encoder="colour", prompts=GOALS, alpha=0.0, over_time=over_time)


def test_a_clip_knows_the_order_of_its_frames_and_a_window_does_not():
    red, blue = (torch.tensor(colour, dtype=torch.uint8).expand(1, 8, 8, 3) for colour in ((255, 0, 0), (0, 0, 255)))
    there, back = torch.cat([blue, blue, red]), torch.cat([red, blue, blue])
    window = RewardSpec(
        encoder="colour", prompts=PromptSet("red"), alpha=0.0, over_time={"kind": "window", "length": 3}
    )
    clip = replace(window, over_time={"kind": "clip"})
    of_window, of_clip = (
        [float(RewardModel(ColourClipEncoder(), spec).score_episode(frames)[-1]) for frames in (there, back)]
        for spec in (window, clip)
    )
    assert of_window[0] == pytest.approx(of_window[1])
    assert of_clip == pytest.approx([4 / 5, 1 / 37**0.5])  # (3, 4) and (6, 1) of blue and red, brought to length 1


def test_clips_need_a_video_encoder_and_whole_frames():
    clips = {"encoder": "colour", "prompts": GOALS, "alpha": 0.0, "over_time": {"kind": "clip"}}
    with pytest.raises(SpecError, match=r"needs a video encoder.*'colour' embeds single frames"):
        RewardModel(ColourEncoder(), RewardSpec(**clips))
    with pytest.raises(SpecError, match=r"views and over_time clip do not go together: clips are made of whole frames"):
        RewardSpec(**clips, views={"scales": [1.0, 0.5]})


def test_over_time_must_be_a_table():
    with pytest.raises(SpecError, match="over_time must be a table"):
        RewardSpec.from_dict({"encoder": "colour", "prompts": write_table(GOALS), "over_time": "difference"})


@pytest.mark.parametrize("way", ["difference", "shaping", "window", "clip", "milestones"])
def test_explain_has_the_reward_of_each_step_beside_the_score_of_each_frame(way):
    """The first frame has no step before it, and no reward."""
    reward, frames = model(way), episode(6)
    columns = reward.explain(frames)
    assert next(iter(columns)) == "score"
    assert list(columns)[-1] == "reward"
    assert bool(columns["reward"][0].isnan())
    torch.testing.assert_close(columns["reward"][1:], reward.score_episode(frames))
    alone = replace(reward.spec, over_time=None)
    if way != "milestones":  # whose score of a frame is its own: the last milestone's
        torch.testing.assert_close(columns["score"], build_score(ColourEncoder(), alone)(reward_features(frames)))


def reward_features(frames):
    """Each frame by itself."""
    return FrameFeatures(embeddings=ColourEncoder().embed_frames(frames))


def test_a_plain_reward_has_no_column_of_rewards():
    assert list(model("plain").explain(episode(6))) == ["score"]

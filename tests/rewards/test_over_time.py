"""Rewards that look back, against loops written from their definitions; streaming, batches and causality."""

from dataclasses import replace

import pytest
import torch

from tests.toys import ColourClipEncoder, ColourEncoder
from vlmrm import PromptSet, RewardModel, RewardSpec
from vlmrm.errors import PairingError, SpecError
from vlmrm.rewards.layers import FEW_SHOT, OVER_TIME
from vlmrm.rewards.options import HEADS

GOALS = PromptSet("red", negatives=["green", "blue"])
ORDER = PromptSet(["red", "green", "blue"], negatives=["black"])


def fitted(method):
    """What a spec says of two frames, one red and one blue."""
    frames = torch.tensor([[255, 0, 0], [0, 0, 200]], dtype=torch.uint8)[:, None, None].expand(-1, 8, 8, 3)
    spec = RewardSpec(encoder="colour", prompts=GOALS, alpha=0.0)
    return RewardModel(ColourEncoder(), spec).fit(frames, [1, 0], method=method).spec.few_shot


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
    "milestones": {"prompts": ORDER, "head": "milestones", "options": {"temperature": 0.2}},
    "held milestones": {
        "prompts": ORDER, "head": "milestones", "options": {"temperature": 0.2, "hold": 2, "share": 0.0},
        "threshold": 0.4,
    },
    "contrast": {"head": "contrast", "over_time": {"kind": "difference"}},
    "sigmoid": {"head": "sigmoid", "options": {"scale": 10.0, "bias": -5.0}},
    "auto_clip": {"head": "auto_clip", "options": {"templates": ["{}", "no blue but {}", "{} red"]}},
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
    assert {spec.head for spec in specs} == set(HEADS)
    assert {spec.few_shot["method"] for spec in specs if spec.few_shot} == set(FEW_SHOT)
    assert {spec.over_time["kind"] for spec in specs if spec.over_time} == set(OVER_TIME)


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
    stream.begin(reward.measure(frames[:1]))
    ends = [False] * (len(frames) - 2) + [terminated]
    steps = zip(frames[1:], ends, strict=True)
    return torch.cat([stream.step(reward.measure(frame), torch.tensor([end])) for frame, end in steps])


@pytest.mark.parametrize("terminated", [False, True])
@pytest.mark.parametrize("way", WAYS)
def test_an_episode_at_once_and_step_by_step_get_the_same_rewards(way, terminated):
    reward = model(way)
    for seed in range(5):
        frames = episode(20, seed)
        at_once = reward.score_episode(frames, terminated=terminated)
        torch.testing.assert_close(streamed(reward, frames, terminated=terminated), at_once)


@pytest.mark.parametrize("way", WAYS)
def test_episodes_side_by_side_do_not_touch_each_other(way):
    """Three environments whose episodes begin at different steps."""
    reward = model(way)
    lengths, frames = (3, 5, 7), [episode(20, seed) for seed in range(3)]
    measured = torch.stack([reward.measure(shown) for shown in frames])  # e t k
    stream, paid = reward.stream(3), []
    stream.begin(measured[:, 0])
    for t in range(1, 20):
        paid.append(stream.step(measured[:, t], torch.zeros(3, dtype=torch.bool)))
        ended = torch.tensor([t % length == 0 for length in lengths])  # the next episode begins with the same frame
        stream.begin(measured[ended, t], ended)
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
def test_frames_may_be_measured_in_any_batch(way):
    reward, frames = model(way), episode(11)
    whole = reward.measure(frames)
    for size in (1, 5):
        parts = [reward.measure(frames[i : i + size]) for i in range(0, len(frames), size)]
        torch.testing.assert_close(torch.cat(parts), whole)


@pytest.mark.parametrize("way", WAYS)
def test_a_spec_that_looks_back_survives_json_and_has_a_hash_of_its_own(way):
    spec = model(way).spec
    assert RewardSpec.from_dict(spec.to_dict()) == spec
    assert len({model(other).spec.hash() for other in WAYS}) == len(WAYS)


def test_differences_add_up_to_what_the_episode_has_gained():
    reward, frames = model("difference"), episode(15)
    scores = model("plain").score(frames)
    torch.testing.assert_close(reward.score_episode(frames, terminated=True).sum(), scores[-1] - scores[0])


def test_shaping_is_gamma_times_the_next_score_less_the_last_and_adds_up_to_a_constant():
    """With discount 0.9: the sum of 0.9^t F(t) is 0.9^T m(T) - m(0), and where the episode terminates -m(0)."""
    frames = episode(15)
    scores = model("plain").score(frames).double()
    for terminated in (False, True):
        paid = model("shaping").score_episode(frames, terminated=terminated).double()
        last = 0.0 if terminated else 0.9**15 * scores[-1]
        discounted = sum(0.9**t * reward for t, reward in enumerate(paid))
        assert float(discounted) == pytest.approx(float(last - scores[0]), abs=1e-5)
        assert float(paid[3]) == pytest.approx(float(0.9 * scores[4] - scores[3]), abs=1e-6)


def test_shaping_changes_no_optimal_action():
    """Two steps, two actions each: with any potential the better plan stays the better one, here by the same margin."""
    potential = {"start": 0.1, "left": 0.9, "right": 0.0, "end": 0.0}
    plans = {("left",): 1.0, ("right",): 1.5}  # the environment's own discounted return of each plan
    gamma, shaped = 0.9, {}
    for (middle,), own in plans.items():
        scores = torch.tensor([[potential[state]] for state in ("start", middle, "end")])
        paid = model("shaping").step_head.rewards(scores, terminated=True)
        shaped[middle] = own + float(paid[0] + gamma * paid[1])
    assert shaped["right"] - shaped["left"] == pytest.approx(0.5, abs=1e-6)


def test_a_window_is_the_head_on_the_mean_of_its_frames():
    reward, frames = model("window"), episode(9)
    embeddings = reward.embed(frames).double()
    for t, paid in enumerate(reward.score_episode(frames), start=1):
        mean = embeddings[max(0, t - 3) : t + 1].mean(dim=0)
        assert float(paid) == pytest.approx(float(mean[0] / mean.norm()), abs=1e-6)


def test_a_mean_over_frames_cannot_tell_their_order():
    """The control for milestones: a window as long as the episode gives every order of its frames the same end."""
    reward = RewardModel(
        ColourEncoder(),
        RewardSpec(encoder="colour", prompts=GOALS, alpha=0.0, over_time={"kind": "window", "length": 6}),
    )
    frames = episode(5)
    ends = [reward.score_episode(frames[torch.randperm(6)])[-1] for _ in range(4)]
    torch.testing.assert_close(torch.stack(ends), ends[0].expand(4))


def test_one_frame_alone_has_no_reward_where_the_reward_looks_back():
    frames = episode(3)
    with pytest.raises(SpecError, match=r"looks back at earlier frames.*score_episode"):
        model("difference").score(frames)
    torch.testing.assert_close(model("plain").score(frames)[1:], model("plain").score_episode(frames))


@pytest.mark.parametrize("way", WAYS)
def test_an_episode_without_a_step_has_no_rewards(way):
    assert model(way).score_episode(episode(0)).tolist() == []


def test_a_stream_that_was_never_given_a_first_frame_says_so():
    reward, frames = model("difference"), episode(3)
    stream = reward.stream(2)
    measured = reward.measure(frames[:2])
    with pytest.raises(PairingError, match="the first frame of an episode, which was not given"):
        stream.step(measured, torch.tensor([False, False]))
    stream.begin(measured[:1], torch.tensor([True, False]))
    with pytest.raises(PairingError, match="the first frame of an episode"):
        stream.step(measured, torch.tensor([False, False]))
    assert stream.step(measured[:1], torch.tensor([False]), torch.tensor([True, False])).shape == (1,)


@pytest.mark.parametrize(
    ("over_time", "message"),
    [
        ({"gamma": 0.9}, "over_time needs a kind: difference, shaping, window, clip"),
        ({"kind": "diference"}, "unknown kind 'diference' in over_time. Near: difference"),
        ({"kind": "difference", "gamma": 1}, "'difference' has no options; got 'gamma'"),
        ({"kind": "shaping"}, "over_time 'shaping' needs 'gamma'; its options are gamma"),
        ({"kind": "shaping", "gama": 0.9}, "no option 'gama'. Near: gamma"),
        ({"kind": "shaping", "gamma": 0}, "gamma must be above 0"),
        ({"kind": "shaping", "gamma": 99}, "gamma is the agent's discount, above 0 and at most 1; got 99"),
        ({"kind": "window", "length": 1}, "a window of 1 frame is the frame itself"),
        ({"kind": "clip", "every": 0}, "every must be a whole number of at least 1"),
        ({"kind": "window", "length": 0}, "length must be a whole number of at least 1"),
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
    paid = {
        spec: [float(RewardModel(ColourClipEncoder(), spec).score_episode(frames)[-1]) for frames in (there, back)]
        for spec in (window, clip)
    }
    assert paid[window][0] == pytest.approx(paid[window][1])
    assert paid[clip] == pytest.approx([4 / 5, 1 / 37**0.5])  # (3, 4) and (6, 1) of blue and red, brought to length 1


def test_clips_need_a_video_encoder_and_whole_frames():
    clips = {"encoder": "colour", "prompts": GOALS, "alpha": 0.0, "over_time": {"kind": "clip"}}
    with pytest.raises(SpecError, match=r"needs a video encoder.*'colour' embeds single frames"):
        RewardModel(ColourEncoder(), RewardSpec(**clips))
    with pytest.raises(SpecError, match=r"clips are made of whole frames; leave out views"):
        RewardSpec(**clips, views={"scales": [1.0, 0.5]})


def test_over_time_must_be_a_table():
    with pytest.raises(SpecError, match="over_time must be a table"):
        RewardSpec.from_dict({"encoder": "colour", "prompts": GOALS.to_dict(), "over_time": "difference"})

"""Frames and words that an encoder does not know: a reward warns of them, and pays what it would pay anyway."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from tests.toys import COLOURS, ColourEncoder, CountingEnv, red_spec
from vlmrm import PromptSet, RewardModel
from vlmrm.encoders import Domain, EnsembleEncoder
from vlmrm.errors import OutOfDomainWarning
from vlmrm.rewards.heads.projection import score_alphas
from vlmrm.wrappers import VLMReward

SIDE_PX = 16
TWO = PromptSet(["red", "grey"], "black", negatives="blue")


def pictures(*colours):
    """Frames of one colour each, given as red, green and blue."""
    rows = np.array(colours, dtype=np.uint8)[:, None, None]
    return torch.from_numpy(rows.repeat(SIDE_PX, axis=1).repeat(SIDE_PX, axis=2))


def shades(channel, count=400):
    levels = np.zeros((count, 3))
    levels[:, channel] = np.random.default_rng(0).integers(50, 256, count)
    return pictures(*levels)


RED, GREEN = shades(0, 5), shades(1, 5)


def knowing(frames, *, words=tuple(COLOURS), name="colour"):
    """An encoder whose world is these frames and words."""
    encoder = ColourEncoder()
    encoder.name = name
    classes = torch.zeros(len(frames), dtype=torch.int64)
    encoder.domain = replace(Domain.fit(encoder.embed_frames(frames), classes, words={"": words}), model=name)
    return encoder


WAYS = {
    "score": lambda reward, frames: reward.score(frames),
    "explain": lambda reward, frames: reward.explain(frames)["score"],
    "score_alphas": lambda reward, frames: score_alphas(reward, frames, [0.0, 0.5])[1],
    "score_episode": lambda reward, frames: reward.score_episode(frames),
}
WORDS = {
    "alone": ({}, "score"),
    "columns": ({}, "explain"),
    "alphas": ({}, "score_alphas"),
    "views": ({"views": {"scales": [1.0, 0.5]}}, "score"),
    "views, corners": ({"views": {"scales": [1.0, 0.5], "positions": "corners"}}, "score"),
    "disagreement": ({"uncertainty": {"ensemble": "prompts"}}, "score"),
    "negatives": ({"head": "contrast"}, "score"),
    "over time": ({"over_time": {"kind": "window", "length": 2}}, "score_episode"),
}


@pytest.mark.parametrize(("words", "way"), WORDS.values(), ids=WORDS.keys())
def test_a_reward_warns_once_of_strange_frames_and_its_numbers_stay(words, way):
    spec = red_spec(prompts=TWO, alpha=0.5, **words)
    reward, plain = RewardModel(knowing(shades(0)), spec), RewardModel(ColourEncoder(), spec)
    with pytest.warns(
        OutOfDomainWarning, match="^5 of the last 5 frames look like nothing 'colour' was trained on"
    ) as caught:
        scores = WAYS[way](reward, GREEN)
    assert len(caught) == 1
    assert torch.equal(scores, WAYS[way](plain, GREEN))
    assert torch.equal(WAYS[way](reward, GREEN), scores)  # warnings are errors here: a second one would fail


@pytest.mark.parametrize(("words", "way"), WORDS.values(), ids=WORDS.keys())
def test_a_reward_is_silent_about_what_its_encoder_knows(words, way):
    WAYS[way](RewardModel(knowing(shades(0)), red_spec(prompts=TWO, alpha=0.5, **words)), RED)


@pytest.mark.parametrize(
    "prompts",
    [
        PromptSet("a zebra in red", "black", negatives="blue"),
        PromptSet("red", "a zebra in black", negatives="blue"),
        PromptSet("red", "black", negatives="a zebra in blue"),
        PromptSet(["red", "a zebra in red"], "black", negatives="blue"),
    ],
    ids=["goal", "baseline", "negatives", "another wording"],
)
def test_a_reward_warns_of_strange_words_when_it_is_made_and_its_numbers_stay(prompts):
    spec = red_spec(prompts=prompts, head="contrast", alpha=0.5)
    with pytest.warns(
        OutOfDomainWarning, match=r"^'colour' cannot know what 'a zebra in \w+' means: 'zebra' is in no"
    ) as caught:
        reward = RewardModel(knowing(shades(0)), spec)
    assert len(caught) == 1
    assert torch.equal(reward.score(RED), RewardModel(ColourEncoder(), spec).score(RED))


IN_OPTIONS = {
    "factored": (
        "a {colour} square",
        {"factors": {"colour": ["red", "blue zebra"]}},
        [("zebra", "a blue zebra square")],
    ),
    "auto_clip": (
        "red square",
        {"templates": ["a {}", "a zebra of a {}"]},
        [("zebra", "a zebra of a red square")],
    ),
    "ensemble": (
        "a red square",
        {
            "parts": [
                {"weight": 0.5, "alpha": 0.0},
                {"weight": 0.5, "alpha": 0.0, "prompts": {"goal": "a red zebra"}},
            ]
        },
        [("zebra", "a red zebra")],
    ),
}


@pytest.mark.parametrize("head", IN_OPTIONS)
def test_strange_words_are_found_in_the_sentences_that_a_head_makes_of_its_options(head):
    goal, options, strange = IN_OPTIONS[head]
    spec = red_spec(prompts=PromptSet(goal), head=head, options=options)
    with pytest.warns(OutOfDomainWarning) as caught:
        RewardModel(knowing(shades(0), words=["red", "blue", "square"]), spec)
    assert [str(each.message).split(". ")[0] for each in caught] == [
        f"'colour' cannot know what '{sentence}' means: '{word}' is in no sentence that it learnt from"
        for word, sentence in strange
    ]


def test_crops_are_not_looked_at():
    """A whole frame of this world is half red and half green, and no crop of a corner is."""
    halves = torch.cat([shades(0)[:, :, : SIDE_PX // 2], shades(1)[:, :, : SIDE_PX // 2]], dim=2)
    encoder = knowing(halves)
    assert encoder.domain.share_outside(encoder.embed_frames(halves)) < 0.1
    assert encoder.domain.share_outside(encoder.embed_frames(halves[:, : SIDE_PX // 2, : SIDE_PX // 2])) == 1
    for scales in ([1.0, 0.5], [0.5]):
        spec = red_spec(views={"scales": scales, "positions": "corners"})
        assert RewardModel(encoder, spec).read(halves).extra["crops"].shape[1] == 4 + len(scales)


def test_without_a_whole_frame_among_the_views_there_is_nothing_to_look_at():
    assert RewardModel(knowing(shades(0)), red_spec(views={"scales": [0.5]})).score(GREEN).shape == (5,)


def test_each_member_of_an_ensemble_that_has_a_domain_warns_for_itself():
    members = [
        knowing(shades(0), name="reds", words=["red"]),
        knowing(shades(1), name="greens", words=["red", "grey"]),
        ColourEncoder(),
    ]
    together, plain = EnsembleEncoder(members), EnsembleEncoder([_named(name) for name in ("reds", "greens", "colour")])
    spec = red_spec(encoder=together.name, prompts=PromptSet("a grey and red thing"))
    with pytest.warns(OutOfDomainWarning) as caught:
        reward = RewardModel(together, spec)
    assert sorted(_said(caught)) == [
        "'greens' cannot know what 'a grey and red thing' means: 'thing' is in no sentence that it learnt from",
        "'reds' cannot know what 'a grey and red thing' means: 'grey' is in no sentence that it learnt from; "
        "'thing' is in no sentence that it learnt from",
    ]
    with pytest.warns(OutOfDomainWarning) as caught:
        scores = reward.score(GREEN)
    assert _said(caught) == ["5 of the last 5 frames look like nothing 'reds' was trained on"]
    assert torch.equal(scores, RewardModel(plain, spec).score(GREEN))
    with pytest.warns(OutOfDomainWarning) as caught:
        reward.score(torch.cat([RED, RED]))
    assert _said(caught) == ["10 of the last 15 frames look like nothing 'greens' was trained on"]


def _named(name):
    encoder = ColourEncoder()
    encoder.name = name
    return encoder


def _said(caught):
    return [str(each.message).split(", so ")[0].split(". ")[0] for each in caught]


def test_an_environment_of_another_world_is_warned_of_once_in_all_its_episodes():
    encoder = knowing(shades(1))
    env = VLMReward(CountingEnv(lengths=(3, 2)), RewardModel(encoder, red_spec()))
    env.reset()
    with pytest.warns(OutOfDomainWarning, match="1 of the last 1 frames"):
        paid = [env.step(0)[1]]
    paid += [env.step(0)[1] for _ in range(2)]
    env.reset()
    paid += [env.step(0)[1] for _ in range(2)]
    assert paid == pytest.approx([(step + 1) * 20 / 255 for step in (1, 2, 3, 1, 2)])


def test_a_reward_of_an_encoder_without_a_domain_never_warns():
    reward = RewardModel(ColourEncoder(), red_spec(prompts=PromptSet("a zebra in red")))
    assert reward.score(GREEN).tolist() == [0.0] * 5

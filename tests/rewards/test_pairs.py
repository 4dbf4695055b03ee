"""Every picture with every text: the reward's own head, with each text in the goal's place."""

from typing import ClassVar

import pytest
import torch
from torch import Tensor

from tests.toys import COLOURS, ColourEncoder
from vlmrm import PromptSet, RewardModel, RewardSpec
from vlmrm.encoders import EnsembleEncoder
from vlmrm.errors import PromptError, SpecError
from vlmrm.rewards import pairs
from vlmrm.rewards.protocols import HeadOptions

PLAIN = {
    "cosine": {"alpha": 0.0},
    "projection": {"alpha": 0.4},
    "projection alone": {"alpha": 1.0},
    "softmax": {"head": "softmax", "options": {"temperature": 0.3}},
    "contrast": {"head": "contrast"},
    "sigmoid": {"head": "sigmoid", "options": {"scale": 3.0, "bias": -1.0}},
    "ensemble": {
        "head": "ensemble",
        "options": {
            "parts": [
                {"weight": 0.25, "alpha": 0.5, "scaling": {"subtract": 0.1, "divide": 0.5, "highest": 1.0}},
                {"weight": 0.75, "head": "contrast", "threshold": 0.1},
            ]
        },
    },
    "scaled": {"alpha": 0.3, "scaling": {"subtract": 0.2, "divide": 0.5, "lowest": 0.0}},
    "threshold": {"head": "softmax", "threshold": 0.4},
    "views": {"alpha": 0.3, "views": {"scales": [1.0, 0.5]}},
}
"""What a spec says beyond encoder and prompts."""


class Other(ColourEncoder):
    """A member of another name, with a temperature of its own."""

    name, fingerprint, logit_scale = "other", "other colours", 3.0


def frames(count: int = 7) -> Tensor:
    return torch.randint(0, 256, (count, 8, 8, 3), generator=torch.Generator().manual_seed(1), dtype=torch.uint8)


def reward_of(said: dict, goal: str = "red") -> RewardModel:
    prompts = PromptSet(goal, "grey", ["blue", "black"])
    return RewardModel(ColourEncoder(), RewardSpec(encoder="colour", prompts=prompts, **said))


@pytest.mark.parametrize("name", PLAIN)
def test_a_text_in_the_goals_place_is_scored_as_the_goal(name):
    for goal in ("red", "green"):
        reward = reward_of(PLAIN[name], goal)
        table = reward.score_pairs(frames(), ["green", goal])
        torch.testing.assert_close(table[:, 1], reward.score(frames()), atol=1e-6, rtol=0)


@pytest.mark.parametrize("name", PLAIN)
def test_every_column_is_the_reward_of_its_own_text(name):
    texts = ["red", "green", "red", "a green"]
    table = reward_of(PLAIN[name]).score_pairs(frames(), texts)
    assert table.shape == (7, 4)
    alone = [reward_of(PLAIN[name], text).score(frames()) for text in texts]
    torch.testing.assert_close(table, torch.stack(alone, dim=1), atol=1e-6, rtol=0)


@pytest.mark.parametrize("name", PLAIN)
def test_a_call_may_be_cut_by_pictures_and_by_texts(name):
    reward, texts = reward_of(PLAIN[name]), ["red", "green", "a red", "a green"]
    whole = reward.score_pairs(frames(), texts)
    rows = torch.cat([reward.score_pairs(frames()[i : i + 2], texts) for i in range(0, 7, 2)])
    columns = torch.cat([reward.score_pairs(frames(), texts[i : i + 3]) for i in (0, 3)], dim=1)
    torch.testing.assert_close(rows, whole, atol=1e-6, rtol=0)
    torch.testing.assert_close(columns, whole, atol=1e-6, rtol=0)


def test_rivals_are_the_other_texts_of_the_call():
    """Without negatives the rows are a softmax over the texts; with them the negatives take their share."""
    texts, temperature = ["red", "green", "blue"], 0.3
    options = {"temperature": temperature}
    spec = RewardSpec(encoder="colour", prompts=None, head="softmax", options=options)
    encoder = ColourEncoder()
    table = RewardModel(encoder, spec).score_pairs(frames(), texts, rivals="texts")
    cosines = encoder.embed_frames(frames()) @ encoder.embed_texts(texts).T
    torch.testing.assert_close(table, (cosines / temperature).softmax(dim=1), atol=1e-6, rtol=0)

    prompts = PromptSet("red", negatives=["black"])
    guarded = RewardSpec(encoder="colour", prompts=prompts, head="softmax", options=options)
    table = RewardModel(encoder, guarded).score_pairs(frames(), texts, rivals="texts")
    cosines = encoder.embed_frames(frames()) @ encoder.embed_texts([*texts, "black"]).T
    torch.testing.assert_close(table, (cosines / temperature).softmax(dim=1)[:, :3], atol=1e-6, rtol=0)


def test_rivals_belong_to_the_softmax_alone():
    for name in ("projection", "contrast", "sigmoid"):
        with pytest.raises(SpecError, match="belongs to the head softmax"):
            reward_of(PLAIN[name]).score_pairs(frames(), ["red"], rivals="texts")
    with pytest.raises(SpecError, match='rivals is None, "texts" or "pictures"'):
        reward_of(PLAIN["softmax"]).score_pairs(frames(), ["red"], rivals="words")


def test_pictures_are_embedded_once_and_texts_once_for_all_calls(monkeypatch):
    reward = reward_of({"alpha": 0.0})
    asked: list[str] = []
    embed_texts = reward.encoder.embed_texts
    monkeypatch.setattr(reward.encoder, "embed_texts", lambda texts: asked.extend(texts) or embed_texts(texts))
    reward.encoder.batches.clear()
    reward.score_pairs(frames(), ["red", "green", "red"])
    assert reward.encoder.batches == [7]
    reward.score_pairs(frames(2), ["green", "blue"])
    assert asked == ["red", "green", "blue"]


def test_few_texts_are_kept_where_many_were_asked_for(monkeypatch):
    monkeypatch.setattr(pairs, "MOST_TEXTS", 2)
    scorer = pairs.PairScorer(ColourEncoder(), RewardSpec(encoder="colour", prompts=PromptSet("red"), alpha=0.0))
    table = scorer(frames(), ["red", "green", "blue", "black"])
    again = scorer(frames(), ["black", "red"])
    torch.testing.assert_close(again, table[:, [3, 0]])
    assert len(scorer._texts) == 2


def test_clip_score_is_two_and_a_half_times_the_cosine_and_never_below_0():
    """Hessel et al. 2021: CLIPScore(c, v) = 2.5 max(cos(c, v), 0)."""
    encoder = ColourEncoder()
    reward = RewardModel(encoder, RewardSpec.clip_score("colour"))
    cosines = encoder.embed_frames(frames()) @ encoder.embed_texts(list(COLOURS)).T
    expected = 2.5 * cosines.clamp(min=0)
    torch.testing.assert_close(reward.score_pairs(frames(), list(COLOURS)), expected, atol=1e-6, rtol=0)
    with_goal = RewardModel(encoder, RewardSpec.clip_score("colour", "red"))
    torch.testing.assert_close(with_goal.score(frames()), expected[:, 0], atol=1e-6, rtol=0)


def test_clip_scores_of_several_encoders_are_clamped_and_then_averaged():
    """The mean of clamped scores, by the weights, whatever the members' temperatures are."""

    class Turned(Other):
        def embed_frames(self, frames):
            return -super().embed_frames(frames)  # every cosine below 0

    members = [ColourEncoder(), Turned()]
    encoder = EnsembleEncoder(members, [0.25, 0.75])
    spec = RewardSpec.clip_score("0.25*colour + 0.75*other", "red")
    reward = RewardModel(encoder, spec)
    expected = 0.25 * 2.5 * members[0].embed_frames(frames()) @ members[0].embed_texts(["red", "green"]).T
    assert float(expected.min()) > 0
    torch.testing.assert_close(reward.score_pairs(frames(), ["red", "green"]), expected, atol=1e-6, rtol=0)
    torch.testing.assert_close(reward.score(frames()), expected[:, 0], atol=1e-6, rtol=0)


def test_each_member_of_an_ensemble_sees_the_full_picture():
    """Frames are captured at the largest member's size; a picture is resized once by every member."""

    class Small(Other):
        seen: ClassVar[list[tuple[int, ...]]] = []

        def embed_frames(self, frames):
            self.seen.append(tuple(frames.shape[1:3]))
            return super().embed_frames(frames)

    encoder = EnsembleEncoder([ColourEncoder(), Small()])
    reward = RewardModel(encoder, RewardSpec(encoder=encoder.name, prompts=PromptSet("red"), alpha=0.0))
    large = torch.zeros(2, 40, 60, 3, dtype=torch.uint8)
    Small.seen.clear()
    reward.score_pairs(large, ["red"])
    assert Small.seen == [(40, 60)]


def test_a_reward_without_a_goal_scores_pairs_and_says_so_where_it_is_asked_for_more():
    reward = RewardModel(ColourEncoder(), RewardSpec.clip_score("colour"))
    for ask in (reward.score, reward.read, reward.explain, reward.score_episode, lambda _: reward.stream(1)):
        with pytest.raises(SpecError, match=r"prompts is None.*only score_pairs"):
            ask(frames())
    assert reward.capture is not None
    assert reward.fingerprint == ColourEncoder.fingerprint


@pytest.mark.parametrize(
    ("said", "why"),
    [
        ({"over_time": {"kind": "difference"}}, "a picture is not an episode"),
        ({"uncertainty": {"ensemble": "prompts"}}, "asked for one goal"),
        ({"judge": {"model": "m", "question": "Is it?", "above": 0.5}}, "asked one question"),
    ],
)
def test_what_has_one_goal_only_is_refused_with_the_reason(said, why):
    class Never:
        def probabilities(self, frames):
            raise AssertionError

    prompts = PromptSet(["red", "green"], "grey", ["blue"])
    spec = RewardSpec(encoder="colour", prompts=prompts, **said)
    reward = RewardModel(ColourEncoder(), spec, Never() if "judge" in said else None)
    with pytest.raises(SpecError, match=why):
        reward.score_pairs(frames(), ["red"])


@pytest.mark.parametrize(
    ("head", "options", "why"),
    [
        ("auto_clip", {"templates": ["a {}"]}, "each frame weighs the templates anew"),
        ("factored", {"factors": {"hue": ["red", "blue"]}}, "its goal is made of factors"),
        ("cocoop", {"learned": "", "fingerprint": ""}, "each frame changes the words"),
    ],
)
def test_a_head_without_pairs_is_named_with_the_reason_alone_and_in_an_ensemble(head, options, why):
    spec = RewardSpec(encoder="colour", head=head, options=options)
    parts = {"parts": [{"weight": 0.5}, {"weight": 0.5, "head": head, "options": options}]}
    for of in (spec, RewardSpec(encoder="colour", head="ensemble", options=parts)):
        with pytest.raises(SpecError, match=f"a reward with the head '{head}': {why}"):
            RewardModel(ColourEncoder(), of).score_pairs(frames(), ["red"])


def test_a_part_that_names_no_alpha_is_the_cosine_where_the_whole_has_no_sentences():
    parts = {"parts": [{"weight": 0.5}, {"weight": 0.5, "scaling": {"divide": 0.5}}]}
    reward = RewardModel(ColourEncoder(), RewardSpec(encoder="colour", head="ensemble", options=parts))
    red = torch.zeros(1, 4, 4, 3, dtype=torch.uint8)
    red[..., 0] = 255
    assert reward.score_pairs(red, ["red"]).tolist() == [[pytest.approx(1.5)]]  # the mean of 1 and 1 / 0.5


def test_a_head_of_somebodys_own_is_told_what_it_lacks():
    class OwnOptions(HeadOptions):
        pass

    with pytest.raises(SpecError, match="needs a head that has build_pairs, and OwnOptions has none"):
        OwnOptions().build_pairs(ColourEncoder(), None, 0.0, None)


def test_labelled_frames_are_of_one_goal():
    from vlmrm.fitting import fit

    fitted = fit(reward_of({}), frames(4), [1, 0, 1, 0])
    with pytest.raises(SpecError, match="labelled for one goal"):
        fitted.score_pairs(frames(), ["red"])


def test_no_text_is_refused():
    with pytest.raises(PromptError, match="at least one text"):
        reward_of({}).score_pairs(frames(), [])


def test_a_text_like_the_baseline_spans_no_line():
    with pytest.raises(PromptError, match="same embedding"):
        reward_of({"alpha": 0.5}).score_pairs(frames(), ["red", "grey"])

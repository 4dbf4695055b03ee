"""Sentences to be reached in turn: the right order is worth more than every other one."""

import itertools

import pytest
import torch

from tests.toys import ColourEncoder
from vlmrm import PromptSet, RewardModel, RewardSpec
from vlmrm.errors import SpecError
from vlmrm.rewards.over_time.milestones import stage_probabilities

COLOURS = {"red": (255, 0, 0), "green": (0, 255, 0), "blue": (0, 0, 255), "black": (0, 0, 0), "dim": (100, 0, 0)}


def model(goal=("red", "green", "blue"), **options):
    over_time = {"kind": "milestones", "temperature": 0.2, "share": 0.0} | options
    prompts = PromptSet(list(goal), negatives="black")
    return RewardModel(ColourEncoder(), RewardSpec(encoder="colour", prompts=prompts, over_time=over_time))


def shown(*colours):
    return torch.tensor([COLOURS[colour] for colour in colours], dtype=torch.uint8)[:, None, None].expand(-1, 8, 8, 3)


def paid(reward, *colours):
    return reward.score_episode(shown(*colours)).tolist()


def test_each_milestone_is_paid_once_when_it_is_reached():
    third = pytest.approx(1 / 3)
    assert paid(model(), "black", "red", "red", "green", "black", "blue", "blue") == [third, 0, third, 0, third, 0]


def test_a_milestone_out_of_turn_is_not_paid():
    assert paid(model(), "black", "green", "blue", "green") == [0, 0, 0]
    assert paid(model(), "black", "blue", "red", "blue") == [0, pytest.approx(1 / 3), 0]


def test_the_right_order_is_worth_more_than_every_permutation():
    for share in (0.0, 0.5, 0.9):
        reward = model(share=share)
        worth = {
            order: sum(paid(reward, "black", *(colour for colour in order for _ in range(3))))
            for order in itertools.permutations(["red", "green", "blue"])
        }
        right = worth.pop(("red", "green", "blue"))
        assert right == pytest.approx(1, abs=0.01)
        assert max(worth.values()) < right - 0.2


def test_what_the_first_frame_shows_is_not_paid_for():
    assert sum(paid(model(), "red", "green", "blue")) == pytest.approx(2 / 3)


def test_one_frame_reaches_one_milestone_at_most():
    """Two sentences that a picture shows at once are still two."""
    both = model(goal=("red", "red and red"), threshold=0.4)
    assert paid(both, "black", "red", "red", "red") == [0.5, 0.5, 0]


def test_coming_near_the_next_milestone_is_paid_by_its_probability_and_only_once():
    reward = model(share=0.5)
    near, far = reward.explain(shown("dim", "black"))["milestone 1"].tolist()
    assert 0.02 < near < 0.5  # the milestone itself is not reached
    gained = 0.5 * (near - far) / 3
    assert paid(reward, "black", "dim", "black", "dim") == pytest.approx([gained, 0, 0], abs=1e-6)


def test_an_episode_is_never_paid_more_than_1_nor_less_than_0():
    generator = torch.Generator().manual_seed(0)
    for hold in (1, 2):
        reward = model(share=0.9, hold=hold)
        for _ in range(20):
            frames = torch.randint(0, 256, (30, 1, 1, 3), generator=generator, dtype=torch.uint8).expand(-1, 8, 8, 3)
            rewards = reward.score_episode(frames)
            assert float(rewards.min()) >= 0
            assert float(rewards.sum()) <= 1 + 1e-6


def test_a_milestone_that_flickers_is_not_reached_where_it_must_be_held():
    held = model(hold=3)
    assert paid(held, "black", "red", "black", "red", "red", "black") == [0, 0, 0, 0, 0]
    assert paid(held, "black", "red", "red", "red", "green") == [0, 0, pytest.approx(1 / 3), 0]


def test_the_stream_knows_when_the_last_milestone_is_reached():
    reward = model()
    stream = reward.stream(2)
    stream.begin(reward.read(shown("black", "black")))
    seen = []
    for first, second in (("red", "blue"), ("green", "red"), ("blue", "green"), ("black", "black")):
        stream.step(reward.read(shown(first, second)), torch.tensor([False, False]))
        seen.append(stream.goal_reached().tolist())
    assert seen == [[False, False], [False, False], [True, False], [True, False]]
    stream.begin(reward.read(shown("black")), torch.tensor([True, False]))
    assert stream.goal_reached().tolist() == [False, False]


def test_no_goal_is_reached_before_the_first_frame():
    assert model().stream(2).goal_reached().tolist() == [False, False]


def test_the_spec_says_that_the_reward_knows_when_the_goal_is_reached():
    assert model().spec.says_goal_reached
    assert not RewardSpec(encoder="colour", prompts=PromptSet("red")).says_goal_reached
    assert RewardSpec(encoder="colour", prompts=PromptSet("red"), threshold=0.5).says_goal_reached


def test_probabilities_of_the_milestones_leave_room_for_none_of_them():
    frames = torch.eye(4)
    with_nothing = stage_probabilities(frames, torch.eye(4)[:2], torch.eye(4)[2:], temperature=0.1)
    without = stage_probabilities(frames, torch.eye(4)[:2], torch.eye(4)[:0], temperature=0.1)
    assert without.sum(dim=1).tolist() == pytest.approx([1, 1, 1, 1])
    assert with_nothing.sum(dim=1).tolist() == pytest.approx([1, 1, 0, 0], abs=1e-3)


def test_the_score_of_a_single_frame_is_the_probability_of_the_last_milestone():
    columns = model().explain(shown("red", "green", "blue"))
    assert list(columns) == ["score", "milestone 1", "milestone 2", "milestone 3", "reward"]
    encoder = ColourEncoder()
    frames, texts = encoder.embed_frames(shown("red", "green", "blue")), ["red", "green", "blue", "black"]
    expected = (frames @ encoder.embed_texts(texts).T / 0.2).softmax(dim=1)
    for number in (1, 2, 3):
        torch.testing.assert_close(columns[f"milestone {number}"], expected[:, number - 1])
    torch.testing.assert_close(columns["score"], expected[:, 2])


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"goal": ("red",)}, "only one was given"),
        ({"hold": 0}, "over_time.hold must be a whole number of at least 1"),
        ({"share": 1}, "over_time.share must be at least 0 and below 1"),
        ({"share": float("nan")}, "over_time.share must be a number"),
        ({"temperature": -1}, "over_time.temperature must be above 0"),
        ({"threshold": 1.1}, "over_time.threshold must lie in 0 to 1"),
        ({"thresold": 0.5}, "unknown key over_time.thresold. Near: threshold"),
    ],
)
def test_milestones_that_cannot_be_meant_are_refused(changes, message):
    with pytest.raises(SpecError, match=message):
        model(**changes)


def test_milestones_bring_the_head_of_single_frames_themselves():
    with pytest.raises(SpecError, match="milestones score frames in their own way; leave out head='softmax'"):
        RewardSpec(
            encoder="colour",
            prompts=PromptSet(["red", "blue"], negatives="green"),
            head="softmax",
            over_time={"kind": "milestones"},
        )


@pytest.mark.parametrize(
    ("table", "today"),
    [
        ({}, r'over_time = { kind = "milestones" } instead of head, options and threshold'),
        ({"options": {"hold": 2}, "threshold": 0.6}, r'over_time = { kind = "milestones", hold = 2, threshold = 0.6 }'),
    ],
)
def test_the_head_of_before_is_refused_with_todays_form(table, today):
    spec = {"encoder": "colour", "prompts": {"goal": ["red", "blue"]}, "head": "milestones"} | table
    with pytest.raises(SpecError, match=today):
        RewardSpec.from_dict(spec)
    with pytest.raises(SpecError, match=r"Write reward.over_time = {"):
        RewardSpec.from_dict(spec, where="reward")


def test_the_form_that_is_spelled_out_is_taken():
    spec = RewardSpec.from_dict(
        {
            "encoder": "colour",
            "prompts": {"goal": ["red", "blue"]},
            "over_time": {"kind": "milestones", "hold": 2, "threshold": 0.6},
        }
    )
    assert (spec.over_time.hold, spec.over_time.threshold) == (2, 0.6)


@pytest.mark.parametrize(
    "word",
    [
        {"scaling": {"divide": 2}},
        {"threshold": 0.5},
        {"uncertainty": {"ensemble": "prompts"}},
        {"judge": {"model": "m", "question": "q", "above": 0.5}},
    ],
)
def test_what_changes_the_score_of_a_frame_does_not_go_with_milestones(word):
    with pytest.raises(SpecError, match=f"over_time and {next(iter(word))} do not go together: each milestone has"):
        RewardSpec(encoder="colour", prompts=PromptSet(["red", "blue"]), over_time={"kind": "milestones"}, **word)

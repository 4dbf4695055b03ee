"""Sentences to be reached in turn: the right order is worth more than every other one."""

import itertools

import pytest
import torch

from tests.toys import ColourEncoder
from vlmrm import PromptSet, RewardModel, RewardSpec
from vlmrm.errors import SpecError
from vlmrm.rewards.milestones import stage_probabilities

COLOURS = {"red": (255, 0, 0), "green": (0, 255, 0), "blue": (0, 0, 255), "black": (0, 0, 0), "dim": (100, 0, 0)}


def model(goal=("red", "green", "blue"), threshold=None, **options):
    options = {"temperature": 0.2, "share": 0.0} | options
    prompts = PromptSet(list(goal), negatives="black")
    spec = RewardSpec(encoder="colour", prompts=prompts, head="milestones", options=options, threshold=threshold)
    return RewardModel(ColourEncoder(), spec)


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
    near = float(reward.measure(shown("dim"))[0, 0])
    far = float(reward.measure(shown("black"))[0, 0])
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
    stream.begin(reward.measure(shown("black", "black")))
    seen = []
    for first, second in (("red", "blue"), ("green", "red"), ("blue", "green"), ("black", "black")):
        stream.step(reward.measure(shown(first, second)), torch.tensor([False, False]))
        seen.append(stream.fired().tolist())
    assert seen == [[False, False], [False, False], [True, False], [True, False]]
    stream.begin(reward.measure(shown("black")), torch.tensor([True, False]))
    assert stream.fired().tolist() == [False, False]


def test_probabilities_of_the_milestones_leave_room_for_none_of_them():
    frames = torch.eye(4)
    with_nothing = stage_probabilities(frames, torch.eye(4)[:2], torch.eye(4)[2:], temperature=0.1)
    without = stage_probabilities(frames, torch.eye(4)[:2], torch.eye(4)[:0], temperature=0.1)
    assert without.sum(dim=1).tolist() == pytest.approx([1, 1, 1, 1])
    assert with_nothing.sum(dim=1).tolist() == pytest.approx([1, 1, 0, 0], abs=1e-3)


def test_the_head_of_single_frames_is_the_last_milestone():
    reward = model()
    frames = shown("red", "green", "blue")
    assert reward.head(reward.embed(frames)).argmax() == 2


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"goal": ("red",)}, "only one was given"),
        ({"hold": 0}, "hold must be a whole number of at least 1"),
        ({"share": 1}, "share must be at least 0 and below 1"),
        ({"share": float("nan")}, "share must be a number"),
        ({"temperature": -1}, "temperature must be above 0"),
        ({"threshold": 1.1}, "threshold must lie in 0 to 1"),
        ({"thresold": 0.5}, "no option 'thresold'"),
    ],
)
def test_milestones_that_cannot_be_meant_are_refused(changes, message):
    with pytest.raises(SpecError, match=message):
        model(**changes)


def test_milestones_look_back_by_themselves():
    with pytest.raises(SpecError, match="leave out over_time"):
        RewardSpec(
            encoder="colour", prompts=PromptSet(["red", "blue"]), head="milestones", over_time={"kind": "difference"}
        )

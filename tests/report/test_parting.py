"""Where the reward rises and the truth does not."""

import pytest

from vlmrm.report.parting import partings

STEPS = list(range(0, 1000, 100))


def test_a_reward_that_rises_while_success_falls_parts_from_it():
    rewards = [0.0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9]
    truth = [0.0, 0.2, 0.4, 0.6, 0.5, 0.4, 0.3, 0.2, 0.1, 0.0]
    (found,) = partings(STEPS, rewards, truth)
    assert (found.first_step, found.last_step) == (200, 900)
    assert found.reward_change == pytest.approx(0.7)
    assert found.truth_change < -0.4
    assert not found.truth_follows


def test_success_that_comes_later_is_said():
    rewards = [0.0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.5, 0.5, 0.5, 0.5]
    (found,) = partings(STEPS, rewards, [0.0] * 7 + [0.5, 1.0, 1.0])
    assert found.truth_follows


@pytest.mark.parametrize(
    ("rewards", "truth"),
    [
        ([0.1 * i for i in range(10)], [0.1 * i for i in range(10)]),  # both rise
        ([0.5] * 10, [0.9 - 0.1 * i for i in range(10)]),  # an agent that forgets is paid no more for it
        ([0.1 * i for i in range(10)], [1.0] * 10),  # nothing is left to rise to
        ([0.0, 0.1, 0.0, 0.1, 0.0, 0.1, 0.0, 0.1, 0.0, 0.1], [0.0] * 10),  # goes up and down
    ],
)
def test_all_else_is_no_parting(rewards, truth):
    assert partings(STEPS, rewards, truth) == []


def test_a_reward_that_rises_where_success_never_comes_parts_from_it():
    (found,) = partings(STEPS, [0.1 * i for i in range(10)], [0.0] * 10)
    assert (found.first_step, found.last_step, found.truth_change) == (0, 900, 0.0)


def test_few_evaluations_say_nothing():
    assert partings(STEPS[:4], [0.0, 0.3, 0.6, 0.9], [0.0] * 4) == []

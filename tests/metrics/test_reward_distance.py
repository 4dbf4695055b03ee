"""EPIC on small decision processes whose expectations are exact sums, against the paper's definition in loops."""

import itertools

import numpy as np
import pytest

from vlmrm.errors import SpecError
from vlmrm.metrics import StateActions, Transitions, epic, goal_epic

S, A = 5, 3
STATES, ACTIONS, NEXT = (part.ravel() for part in np.meshgrid(np.arange(S), np.arange(A), np.arange(S), indexing="ij"))
EVERYTHING = Transitions(states=STATES, actions=ACTIONS, next_states=NEXT)
PAIRS = np.array(list(itertools.product(range(S), range(A))))
UNIFORM = StateActions(states=PAIRS[:, 0], actions=PAIRS[:, 1])


def of_table(table):
    return lambda states, actions, next_states: table[states, actions, next_states]


def random_tables(seed, count=1):
    return np.random.default_rng(seed).normal(size=(count, S, A, S))


def shaped(table, potential, discount):
    return table + discount * potential[None, None, :] - potential[:, None, None]


def slow_epic(first, second, discount):
    """Definition 4.1 with uniform states and actions, and the Pearson distance over all transitions."""
    canonical = []
    for table in (first, second):
        anywhere = sum(table[s, a, t] for s, a, t in itertools.product(range(S), range(A), range(S))) / (S * A * S)
        leaving = [sum(table[s, a, t] for a in range(A) for t in range(S)) / (A * S) for s in range(S)]
        canonical.append(
            [
                table[s, a, t] + discount * leaving[t] - leaving[s] - discount * anywhere
                for s, a, t in itertools.product(range(S), range(A), range(S))
            ]
        )
    return np.sqrt((1 - np.corrcoef(canonical)[0, 1]) / 2)


@pytest.mark.parametrize("discount", [0.0, 0.5, 0.99, 1])
@pytest.mark.parametrize("seed", range(4))
def test_it_is_the_definition_where_the_samples_are_all_states_and_actions(seed, discount):
    first, second = random_tables(seed, 2)
    found = epic(of_table(first), of_table(second), EVERYTHING, UNIFORM, discount=discount)
    assert found == pytest.approx(slow_epic(first, second, discount), abs=1e-12)


@pytest.mark.parametrize("samples", [UNIFORM, StateActions(states=np.array([1, 4, 4]), actions=np.array([0, 2, 1]))])
@pytest.mark.parametrize("discount", [0.0, 0.5, 0.99, 1.0])
def test_scale_offset_and_shaping_change_nothing_whatever_is_sampled(samples, discount):
    first, second = random_tables(0, 2)
    potential = np.random.default_rng(1).normal(0, 10, S)
    other = 3 * shaped(first, potential, discount) + 7
    assert epic(of_table(first), of_table(other), EVERYTHING, samples, discount=discount) < 1e-12
    apart = epic(of_table(first), of_table(second), EVERYTHING, samples, discount=discount)
    assert apart > 0.3
    assert epic(of_table(other), of_table(second), EVERYTHING, samples, discount=discount) == pytest.approx(apart)


def test_means_are_over_pairs_of_a_state_and_the_action_beside_it():
    first, second = random_tables(5, 2)
    pairs = [(0, 2), (3, 1), (3, 0)]
    samples = StateActions(states=np.array([0, 3, 3]), actions=np.array([2, 1, 0]))
    canonical = []
    for table in (first, second):
        leaving = [sum(table[s, u, x] for x, u in pairs) / 3 for s in range(S)]
        rows = zip(STATES, ACTIONS, NEXT, strict=True)
        canonical.append([table[s, a, t] + 0.9 * leaving[t] - leaving[s] for s, a, t in rows])
    expected = np.sqrt((1 - np.corrcoef(canonical)[0, 1]) / 2)
    found = epic(of_table(first), of_table(second), EVERYTHING, samples, discount=0.9)
    assert found == pytest.approx(expected, abs=1e-12)


def test_a_scale_whose_square_is_no_number_changes_nothing_either():
    first, second = random_tables(0, 2)
    plain, large = (
        epic(of_table(scale * first), of_table(second), EVERYTHING, UNIFORM, discount=0.9) for scale in (1, 1e200)
    )
    assert large == pytest.approx(plain)


def test_shaping_by_another_discount_is_seen():
    (first,) = random_tables(0)
    other = shaped(first, np.arange(S, dtype=float), 0.5)
    assert epic(of_table(first), of_table(other), EVERYTHING, UNIFORM, discount=0.9) > 0.1


def test_the_opposite_is_at_one_and_the_distance_is_the_same_both_ways():
    first, second = random_tables(0, 2)
    assert epic(of_table(first), of_table(-first), EVERYTHING, UNIFORM, discount=0.9) == pytest.approx(1)
    there, back = (
        epic(of_table(a), of_table(b), EVERYTHING, UNIFORM, discount=0.9) for a, b in ((first, second), (second, first))
    )
    assert there == pytest.approx(back)


def test_rewards_of_independent_parts_of_the_state_are_unrelated():
    states = np.array(list(itertools.product([0.0, 1.0], repeat=4)))  # two parts of the state, two of the next
    transitions = Transitions(states=states[:, :2], actions=np.zeros(16), next_states=states[:, 2:])
    samples = StateActions(states=states[:4, 2:], actions=np.zeros(4))
    found = epic(lambda s, a, t: t[:, 0], lambda s, a, t: t[:, 1], transitions, samples, discount=0.9)
    assert found == pytest.approx(np.sqrt(0.5))


@pytest.mark.parametrize("seed", range(20))
def test_the_way_over_a_third_reward_is_never_shorter(seed):
    first, second, third = random_tables(seed, 3)
    second = first + 0.3 * second  # near, where a triangle is easy to break
    one, two, direct = (
        epic(of_table(a), of_table(b), EVERYTHING, UNIFORM, discount=0.9)
        for a, b in ((first, second), (second, third), (first, third))
    )
    assert direct <= one + two + 1e-12


@pytest.mark.parametrize("discount", [0.0, 0.9, 1.0])
def test_of_the_next_state_alone_it_is_the_distance_to_the_goal_whatever_the_discount_and_the_samples(discount):
    """The canonical form adds E[d R(S')] - E[R(S')] - d E[R(S')], which is the same for all transitions."""
    rng = np.random.default_rng(0)
    states, reached = rng.normal(size=(2, 300, 2))
    transitions = Transitions(states=states, actions=np.zeros(300), next_states=reached)
    samples = StateActions(states=rng.normal(3, 5, size=(20, 2)), actions=np.zeros(20))

    def reward(states, actions, next_states):
        return np.tanh(next_states[:, 0] + 0.5 * next_states[:, 1])

    def goal(states, actions, next_states):
        return next_states[:, 0] > 0.4

    found = epic(reward, goal, transitions, samples, discount=discount)
    assert found == pytest.approx(goal_epic(reward(None, None, reached), reached[:, 0] > 0.4), abs=1e-12)


def test_of_the_state_alone_it_is_so_too_unless_the_discount_is_zero():
    """The canonical form of g(s) is g(s) + d g(s') - g(s) - d E[g], so d times that of g(s')."""
    rng = np.random.default_rng(0)
    worth, goal = rng.normal(size=S), np.arange(S) == 2

    def distance(discount):
        by_state, by_next = (lambda s, a, t: worth[s]), (lambda s, a, t: goal[t])
        return epic(by_state, by_next, EVERYTHING, UNIFORM, discount=discount)

    assert distance(0.9) == pytest.approx(goal_epic(worth[NEXT], goal[NEXT]), abs=1e-12)
    assert distance(1e-3) == pytest.approx(goal_epic(worth[NEXT], goal[NEXT]), abs=1e-9)
    assert distance(0.0) == pytest.approx(np.sqrt(0.5))


@pytest.mark.parametrize("number", [np.float64, np.float32])
def test_a_reward_that_is_constant_but_for_shaping_and_rounding_is_unrelated(number):
    (first,) = random_tables(0)
    potential = np.random.default_rng(1).normal(0, 10, S)
    for table in (np.full((S, A, S), 0.3), shaped(np.full((S, A, S), 1e3), potential, 0.9)):
        found = epic(of_table(table.astype(number)), of_table(first), EVERYTHING, UNIFORM, discount=0.9)
        assert found == pytest.approx(np.sqrt(0.5))


def test_a_reward_that_varies_little_on_a_large_offset_is_still_seen():
    (first,) = random_tables(0)
    assert epic(of_table(1e6 + 1e-4 * first), of_table(first), EVERYTHING, UNIFORM, discount=0.9) < 1e-4


def test_calls_are_of_bounded_size_and_their_number_changes_nothing(monkeypatch):
    rows = []
    first, second = random_tables(0, 2)

    def watched(states, actions, next_states):
        rows.append(len(states))
        return first[states, actions, next_states]

    whole = epic(watched, of_table(second), EVERYTHING, UNIFORM, discount=0.9)
    assert max(rows) == 75 * 15
    monkeypatch.setattr("vlmrm.metrics.reward_distance._ROWS", 100)
    rows.clear()
    assert epic(watched, of_table(second), EVERYTHING, UNIFORM, discount=0.9) == pytest.approx(whole, abs=1e-12)
    assert max(rows) == 90


def test_samples_from_the_same_distribution_come_near_to_the_exact_distance():
    rng = np.random.default_rng(0)
    first, second = random_tables(3, 2)
    drawn = StateActions(states=rng.integers(S, size=2000), actions=rng.integers(A, size=2000))
    found = epic(of_table(first), of_table(second), EVERYTHING, drawn, discount=0.9)
    assert found == pytest.approx(slow_epic(first, second, 0.9), abs=0.02)


def test_what_does_not_fit_is_refused():
    (first,) = map(of_table, random_tables(0))
    for discount in (-0.1, 1.1, np.nan):
        with pytest.raises(SpecError, match="discount lies within 0 to 1"):
            epic(first, first, EVERYTHING, UNIFORM, discount=discount)
    with pytest.raises(SpecError, match="one number per row"):
        epic(first, lambda s, a, t: 1.0, EVERYTHING, UNIFORM, discount=0.9)
    with pytest.raises(SpecError, match="NaN or infinite"):
        epic(first, lambda s, a, t: np.where(s == 0, np.nan, 1.0), EVERYTHING, UNIFORM, discount=0.9)
    with pytest.raises(SpecError, match=r"as many states, actions and next states.*\(3, 2, 3\)"):
        Transitions(states=np.zeros(3), actions=np.zeros(2), next_states=np.zeros(3))
    with pytest.raises(SpecError, match="one action per state; got 2 for 3"):
        StateActions(states=np.zeros(3), actions=np.zeros(2))

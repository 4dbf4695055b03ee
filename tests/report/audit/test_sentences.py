"""Sentences made of others by rule."""

import pytest

from vlmrm.report.audit.sentences import ATTRIBUTES, OPPOSITES, exchanged, says_direction, says_side, swapped_roles


@pytest.mark.parametrize(
    ("sentence", "swapped"),
    [
        ("pole on top of the cart", "the cart on top of pole"),
        ("a car in front of a house", "a house in front of a car"),
        ("a cup next to a plate", None),  # says the same the other way round
        ("a robot kneeling", None),
    ],
)
def test_two_things_of_a_relation_change_places(sentence, swapped):
    assert swapped_roles(sentence) == swapped


def test_a_word_inside_a_phrase_is_not_exchanged():
    assert exchanged("a pole on top of a cart", OPPOSITES) == ["a pole underneath a cart"]


def test_a_capital_stays_where_it_was():
    assert exchanged("Red cars", ATTRIBUTES)[0] == "Green cars"
    assert exchanged("Red ball in a blue box", ATTRIBUTES) == ["Blue ball in a red box"]


def test_every_other_word_of_a_row_is_tried():
    assert exchanged("three pears", ATTRIBUTES) == [f"{n} pears" for n in ("one", "two", "four", "five")]


@pytest.mark.parametrize(
    ("sentence", "direction", "side"),
    [
        ("a pole upright", True, False),
        ("a car at the far left", False, True),
        ("a red ball", False, False),
        ("a puck on a table, seen from above", False, False),  # where the camera is
        ("a top view of a robot with four legs", False, False),
        ("a drone on its charging pad", False, False),
        ("a cheetah on its back", True, False),
        ("Left arm raised", True, True),
        ("a left-handed glove", False, True),
    ],
)
def test_what_a_picture_on_its_head_or_in_a_mirror_no_longer_shows(sentence, direction, side):
    assert (says_direction(sentence), says_side(sentence)) == (direction, side)

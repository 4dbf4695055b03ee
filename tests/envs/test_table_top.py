"""Drawn tables: what is drawn is what is said, and what is said is true of what it says."""

import numpy as np
import pytest
import torch
from vlmrm_envs.table_sentences import table_sentence, table_words, whole_sentence
from vlmrm_envs.table_top import (
    CLOTHS,
    COLOURS,
    SHAPES,
    SIZES,
    caption,
    draw_tables,
    near_twin,
    outline,
    random_tables,
)

from vlmrm.errors import FrameError


def table(*things, cloth="gray"):
    """The facts of a table, from words."""
    facts = []
    for said in things:
        size, colour, shape = said.split()
        facts += [SIZES.index(size), list(COLOURS).index(colour), SHAPES.index(shape)]
    return np.array([*facts, list(CLOTHS).index(cloth)])


TABLE = table("small white triangle", "big orange star", "small blue circle")


def test_a_caption_says_all_that_is_true():
    assert caption(TABLE) == "a small white triangle, a big orange star and a small blue circle on a gray cloth"


def test_no_two_tables_have_one_caption_and_a_tenth_are_near_twins():
    tables = random_tables(1_000, seed=5, twins=0.1)
    assert len({caption(one) for one in tables}) == 1_000
    differing = (tables[:, None] != tables[None]).sum(axis=2)
    near = int((differing == 1).any(axis=1).sum())
    assert 100 < near <= 220  # each of 100 twins, and what it is a twin of
    assert np.array_equal(tables, random_tables(1_000, seed=5, twins=0.1))


def test_a_near_twin_differs_in_one_fact():
    rng = np.random.default_rng(0)
    assert all((near_twin(TABLE, rng) != TABLE).sum() == 1 for _ in range(50))


def test_things_are_drawn_where_they_are_said_in_their_colour_and_size():
    frame = draw_tables(TABLE[None], seed=0, size_px=90)[0].long()
    middle = frame[:, 30:60]
    orange = (middle - torch.tensor(COLOURS["orange"])).abs().sum(dim=2) < 80
    blue = (frame - torch.tensor(COLOURS["blue"])).abs().sum(dim=2) < 80
    assert int(orange.sum()) > 150
    assert 60 < float(blue.nonzero()[:, 1].float().mean()) < 90
    assert int(orange.sum()) > 1.5 * int(blue.sum())  # big and small


def test_shapes_have_about_one_area():
    def area(corners):
        x, y = corners.T
        return abs(float(np.dot(x, np.roll(y, 1)) - np.dot(y, np.roll(x, 1)))) / 2

    areas = [area(outline(shape, turned=0.1)) for shape in SHAPES]
    assert max(areas) < 2.2 * min(areas)
    assert area(outline("square")) == pytest.approx(area(outline("square", turned=0.3)))


def test_the_same_seed_draws_the_same_picture():
    tables = random_tables(3, seed=1)
    assert torch.equal(draw_tables(tables, seed=2, size_px=32), draw_tables(tables, seed=2, size_px=32))
    assert not torch.equal(draw_tables(tables, seed=2, size_px=32), draw_tables(tables, seed=3, size_px=32))


def test_a_sentence_holds_of_its_own_table_and_the_caption_of_no_other():
    tables, rng = random_tables(300, seed=0, twins=0.5), np.random.default_rng(0)
    for place, one in enumerate(tables):
        assert table_sentence(one, rng).holds(tables)[place]
        assert whole_sentence(one).holds(tables).sum() == 1


def test_what_is_left_out_may_be_anything_and_the_order_is_said():
    tables = np.stack(
        [
            TABLE,
            table("small white triangle", "small blue circle", "big red cross", cloth="pink"),
            table("small blue circle", "small white triangle", "big red cross"),
        ]
    )
    rng = np.random.default_rng(0)
    said = {one.text: one.holds(tables).tolist() for _ in range(2_000) for one in [table_sentence(TABLE, rng)]}
    assert said["a small white triangle left of a small blue circle"] == [True, True, False]
    assert said["there is a blue circle"] == [True, True, True]
    assert said["a picture of a white triangle, an orange star and a blue circle"] == [True, False, False]


def test_all_words_are_known():
    rng = np.random.default_rng(0)
    said = {word.strip(",:") for one in random_tables(300, seed=2) for word in table_sentence(one, rng).text.split()}
    assert said <= table_words()


@pytest.mark.parametrize("arguments", [{"count": 0}, {"count": 10, "twins": 0.6}, {"count": 2_000_000}])
def test_what_cannot_be_drawn_is_refused(arguments):
    with pytest.raises(FrameError, match="at most half are twins"):
        random_tables(seed=0, **arguments)

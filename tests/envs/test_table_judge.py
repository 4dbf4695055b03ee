"""The judge of captions of a table: what it counts, by hand and against what sentences are true of."""

import numpy as np
import pytest
from vlmrm_envs.table_judge import TableJudge, judge_caption, parse
from vlmrm_envs.table_sentences import table_sentence
from vlmrm_envs.table_top import CLOTHS, COLOURS, SHAPES, SIZES, caption, near_twin, random_tables

from vlmrm.data.caption_judge import CaptionJudge
from vlmrm.errors import FrameError

TABLE = np.array([0, 4, 2, 1, 6, 3, 0, 2, 0, 0])
WHOLE = "a small white triangle, a big orange star and a small blue circle on a gray cloth"
WORDS = (*SIZES, *COLOURS, *SHAPES, *CLOTHS)


def counts(text, table=TABLE):
    """Facts right, facts wrong, false objects, and whether the text is a sentence."""
    judged = judge_caption(text, table)
    return judged.right, judged.wrong, judged.false_objects, judged.in_grammar


def told(sentence):
    """The number of facts that a sentence of a table states."""
    return int((sentence.said[0] >= 0).sum())


def other_word(word, rng):
    """Another word for the same kind of fact."""
    kind = next(tuple(kind) for kind in (SIZES, COLOURS, SHAPES, CLOTHS) if word in kind)
    return kind[(kind.index(word) + int(rng.integers(1, len(kind)))) % len(kind)]


def test_the_caption_of_the_table_is_wholly_right():
    assert caption(TABLE) == WHOLE
    assert counts(WHOLE) == (10, 0, 0, True)


def test_every_true_sentence_is_right_and_a_sentence():
    rng = np.random.default_rng(0)
    for table in random_tables(300, seed=1):
        sentence = table_sentence(table, rng)
        assert counts(sentence.text, table) == (told(sentence), 0, 0, True), sentence.text


def test_one_other_word_in_a_whole_caption_makes_one_fact_wrong():
    rng = np.random.default_rng(0)
    for table in random_tables(300, seed=2):
        words = caption(table).replace(",", " ,").split()
        place = rng.choice([place for place, word in enumerate(words) if word in WORDS])
        words[place] = other_word(words[place], rng)
        text = " ".join(words).replace(" ,", ",")
        right, wrong, false, sentence = counts(text, table)
        assert (right, wrong, sentence) == (9, 1, True)
        assert false == (place != len(words) - 2), text  # other than the cloth, whose colour is the last but one word


def test_it_agrees_with_what_sentences_are_true_of():
    """Of the table itself, of near twins, and of tables that share things with it in another order."""
    rng = np.random.default_rng(0)
    found = []
    for table in random_tables(400, seed=3):
        sentence = table_sentence(table, rng)
        swapped = np.concatenate([*(table[3 * place : 3 * place + 3] for place in rng.permutation(3)), table[-1:]])
        for other in (near_twin(table, rng), swapped, near_twin(swapped, rng), random_tables(1, seed=len(found))[0]):
            _, wrong, false, _ = counts(sentence.text, other)
            holds = bool(sentence.holds(other[None])[0])
            assert (wrong == 0 and false == 0) == holds, sentence.text
            found.append(holds)
    assert 200 < sum(found) < 1_000  # both kinds are met


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a white triangle and a blue circle", (4, 0, 0, True)),
        ("a small white triangle and a blue circle", (5, 0, 0, True)),
        ("there is a blue star", (1, 1, 1, True)),
        ("a picture of an orange star", (2, 0, 0, True)),
        ("a blue circle left of an orange star", (2, 2, 0, True)),
        ("a big orange star, a small white triangle and a small blue circle on a gray cloth", (4, 6, 0, True)),
        ("a small blue circle, a small white triangle and a big orange star on a gray cloth", (2, 8, 0, True)),
        ("a red cross, a green square and a black cross", (0, 6, 3, True)),
        ("a white triangle, a white triangle and a white triangle", (2, 4, 2, True)),
    ],
)
def test_sentences_by_hand(text, expected):
    assert counts(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", (0, 0, 0, False)),
        ("a white triangle and a", (2, 0, 0, False)),
        ("a small white triangle, a big orange star and a small blue", (6, 0, 0, False)),
        (WHOLE.removesuffix(" cloth"), (9, 0, 0, False)),
        (f"{WHOLE}.", (10, 0, 0, False)),
        (f"{WHOLE}\n", (10, 0, 0, False)),
        (WHOLE.title(), (10, 0, 0, False)),
        ("a orange star", (2, 0, 0, False)),
        ("an white triangle", (2, 0, 0, False)),
        ("a an orange star", (2, 0, 0, False)),
        ("the stars on cloth gray small white a", (0, 0, 0, False)),
        ("circle star star cloth small blue star a gray cloth", (2, 5, 2, False)),
        (f"{WHOLE} on a pink cloth", (10, 1, 0, False)),
        (f"{WHOLE} and a small blue circle", (10, 3, 1, False)),
        ("cloth", (0, 0, 0, False)),
        ("a red \u017ftar", (0, 0, 0, False)),  # a long s
    ],
)
def test_what_is_not_a_sentence_is_read_as_far_as_it_goes(text, expected):
    assert counts(text) == expected
    assert parse(text) is None


def test_naming_every_thing_there_can_be_gains_nothing():
    everything = ", ".join(f"a {colour} {shape}" for colour in COLOURS for shape in SHAPES)
    assert counts(everything) == (0, 80, 37, False)


def test_marks_are_the_words_that_state_facts():
    text = "on a pink cloth: a big white triangle, a orange star"
    marks = judge_caption(text, TABLE).marks
    assert [(text[mark.start : mark.end], mark.right) for mark in marks] == [
        ("pink", False), ("big", False), ("white", True), ("triangle", True), ("orange", True), ("star", True),
    ]  # fmt: skip


def test_a_near_twins_caption_is_wrong_in_one_fact():
    rng = np.random.default_rng(0)
    tables = random_tables(50, seed=4)
    judge = TableJudge(tables)
    assert isinstance(judge, CaptionJudge)
    for place, table in enumerate(tables):
        judged = judge.judge(place, caption(near_twin(table, rng)))
        assert (judged.right, judged.said, judge.facts) == (9, 10, 10)
    with pytest.raises(FrameError, match="50 tables, counted from 0; got the place 50"):
        judge.judge(50, WHOLE)

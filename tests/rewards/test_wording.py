"""Sentences that encoders of pictures misread, and the sentences in use, none of which may be taken for one."""

import re
import warnings
from pathlib import Path

import pytest
import vlmrm_envs as envs

from tests.toys import ColourEncoder, red_spec
from vlmrm import PromptSet, RewardModel
from vlmrm.errors import WordingWarning
from vlmrm.rewards.wording import affirmed, is_order, motion, warn_of_wording

REPOSITORY = Path(__file__).parents[2]


@pytest.mark.parametrize(
    ("sentence", "plain"),
    [
        ("a humanoid robot not kneeling", "a humanoid robot kneeling"),
        ("the pole is not upright", "the pole upright"),
        ("The pole isn't upright", "The pole upright"),
        ("a table without a cup", "a table a cup"),
        ("No cup on the table", "cup on the table"),
        ("an arm that never touches the ball", "an arm that touches the ball"),
    ],
)
def test_a_negation_is_found_and_what_the_encoder_reads_instead(sentence, plain):
    assert affirmed(sentence) == plain


@pytest.mark.parametrize("sentence", ["a knot in a rope", "a notebook on nothingness", "the pole is upright", "north"])
def test_a_word_that_only_begins_like_a_negation_is_none(sentence):
    assert affirmed(sentence) is None


def test_a_motion_is_found_by_its_word():
    assert motion("a humanoid robot running") == "running"
    assert motion("The cheetah walks quickly") == "walks"
    assert motion("a robot lying on the floor, its arm reaching up") is None


@pytest.mark.parametrize(
    "goal", ["run forward as fast as possible", "Push the puck to a goal", "press a button", "please stand up", "jump"]
)
def test_an_order_begins_with_a_verb(goal):
    assert is_order(goal)


@pytest.mark.parametrize(
    "goal", ["open drawer", "a robot standing", "place setting", "stand with flowers", "pole and cart"]
)
def test_a_description_that_begins_with_a_word_of_orders_is_none(goal):
    assert not is_order(goal)


@pytest.mark.parametrize(
    ("goal", "said"),
    [
        ("red, not blue", "hardly read the negation in 'red, not blue': its reward is nearly that of 'red, blue'"),
        ("running red", r"is a motion \(running\)"),
        ("make it all red", "is an order"),
    ],
)
def test_any_encoders_reward_warns_of_it_once_when_it_is_made(goal, said):
    with pytest.warns(WordingWarning, match=said) as caught:
        RewardModel(ColourEncoder(), red_spec(prompts=PromptSet(goal, "black")))
    assert len(caught) == 1


def test_a_negated_baseline_is_misread_too_and_a_motion_there_describes_the_scene():
    with pytest.warns(WordingWarning, match="negation in 'a robot that is not red'"):
        warn_of_wording(["a red robot"], ["a robot that is not red"])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        warn_of_wording(["a robot upside down"], ["a robot walking on the floor"])


def test_an_encoder_of_clips_may_be_asked_for_a_motion():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        warn_of_wording(["a robot running"], sees_motion=True)


def test_no_sentence_of_the_catalogue_is_reported():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for task in envs.tasks().values():
            warn_of_wording(task.reward.prompts.goal, task.reward.prompts.baseline)


PAGES = [REPOSITORY / "README.md", *sorted((REPOSITORY / "docs").glob("*.md"))]


@pytest.mark.parametrize("page", PAGES, ids=[page.name for page in PAGES])
def test_no_prompt_of_the_readme_and_the_docs_is_reported(page):
    lines = page.read_text(encoding="utf-8").splitlines()
    text = "\n".join(line for line in lines if not line.endswith("# WordingWarning"))
    goals = re.findall(r'PromptSet\(\s*"([^"]+)"|--goal "([^"]+)"|goal = "([^"]+)"', text)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        warn_of_wording(["".join(found) for found in goals])

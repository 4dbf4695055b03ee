"""Goals that no picture can show, and the goals in use, none of which may be taken for one."""

import pytest
import vlmrm_envs as envs

from tests.toys import COLOURS
from vlmrm import PromptSet
from vlmrm.errors import InvisibleGoalWarning
from vlmrm.rewards.visualness import invisible_words, warn_of_invisible_goals


@pytest.mark.parametrize(
    ("goal", "words"),
    [
        ("virtue", ("virtue",)),
        ("Be helpful!", ("helpful",)),
        ("a good state", ("good",)),
        ("the agent gets high reward", ("agent", "reward")),
        ("a picture of success", ("success",)),
        ("tasks of higher value, and better values", ("tasks", "value", "better", "values")),
        ("achieving what policies successfully achieved", ("achieving", "policies", "successfully", "achieved")),
    ],
)
def test_a_goal_of_abstract_words_rests_on_them(goal, words):
    assert invisible_words(goal) == words


@pytest.mark.parametrize("colour", COLOURS)
def test_a_colour_is_visible(colour):
    assert invisible_words(colour) == ()
    assert invisible_words(f"a good state is {colour}") == ()


def test_no_goal_or_baseline_of_the_catalogue_is_reported():
    for task in envs.tasks().values():
        for sentence in task.reward.prompts.goal + task.reward.prompts.baseline:
            assert invisible_words(sentence) == (), sentence
        warn_of_invisible_goals(task.reward.prompts)


@pytest.mark.parametrize(
    "goal",
    ["Push the puck to a goal", "Reach a goal position", "press a button", "the ball in the goal", "a welder at work"],
)
def test_one_word_that_may_be_visible_is_enough(goal):
    assert invisible_words(goal) == ()


def test_what_the_baseline_says_already_says_nothing_of_the_goal():
    assert invisible_words("a robot in a good state") == ()
    assert invisible_words("a robot in a good state", ["a scene", "a Robot"]) == ("good",)


@pytest.mark.parametrize(
    ("goal", "baseline"),
    [
        ("a solved cube", "a cube"),
        ("a finished puzzle", "a puzzle"),
        ("the ball is in the goal", "a ball"),
        ("a robot aiming", "a robot"),
        ("a train", "rails"),
    ],
)
def test_words_that_have_a_look_in_the_scene_are_not_reported(goal, baseline):
    assert invisible_words(goal, [baseline]) == ()


def test_a_goal_that_puts_the_baselines_words_in_another_place_is_visible():
    assert invisible_words("the pole is on the cart", ["pole and cart"]) == ()
    assert invisible_words("as high as possible") == ()


def test_each_invisible_goal_sentence_gets_a_warning_that_names_its_words():
    prompts = PromptSet(["a robot kneeling", "a robot that is useful", "a safe robot"], "a robot")
    with pytest.warns(InvisibleGoalWarning) as caught:
        warn_of_invisible_goals(prompts)
    assert [str(each.message).split(", so")[0] for each in caught] == [
        "no picture shows what the goal 'a robot that is useful' asks for (useful)",
        "no picture shows what the goal 'a safe robot' asks for (safe)",
    ]

import pytest

from vlmrm import PromptSet
from vlmrm.errors import PromptError
from vlmrm.tables import read_table


def test_one_sentence_and_a_list_of_one_are_the_same():
    assert PromptSet("a robot kneeling", "a robot") == PromptSet(["a robot kneeling"], ["a robot"])


@pytest.mark.parametrize("empty", ["", "   ", [], ["a robot", ""]])
def test_an_empty_goal_is_refused(empty):
    with pytest.raises(PromptError, match=r"empty sentence|no goal"):
        PromptSet(empty, "a scene")


def test_equal_goal_and_baseline_are_refused():
    with pytest.raises(PromptError, match="no direction"):
        PromptSet("a robot", ["a scene", "a robot "])


@pytest.mark.parametrize("character", ["\0", "\x1b", "\ud800"])
def test_a_character_that_no_text_has_is_refused(character):
    with pytest.raises(PromptError, match=r"baseline has '\\.*' at place 5"):
        PromptSet("a robot", f"a sce{character}ne")


def test_what_is_not_text_is_refused():
    with pytest.raises(PromptError, match="must be a sentence"):
        read_table(PromptSet, {"goal": [3]}, where="prompts", error=PromptError)
    with pytest.raises(PromptError, match="must be a sentence"):
        read_table(PromptSet, {"goal": 3}, where="prompts", error=PromptError)


@pytest.mark.parametrize("name", ["prompts.txt", "rewards/kneel.toml", "goal.PNG"])
def test_the_name_of_a_file_is_no_sentence(name):
    with pytest.raises(PromptError, match=r"baseline is the name of a file.*Give the sentences themselves"):
        PromptSet("a robot kneeling", name)
    assert PromptSet("a robot beside prompts.txt").goal == ("a robot beside prompts.txt",)

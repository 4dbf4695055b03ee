"""A warning for goals that describe nothing to be seen: "be helpful", "a good state", "the agent gets high reward".

An encoder gives every sentence an embedding, and every embedding a reward that goes up and down; nothing in the numbers
says that the sentence has no picture. Criteria on a bank of frames were tried with the built-in ``sim-m``: how far the
cosine is spread, what of the spread empty sentences do not explain, and whether the goal beats empty sentences on any
frame. Each took 15 to 26 % of goals that work for empty, and 15 to 50 % of empty ones for goals. So this is a list of
words. A goal is reported where all that it says beyond its baseline are small words and words of judgement, of
reinforcement learning or of the mind, with at least one of these. It found two of three such goals in a trial, and
reported none of the sentences that the built-in models are trained on.

It cannot see: words that are not in the list, which all count as visible; other languages; a goal that names something
visible beside what is not ("a robot that wins the argument"); or whether the model knows what it is asked for, and the
frames ever show it. It is wrong where listed words alone have a look, e.g. "the agent at the goal" of a drawn maze,
though a model that was not trained on mazes does better with "a red triangle on the green square".
"""

import re
from collections.abc import Sequence

from vlmrm.errors import InvisibleGoalWarning, warn_user
from vlmrm.prompts import PromptSet

_WORD = re.compile(r"[^\W\d_]+")


def invisible_words(goal: str, baseline: Sequence[str] = ()) -> tuple[str, ...]:
    """The words that a goal rests on, where none of them can be seen.

    Args:
        goal: One sentence.
        baseline: Sentences of the plain scene; what they say already says nothing of the goal.

    Returns:
        In their order; empty where the goal names something that may be visible.

    Example:
        >>> invisible_words("the agent gets high reward")
        ('agent', 'reward')
        >>> invisible_words("a robot in a good state", ["a robot"])
        ('good',)
        >>> invisible_words("a robot kneeling", ["a robot"])
        ()
    """
    plain = {word for sentence in baseline for word in _WORD.findall(sentence.lower())}
    said = [word for word in _WORD.findall(goal.lower()) if word not in plain and word not in _SMALL]
    return tuple(dict.fromkeys(said)) if all(word in _ABSTRACT for word in said) else ()


def warn_of_invisible_goals(prompts: PromptSet) -> None:
    """One `InvisibleGoalWarning` for each goal sentence that describes nothing to be seen.

    Args:
        prompts: Whose goal, and baseline, count.
    """
    for goal in prompts.goal:
        words = invisible_words(goal, prompts.baseline)
        if words:
            warn_user(
                f"no picture shows what the goal {goal!r} asks for ({', '.join(words)}), so that its reward means "
                "nothing. Describe what is to be seen when it is reached, e.g. 'a humanoid robot kneeling'.",
                InvisibleGoalWarning,
            )


def _forms(words: str) -> frozenset[str]:
    """The words, and what they become in a sentence: tasks, achieved, achieving, policies, correctly."""
    found = set()
    for word in words.split():
        stem = word.removesuffix("e")
        found.update({word, word + "s", word + "es", word + "ly", word + "ed", stem + "ed", word + "ing", stem + "ing"})
        if word.endswith("y"):
            found.update({word[:-1] + "ies", word[:-1] + "ied", word[:-1] + "ily"})
    return frozenset(found)


_SMALL = frozenset(
    # neither seen nor unseen: grammar, degrees, words for the picture, and what some scenes show (a solved cube)
    _WORD.findall(
        "a after again always an and any anything are as at be became become becomes been before being but by can "
        "complete completed could did do does doing done everything finish finished for from gain gained gains get "
        "gets getting goal goals had has have he her high higher highest his how i image in into is it its itself "
        "keep keeps less little low lower lowest made make makes making many maximal maximum may me minimal minimum "
        "more most much must my negative never no not nothing now of on one or our perfect perfectly photo "
        "photograph picture positive possible return returns scene shall she should so solve solved some something "
        "state states such than that the their them then there these they thing things this those to too tries try "
        "trying very view was way we well were what when where which while who will with would you your"
    )
)
_ABSTRACT = _forms(
    # judgements
    "acceptable adequate appropriate bad beneficial best better correct desirable desire effective efficient "
    "excellent good great ideal important impressive incorrect interesting nice optimal optimum poor prefer "
    "preferable proper quality reasonable satisfactory satisfy sensible successful suitable undesirable undesired "
    "useful useless valuable worse worst worth wrong "
    # reinforcement learning
    "accomplish accomplishment achieve achievement agent behave behavior behaviour completion cost criterion "
    "environment episode expect fail failed failure improve improvement instruction learn learned learnt loss "
    "maximise maximize minimise minimize mission mistake objective optimise optimize outcome perform performance "
    "policy progress requirement result reward score solution succeed success task trained training user utility "
    "value win winning won "
    # virtues and the mind
    "ability attempt belief careful clever concept ethic ethical experience fairness freedom happiness harmful "
    "harmless helpful honest honesty hope idea intelligence intelligent intend intention justice kindness knowledge "
    "meaning moral morality obey opinion plan polite purpose reason respect responsible safe safety skill smart "
    "strategy trustworthy truth truthful unsafe virtue virtuous want wisdom wise wish"
)

"""Words of a sentence that a small model does not know, or knows from sentences about something else."""

import json

import pytest
import vlmrm_envs as envs

from vlmrm.encoders import DomainWatch, load_encoder
from vlmrm.encoders.cards import BUILTIN_FOLDER, builtin_names
from vlmrm.encoders.domain import Domain
from vlmrm.encoders.known_words import KnownWords
from vlmrm.errors import OutOfDomainWarning

ROBOT = KnownWords(
    {"CartPole": ["Pole", "upright", "cart"], "Ant": ["four-legged", "robot"], "Human": ["robot", "knees"]}
)


def test_unknown_words_are_named_once_and_small_words_do_not_count():
    assert ROBOT.unknown("The POLE is upright on top of the cart, on top!") == ["top"]
    assert ROBOT.unknown("pole-and-cart 12") == []
    assert ROBOT.unknown("a zebra under a Zebra") == ["zebra", "under"]


def test_a_word_with_a_hyphen_is_known_whole_and_in_parts():
    assert ROBOT.unknown("a four-legged, cross-legged table of four legged things") == ["cross", "table", "things"]


def test_near_known_words_are_named():
    assert ROBOT.remarks("robots") == {"robots": "in no sentence that it learnt from (near: 'robot')"}


def test_a_word_of_one_other_scene_alone_does_not_fit():
    assert ROBOT.remarks("a pole upright on its knees") == {"knees": "only in sentences about Human"}
    assert ROBOT.remarks("a robot with an upright pole on a cart") == {}  # two scenes have robots
    assert ROBOT.remarks("a robot on its knees") == {}


@pytest.mark.parametrize("name", [name for name in builtin_names() if name.startswith("sim-")])
def test_every_sentence_of_a_models_own_tasks_fits(name):
    domain = Domain.load(BUILTIN_FOLDER / name)
    scenes = json.loads((BUILTIN_FOLDER / name / "card.json").read_text())["training"]["scenes"]
    for task in envs.tasks().values():
        for sentence in task.reward.prompts.goal + task.reward.prompts.baseline:
            if task.name.split("/")[0] in scenes:
                assert domain.strange_words(sentence) == {name: {}}, sentence


def test_a_word_of_the_humanoid_in_a_sentence_about_the_pole_is_reported():
    watch = DomainWatch(load_encoder("sim-m", device="cpu"))
    with pytest.warns(OutOfDomainWarning, match="'kneeling' is only in sentences about Humanoid"):
        watch.read(["a pole kneeling on its cart"])

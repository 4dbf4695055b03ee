"""Probes of rare words and of absurd sentences, on encoders of colours."""

import numpy as np
import pytest
import torch

from tests.report.audit.audits import audit_cartpole, red_frames
from tests.toys import ColourEncoder, red_spec
from vlmrm.prompts import PromptSet
from vlmrm.report.audit import audit
from vlmrm.rewards import RewardModel


class WithoutGrey(ColourEncoder):
    """A sentence without a colour that it knows is green to it, which none of the frames is."""

    def embed_texts(self, texts):
        return super().embed_texts([f"green {text}" for text in texts])


class Poet(WithoutGrey):
    """Knows what crimson is."""

    def embed_texts(self, texts):
        return super().embed_texts([text.replace("crimson", "red") for text in texts])


def asked(probe, encoder, goal="a red thing", **words):
    reward = RewardModel(encoder, red_spec(prompts=PromptSet(goal), **words))
    return audit(reward, red_frames(groups=[f"{i % 20}" for i in range(60)]), probes=[probe]).finding(probe)


def test_a_reward_that_hangs_on_the_frequent_word_is_warned_of():
    rare = asked("rare_words", WithoutGrey())
    assert (rare.verdict, rare.effect.value) == ("warn", 0.5)  # "a crimson thing" tells nothing
    assert rare.exhibits[0].text == "a crimson thing"


def test_a_goal_with_the_rare_word_fails_where_the_frequent_one_does_better():
    rare = asked("rare_words", WithoutGrey(), "a crimson thing")
    assert (rare.verdict, rare.effect.value) == ("fail", 0.5)
    assert "“a red thing” gains 0.500" in rare.says


def test_who_knows_the_rare_word_loses_nothing():
    for goal in ("a red thing", "a crimson thing"):
        rare = asked("rare_words", Poet(), goal)
        assert (rare.verdict, rare.effect.value) == ("pass", 0.0)


def test_a_word_with_a_vowel_has_its_article():
    said = [one.text for one in asked("rare_words", WithoutGrey(), "beside a car is red").exhibits]
    assert said == ["beside a car is crimson", "beside an automobile is red"]


def test_without_such_a_word_nobody_asks():
    rare = asked("rare_words", ColourEncoder(), "a thing")
    assert rare.verdict == "left out"
    assert "no word with a rare or a frequent synonym" in rare.says


@pytest.mark.filterwarnings("ignore::vlmrm.errors.OutOfDomainWarning")
def test_a_small_model_is_asked_for_words_that_it_knows_alone():
    """It has learnt what a shaft is, and no sentence had a knoll."""
    rare = audit_cartpole("rare_words", goal="pole upright on the hill").finding("rare_words")
    said = [one.text for one in rare.exhibits]
    assert "shaft upright on the hill" in said
    assert not any("knoll" in one for one in said)


def test_a_threshold_that_absurd_sentences_pass_fails():
    """“a zebra playing the piano” is grey to this encoder: red / sqrt(3), and 0.40 to 0.55 in the goal frames."""
    nonsense = asked("nonsense", ColourEncoder(), threshold=0.35)
    assert (nonsense.verdict, nonsense.effect.value) == ("fail", 1.0)
    assert nonsense.exhibits[0].says == "accepted in 100 % of the goal frames"


def test_a_threshold_above_what_they_are_paid_passes():
    nonsense = asked("nonsense", ColourEncoder(), threshold=0.6)
    assert (nonsense.verdict, nonsense.effect.value) == ("pass", 0.0)
    assert np.isfinite(nonsense.effect.high)


def test_without_a_threshold_of_its_own_it_is_a_warning():
    nonsense = asked("nonsense", ColourEncoder())
    assert nonsense.verdict == "warn"  # a twentieth of the others lie above 0.39
    assert "a threshold that 5 % of the others pass" in nonsense.says
    assert torch.equal(WithoutGrey().embed_texts(["a zebra"]), WithoutGrey().embed_texts(["green"]))
    assert asked("nonsense", WithoutGrey()).verdict == "pass"  # green is paid nothing

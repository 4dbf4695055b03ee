"""Searches for sentences, in a world of colours where the right one is known, and on a real task."""

import numpy as np
import pytest
import torch
import vlmrm_envs as envs

from tests.toys import SIZE_PX, ColourEncoder, red_spec
from vlmrm.data import GivenFrames, LabelledFrames
from vlmrm.errors import SpecError
from vlmrm.prompts import PromptSet
from vlmrm.rewards import RewardModel, RewardSpec
from vlmrm.rewards.rewording import reworded
from vlmrm.search import LabelledParts, LanguageModel, PromptSearch, optimise_prompts, search_prompts
from vlmrm.search.proposals import known_words_only, plain_spec, propose, rivals_of
from vlmrm.search.proposer import LONGEST, ask_proposer, sentences_in


def greens(count, seed):
    """Goal frames are green, others red, and both have as much of the other colour as chance wants."""
    rng = np.random.default_rng(seed)
    in_goal = np.arange(count) % 2 == 0
    frames = torch.zeros(count, SIZE_PX, SIZE_PX, 3, dtype=torch.uint8)
    levels = rng.integers(90, 130, size=(count, 2))
    for row, inside in enumerate(in_goal):
        frames[row, :, :, 0], frames[row, :, :, 1] = levels[row, 0], levels[row, 1] + (60 if inside else 0)
    shown = LabelledFrames(frames=frames, in_goal=in_goal, names=[str(i) for i in range(count)])
    return GivenFrames(frames=shown)


PARTS = LabelledParts(search=greens(40, 0), held_out=greens(100, 1))


@pytest.fixture
def red():
    """A reward that looks for the wrong colour."""
    return RewardModel(ColourEncoder(), red_spec())


def test_a_sentence_that_separates_is_found_judged_and_written(red, tmp_path):
    found = search_prompts(red, PARTS, options=PromptSearch(sentences=["green", "blue"]))
    assert "green" in found.best.name
    assert found.best.search.auroc == found.best.held_out.value == 1.0
    assert found.shipped.held_out.value < 0.5
    assert found.best.gain.value == pytest.approx(1.0 - found.shipped.held_out.value)
    assert found.is_better
    assert found.headline.startswith("A better sentence was found: ")
    assert "+0.000 is overfitting" in found.warning
    found.save(tmp_path / "found.json")
    assert RewardSpec.load(tmp_path / "found.json") == found.best.spec


def test_each_frame_is_embedded_once_however_many_sentences_are_tried(red):
    search_prompts(red, PARTS, options=PromptSearch(sentences=["green", "blue", "grey"]))
    assert sum(red.encoder.batches) == 140


def test_where_nothing_is_better_that_is_said_and_the_shipped_one_is_written(red, tmp_path):
    green = red.with_spec(red_spec(prompts=PromptSet("green")))
    found = search_prompts(green, PARTS, options=PromptSearch(sentences=["blue"], rounds=0, averaged=(), alphas=()))
    assert not found.is_better
    assert found.best is found.shipped
    assert found.headline == "Nothing better was found: of 2 tried, the shipped sentence is the best."
    found.save(tmp_path / "same.json")
    assert RewardSpec.load(tmp_path / "same.json") == green.spec


def test_ranking_looks_at_the_part_to_search_on_alone(red, tmp_path):
    flipped = GivenFrames(frames=LabelledFrames(
        frames=PARTS.held_out.frames.frames, in_goal=~PARTS.held_out.frames.in_goal, names=PARTS.held_out.frames.names
    ))  # fmt: skip
    options = PromptSearch(sentences=["green"], rounds=0, alphas=())
    given = red.with_spec(red_spec(scaling={"divide": 2.0}))
    found = search_prompts(given, LabelledParts(search=PARTS.search, held_out=flipped), options=options)
    assert "green" in found.best.name
    assert found.best.gain.high < 0
    assert found.headline.startswith("The shipped sentence is kept: the one found is worse on held-out frames: ")
    assert found.best.overfitting == pytest.approx(1 - found.best.held_out.value)
    assert f"{found.best.overfitting:+.3f} is overfitting" in found.warning
    assert found.to_dict()["kept"] == found.shipped.name
    found.save(tmp_path / "kept.json")
    assert RewardSpec.load(tmp_path / "kept.json") == given.spec  # with the scaling, which was not searched with
    found.save(tmp_path / "best.json", take_best=True)
    assert RewardSpec.load(tmp_path / "best.json") == found.best.spec


def test_a_proposer_sees_the_history_best_first_and_what_it_writes_is_tried(red):
    histories = []

    def propose_colours(tried):
        histories.append([one.search for one in tried])
        return [["blue"], ["green"]][len(histories) - 1]

    found = optimise_prompts(red, PARTS, propose_colours, rounds=2)
    assert [len(history) for history in histories] == [1, 2]
    assert all(history == sorted(history, reverse=True) for history in histories)
    assert found.best.name == "“green”"


def test_a_proposer_that_fails_ends_nothing_and_is_not_asked_for_ever(red):
    calls = []

    def broken(tried):
        calls.append(1)
        raise TimeoutError("no answer")

    found = optimise_prompts(red, PARTS, broken, rounds=8)
    assert len(calls) == 3
    assert "Round 1: The proposer failed: TimeoutError: no answer" in found.remarks
    assert "was not asked again" in found.remarks[-1]


def test_answers_that_are_no_sentences_are_counted_and_left_out():
    answer = ["green", " green ", "", None, "x" * (LONGEST + 1), "a\x00b", "frames.csv", "red"]
    proposals = ask_proposer(lambda tried: answer, [], {"red"})
    assert proposals.sentences == ["green"]
    (remark,) = proposals.remarks
    assert remark.startswith("Of 8 sentences of the proposer, 1 could be tried: 2 there already, 1 empty")
    assert ask_proposer(lambda tried: 5, [], ()).failed


def test_a_language_model_is_shown_scores_and_its_list_is_read(red):
    requests = []

    def ask(request):
        requests.append(request)
        return "Here you are:\n1. “green”\n- blue\n"

    found = optimise_prompts(red, PARTS, LanguageModel(ask=ask, description="a green field"), rounds=1)
    assert "a green field" in requests[0]
    assert f"{found.shipped.search.auroc:.4f}  red" in requests[0]
    assert found.best.name == "“green”"
    assert sentences_in('* "a b"\n\n2) c') == ["a b", "c"]


def test_sentences_with_words_that_a_model_does_not_know_are_left_out_and_counted():
    task = envs.task("pendulum/upright")
    known, unknown = known_words_only(
        RewardModel.from_spec(task.reward).encoder, ["a zebra", *task.reward.prompts.goal]
    )
    assert (known, unknown) == (list(task.reward.prompts.goal), 1)
    assert known_words_only(ColourEncoder(), ["a zebra"]) == (["a zebra"], 0)


def test_a_real_task_is_searched_with_rivals_averages_and_alphas():
    task = envs.task("acrobot/up")
    options = PromptSearch(rounds=1, beam=1, averaged=(2, 8), alphas=(0, 1), rivals=["a double pendulum hanging down"])
    found = search_prompts(task.reward, LabelledParts.of_task(task, 40, held_out=40), options=options)
    assert {one.spec.head for one in found.ranked} == {"projection", "contrast", "softmax"}
    assert max(one.search for one in found.ranked) >= found.shipped.search
    assert len(found.table().splitlines()) in (11, 12)
    assert found.to_dict()["tried"] == len(found.ranked)


def test_of_what_is_nearly_the_best_the_mean_of_the_most_sentences_wins(red):
    options = PromptSearch(sentences=["green", "a green one", "the green one"], averaged=(2, 3), alphas=(), rounds=0)
    found = search_prompts(red, PARTS, options=options)
    assert len(found.best.spec.prompts.goal) == 3
    assert found.best.name == "3 sentences, first “green”"


def test_words_that_hide_the_score_are_dropped_and_named():
    spec, remarks = plain_spec(red_spec(threshold=0.5, scaling={"divide": 2.0}))
    assert (spec.threshold, spec.scaling) == (None, None)
    assert remarks == ["Searched without scaling, threshold, which the winner does not have either."]


def test_a_reward_whose_goal_decides_nothing_is_refused(red):
    parts = [{"weight": 0.5, "prompts": {"goal": colour}, "alpha": 0.0} for colour in ("red", "blue")]
    fixed = red_spec(head="ensemble", options={"parts": parts}, alpha=None)
    with pytest.raises(SpecError, match="another goal changes"):
        search_prompts(red.with_spec(fixed), PARTS)
    with pytest.raises(SpecError, match="needs the sentences"):
        search_prompts(red.with_spec(red_spec(prompts=None)), PARTS)


def test_proposals_keep_the_other_roles_and_never_take_their_sentences():
    prompts = PromptSet("a robot kneeling", "a robot", "a robot standing")
    proposed = propose(prompts, ["a robot", "a robot on its knees"])
    assert {(said.baseline, said.negatives) for said in proposed} == {(("a robot",), ("a robot standing",))}
    goals = [said.goal[0] for said in proposed]
    assert "a robot on its knees" in goals
    assert not {"a robot", "a robot kneeling"} & set(goals)


@pytest.mark.parametrize(
    ("sentence", "among"),
    [
        ("a humanoid robot standing up", "a person standing up"),
        ("a humanoid robot standing up", "a humanoid robot upright on its feet"),
        ("a robot arm reaching towards the top", "a robot arm at the top"),
        ("a robot arm on a table", "an arm on a table"),
        ("the pole upright", "a pole upright"),
        ("a pole upright", "a photo of a pole upright"),
    ],
)
def test_one_thing_is_changed_at_a_time(sentence, among):
    found = reworded(sentence)
    assert among in found
    assert sentence not in found
    assert len(found) == len(set(found))


def test_other_goals_of_the_scene_are_rivals():
    task = envs.task("reacher/top")
    assert "a robot arm reaching towards the bottom of the table" in rivals_of(task, task.reward.prompts)
    assert rivals_of(None, task.reward.prompts) == []


@pytest.mark.parametrize("words", [{"beam": 0}, {"rounds": -1}, {"averaged": (1,)}, {"alphas": (2.0,)}])
def test_impossible_options_are_refused(words):
    with pytest.raises(SpecError):
        PromptSearch(**words)

import json
import re
import tomllib
from functools import cache
from pathlib import Path

import numpy as np
import pytest
import vlmrm_envs as envs
from vlmrm_envs.looks import COLOURS
from vlmrm_envs.sayings import load_sayings
from vlmrm_envs.scenes import SCENES, find_scene
from vlmrm_envs.scenes.scene import SceneStates
from vlmrm_envs.sentences import FALSE, Grammar, Sentence, log_truths
from vlmrm_envs.wording import TRACK_PLACES, shorten

from vlmrm.encoders.cards import BUILTIN_FOLDER, builtin_names
from vlmrm.errors import SpecError

ROOT = Path(__file__).parent.parent.parent
ALL = [find_scene(name) for name in SCENES]
CLASSIC = ("cartpole", "mountain_car", "pendulum", "acrobot")
CARTPOLE = find_scene("cartpole")
PROMPTS = [p for task in envs.tasks().values() for p in task.reward.prompts.goal + task.reward.prompts.baseline]
STOP_WORDS = set(re.findall(r"\w+", "a an and are at by for from has in is it its of on or that the to with"))


def stems(text):
    """An independent, coarser reading of "content words after stop-word removal and stemming"."""
    return frozenset(map(stem, set(re.findall(r"[a-z0-9]+", text.lower())) - STOP_WORDS))


@cache
def stem(word):
    return re.sub(r"(ically|ally|ing|ed|ly|al|es|s)$", "", word) if len(word) > 5 else word


@cache
def sentences_away_from(prompts, scenes):
    """Half a million strings, which take seconds to list and are looked at by several tests."""
    return tuple(Grammar(prompts, [find_scene(name) for name in scenes]).every_composed_sentence())


@pytest.fixture(scope="module")
def training_sentences():
    return sentences_away_from(tuple(PROMPTS), tuple(SCENES))


@pytest.fixture(scope="module", autouse=True)
def forget():
    yield
    sentences_away_from.cache_clear()


def test_no_prompt_of_a_task_is_a_training_sentence_nor_a_near_copy(training_sentences):
    """A model that was trained on the task's own prompt would prove nothing about language."""
    assert len(training_sentences) > 100_000
    prompts = [stems(prompt) for prompt in PROMPTS]
    vocabulary = frozenset().union(*prompts)
    # Which of a sentence's words prompts have, and how many words it has, decide how near it is to them.
    alike = {(words & vocabulary, len(words)): text for text in training_sentences for words in [stems(text)]}
    assert len(alike) > 1_000
    nearest = (0.0, "")
    for (shared, count), text in alike.items():
        sizes = [(len(shared & prompt), len(prompt)) for prompt in prompts]
        nearest = max(nearest, (max(both / (count + size - both) for both, size in sizes), text))
    assert nearest[0] <= 0.6, nearest


def test_a_near_copy_would_be_kept_out():
    grammar = Grammar(["pole vertically upright on top of the cart"], [CARTPOLE])
    assert not grammar.allows("the pole stands vertically upright on top of the cart")
    assert not grammar.allows("a pole upright on top of a cart")
    assert grammar.allows("the rod on the wagon stands tall")


def test_what_is_sampled_is_composed_or_written(training_sentences):
    listed, rng, grammar = set(training_sentences), np.random.default_rng(0), Grammar(PROMPTS, ALL)
    for scene in ALL:
        said = load_sayings(scene.sayings)
        things = "|".join(map(re.escape, scene.wording.things + said.things))
        places = "|".join(map(re.escape, scene.wording.places + said.places))
        for concept in [None, *range(len(scene.concepts))]:
            forms = said.plain if concept is None else said.concepts.get(scene.concepts[concept].phrases[0], ())
            for _ in range(10):
                text = grammar.sample(rng, scene, concept).text
                assert text in listed or any(is_form(text, form, things, places) for form in forms), text


def is_form(text, form, things, places):
    """Whether a sentence is what one written by hand may become."""
    before, after = re.split(r"(?:\ba )?\{", form)[0], re.split(r"\}", form)[-1] if "}" in form else ""
    if not (text.startswith(before) and text.endswith(after)):
        return False  # as most forms, for which there is no need to compile a pattern
    pattern = re.escape(form).replace(r"a\ \{t\}", rf"an?\ (?:{things})").replace(r"\{t\}", f"(?:{things})")
    return re.fullmatch(pattern.replace(r"\{p\}", f"(?:{places})"), text) is not None


def test_no_sentence_written_by_hand_is_a_near_copy_of_a_prompt_nor_a_held_out_wording():
    rng = np.random.default_rng(0)
    table = tomllib.loads((ROOT / "experiments" / "wordings.toml").read_text())
    held_out = [text for said in table["wordings"].values() for text in said["goal"]] + table["nonsense"]
    grammar, prompts = Grammar(PROMPTS, ALL, held_out), [stems(prompt) for prompt in PROMPTS]
    copies = {stems(text) for text in held_out}
    for scene in ALL:
        for concept in [None, *range(len(scene.concepts))]:
            for _ in range(60):
                words = stems(grammar.sample(rng, scene, concept).text)
                assert words not in copies
                assert max(len(words & prompt) / len(words | prompt) for prompt in prompts) <= 0.6, words


def test_the_words_of_a_scene_are_those_of_its_sentences():
    rng, grammar = np.random.default_rng(0), Grammar([], ALL)
    for scene in ALL:
        words, composed = grammar.words(scene), Grammar([], [scene]).every_composed_sentence()
        assert words >= words_of(composed)
        for concept in [None, *range(len(scene.concepts))]:
            said = [grammar.sample(rng, scene, concept).text.replace("'s", "") for _ in range(20)]
            assert {word.replace("'s", "") for word in words} >= words_of(said)


def test_a_sentence_that_names_nothing_of_its_scene_may_be_about_any():
    rng, grammar = np.random.default_rng(0), Grammar([], ALL)
    said = [grammar.sample(rng, CARTPOLE, 0) for _ in range(400)]
    nouns = CARTPOLE.wording.things + load_sayings(CARTPOLE.sayings).things
    unnamed = [s for s in said if not re.search(rf"\b({'|'.join(nouns)})\b", s.text)]
    assert len(unnamed) > 20
    assert {s.elsewhere for s in unnamed} == {frozenset(SCENES) - {"cartpole"}}
    poles = {s.elsewhere for s in said if re.search(r"\bpole\b", s.text) and "humanoid" not in s.elsewhere}
    assert frozenset({"inverted_pendulum"}) <= frozenset.union(*poles)  # its pole may stand upright as well


def test_nobody_knows_how_true_a_sentence_is_of_a_scene_that_it_may_be_about_as_well():
    upright = Sentence("it stands upright", CARTPOLE, 0, elsewhere=frozenset({"pendulum"}))
    nothing = Sentence("a zebra on a meadow", None)
    shown = [states(scene, angle=[0.0])[0] for scene in ("cartpole", "pendulum", "acrobot")]
    truth = log_truths([upright, nothing], shown)
    np.testing.assert_array_equal(truth, [[0.0, FALSE], [np.nan, FALSE], [FALSE, FALSE]])


@pytest.mark.parametrize("scene", ALL, ids=lambda scene: scene.name)
def test_what_is_written_by_hand_is_about_a_concept_and_written_once(scene):
    said = load_sayings(scene.sayings)
    sharing = [other for other in ALL if set(other.sayings) & set(scene.sayings)]  # a file is of all rods
    assert set(said.concepts) <= {concept.phrases[0] for other in sharing for concept in other.concepts}
    every = [*said.plain, *(text for texts in said.concepts.values() for text in texts)]
    for text in every:
        assert text.isascii()
        assert text == text.lower().strip()
        assert set(re.findall(r"\{.*?\}", text)) <= {"{t}", "{p}"}
    assert not {noun for noun in said.things + said.places if "{" in noun or noun != noun.strip()}


def test_a_file_of_sentences_with_a_mistyped_key_is_refused(tmp_path):
    file = tmp_path / "lamp.toml"
    file.write_text('thing = ["lantern"]')
    with pytest.raises(SpecError, match=r"lamp.toml: there is no key 'thing'. Near: things"):
        load_sayings((file,))


def test_every_word_of_the_prompts_is_taught():
    grammar = Grammar(PROMPTS, ALL)
    taught = set().union(*map(grammar.words, ALL))
    own = [task.reward.prompts for name, task in envs.tasks().items() if name.split("/")[0] in SCENES]
    for prompt in (sentence for prompts in own for sentence in prompts.goal + prompts.baseline):
        assert not [word for word in re.findall(r"[a-z-]+", prompt) if word not in taught], prompt


def words_of(texts):
    return set(" ".join(texts).lower().replace(",", "").split())


PARTICIPLES = """
    backing balancing bending bowing climbing crawling crouching dangling driving dropping falling folding going hanging
    holding hopping hovering jumping keeping kneeling leaning leaping letting lifting lying making meditating missing
    pointing practicing proposing putting raising rearing resting rising sitting sloping spreading squatting standing
    staying sticking straddling stretching striding swinging taking tilting tipping waiting walking waving
"""


def test_what_is_said_without_a_verb_is_english():
    """A rule that makes participles makes "squating" too; a model taught that knows no "squatting"."""
    phrases = [phrase for scene in ALL for concept in scene.concepts for phrase in concept.phrases]
    first = {
        short.split()[0] for phrase in phrases if not phrase.startswith(("is ", "has ")) and (short := shorten(phrase))
    }
    assert {word.removesuffix(",") for word in first} == set(PARTICIPLES.split())


def test_things_have_the_right_article(training_sentences):
    things = {thing for scene in ALL for thing in scene.wording.things}
    vowels = "|".join(sorted(thing for thing in things if thing[0] in "aeiou"))
    others = "|".join(sorted(things - set(vowels.split("|"))))
    wrong = re.compile(rf"\b(a (?={vowels})|an (?={others}))")
    assert [text for text in training_sentences if wrong.search(text)] == []


def states(scene="cartpole", **columns):
    n = len(next(iter(columns.values())))
    blank = {name: np.zeros(n) for name in ("angle", "second", "position", "thing", "ground")}
    return [SceneStates.of(find_scene(scene), **blank | columns)]


def phrase(scene, text):
    (found,) = [i for i, concept in enumerate(find_scene(scene).concepts) if text in concept.phrases]
    return Sentence(text, find_scene(scene), found)


def test_truth_falls_with_the_angle_from_what_is_said():
    said = [phrase("cartpole", "stands upright"), phrase("cartpole", "hangs down")]
    truth = log_truths(said, states(angle=np.radians([0, 30, 90, 180])))
    assert truth[0, 0] == pytest.approx(0, abs=1e-6)
    assert np.all(np.diff(truth[:, 0]) < 0)
    assert np.all(np.diff(truth[:, 1]) > 0)


def test_a_number_of_degrees_is_sharper_than_a_word_and_knows_its_side():
    tilted = [phrase("pendulum", "is tilted 40 degrees to the right")]
    shown = states("pendulum", angle=np.radians([40, 30, 50, -40]))
    truth = log_truths(tilted, shown)[:, 0]
    assert truth[0] == pytest.approx(0, abs=1e-6)
    assert np.all(truth[1:3] < -0.5)
    assert truth[3] == FALSE


def test_a_sentence_is_false_of_every_other_scene():
    plain = Sentence("simulation of a pole and a cart on a track", CARTPOLE)
    shown = [states(scene, angle=[0.0])[0] for scene in CLASSIC]
    assert log_truths([plain], shown)[:, 0].tolist() == [0.0, FALSE, FALSE, FALSE]


def test_a_wrong_colour_makes_a_sentence_false():
    red = Sentence("the red pole stands upright", CARTPOLE, None, thing=COLOURS.index("red"))
    shown = states(thing=[COLOURS.index("red"), COLOURS.index("blue")])
    assert log_truths([red], shown)[:, 0].tolist() == [0.0, -6.0]


def test_a_place_that_was_asked_for_is_the_one_that_is_said():
    rng, grammar = np.random.default_rng(0), Grammar([], [CARTPOLE])
    for place, concept in enumerate(TRACK_PLACES):
        said = [grammar.sample(rng, CARTPOLE, None, place) for _ in range(20)]
        assert {sentence.place for sentence in said} == {None, place}
        assert all(any(p in s.text for p in concept.phrases) for s in said if s.place is not None)


def test_the_place_of_the_cart_counts_as_well():
    left = next(i for i, place in enumerate(TRACK_PLACES) if "at the left edge" in place.phrases)
    sentence = Sentence("the cart is at the left edge", CARTPOLE, None, place=left)
    truth = log_truths([sentence], states(position=[-2.2, 0.0, 2.2]))[:, 0]
    assert truth[0] == pytest.approx(0, abs=1e-6)
    assert truth[1] < -3
    assert truth[2] == FALSE


@pytest.mark.parametrize("name", [name for name in builtin_names() if name.startswith("sim-")])
def test_a_shipped_model_knows_the_words_that_the_grammar_has_today(name):
    """Else the script no longer makes the weights that are shipped."""
    card = json.loads((BUILTIN_FOLDER / name / "card.json").read_text())
    scenes = [find_scene(scene) for scene in card["training"]["scenes"]]
    grammar = Grammar(card["training"]["kept_away_from"], scenes)
    assert set(card["words_by_scene"]) == {scene.title for scene in scenes}
    for scene in scenes:
        assert set(card["words_by_scene"][scene.title]) >= grammar.words(scene)


@pytest.mark.parametrize("name", [name for name in builtin_names() if name.startswith("sim-")])
def test_a_shipped_model_was_kept_away_from_every_prompt_of_todays_tasks(name):
    """Prompts are improved after a model was trained; one that was among its sentences would test its memory only."""
    training = json.loads((BUILTIN_FOLDER / name / "card.json").read_text())["training"]
    away = {
        prompt
        for task, of in envs.tasks().items()
        if task.split("/")[0] in training["scenes"]
        for prompt in of.reward.prompts.goal + of.reward.prompts.baseline
    }
    assert away <= set(training["kept_away_from"])

"""What training sentences become before a built-in model reads them, and what it reads instead of unknown words."""

import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch

sys.path.insert(0, str(Path(__file__).parent.parent.parent / "scripts"))

from builtin_batches import Batches, CompactVocabulary, held_out
from builtin_learning import soft_clip_loss
from builtin_noise import UNKNOWN, frame_words, roughen
from builtin_nonsense import Nonsense
from torch import nn
from vlmrm_envs.near_copies import content_words
from vlmrm_envs.scenes import SCENES, find_scene
from vlmrm_envs.scenes.scene import SceneStates
from vlmrm_envs.sentences import FALSE, Grammar

from vlmrm.encoders.open_clip.torchvision_mend import import_open_clip

PENDULUM, HOPPER = find_scene("pendulum"), find_scene("hopper")


@pytest.fixture(scope="module")
def batches():
    rng = np.random.default_rng(0)
    pendulum = SceneStates.of(PENDULUM, angle=rng.uniform(-3, 3, 50), thing=np.zeros(50), ground=np.ones(50))
    names = ("tilt_deg", "torso_height_m", "lowest_m", "thing", "ground")
    hopper = SceneStates.of(HOPPER, **{name: rng.uniform(0, 1, 50) for name in names})
    return Batches([pendulum, hopper], pictures=[6, 4], sentences=[9, 7], nonsense=5, seed=0)


def test_a_rough_sentence_has_the_same_words_but_for_small_ones_and_one_that_is_unknown():
    rng, text, lost, seen = np.random.default_rng(0), "the pole stands upright on top of the cart", 0, set()
    own, around = set(text.split()), frame_words()
    for _ in range(2_000):
        words = set(roughen(rng, text).replace(",", " ").split())
        seen |= words
        strange = {word for word in words - own if word not in around and word.strip(".") not in own}
        assert strange <= {UNKNOWN}
        lost += len(content_words(text) - content_words(" ".join(words)) - {"the"}) > 0
    assert {UNKNOWN, "photo"} <= seen
    assert lost < 0.15 * 2_000


def test_every_second_sentence_or_so_stays_as_it_is():
    rng = np.random.default_rng(0)
    same = sum(roughen(rng, "a pendulum hangs down") == "a pendulum hangs down" for _ in range(1_000))
    assert 350 < same < 650


def test_nonsense_is_about_no_scene_and_has_what_the_scenes_sentences_say_as_well():
    rng, nonsense = np.random.default_rng(0), Nonsense([PENDULUM, HOPPER])
    said = [nonsense.sample(rng) for _ in range(3_000)]
    assert {sentence.scene for sentence in said} == {None}
    phrases = [phrase for concept in HOPPER.concepts for phrase in concept.phrases]
    assert any(sentence.text.endswith(tuple(phrases)) for sentence in said)  # "a zebra stands upright"
    assert len({sentence.text for sentence in said}) > 2_000


def test_no_nonsense_names_what_moves_in_a_scene():
    things = {thing for name in SCENES for thing in find_scene(name).wording.things if " " not in thing}
    assert Nonsense([]).words & things == {"bar"}  # of soap, of gold, and the one where people drink


def test_nonsense_of_a_batch_comes_last_and_is_false_of_every_picture_alike(batches):
    index, sentences, truth = batches.draw(3)
    assert len(index) == 10
    assert [s.scene and s.scene.name for s in sentences] == ["pendulum"] * 9 + ["hopper"] * 7 + [None] * 5
    assert batches.sentences == (9, 7, 5)
    assert (truth[:, 16:] == FALSE).all()
    assert bool(soft_clip_loss(torch.randn(10, 21), truth, batches.pictures, batches.sentences).isfinite())


def test_no_held_out_wording_is_in_a_batch_even_after_words_were_left_out(batches):
    copies = {content_words(text) for text in held_out()}
    said = [sentence.text for step in range(60) for sentence in batches.draw(step)[1]]
    assert not [text for text in said if content_words(text.replace(UNKNOWN, "")) in copies]


def test_the_vocabulary_has_every_word_of_every_batch(batches):
    known = batches.vocabulary() | {UNKNOWN}
    said = [sentence.text for step in range(60) for sentence in batches.draw(step)[1]]
    assert not {word for text in said for word in text.replace(",", " ").replace(".", " ").split()} - known


def test_what_nothing_is_known_of_teaches_nothing():
    logits, truth = torch.randn(4, 5, requires_grad=True), -3 * torch.rand(4, 5)
    truth[2:, 1] = torch.nan
    soft_clip_loss(logits, truth, [2, 2], [3, 2]).backward()
    assert (logits.grad[2:, 1] == 0).all()
    assert (logits.grad[:2, 1] != 0).all()


def test_all_unknown_words_are_read_as_nothing_in_training_and_after_the_export():
    tokenizer, words = import_open_clip().SimpleTokenizer(context_length=8), {"a", "pole", "stands"}
    vocabulary, model = CompactVocabulary(tokenizer, words), SimpleNamespace(token_embedding=nn.Embedding(49408, 4))
    full = model.token_embedding.weight.detach().clone()
    vocabulary.shrink(model)
    model.token_embedding(vocabulary([f"a {UNKNOWN} stands"])).sum().backward()
    assert (model.token_embedding.weight.grad[0] == 0).all()
    grown = vocabulary.grow({"token_embedding.weight": model.token_embedding.weight.detach()}, 49408)
    table = grown["token_embedding.weight"]
    known, strange = tokenizer(["a pole stands"])[0, :5], tokenizer([f"zebra {UNKNOWN} kumquat"])[0]
    assert torch.equal(table[known], full[known])
    assert (table[strange[1 : int(strange.argmax())]] == 0).all()
    compact = model.token_embedding(vocabulary(["a zebra stands"]))[0, :5]
    assert torch.equal(compact, table[tokenizer(["a zebra stands"])[0, :5]])


def test_the_grammar_still_allows_much_of_what_was_written():
    grammar, rng = Grammar([], [PENDULUM], held_out()), np.random.default_rng(0)
    assert len({grammar.sample(rng, PENDULUM, 0).text for _ in range(500)}) > 300

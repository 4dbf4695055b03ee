"""The text tower chunk by chunk: the gradients of one batch, in memory that does not grow with the sentences."""

import weakref

import pytest
import torch
from torch.nn.functional import normalize
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from tests.encoders.towers.models import move
from vlmrm.encoders.towers.gradients import DifferentiableEncoder
from vlmrm.encoders.towers.learned_words import add_context
from vlmrm.encoders.towers.low_rank import (
    LowRankChange,
    SingularValueChange,
    WeightChanges,
    attention_weights,
    holding_weights,
)
from vlmrm.encoders.towers.selection import unfreeze

WORDS = [
    f"{first} {second}" for first in ("red", "two", "a", "old") for second in ("carts", "pole", "of a photo", "of")
]
TEXTS = [f"a photo of a {words}" for words in WORDS]


class PeakMemory(TorchDispatchMode):
    """Bytes of all tensors made in this context that are there at once, at most."""

    def __init__(self):
        super().__init__()
        self.now = self.peak = 0
        self._known = weakref.WeakSet()

    def __torch_dispatch__(self, function, types, args=(), kwargs=None):
        made = function(*args, **(kwargs or {}))
        for leaf in tree_leaves(made):
            if isinstance(leaf, torch.Tensor) and leaf.untyped_storage() not in self._known:
                storage = leaf.untyped_storage()
                self._known.add(storage)
                self.now += storage.nbytes()
                self.peak = max(self.peak, self.now)
                weakref.finalize(storage, self._gone, storage.nbytes())
        return made

    def _gone(self, nbytes):
        self.now -= nbytes


def low_rank(weight, packed):
    return LowRankChange(weight, packed, rank=2, alpha=1.0, generator=torch.Generator().manual_seed(0))


def words_of(encoder):
    return [add_context(encoder, count=3).change]


WAYS = {
    "words": ((), words_of),
    "template": ((), lambda encoder: [add_context(encoder, template="a photo of a {}").change]),
    "lora": ((), lambda encoder: WeightChanges(attention_weights(encoder.model, towers=("text",)), low_rank).trained),
    "svd": (
        (),
        lambda encoder: WeightChanges(attention_weights(encoder.model, towers=("text",)), SingularValueChange).trained,
    ),
    "norm": (("text",), lambda encoder: list(unfreeze(encoder, "norm").values())),
    "text": (("text",), lambda encoder: list(unfreeze(encoder, "text").values())),
    "all at once": (
        ("text",),
        lambda encoder: [
            *WeightChanges(attention_weights(encoder.model, towers=("text",)), low_rank).trained,
            *words_of(encoder),
        ],
    ),
}


def prepared(encoder, way, at_once):
    """A copy with something to train, away from where it begins."""
    copied, tune = WAYS[way]
    made = DifferentiableEncoder(encoder, copied=copied, texts_at_once=at_once)
    trained = tune(made)
    move(trained)
    return made, trained


def backward(made, texts):
    generator = torch.Generator().manual_seed(3)
    target = normalize(torch.randn(len(texts), made.dim, generator=generator), dim=1)
    loss = (made.embed_texts(texts) - target).square().sum()
    loss.backward()
    return loss


def gradients(encoder, way, texts, at_once):
    made, trained = prepared(encoder, way, at_once)
    loss = backward(made, texts)
    return loss, [parameter.grad for parameter in trained]


@pytest.mark.parametrize("way", WAYS)
def test_chunks_have_the_gradients_of_one_batch(encoder, way):
    loss, whole = gradients(encoder, way, TEXTS, at_once=100)
    in_chunks, parts = gradients(encoder, way, TEXTS, at_once=5)  # 16 sentences: the last chunk has one
    torch.testing.assert_close(in_chunks, loss, rtol=1e-5, atol=0)
    scale = max(float(gradient.abs().max()) for gradient in whole if gradient is not None)
    assert scale > 1e-3
    for one, other in zip(whole, parts, strict=True):
        assert (one is None) is (other is None)
        if one is not None:
            torch.testing.assert_close(other / scale, one / scale, atol=1e-5, rtol=0)


def test_a_tower_of_transformers_goes_in_chunks_too(hugging_face):
    _, whole = gradients(hugging_face, "lora", TEXTS, at_once=100)
    _, parts = gradients(hugging_face, "lora", TEXTS, at_once=3)
    for one, other in zip(whole, parts, strict=True):
        torch.testing.assert_close(other, one, atol=1e-5, rtol=1e-4)


def peak_bytes(encoder, way, texts, at_once):
    made, _ = prepared(encoder, way, at_once)
    with PeakMemory() as memory:
        backward(made, texts)
    return memory.peak


@pytest.mark.parametrize("way", ["words", "lora", "norm"])
def test_memory_is_that_of_one_chunk_however_many_sentences_there_are(builtin_like, way):
    """The embeddings and token ids of all sentences take far less than what the tower keeps of 16."""
    many = [f"{text} {number}" for number in range(63) for text in TEXTS][:1000]
    one_chunk = peak_bytes(builtin_like, way, many[:16], at_once=16)
    thousand = peak_bytes(builtin_like, way, many, at_once=16)
    whole = peak_bytes(builtin_like, way, many[:160], at_once=160)
    assert thousand < 1.25 * one_chunk
    assert whole > 8 * one_chunk


def test_nothing_is_computed_twice_where_one_chunk_is_enough_or_no_gradient_is_wanted(builtin_like):
    calls = []
    encoder = DifferentiableEncoder(builtin_like, copied=(), texts_at_once=8)
    encoder.model.transformer.register_forward_hook(lambda module, inputs, output: calls.append(len(output)))
    words = add_context(encoder, count=1)

    def forwards(texts):
        calls.clear()
        rows = encoder.embed_texts(texts)
        if rows.requires_grad:
            rows[:, 0].sum().backward()
        return list(calls)

    assert forwards(TEXTS[:8]) == [8]
    assert forwards(TEXTS) == [8, 8, 8, 8]
    words.remove()
    assert forwards(TEXTS) == [8, 8]
    with torch.no_grad():
        assert forwards(TEXTS) == [8, 8]


def test_weights_that_a_context_holds_are_no_part_of_a_chunk(builtin_like):
    """A chunk that is computed again sees no weights of before, which belonged to another graph."""
    encoder = DifferentiableEncoder(builtin_like, copied=(), texts_at_once=3)
    trained = WeightChanges(attention_weights(encoder.model), low_rank).trained
    with holding_weights():
        encoder.embed_frames(torch.zeros(1, 96, 96, 3, dtype=torch.uint8))
        rows = encoder.embed_texts(TEXTS)
    rows[:, 0].sum().backward()
    assert any(parameter.grad is not None and bool(parameter.grad.abs().sum() > 0) for parameter in trained)

"""Learned words: that they begin as the sentence, touch what they may touch, and come off again."""

from concurrent.futures import ThreadPoolExecutor

import pytest
import torch

from tests.encoders.towers.models import FRAMES, TEXTS, move, seen_and_said, traces
from vlmrm.encoders.open_clip.encoder import OpenClipEncoder
from vlmrm.encoders.towers.coop_file import CoOpVectors
from vlmrm.encoders.towers.gradients import DifferentiableEncoder
from vlmrm.encoders.towers.learned_words import LearnedContext, add_context
from vlmrm.errors import EncoderError, PromptError

TEMPLATE = "a photo of a {}."
OPTIONS = {"first words": {"count": 3}, "template": {"template": TEMPLATE}, "part": {"template": TEMPLATE, "count": 2}}


@pytest.fixture
def copied(encoder):
    return DifferentiableEncoder(encoder, copied=())


def token_vectors(encoder, text):
    """What the text tower is given for each token."""
    model, seen = encoder.model, []
    layer = getattr(model, "text", model).token_embedding
    hook = layer.register_forward_hook(lambda module, inputs, output: seen.append(output[0]))
    with torch.no_grad():
        encoder.embed_texts([text])
    hook.remove()
    return seen[0]


def moved(encoder, text, **options):
    """Which tokens words have changed: those of start and end count, from 0."""
    before = token_vectors(encoder, text)
    with add_context(encoder, **options) as words:
        move([words.change])
        after = token_vectors(encoder, text)
    return (after != before).any(dim=1).nonzero().flatten().tolist()


@pytest.mark.parametrize("options", OPTIONS.values(), ids=OPTIONS)
def test_before_the_first_step_every_sentence_means_what_it_says_bit_for_bit(copied, options):
    before = seen_and_said(copied)
    words = add_context(copied, **options)
    assert torch.equal(seen_and_said(copied), before)
    assert words.change.requires_grad


@pytest.mark.parametrize("options", OPTIONS.values(), ids=OPTIONS)
def test_words_are_taken_off_and_leave_no_trace(copied, options):
    before, embeddings = traces(copied.model), seen_and_said(copied)
    words = add_context(copied, **options)
    move([words.change])
    assert float((seen_and_said(copied) - embeddings).abs().max()) > 1e-3
    copied.embed_texts(TEXTS).sum().backward()
    words.remove()
    words.remove()
    assert traces(copied.model) == before
    assert torch.equal(seen_and_said(copied), embeddings)
    with pytest.raises(InterruptedError), add_context(copied, **options):
        raise InterruptedError
    assert traces(copied.model) == before


@pytest.mark.parametrize(
    ("text", "options", "tokens"),
    [
        ("a photo of a cart.", {"count": 3}, [1, 2, 3]),
        ("two carts", {"count": 3}, [1, 2]),
        ("a photo of a cart.", {"template": TEMPLATE}, [1, 2, 3, 4]),
        ("a photo of a photo of a cart.", {"template": TEMPLATE}, [1, 2, 3, 4]),
        ("a photo of a cart.", {"template": TEMPLATE, "count": 2}, [1, 2]),
        ("a photo of a", {"template": TEMPLATE}, [1, 2, 3, 4]),
        ("a cart", {"template": "a {} on a track"}, [1]),
        ("a photo of two carts.", {"template": TEMPLATE}, []),
        ("a photo of", {"template": TEMPLATE}, []),
        ("old carts", {"template": TEMPLATE}, []),
    ],
)
def test_words_touch_the_template_and_never_the_class(builtin_like, text, options, tokens):
    assert moved(DifferentiableEncoder(builtin_like, copied=()), text, **options) == tokens


def test_the_class_keeps_its_own_vectors_whatever_it_is(copied):
    for name in ("cart", "a photo of a", "U.S. tail-light!", "\u00e9clair", "cart " * 40):
        assert moved(copied, TEMPLATE.format(name), template=TEMPLATE) == [1, 2, 3, 4]


def test_two_copies_and_the_original_have_words_of_their_own(encoder):
    one, other = DifferentiableEncoder(encoder, copied=()), DifferentiableEncoder(encoder, copied=())
    before = seen_and_said(encoder)
    add_context(one, count=2)
    move([add_context(one, template=TEMPLATE).change, add_context(other, count=1).change])
    assert torch.equal(seen_and_said(encoder), before)
    alone = [seen_and_said(one), seen_and_said(other)]
    assert not torch.equal(alone[0], alone[1])
    with ThreadPoolExecutor(2) as threads:
        for _ in range(5):
            together = list(threads.map(seen_and_said, (one, other)))
            assert all(torch.equal(*pair) for pair in zip(alone, together, strict=True))


def test_words_of_a_half_precision_model_are_learned_in_full_precision(builtin_like_folder):
    half = OpenClipEncoder.load(f"local-dir:{builtin_like_folder}", device="cpu", precision="bf16")
    copied = DifferentiableEncoder(half, copied=())
    before = seen_and_said(copied)
    words = add_context(copied, count=2)
    assert words.change.dtype == torch.float32
    assert torch.equal(seen_and_said(copied), before)
    copied.embed_texts(TEXTS)[:, 0].sum().backward()
    assert float(words.change.grad.abs().max()) > 0


def test_the_layer_of_words_keeps_its_precision():
    layer = torch.nn.Embedding(8, 4, dtype=torch.bfloat16)
    words = LearnedContext(layer, 2, torch.tensor([0]))
    move([words.change])
    assert layer(torch.tensor([[0, 3, 5, 7]])).dtype == torch.bfloat16


def test_vectors_of_a_file_stand_in_the_place_of_the_templates(copied, tmp_path):
    width = getattr(copied.model, "text", copied.model).token_embedding.embedding_dim
    vectors = torch.randn(3, width, generator=torch.Generator().manual_seed(0))
    start = token_vectors(copied, "a cart")[0]
    with add_context(copied, template="X X X {}.", start=CoOpVectors(path=tmp_path, vectors=vectors, start=start)):
        touched = token_vectors(copied, "X X X cart.")
    torch.testing.assert_close(touched[1:4], vectors, atol=1e-6, rtol=1e-5)
    assert torch.equal(touched[4:], token_vectors(copied, "X X X cart.")[4:])


def test_vectors_of_another_model_or_number_are_refused(copied, tmp_path):
    width = getattr(copied.model, "text", copied.model).token_embedding.embedding_dim

    def add(count=4, width=width, start=None, template=TEMPLATE, **options):
        vectors = CoOpVectors(path=tmp_path / "file", vectors=torch.zeros(count, width), start=start)
        add_context(copied, template=template, start=vectors, **options)

    with pytest.raises(EncoderError, match=r"file \(7 numbers each\) were learned with other weights"):
        add(width=7)
    with pytest.raises(EncoderError, match=r"Take the encoder that they were learned with"):
        add(start=torch.ones(width))
    with pytest.raises(PromptError, match=r"holds 2 vectors .* template has 4. Take 'X X {}.', as CoOp does"):
        add(count=2)
    with pytest.raises(PromptError, match=r"holds 4 vectors"):
        add(count=4, template="a {}")
    with pytest.raises(EncoderError, match=r"without a template, say a count of at least 1 and no start"):
        add(template=None)


@pytest.mark.parametrize("template", ["a photo of a cart", "{} in a photo", " {}", "a photo of {} and {}", "pre{}", ""])
def test_templates_that_do_not_say_where_words_and_class_are_are_refused(builtin_like, template):
    with pytest.raises(PromptError, match=r"a template has words, a space and then {} once"):
        add_context(DifferentiableEncoder(builtin_like, copied=()), template=template)


@pytest.mark.parametrize("count", [None, 0])
def test_without_a_template_there_must_be_a_count(builtin_like, count):
    with pytest.raises(EncoderError, match=rf"say a count of at least 1 and no start; got {count}"):
        add_context(DifferentiableEncoder(builtin_like, copied=()), count=count)


@pytest.mark.parametrize("count", [0, 5])
def test_more_words_than_the_template_has_are_refused(builtin_like, count):
    with pytest.raises(PromptError, match=r"has 4 tokens before its class.*Take a count of 1 to 4"):
        add_context(DifferentiableEncoder(builtin_like, copied=()), template=TEMPLATE, count=count)


def test_a_text_tower_of_transformers_is_refused(hugging_face):
    with pytest.raises(EncoderError, match=r"does not show the vectors of its words.*OpenCLIP's own"):
        add_context(DifferentiableEncoder(hugging_face, copied=()), count=1)


def test_a_copy_of_a_copy_has_the_words_of_the_first(builtin_like):
    first = DifferentiableEncoder(builtin_like, copied=())
    words = add_context(first, count=2)
    move([words.change])
    second = DifferentiableEncoder(first, copied=("text",))
    torch.testing.assert_close(second.embed_texts(TEXTS), first.embed_texts(TEXTS), atol=1e-6, rtol=0)
    assert torch.equal(second.embed_frames(FRAMES), first.embed_frames(FRAMES))

"""Words of sentences that are learned: CoOp (arXiv 2109.01134), in the form that begins as the sentences themselves.

A sentence reaches the text tower as one vector per token. CoOp puts M learned context vectors in front of the class;
here the first M tokens of each sentence make room for them, and they begin as these tokens' own vectors:

    t = [w_1 + v_1, ..., w_M + v_M, w_(M+1), ...],     v at 0, the same for all sentences

Before the first step every sentence means what it says, bit for bit, and no sentence grows beyond the context length.
With a template, as ``a photo of a {}.``, the M tokens are the template's words before the class, and only sentences
that begin with these words are touched: never the class.
"""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from vlmrm.encoders.towers.coop_file import CoOpVectors
from vlmrm.encoders.towers.gradients import DifferentiableEncoder
from vlmrm.encoders.towers.inner import text_tower
from vlmrm.errors import EncoderError, PromptError

Vectors = Float[Tensor, "m w"]


class LearnedContext:
    """Learned vectors that are added to tokens of each sentence, until they are taken off again.

    `add_context` makes them. As a context manager they are taken off at its end. Nothing of them lies in the model but
    one hook of the layer that turns tokens into vectors; no weight is written to.

    Args:
        layer: Layer that turns tokens into vectors.
        count: Number of learned vectors.
        marks: Token ids that are not words, such as start, end and padding.
        prefix: Token ids of the words that a sentence must begin with to be touched. None: every sentence is.

    Example:
        >>> from vlmrm.encoders import load_encoder
        >>> encoder = DifferentiableEncoder(load_encoder("random:sim-s"), copied=())
        >>> texts = ["a photo of a cart", "a cart"]
        >>> before = encoder.embed_texts(texts)
        >>> with add_context(encoder, template="a photo of a {}") as words:
        ...     _ = nn.init.ones_(words.change)
        ...     (encoder.embed_texts(texts) != before).any(dim=1)
        tensor([ True, False])
        >>> torch.equal(encoder.embed_texts(texts), before)
        True
    """

    def __init__(
        self,
        layer: nn.Embedding,
        count: int,
        marks: Int[Tensor, " s"],
        prefix: Int[Tensor, " p"] | None = None,
    ) -> None:
        with torch.inference_mode(False):
            self.change = nn.Parameter(layer.weight.new_zeros(count, layer.embedding_dim, dtype=torch.float32))
            """What is added to each vector, v."""
        self._of_frames = threading.local()
        self._marks = marks
        self._prefix = prefix

        def add(
            _: nn.Module, inputs: Any, vectors: Tensor
        ) -> Tensor:  # no method, which a copy of the layer would copy
            return self._add(inputs[0], vectors)

        self._hook = layer.register_forward_hook(add)

    def remove(self) -> None:
        """Take the words off, so that sentences mean what they say; does nothing where they are off already."""
        self._hook.remove()

    @contextmanager
    def adding(self, of_frames: Float[Tensor, "k w"]) -> Iterator[None]:
        """Add something to all learned vectors of each sentence in one call of the text tower, in this thread.

        Args:
            of_frames: One row per sentence of that call.
        """
        self._of_frames.now = of_frames
        try:
            yield
        finally:
            self._of_frames.now = None

    def _add(self, tokens: Int[Tensor, "k t"], vectors: Float[Tensor, "k t w"]) -> Float[Tensor, "k t w"]:
        words = ~torch.isin(tokens, self._marks)  # k t
        place = words.cumsum(dim=1) - 1
        replaced = words & (place < len(self.change))
        if self._prefix is not None:
            replaced = replaced & self._begins(tokens, words, place)[:, None]
        added = self.change[place.clamp(0, len(self.change) - 1)]  # k t w
        of_frames = getattr(self._of_frames, "now", None)
        if of_frames is not None:
            added = added + of_frames[:, None]
        return vectors + (added * replaced[..., None]).to(vectors.dtype)

    def _begins(self, tokens: Int[Tensor, "k t"], words: Tensor, place: Int[Tensor, "k t"]) -> Tensor:
        """Which sentences begin with all words of the prefix."""
        prefix: Tensor = self._prefix  # type: ignore[assignment]  # asked only where there is one
        within = words & (place < len(prefix))
        same = tokens == prefix[place.clamp(0, len(prefix) - 1)]
        return (within & same).sum(dim=1) == len(prefix)

    def __enter__(self) -> "LearnedContext":
        return self

    def __exit__(self, *error: object) -> None:
        self.remove()


def add_context(
    encoder: DifferentiableEncoder,
    *,
    count: int | None = None,
    template: str | None = None,
    start: CoOpVectors | None = None,
) -> LearnedContext:
    """Let an encoder use its sentences with learned vectors.

    Args:
        encoder: The copy that shall use them; a copy of no tower will do.
        count: Number of learned vectors. None: one for each word of the template before the class.
        template: Sentence with ``{}`` in the place of the class; its words before the class are learned, and sentences
            that begin otherwise stay as they are. None: the first words of every sentence are learned.
        start: Vectors that a file of CoOp holds, in the place of the template's own words.

    Raises:
        PromptError: The template has too few words before its class, or does not say where the class is.
        EncoderError: The text tower is not OpenCLIP's own, the vectors belong to another, or there is no count.
    """
    layer = _token_layer(encoder)
    marks = torch.unique(encoder.tokenizer([""])).to(layer.weight.device)
    if template is None:
        if start is not None or count is None or count < 1:
            raise EncoderError(f"without a template, say a count of at least 1 and no start; got {count!r}.")
        return LearnedContext(layer, count, marks)
    prefix = _prefix(encoder, template, marks)
    count = len(prefix) if count is None else count
    if not 1 <= count <= len(prefix):
        raise PromptError(
            f"{template!r} has {len(prefix)} tokens before its class, so that {count} vectors cannot be learned there. "
            f"Take a count of 1 to {len(prefix)}, or a longer template."
        )
    if start is None:
        return LearnedContext(layer, count, marks, prefix)
    change = _change(encoder, layer, prefix, start)
    words = LearnedContext(layer, count, marks, prefix)
    with torch.no_grad():
        words.change.copy_(change)
    return words


def learn_words(
    encoder: DifferentiableEncoder, template: str | None, *, count: int, start: CoOpVectors | None = None
) -> LearnedContext:
    """`add_context` on the words of a template before its class, or, where it has none, on the first of each sentence.

    Args:
        encoder: The copy that shall use them.
        template: Sentence with ``{}`` in the place of the class. None: sentences have no template.
        count: Number of learned vectors where there are no words before the class.
        start: Vectors that a file of CoOp holds, for which the template has words.

    Raises:
        PromptError: There are vectors of a file, and the template has no words for them.
        EncoderError: As in `add_context`.
    """
    before = "" if template is None else template.partition("{}")[0]
    if before.strip() or start is not None:
        return add_context(encoder, template=template or "{}", start=start)
    return add_context(encoder, count=count)


def _token_layer(encoder: DifferentiableEncoder) -> nn.Embedding:
    model = encoder.model
    layer = getattr(text_tower(model), "token_embedding", None)
    if not isinstance(layer, nn.Embedding):
        raise EncoderError(
            f"the text tower of {type(model).__name__} does not show the vectors of its words. Prompts can be learned "
            "with OpenCLIP's own text towers, e.g. those of ViT-B-32 and sim-m."
        )
    return layer


def _prefix(encoder: DifferentiableEncoder, template: str, marks: Int[Tensor, " s"]) -> Int[Tensor, " p"]:
    before = template.partition("{}")[0]
    if template.count("{}") != 1 or not before.strip() or not before[-1].isspace():
        raise PromptError(
            f"a template has words, a space and then {{}} once, in the place of the class, as in 'a photo of a {{}}.'; "
            f"got {template!r}."
        )
    tokens = encoder.tokens_of(before)[0].to(marks.device)
    return tokens[~torch.isin(tokens, marks)]


def _change(
    encoder: DifferentiableEncoder, layer: nn.Embedding, prefix: Int[Tensor, " p"], start: CoOpVectors
) -> Vectors:
    """From the template's own vectors to those of a file."""
    vectors = start.vectors.to(layer.weight.device)
    if vectors.shape[1] != layer.embedding_dim or not start.is_of(_start_vector(encoder, layer)):
        raise EncoderError(
            f"the vectors in {start.path} ({vectors.shape[1]} numbers each) were learned with other weights than those "
            f"of {encoder.name!r} ({layer.embedding_dim} numbers). Take the encoder that they were learned with."
        )
    if len(vectors) != len(prefix):
        raise PromptError(
            f"{start.path} holds {len(vectors)} vectors for the tokens before the class; the template has "
            f"{len(prefix)}. Take {' '.join(['X'] * len(vectors) + ['{}.'])!r}, as CoOp does."
        )
    return vectors - layer.weight.detach()[prefix].float()


def _start_vector(encoder: DifferentiableEncoder, layer: nn.Embedding) -> Float[Tensor, " w"]:
    """The vector that every sentence begins with."""
    first = encoder.tokens_of("")[0, 0].to(layer.weight.device)
    return layer.weight.detach()[first].float()

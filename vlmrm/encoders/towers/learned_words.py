"""Learned words: vectors that are added to those of a sentence's first tokens (CoOp, arXiv 2109.01134).

A sentence reaches the text tower as one vector per token. CoOp puts M learned context vectors in front of the class;
here the first M tokens of each sentence make room for them, and they begin as these tokens' own vectors:

    t = [w_1 + v_1, ..., w_M + v_M, w_(M+1), ...],     v at 0, the same for all sentences

Before the first step every sentence means what it says, bit for bit, and no sentence grows beyond the context length.
"""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from vlmrm.errors import EncoderError


class LearnedContext:
    """Adds v to the first tokens of each sentence: a hook of the layer that turns tokens into vectors.

    Args:
        layer: Turns tokens into vectors.
        count: How many vectors.
        marks: Token ids that are no words, such as start, end and padding.
    """

    def __init__(self, layer: nn.Embedding, count: int, marks: Int[Tensor, " s"]) -> None:
        self.change = nn.Parameter(layer.weight.new_zeros(count, layer.embedding_dim))
        """v."""
        self._of_frames = threading.local()
        self._marks = marks
        layer.register_forward_hook(self._add)

    @contextmanager
    def adding(self, of_frames: Float[Tensor, "k w"]) -> Iterator[None]:
        """Add something to all vectors of each sentence that comes, in this thread.

        Args:
            of_frames: One row per sentence.
        """
        self._of_frames.now = of_frames
        try:
            yield
        finally:
            self._of_frames.now = None

    def _add(self, layer: nn.Module, inputs: Any, vectors: Float[Tensor, "k t w"]) -> Float[Tensor, "k t w"]:
        words = ~torch.isin(inputs[0], self._marks)  # k t
        place = words.cumsum(dim=1) - 1
        replaced = words & (place < len(self.change))
        added = self.change[place.clamp(0, len(self.change) - 1)]  # k t w
        of_frames = getattr(self._of_frames, "now", None)
        if of_frames is not None:
            added = added + of_frames[:, None]
        return vectors + added * replaced[..., None]


def add_context(model: nn.Module, empty: Int[Tensor, "1 t"], count: int) -> LearnedContext:
    """Let a model use its sentences with learned vectors.

    Args:
        model: Of OpenCLIP.
        empty: The tokens of a sentence without words.
        count: How many vectors.

    Raises:
        EncoderError: The text tower is not OpenCLIP's own.
    """
    layer = getattr(getattr(model, "text", model), "token_embedding", None)
    if not isinstance(layer, nn.Embedding):
        raise EncoderError(
            f"the text tower of {type(model).__name__} does not show the vectors of its words. Prompts can be learned "
            "with OpenCLIP's own text towers, e.g. those of ViT-B-32 and sim-m."
        )
    return LearnedContext(layer, count, torch.unique(empty).to(layer.weight.device))

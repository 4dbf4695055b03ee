"""What all encoders do around their model: sentences are checked, and what comes out becomes unit vectors."""

import logging
from collections.abc import Iterable
from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import normalize

from vlmrm.errors import PromptError
from vlmrm.types import Embeddings

_LOG = logging.getLogger(__name__)
_SHOWN = 80  # characters of a long sentence


def unit_rows(parts: list[Tensor]) -> Embeddings:
    """Return rows of length 1; called outside of inference mode, so that they may take part in somebody's gradient.

    Args:
        parts: Rows of each batch.
    """
    unit: Tensor = normalize(torch.cat(parts), dim=1)
    return unit


def require_sentences(texts: Any) -> None:
    """Refuse a text in the place of a list of them, and an empty list.

    Raises:
        PromptError: If it is no list of at least one sentence.
    """
    if not texts or isinstance(texts, str):
        raise PromptError(f"embed_texts takes a list of at least one sentence; got {texts!r}.")


def warn_of_cut(name: str, texts: list[str], tokens: Iterable[int], context: int) -> None:
    """Log one warning where a model does not see the end of sentences, whatever their number.

    Args:
        name: Name of the encoder.
        texts: Sentences.
        tokens: How many tokens each has, with the start and end tokens.
        context: How many the model reads.
    """
    cut = [(text, count) for text, count in zip(texts, tokens, strict=True) if count > context]
    if not cut:
        return
    text, count = cut[0]
    others = f" and the ends of {len(cut) - 1} others" if len(cut) > 1 else ""
    _LOG.warning(
        "%s reads %d tokens of a sentence and does not see the last %d of %r%s. Use shorter sentences.",
        name,
        context,
        count - context,
        text if len(text) <= _SHOWN else f"{text[:_SHOWN]}...",
        others,
    )

"""Sentences of a reward as embeddings: refused where they are NaN, or where one embedding has two roles."""

from collections.abc import Sequence

import torch
from jaxtyping import Float
from torch import Tensor

from vlmrm.encoders.encoder import Encoder, require_finite
from vlmrm.errors import PromptError
from vlmrm.types import Embeddings

SAME_DIRECTION = 1e-6
"""Squared distance of two embeddings below which float32 leaves no direction between them."""


def embed(encoder: Encoder, sentences: Sequence[str]) -> Embeddings:
    """Embed sentences, and refuse NaN.

    Raises:
        EncoderError: If the encoder returned NaN or infinity.
    """
    return require_finite(encoder, encoder.embed_texts(list(sentences)))


def embed_apart(encoder: Encoder, *roles: Sequence[str]) -> list[Embeddings]:
    """Embed the sentences of several roles, and refuse one embedding in two of them: a head could not tell them apart.

    Sentences that differ in letters alone may be one to the encoder: most tokenizers ignore case and double spaces.

    Args:
        encoder: The encoder of sentences.
        roles: Sentences of each role that the head compares, the goal's first; a role may be empty.

    Returns:
        One row per sentence, for each role.

    Raises:
        PromptError: If sentences of two roles have the same embedding.
        EncoderError: If the encoder returned NaN or infinity.
    """
    rows = embed(encoder, [sentence for role in roles for sentence in role])
    refuse_same(encoder.name, rows, *roles)
    return list(torch.split(rows, [len(role) for role in roles]))


def refuse_same(encoder: str, rows: Float[Tensor, "k d"], *roles: Sequence[str]) -> None:
    """Refuse sentences of two roles whose rows are the same; see `embed_apart`."""
    said = [sentence for role in roles for sentence in role]
    role_of = torch.arange(len(roles)).repeat_interleave(torch.tensor([len(role) for role in roles]))
    distances = torch.cdist(rows, rows, compute_mode="donot_use_mm_for_euclid_dist").square()
    distances[role_of[:, None] == role_of] = torch.inf
    if len(said) and bool(distances.min() < SAME_DIRECTION):
        one, other = (said[int(place)] for place in torch.unravel_index(distances.argmin(), distances.shape))
        raise PromptError(
            f"{one!r} and {other!r} have the same embedding, and one of them is wanted where the other is not: "
            f"{encoder!r} cannot tell them apart. Say in one what is not to be seen in the other."
        )

"""`DifferentiableEncoder`: a copy of an OpenCLIP encoder whose embeddings carry gradients."""

import copy
from dataclasses import replace

import torch
from jaxtyping import Int
from torch import Tensor

from vlmrm.encoders.domain import DomainGuard
from vlmrm.encoders.encoder import Encoder
from vlmrm.encoders.ensemble import EnsembleEncoder
from vlmrm.encoders.open_clip.encoder import OpenClipEncoder
from vlmrm.encoders.views import ViewEncoder
from vlmrm.errors import EncoderError, PromptError
from vlmrm.types import Embeddings, Frames


def open_clip_encoder(encoder: Encoder) -> OpenClipEncoder:
    """The encoder itself, out of its guard.

    Raises:
        EncoderError: It is no model of OpenCLIP.
    """
    if isinstance(encoder, ViewEncoder | EnsembleEncoder):
        raise EncoderError(
            f"one encoder that sees whole frames can be tuned; {encoder.name!r} is "
            + ("seen in crops. Leave out views." if isinstance(encoder, ViewEncoder) else "an ensemble. Tune a member.")
        )
    inner = encoder.encoder if isinstance(encoder, DomainGuard) else encoder
    if not isinstance(inner, OpenClipEncoder):
        raise EncoderError(
            f"encoder {encoder.name!r} is not a model of OpenCLIP, whose weights can be tuned. Take one by name, e.g. "
            "sim-m or ViT-B-32/openai."
        )
    return inner


class DifferentiableEncoder(OpenClipEncoder):
    """The same embeddings in float32, with gradients where a weight of the copied model asks for them.

    Name and fingerprint stay those of the encoder that was copied, also while the copy is trained.

    Args:
        encoder: An `OpenClipEncoder`, or the `DomainGuard` around one, which stays as it is.

    Raises:
        EncoderError: It is no model of OpenCLIP.

    Example:
        >>> from vlmrm.encoders import load_encoder
        >>> copied = DifferentiableEncoder(load_encoder("sim-s"))
        >>> _ = copied.model.visual.attnpool.requires_grad_(True)
        >>> copied.embed_frames(torch.zeros(1, 96, 96, 3, dtype=torch.uint8)).requires_grad
        True
    """

    def __init__(self, encoder: Encoder) -> None:
        inner = open_clip_encoder(encoder)
        self._known: dict[str, Int[Tensor, "1 context"]] = {}
        self._copied = inner
        super().__init__(
            copy.deepcopy(inner.model).float(),
            inner.tokenizer,
            name=inner.name,
            runtime=replace(inner.runtime, precision="fp32"),
            resize_mode=inner.preprocessing.resize_mode,
        )

    @property
    def fingerprint(self) -> str:
        """As of the encoder that was copied."""
        return self._copied.fingerprint

    def embed_texts(self, texts: list[str]) -> Embeddings:
        """Unit-length embeddings of sentences.

        Raises:
            PromptError: There is no sentence.
        """
        if not texts or isinstance(texts, str):
            raise PromptError(f"embed_texts takes a list of at least one sentence; got {texts!r}.")
        tokens = torch.cat([self.tokens_of(text) for text in texts])
        rows: list[Tensor] = [
            self.model.encode_text(batch.to(self.runtime.device)).float().cpu() for batch in self._batches(tokens)
        ]
        return self._unit(rows)

    def tokens_of(self, text: str) -> Int[Tensor, "1 context"]:
        """Token ids of one sentence, which training asks for at every step."""
        if text not in self._known:
            self._known[text] = self._tokens([text])
        return self._known[text]

    def _embed_batch(self, frames: Frames) -> Tensor:
        pixels = self.preprocessing.normalise(self.preprocessing.resize(frames).to(self.runtime.device))
        rows: Tensor = self.model.encode_image(pixels).float().cpu()
        return rows

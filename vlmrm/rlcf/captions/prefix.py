"""`PrefixCaptioner`: an encoder, a mapper and a causal language model, as in ClipCap and CapDec.

The language model reads a few words that the mapper makes of the picture's embedding, and goes on writing. ClipCap
trains the mapper on embeddings of pictures, CapDec on those of texts with noise (`mappers.with_noise`); both are used
in the same way.
"""

from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor, nn

from vlmrm.encoders.domain_watch import DomainWatch
from vlmrm.encoders.encoder import Encoder
from vlmrm.encoders.ensemble import embed_pictures
from vlmrm.errors import EncoderError
from vlmrm.rlcf.captions.captioner import LanguageModelCaptioner
from vlmrm.rlcf.captions.protocol import Captions, of_tokens
from vlmrm.types import Embeddings, Frames


class PrefixCaptioner(LanguageModelCaptioner):
    r"""Writes after a prefix that a mapper makes of a picture's embedding.

    Args:
        encoder: What sees pictures; it is never tuned.
        mapper: From embeddings (n, d) to words of the language model (n, p, w).
        language_model: A causal model of transformers.
        tokenizer: The language model's own.
        name: How to load it again.
        end_token: Token that ends a caption. None: the tokenizer's; RLCF's captioners end with ``"\n"``.

    Raises:
        EncoderError: There is no end token, or the parts do not fit.
    """

    def __init__(
        self,
        encoder: Encoder,
        mapper: nn.Module,
        language_model: Any,
        tokenizer: Any,
        *,
        name: str,
        end_token: str | None = None,
    ) -> None:
        super().__init__(
            nn.ModuleDict({"mapper": mapper, "language_model": language_model}), tokenizer, name=name,
            end_token=end_token,
        )  # fmt: skip
        self.encoder = encoder
        """What sees pictures."""
        self._watch = DomainWatch(encoder)
        with torch.no_grad():
            words = mapper(torch.zeros(1, encoder.dim, device=self.device))
        width = self._words.embedding_dim
        if words.dim() != 3 or words.shape[2] != width:
            raise EncoderError(
                f"the mapper of {name!r} gives {tuple(words.shape)} for an embedding of {encoder.dim}; the language "
                f"model reads words of {width}."
            )

    @property
    def language_model(self) -> Any:
        """Model of transformers that writes."""
        return self.model.get_submodule("language_model")

    @property
    def mapper(self) -> nn.Module:
        """From embeddings to words."""
        return self.model.get_submodule("mapper")

    @property
    def usually_tuned(self) -> str:
        """The mapper."""
        return "mapper."

    @property
    def sees_with(self) -> Encoder:
        """The encoder of the prefix."""
        return self.encoder

    def see(self, images: Frames) -> Embeddings:
        """Return unit-length embeddings of pictures."""
        rows = embed_pictures(self.encoder, images)
        self._watch.see(rows)
        return rows.to(self.device)

    def log_probabilities(self, seen: Embeddings, captions: Captions) -> Float[Tensor, "n t"]:
        """Return the log-probability of each token, and 0 where there is none."""
        read, first = self._reading(seen, captions)
        return of_tokens(
            self.language_model(inputs_embeds=read, attention_mask=_all_of(read)).logits[:, first:], captions
        )

    def states(self, seen: Embeddings, captions: Captions) -> Float[Tensor, "n t h"]:
        """Return the last hidden state of the language model before it says each token."""
        read, first = self._reading(seen, captions)
        states: Tensor = self.language_model(
            inputs_embeds=read, attention_mask=_all_of(read), output_hidden_states=True
        ).hidden_states[-1]
        return states[:, first:]

    def _reading(self, seen: Embeddings, captions: Captions) -> tuple[Tensor, int]:
        """What the language model reads, and the place before the first token."""
        prefix = self.mapper(seen)
        return torch.cat([prefix, self._words(captions.tokens[:, :-1])], dim=1), prefix.shape[1] - 1

    @property
    def _words(self) -> Any:
        return self.language_model.get_input_embeddings()

    def _given(self, seen: Embeddings) -> dict[str, Any]:
        prefix = self.mapper(seen)
        return {"inputs_embeds": prefix, "attention_mask": _all_of(prefix)}

    def _said_of_sight(self) -> dict[str, Any]:
        return {"encoder": self.encoder.fingerprint}


def _all_of(read: Float[Tensor, "n t w"]) -> Tensor:
    """A mask that leaves nothing out: what is behind the end of a caption is seen by nothing before it."""
    return torch.ones_like(read[:, :, 0], dtype=torch.long)

"""How likely a language model finds a caption that sees no picture: the mean log-probability of its words (VLRM)."""

from dataclasses import dataclass
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor

from vlmrm.encoders.hugging_face.generative import CAUSAL, load_generative
from vlmrm.encoders.runtime import choose_runtime
from vlmrm.errors import EncoderError
from vlmrm.rlcf.captions.protocol import Captioner
from vlmrm.rlcf.captions.terms.term import Ready, Shown, Term

_BLANK = -20.0  # of a caption without a word


@dataclass(frozen=True, kw_only=True)
class Fluency(Term):
    """Log-probability per word, of the captioner's language model before training or of another one."""

    language_model: str = "start"
    """``start``, or ``OWNER/NAME`` of the Hugging Face hub, or ``local-dir:FOLDER``."""

    def ready(self, start: Captioner) -> Ready:
        """Load the language model."""
        if self.language_model == "start":
            return FluencyValues(start.language_model, start.tokenizer, end=start.end)
        runtime = choose_runtime(str(start.device), "fp32")
        return FluencyValues(*load_generative(self.language_model, runtime, wanted="language model", classes=CAUSAL))


class FluencyValues:
    """Log-probabilities of captions without a picture.

    Args:
        language_model: A causal model of transformers.
        tokenizer: Its own.
        end: Id of the token that ends a caption. None: the tokenizer's end-of-sentence token.

    Raises:
        EncoderError: The tokenizer knows more words than the language model.
    """

    def __init__(self, language_model: Any, tokenizer: Any, *, end: int | None = None) -> None:
        words = int(language_model.get_input_embeddings().num_embeddings)
        if len(tokenizer) > words:
            raise EncoderError(
                f"the tokenizer of the language model has {len(tokenizer)} tokens and the model {words}: they are not "
                "of one checkpoint."
            )
        self._model, self._tokenizer = language_model, tokenizer
        self._end = tokenizer.eos_token_id if end is None else end

    @torch.no_grad()
    def __call__(self, shown: Shown) -> Float[Tensor, "n k"]:
        """Return the mean log-probability of all words but the first, the end token included."""
        rows = [self._tokenizer.encode(text, add_special_tokens=False) for text in shown.captions.texts]
        if self._end is not None:
            rows = [
                [*row, *[self._end] * ended] for row, ended in zip(rows, shown.captions.ended.tolist(), strict=True)
            ]
        longest = max(max(map(len, rows)), 1)
        device = self._model.device
        ids = torch.tensor([[*row, *[0] * (longest - len(row))] for row in rows], device=device)
        lengths = torch.tensor([len(row) for row in rows], device=device)
        mask = torch.arange(longest, device=device) < lengths[:, None]
        logits = self._model(input_ids=ids, attention_mask=mask.long()).logits[:, :-1].float()
        chances = logits.log_softmax(dim=2).gather(2, ids[:, 1:, None])[:, :, 0]
        mean: Tensor = (chances * mask[:, 1:]).sum(dim=1) / (lengths - 1).clamp(min=1)
        return mean.masked_fill(lengths < 2, _BLANK).cpu().view(shown.shape)

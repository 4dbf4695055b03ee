"""Phrases that say nothing of a picture, such as "an image of" (VLRM, arXiv 2404.01911)."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from vlmrm.errors import SpecError
from vlmrm.rlcf.captions.protocol import Captioner
from vlmrm.rlcf.captions.terms.term import Ready, Shown, Term


@dataclass(frozen=True, kw_only=True)
class BadPhrases(Term):
    """Minus the number of bad phrases in a caption.

    Raises:
        SpecError: There are none, or one is empty.
    """

    phrases: Sequence[str] = ("an image of", "a picture of", "a photo of", "a video of")
    """What is not to be said; upper and lower case are one."""

    def __post_init__(self) -> None:
        super().__post_init__()
        if not self.phrases or not all(phrase.strip() for phrase in self.phrases):
            raise SpecError(f"phrases are sentences of at least one word; got {self.phrases!r}.")

    def ready(self, start: Captioner) -> Ready:
        """Return the term, which needs no model."""
        return self._values

    def _values(self, shown: Shown) -> Float[Tensor, "n k"]:
        phrases = [phrase.lower() for phrase in self.phrases]
        counts = [-sum(text.lower().count(phrase) for phrase in phrases) for text in shown.captions.texts]
        return torch.tensor(counts, dtype=torch.float32).view(shown.shape)

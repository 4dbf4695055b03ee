"""What repeats itself: the share of a caption's n-grams that it has said before, taken off."""

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from vlmrm.metrics.captions import share_repeated
from vlmrm.rlcf.captions.protocol import Captioner
from vlmrm.rlcf.captions.terms.term import Ready, Shown, Term


@dataclass(frozen=True, kw_only=True)
class Repetition(Term):
    """Minus the share of n-grams of tokens that stand in the same caption before."""

    words: int = 3
    """Length of an n-gram."""

    def ready(self, start: Captioner) -> Ready:
        """Return the term, which needs no model."""
        return self._values

    def _values(self, shown: Shown) -> Float[Tensor, "n k"]:
        rows = zip(shown.captions.tokens.tolist(), shown.captions.lengths.tolist(), strict=True)
        shares = [-share_repeated(tokens[:length], self.words) for tokens, length in rows]
        return torch.tensor(shares).view(shown.shape)

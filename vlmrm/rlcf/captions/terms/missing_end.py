"""Captions that were cut off before they came to an end."""

from dataclasses import dataclass

from jaxtyping import Float
from torch import Tensor

from vlmrm.rlcf.captions.protocol import Captioner
from vlmrm.rlcf.captions.terms.term import Ready, Shown, Term


@dataclass(frozen=True, kw_only=True)
class MissingEnd(Term):
    """Minus 1 for a caption without its end token."""

    def ready(self, start: Captioner) -> Ready:
        """Return the term, which needs no model."""
        return self._values

    def _values(self, shown: Shown) -> Float[Tensor, "n k"]:
        return -(~shown.captions.ended).float().cpu().view(shown.shape)

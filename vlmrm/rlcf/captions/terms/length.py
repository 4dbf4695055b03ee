"""How long a caption is beside what is wanted."""

from dataclasses import dataclass

from jaxtyping import Float
from torch import Tensor

from vlmrm.errors import SpecError
from vlmrm.rlcf.captions.protocol import Captioner
from vlmrm.rlcf.captions.terms.term import Ready, Shown, Term


@dataclass(frozen=True, kw_only=True)
class Length(Term):
    """Minus the number of tokens by which a caption is away from a length, over that length.

    Raises:
        SpecError: The length is below 1.
    """

    wanted: int = 20
    """Tokens, the end token included."""

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.wanted < 1:
            raise SpecError(f"the wanted length is at least 1 token; got {self.wanted}.")

    def ready(self, start: Captioner) -> Ready:
        """Return the term, which needs no model."""
        return self._values

    def _values(self, shown: Shown) -> Float[Tensor, "n k"]:
        away = (shown.captions.lengths - self.wanted).abs() / self.wanted
        return -away.float().cpu().view(shown.shape)

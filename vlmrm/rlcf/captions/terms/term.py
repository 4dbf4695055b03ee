"""What all terms share: a weight, lengths outside of which they do not pay, and what they are shown."""

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from vlmrm.errors import SpecError
from vlmrm.rlcf.captions.protocol import Captioner, Captions
from vlmrm.rlcf.labelled import Asked

Values = Float[Tensor, "n k"]


@dataclass(frozen=True, eq=False)
class Shown:
    """Captions of some pictures, the same number of each."""

    pictures: Asked
    """The pictures, as frames, or one by one where their sizes differ."""
    captions: Captions
    """Captions, all of the first picture before those of the second."""

    @property
    def shape(self) -> tuple[int, int]:
        """Pictures, and captions of each."""
        return len(self.pictures), len(self.captions.texts) // len(self.pictures)


Ready = Callable[[Shown], Values]
"""A term that is ready: gives a value for each caption, a row for each picture."""


@dataclass(frozen=True, kw_only=True)
class Term(ABC):
    """One thing that captions are rewarded for.

    Raises:
        SpecError: The lengths are impossible.
    """

    weight: int | float = 1.0
    """What it counts in the sum of terms. 0: it is only logged."""
    shortest: int = 0
    """Tokens, the end token included, below which a caption gets the lowest value of its picture."""
    longest: int | None = None
    """Tokens above which it does. None: none is too long."""

    def __post_init__(self) -> None:
        if self.shortest < 0 or (self.longest is not None and self.longest < max(self.shortest, 1)):
            raise SpecError(f"lengths are from shortest to longest; got {self.shortest} and {self.longest}.")

    @abstractmethod
    def ready(self, start: Captioner) -> Ready:
        """Return what gives the values, with its models loaded.

        Args:
            start: The captioner before training, which is frozen.
        """


def masked_by_length(term: Term, values: Values, captions: Captions) -> Values:
    """Return values in which captions that are too short or too long have the lowest value of their picture.

    Args:
        term: Says which lengths.
        values: Of the term.
        captions: Of the same captions.
    """
    lengths = captions.lengths.cpu().view(values.shape)
    longest = lengths.max() if term.longest is None else term.longest
    allowed = (lengths >= term.shortest) & (lengths <= longest)
    lowest = values.min(dim=1, keepdim=True).values
    return torch.where(allowed, values, lowest)

"""How captions are written: by beam search, or by chance."""

from dataclasses import dataclass
from typing import Any

from vlmrm.errors import SpecError


@dataclass(frozen=True, kw_only=True)
class Writing:
    """How captions are written.

    Raises:
        SpecError: A value is impossible.

    Example:
        >>> Writing(count=6).arguments()["num_beams"], Writing(count=1, beams=5).arguments()["num_beams"]
        (6, 5)
    """

    count: int = 1
    """Captions of each picture."""
    beams: int | None = None
    """Width of the beam search. None: as many as captions, 1 of which is the greedy caption."""
    sampled: bool = False
    """Whether words are drawn by their probability, in the place of a beam search."""
    temperature: int | float = 1.0
    """Divisor of logits where words are drawn."""
    top_p: int | float = 1.0
    """Least probability of the likeliest words together, from which words are drawn (nucleus sampling)."""
    most_tokens: int = 50
    """Tokens after which a caption is cut off, its end token included."""

    def __post_init__(self) -> None:
        if self.count < 1 or self.most_tokens < 1 or not self.temperature > 0 or not 0 < self.top_p <= 1:
            raise SpecError(
                f"count, most_tokens: at least 1; temperature: above 0; top_p: above 0, at most 1; got {self}."
            )
        if not self.sampled and self.beams is not None and self.beams < self.count:
            raise SpecError(f"a search with {self.beams} beams cannot return {self.count} captions. Take more beams.")

    def arguments(self) -> dict[str, Any]:
        """Return it as ``generate`` of transformers takes it."""
        how: dict[str, Any] = {"max_new_tokens": self.most_tokens, "num_return_sequences": self.count}
        if self.sampled:
            return {**how, "do_sample": True, "temperature": self.temperature, "top_p": self.top_p, "top_k": 0}
        return {**how, "do_sample": False, "num_beams": self.beams or self.count}

"""`CaptionRewards`: the values of composed rewards for captions, with the models of all terms loaded."""

from collections.abc import Mapping

from torch import Tensor

from vlmrm.errors import RunError
from vlmrm.rlcf.captions.advantages import sum_of
from vlmrm.rlcf.captions.protocol import Captioner
from vlmrm.rlcf.captions.terms import Ready, Shown, Term, masked_by_length


class CaptionRewards:
    """What captions are rewarded for, ready to be asked.

    Args:
        terms: Terms by name.
        start: The captioner before training, which is frozen.
    """

    def __init__(self, terms: Mapping[str, Term], start: Captioner) -> None:
        self.terms = terms
        """Terms by name."""
        self.weights = {name: term.weight for name, term in terms.items()}
        """Weight of each term; of one that is only logged 0."""
        self.ready: dict[str, Ready] = {name: term.ready(start) for name, term in terms.items()}
        """What gives the values of each term."""

    def values(self, shown: Shown, *, update: int) -> dict[str, Tensor]:
        """Return the values of each term, a row for each picture.

        Args:
            shown: Captions and their pictures.
            update: Number of the update, for messages.

        Raises:
            RunError: A value is NaN or infinite.
        """
        found = {}
        for name, term in self.terms.items():
            values = self.ready[name](shown)
            if not bool(values.isfinite().all()):
                raise RunError(
                    f"the term {name!r} gave NaN or infinity in update {update}, for one of "
                    f"{list(shown.captions.texts)[:3]}. Look at its model, or leave the term out."
                )
            found[name] = masked_by_length(term, values, shown.captions)
        return found

    def total(self, values: Mapping[str, Tensor]) -> Tensor:
        """Return the weighted sum of values, of those terms that count."""
        return sum_of(values, {name: weight for name, weight in self.weights.items() if weight})

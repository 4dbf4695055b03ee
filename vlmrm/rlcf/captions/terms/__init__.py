"""What a caption is rewarded for: one file for each term, and the table of their names.

A term is a frozen record of its options with a method that makes it ready; to add one, write its file and its row here.
"""

from collections.abc import Mapping
from typing import Any

from vlmrm.errors import SpecError
from vlmrm.rlcf.captions.terms.bad_phrases import BadPhrases
from vlmrm.rlcf.captions.terms.fluency import Fluency
from vlmrm.rlcf.captions.terms.length import Length
from vlmrm.rlcf.captions.terms.missing_end import MissingEnd
from vlmrm.rlcf.captions.terms.repetition import Repetition
from vlmrm.rlcf.captions.terms.similarity import Similarity
from vlmrm.rlcf.captions.terms.term import Ready, Shown, Term, masked_by_length
from vlmrm.tables import read_kind

TERMS: Mapping[str, type[Term]] = {
    "similarity": Similarity,
    "fluency": Fluency,
    "repetition": Repetition,
    "bad_phrases": BadPhrases,
    "length": Length,
    "missing_end": MissingEnd,
}
"""Every term, by name."""

__all__ = ["TERMS", "Ready", "Shown", "Term", "masked_by_length", "read_terms"]


def read_terms(values: Any, path: str = "terms") -> dict[str, Term]:
    """Return terms from a table of tables, by name.

    Args:
        values: Options of each term by its name; terms that are records stay as they are.
        path: Path of the table, for messages.

    Raises:
        SpecError: There is no such term, an option is impossible, or no term has a weight.
    """
    if not isinstance(values, Mapping):
        raise SpecError(f"{path} must be a table with a table of options for each term; got {values!r}.")
    found: dict[str, Term] = {}
    for name, options in values.items():
        given = options
        if not isinstance(options, Term):
            given = read_kind(TERMS, {"term": name, **options}, key="term", where=f"{path}.{name}")
        found[name] = given
    if not any(term.weight for term in found.values()):
        raise SpecError(f"no term of {sorted(found) or path} has a weight, so that nothing would be learned. Give one.")
    return found

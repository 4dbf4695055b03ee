"""`summarise`: what has been labelled, and how far raters agree."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from vlmrm.data.label_table import LabelTable
from vlmrm.data.rater_agreement import Agreement, agreement
from vlmrm.labelling.session import LabellingSession, Tally


@dataclass(frozen=True, kw_only=True)
class LabelSummary:
    """What `label` has come to; as text, one sentence a line."""

    path: Path
    """File of the labels."""
    rater: str
    """Name of the rater; empty: labels without a name."""
    tally: Tally
    """How far this rater has come."""
    agreements: Sequence[Agreement]
    """Agreement with each other rater who has labelled some of the same frames."""

    def __str__(self) -> str:
        by = f" by {self.rater}" if self.rater else ""
        return "\n".join([f"{self.tally}{by}, in {self.path}.", *map(_sentence, self.agreements)])


def summarise(session: LabellingSession) -> LabelSummary:
    """Return what has been labelled.

    Args:
        session: One rater's labels.
    """
    file = session.file
    return LabelSummary(
        path=file.path,
        rater=file.rater,
        tally=session.tally(),
        agreements=[agreement(file.table, (file.rater, other)) for other in _companions(file.table, file.rater)],
    )


def _companions(table: LabelTable, rater: str) -> list[str]:
    """The other raters who have labelled some of the same frames."""
    own = {label.frame for label in table.labels if label.rater == rater}
    shared = (label.rater for label in table.labels if label.rater != rater and label.frame in own)
    return list(dict.fromkeys(shared))


def _sentence(found: Agreement) -> str:
    pair = " and ".join(name or "a rater without a name" for name in found.raters)
    frames = f"{found.frames} frame{'s' if found.frames != 1 else ''}"
    kappa = "is not defined, since all have one label" if found.kappa is None else f"{found.kappa:.2f}"
    return f"{pair} agree on {found.observed:.0%} of {frames} that both have labelled; Cohen's kappa {kappa}."

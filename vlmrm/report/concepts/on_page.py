"""What raises the best reward of a report, on the report's own page."""

from collections.abc import Sequence
from dataclasses import replace

from vlmrm.data import FrameSource
from vlmrm.errors import VlmrmError
from vlmrm.report.concepts.finding import find_concepts
from vlmrm.report.report import Report


def with_concepts(report: Report, source: FrameSource, sentences: Sequence[str] = ()) -> Report:
    """Return a report with the concepts of its best reward, or with a remark on why nobody can say.

    Args:
        report: Of rewards, one of which can be asked about pictures.
        source: The frames that they were judged on.
        sentences: Sentences that may name concepts. None given: those of the reward, and of all installed tasks.
    """
    try:
        found = find_concepts(report.best_asked, source, sentences=sentences)
    except VlmrmError as error:  # all else on the page is known by now
        return replace(report, remarks=[*report.remarks, f"Concepts are left out: {error}"])
    return report.with_section(found.section())

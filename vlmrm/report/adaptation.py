"""`AdaptationReport`: what adaptation gains over its controls, as a sentence, as JSON, and as a page."""

from vlmrm.report.adaptation_numbers import AdaptationNumbers
from vlmrm.report.adaptation_page import render_adaptation
from vlmrm.report.saving import Page


class AdaptationReport(AdaptationNumbers, Page):
    """An adapted method beside its controls, with a page; fields and errors are those of `AdaptationNumbers`."""

    def html(self) -> str:
        """Return the page, one file that needs no other."""
        return render_adaptation(self)

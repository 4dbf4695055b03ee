"""`CaptionReport`: what adapting a captioner to single pictures gains, with a page."""

from vlmrm.report.captions_numbers import CaptionNumbers
from vlmrm.report.captions_page import render_captions
from vlmrm.report.saving import Page


class CaptionReport(CaptionNumbers, Page):
    """Captions of an adapted captioner beside its controls; fields and errors are those of `CaptionNumbers`."""

    def html(self) -> str:
        """Return the page, one file that needs no other."""
        return render_captions(self)

"""`Audit`: what an audit found, as a table, as JSON, and as a page."""

from vlmrm.report.audit.audit_numbers import AuditNumbers
from vlmrm.report.audit.page import render_audit
from vlmrm.report.saving import Page


class Audit(AuditNumbers, Page):
    """Where a reward can be trusted and where it is fooled; a notebook shows its page."""

    def html(self) -> str:
        """Return the page, one file that needs no other."""
        return render_audit(self)

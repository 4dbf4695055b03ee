"""`Audit`: what an audit found, as a table, as JSON, and as a page."""

from vlmrm.report.audit.audit_numbers import AuditNumbers
from vlmrm.report.audit.page import audit_section, render_audit
from vlmrm.report.saving import Page
from vlmrm.report.section import Section


class Audit(AuditNumbers, Page):
    """Where a reward can be trusted and where it is fooled; a notebook shows its page."""

    def html(self) -> str:
        """Return the page, one file that needs no other."""
        return render_audit(self)

    def section(self) -> Section:
        """Return the audit as a section of a report: ``report.with_section(found.section())``."""
        return audit_section(self)

"""The page of an audit: one HTML file with everything in it."""

from typing import Any

from vlmrm.report.audit.audit_numbers import Answered, AuditNumbers
from vlmrm.report.audit.probe import FAIL, FAMILIES, LEFT_OUT, PASS, WARN, WORST_FIRST, Exhibit
from vlmrm.report.page import fill
from vlmrm.report.plots import picture_data
from vlmrm.report.section import Section

_COLOURS = {PASS: "good", WARN: "weak", FAIL: "useless", LEFT_OUT: "soft"}
"""Classes of the page's style by verdict."""
_TITLES = {
    "goal": "The goal",
    "language": "Language",
    "pictures": "Pictures",
    "attacks": "Attacks on pixels",
    "time": "Time",
    "incentives": "Incentives",
}


def render_audit(audit: AuditNumbers) -> str:
    """Return the page of an audit.

    Args:
        audit: What was found.
    """
    return fill("audit.html", audit=audit, shown=_parts(audit))


def audit_section(audit: AuditNumbers) -> Section:
    """Return an audit as a section of a report's page.

    Args:
        audit: What was found.
    """
    return Section(
        name="audit",
        title=f"What fools {audit.reward}",
        numbers=audit.to_dict(),
        template="audit_section.html",
        shown=_parts(audit),
    )


def _parts(audit: AuditNumbers) -> dict[str, Any]:
    """What both pages show of an audit."""
    families = [(_TITLES[name], [_shown(one) for one in _of(audit, name)]) for name in FAMILIES]
    return {
        "headline": audit.headline,
        "asked": len(audit.answered),
        "colour": _COLOURS[audit.verdict],
        "families": [(title, shown) for title, shown in families if shown],
        "worst": [_shown(one) for one in audit.answered if one.finding.verdict == FAIL],
        "remarks": audit.remarks,
    }


def _of(audit: AuditNumbers, family: str) -> list[Answered]:
    found = [one for one in audit.answered if one.probe.family == family]
    return sorted(found, key=lambda one: WORST_FIRST.index(one.finding.verdict))


def _shown(one: Answered) -> dict[str, Any]:
    return {
        "probe": one.probe,
        "finding": one.finding,
        "colour": _COLOURS[one.finding.verdict],
        "pictures": [_picture(exhibit) for exhibit in one.finding.exhibits if exhibit.picture is not None],
        "sentences": [exhibit for exhibit in one.finding.exhibits if exhibit.picture is None],
    }


def _picture(exhibit: Exhibit) -> tuple[Exhibit, str]:
    return exhibit, "" if exhibit.picture is None else picture_data(exhibit.picture)

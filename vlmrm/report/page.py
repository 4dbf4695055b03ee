"""The page of a report: one HTML file with everything in it."""

import json
from collections.abc import Mapping
from typing import Any

import numpy as np
from jinja2 import Environment, PackageLoader

from vlmrm.report.measures import RESAMPLES, Measures
from vlmrm.report.plots import (
    draw_comparison,
    draw_curves,
    draw_distributions,
    draw_reliability,
    draw_roc,
    picture_data,
)
from vlmrm.report.report import Entry, Report
from vlmrm.report.verdict import best_control
from vlmrm.report.words import percent

_SHOWN_IN_FULL = 6  # rewards; the others are in the table
_MOST_CURVES = 6


def render_page(report: Report) -> str:
    """Return the page of a report.

    Args:
        report: What to show.
    """
    shown = report.entries[:_SHOWN_IN_FULL]
    return fill(
        "report.html",
        report=report,
        entries=[shown_entry(report, entry) for entry in shown],
        more=len(report.entries) - len(shown),
        comparison=_comparison(report) if len(report.entries) > 1 else "",
        rows=[_row(entry) for entry in report.entries],
        resamples=RESAMPLES,
    )


def fill(template: str, **values: Any) -> str:
    """Return a template filled in; whatever is not drawn here is escaped.

    Args:
        template: Name of a file in ``vlmrm/report/pages``.
        values: What it speaks of.
    """
    loader = PackageLoader("vlmrm.report", "pages")
    pages = Environment(loader=loader, autoescape=True, trim_blocks=True, lstrip_blocks=True)
    pages.globals["percent"] = percent
    return pages.get_template(template).render(**values)


def _best_controls(scores: Mapping[str, Any], measures: Measures) -> dict[str, Any]:
    """Scores of the three best controls; of more, a figure shows none."""
    ranked = sorted(measures.controls, key=lambda control: -control.auroc.value)
    return {control.name: scores[control.name] for control in ranked[:3]}


def _comparison(report: Report) -> str:
    found = {entry.name: entry.evidence.measures for entry in report.entries}
    controls = {name: best_control(measures) for name, measures in found.items()}
    return draw_comparison(
        {name: measures.auroc for name, measures in found.items()},
        {name: None if control is None else control.auroc.value for name, control in controls.items()},
    )


def _row(entry: Entry) -> dict[str, Any]:
    measures = entry.evidence.measures
    return {"entry": entry, "measures": measures, "control": best_control(measures)}


def shown_entry(report: Report, entry: Entry) -> dict[str, Any]:
    """Return what a page shows of one reward: its figures and pictures.

    Args:
        report: The report.
        entry: One of its entries.
    """
    scored, evidence = report.scored, entry.evidence
    scores, in_goal = scored.scores[entry.name], scored.labels.in_goal
    spec = evidence.candidate.spec
    moving = [curve for curve in evidence.curves if np.ptp(curve.mean) > 0][:_MOST_CURVES]
    return {
        "entry": entry,
        "measures": evidence.measures,
        "distributions": draw_distributions(scores, in_goal, evidence.measures.operating.threshold),
        "roc": draw_roc(scores, _best_controls(scored.controls[entry.name], evidence.measures), in_goal),
        "reliability": "" if evidence.measures.calibration is None else draw_reliability(scores, in_goal),
        "curves": draw_curves(moving) if moving else "",
        "paid": [(shown, picture_data(shown.picture)) for shown in entry.fooling.paid],
        "missed": [(shown, picture_data(shown.picture)) for shown in entry.fooling.missed],
        "spec": "" if spec is None else json.dumps(spec.to_dict(), indent=2, ensure_ascii=False),
    }

"""The page of a report: one HTML file with everything in it."""

import json
import logging
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from jinja2 import Environment, PackageLoader

from vlmrm.frames.batch import as_frames
from vlmrm.report.fooling import Shown
from vlmrm.report.heat_maps import occlusion, overlay
from vlmrm.report.look_alikes import MOST as LOOKED_THROUGH
from vlmrm.report.measures import RESAMPLES, Measures
from vlmrm.report.plots import (
    draw_comparison,
    draw_curves,
    draw_distributions,
    draw_map,
    draw_reliability,
    draw_roc,
    picture_data,
)
from vlmrm.report.report_numbers import Entry, ReportNumbers
from vlmrm.report.verdict import best_control
from vlmrm.report.video import video_data
from vlmrm.report.words import percent
from vlmrm.rewards.protocols import FrameReward
from vlmrm.types import Frames

_LOG = logging.getLogger(__name__)
_SHOWN_IN_FULL = 6  # rewards; the others are in the table
_MOST_CURVES = 6
_LARGEST_FILM = 1_000_000  # characters; a page is to stay below three million
_PATCHES = (8, 4)  # along each side of a heat map: the first that is quick enough
_MAP_S, _MAP_PIXELS = 1.0, 20_000_000  # what the frames of a heat map may take


@dataclass(frozen=True, kw_only=True)
class HeatPicture:
    """A frame with its heat map."""

    name: str
    """Name of the frame."""
    data: str
    """Picture, as a data address."""
    patches: int
    """Patches along each side."""
    highest: float
    """By how much the score falls without the patch that raises it most; below 0: none raises it."""
    lowest: float
    """By how much it falls without the patch that lowers it most; below 0: it rises."""


def render_page(report: ReportNumbers) -> str:
    """Return the page of a report.

    Args:
        report: What to show.
    """
    shown = report.entries[:_SHOWN_IN_FULL]
    entries = [shown_entry(report, entry) for entry in shown]
    entries[0]["film"] = _film(report.best)  # of one reward, so that the page stays small
    return fill(
        "report.html",
        report=report,
        entries=entries,
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


def _comparison(report: ReportNumbers) -> str:
    found = {entry.name: entry.evidence.measures for entry in report.entries}
    controls = {name: best_control(measures) for name, measures in found.items()}
    return draw_comparison(
        {name: measures.auroc for name, measures in found.items()},
        {name: None if control is None else control.auroc.value for name, control in controls.items()},
    )


def _row(entry: Entry) -> dict[str, Any]:
    measures = entry.evidence.measures
    return {"entry": entry, "measures": measures, "control": best_control(measures)}


def shown_entry(report: ReportNumbers, entry: Entry) -> dict[str, Any]:
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
        "map": "" if evidence.state_map is None else draw_map(evidence.state_map),
        "state_map": evidence.state_map,
        "paid": [_pictures(shown) for shown in entry.fooling.paid],
        "missed": [_pictures(shown) for shown in entry.fooling.missed],
        "looked_through": LOOKED_THROUGH,
        "heat": _heat_picture(entry),
        "goals": report.goals if entry is report.best else None,
        "agents": report.agents.get(entry.name),
        "spec": "" if spec is None else json.dumps(spec.to_dict(), indent=2, ensure_ascii=False),
    }


def _film(entry: Entry) -> str:
    """What a random policy does and is paid, between the lowest and highest reward of the page; empty: no task."""
    encounters, measures = entry.evidence.encounters, entry.evidence.measures
    if encounters is None or entry.name not in encounters.films:
        return ""
    film = video_data(encounters.films[entry.name], limits=(measures.lowest, measures.highest))
    return film if len(film) <= _LARGEST_FILM else ""


def _pictures(shown: Shown) -> tuple[Shown, str, str]:
    """A frame with its picture, and that of the frame that looks like it; empty: there is none."""
    beside = "" if shown.look_alike is None else picture_data(shown.look_alike.picture)
    return shown, picture_data(shown.picture), beside


def _heat_picture(entry: Entry) -> HeatPicture | None:
    """Where the reward looks in the frame that fools it most. None: nobody can say, or it would take too long."""
    reward, paid = entry.evidence.candidate.reward, entry.fooling.paid
    if reward is None or not paid or (reward.spec is not None and reward.spec.asks_a_model):
        return None
    try:
        frame = as_frames(paid[0].picture)
        frame = frame if reward.capture is None else reward.capture.resize(frame)
        patches = _affordable_patches(reward, frame)
        heat = None if patches is None else occlusion(reward, frame, patches=patches)
    except Exception as error:  # a function of somebody's own may refuse pictures that no camera took
        _LOG.warning("no heat map of %s: %s", entry.name, error)
        return None
    if heat is None or not heat.any():
        return None
    return HeatPicture(
        name=paid[0].name,
        data=picture_data(overlay(frame, heat)),
        patches=len(heat),
        highest=float(heat.max()),
        lowest=float(heat.min()),
    )


def _affordable_patches(reward: FrameReward, frame: Frames) -> int | None:
    """Patches along each side, by what one frame takes alone: in a batch it takes no longer. None: all are too many."""
    taken_s = []
    for _ in range(2):  # the first may load something, and either may have to wait for others
        started = time.monotonic()
        reward.explain(frame)
        taken_s.append(time.monotonic() - started)
    pixels = frame.shape[1] * frame.shape[2]
    fit = (p for p in _PATCHES if p * p * min(taken_s) <= _MAP_S and p * p * pixels <= _MAP_PIXELS)
    return next(fit, None)

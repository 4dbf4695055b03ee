"""Figures of a report page, as SVG that takes the colours of the page, and pictures as WebP."""

import base64
import hashlib
import io
import re
from collections.abc import Mapping, Sequence
from itertools import cycle, product
from typing import Any

import matplotlib as mpl
import numpy as np
from jaxtyping import Bool, Float, UInt8
from matplotlib.axes import Axes
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from matplotlib.ticker import MaxNLocator
from PIL import Image

from vlmrm.metrics import Estimate, reliability, roc_curve
from vlmrm.report.curves_over_state import Curve
from vlmrm.report.figures import BLUE, GREEN, GREY
from vlmrm.report.map_over_state import StateMap

RED = "#d62728"
_INK = "#010203"  # stands for the page's own text colour, which is light on a dark page
_PICTURE_PX, _QUALITY = 128, 70
_LEVELS = 12  # colours of a map
_STYLE: dict[Any, Any] = {
    "svg.fonttype": "none", "svg.hashsalt": "vlmrm", "text.parse_math": False, "font.size": 9, "text.color": _INK,
    "axes.labelcolor": _INK, "xtick.color": _INK, "ytick.color": _INK, "axes.edgecolor": _INK,
}  # fmt: skip


_UNWANTED = [
    re.compile(pattern, re.DOTALL)
    for pattern in (
        r"<metadata>.*?</metadata>\s*",
        r"<defs>\s*<style.*?</style>\s*</defs>\s*",  # would hold for the whole page
        r' id="(?:figure|axes|patch|text|line2d|matplotlib\.axis|[xy]tick|legend|\w*Collection)_\d+"',
        r" font-family: [^;\"]*;",
        r' (?:width|height)="[\d.]+pt"',
    )
]
_REFERENCE = re.compile(r'(id="|url\(#|href="#)(\w+)')


def draw_distributions(scores: Float[np.ndarray, " n"], in_goal: Bool[np.ndarray, " n"], threshold: float) -> str:
    """Draw how scores are spread, of goal frames and of others, with the threshold between them."""
    with mpl.rc_context(_STYLE):
        figure, (axes,) = _figure(1)
        edges = np.linspace(scores.min(), scores.max() + 1e-9, 41).tolist()
        for values, colour, label in ((scores[~in_goal], RED, "other frames"), (scores[in_goal], GREEN, "goal frames")):
            weights = np.full(len(values), 1 / max(len(values), 1))
            axes.hist(values, edges, weights=weights, color=colour, alpha=0.55, label=label)
        if np.isfinite(threshold):
            axes.axvline(threshold, color=_INK, linewidth=1, linestyle="--", label="threshold")
        axes.set_xlabel("reward")
        axes.set_ylabel("share of frames")
        axes.legend(frameon=False, fontsize=8, loc="upper center")
        return _svg(figure)


def draw_roc(
    scores: Float[np.ndarray, " n"],
    controls: Mapping[str, Float[np.ndarray, " n"]],
    in_goal: Bool[np.ndarray, " n"],
) -> str:
    """Draw goal frames found over other frames let through, of a reward and its controls."""
    with mpl.rc_context(_STYLE):
        figure, (axes,) = _figure(1)
        for (name, column), style in zip(controls.items(), (":", "--", "-."), strict=False):
            curve = roc_curve(column, in_goal)
            axes.plot(curve.false_positive_rates, curve.recalls, style, color=GREY, linewidth=1.2, label=name)
        curve = roc_curve(scores, in_goal)
        axes.plot(curve.false_positive_rates, curve.recalls, color=BLUE, linewidth=2, label="the reward")
        axes.plot([0, 1], [0, 1], color=GREY, linewidth=0.5)
        axes.set_xlabel("other frames let through")
        axes.set_ylabel("goal frames found")
        axes.legend(frameon=False, fontsize=8, loc="lower right")
        return _svg(figure)


def draw_reliability(scores: Float[np.ndarray, " n"], in_goal: Bool[np.ndarray, " n"]) -> str:
    """Draw the share of goal frames over the reward, read as a probability."""
    with mpl.rc_context(_STYLE):
        figure, (axes,) = _figure(1)
        bins = reliability(scores, in_goal)
        axes.plot([0, 1], [0, 1], color=GREY, linewidth=0.5)
        axes.plot([one.predicted for one in bins], [one.in_goal for one in bins], "o-", color=BLUE, markersize=4)
        axes.set_xlabel("reward, as a probability")
        axes.set_ylabel("share in the goal")
        return _svg(figure)


def draw_curves(curves: Sequence[Curve]) -> str:
    """Draw the reward over variables of the state: the mean, where most frames lie, and the success bounds."""
    with mpl.rc_context(_STYLE):
        figure, panels = _figure(len(curves))
        for axes, curve in zip(panels, curves, strict=True):
            low, high = curve.bounds
            left, right = curve.centres[0], curve.centres[-1]
            if np.isfinite(curve.bounds).any():
                axes.axvspan(max(low, left), min(high, right), color=GREEN, alpha=0.15, linewidth=0)
            axes.fill_between(curve.centres, curve.low, curve.high, color=BLUE, alpha=0.2, linewidth=0)
            axes.plot(curve.centres, curve.mean, color=BLUE, linewidth=1.6)
            axes.set_xlabel(curve.variable)
        panels[0].set_ylabel("reward")
        return _svg(figure)


def draw_map(found: StateMap) -> str:
    """Draw the mean reward over two variables of the state, the success bounds outlined; what is unknown is blank."""
    with mpl.rc_context(_STYLE):
        figure, (axes,) = _figure(1)
        axes.grid(visible=False)
        levels = mpl.colormaps["viridis"].resampled(_LEVELS)
        mesh = axes.pcolormesh(*found.edges, np.ma.masked_invalid(found.mean), cmap=levels)
        figure.colorbar(mesh, ax=axes, label="mean reward").outline.set_visible(False)
        shown = [(float(edges[0]), float(edges[-1])) for edges in found.edges]
        corners = [np.clip(bounds, *ends) for bounds, ends in zip(found.bounds, shown, strict=True)]
        (left, right), (low, high) = corners
        if found.bounded:
            for colour, width in (("white", 3.4), ("black", 1.4)):  # seen on every colour, light or dark
                outline = Rectangle((left, low), right - left, high - low, fill=False, color=colour, linewidth=width)
                outline.set_clip_on(False)
                axes.add_patch(outline)
        axes.set_xlabel(found.variables[0])
        axes.set_ylabel(found.variables[1])
        return _svg(figure)


def draw_comparison(aurocs: Mapping[str, Estimate], controls: Mapping[str, float | None]) -> str:
    """Draw the AUROC of every reward with its interval, and of its best control."""
    with mpl.rc_context(_STYLE):
        figure = Figure(figsize=(7.2, 0.7 + 0.28 * len(aurocs)), layout="constrained")
        axes = figure.add_subplot()
        for row, (name, found) in enumerate(aurocs.items()):
            axes.plot([found.low, found.high], [row, row], color=BLUE, linewidth=2, alpha=0.6)
            axes.plot(found.value, row, "o", color=BLUE, label="the reward" if row == 0 else None)
            control = controls.get(name)
            if control is not None:
                axes.plot(control, row, "|", color=RED, markersize=11, label="its best control" if row == 0 else None)
        axes.axvline(0.5, color=GREY, linewidth=0.6)
        axes.set_yticks(range(len(aurocs)), [_short(name) for name in aurocs])
        axes.set_ylim(len(aurocs) - 0.5, -0.5)
        axes.set_xlabel("AUROC (0.5 is chance)")
        _plain(axes)
        axes.legend(frameon=False, fontsize=8, loc="upper left", bbox_to_anchor=(1, 1))
        return _svg(figure)


def draw_lines(lines: Mapping[str, Sequence[tuple[int, float]]], label: str, *, starts: Sequence[int] = ()) -> str:
    """Draw numbers over the steps of a training, or of several one after another.

    Args:
        lines: Points of each line, by its name.
        label: What the numbers are.
        starts: Steps at which the next training begins.
    """
    with mpl.rc_context(_STYLE):
        figure, (axes,) = _figure(1)
        looks = cycle(product(("-", "--", ":"), (BLUE, GREEN, RED)))
        for (name, points), (dashes, colour) in zip(lines.items(), looks, strict=False):
            axes.plot(*zip(*points, strict=True), dashes, color=colour, linewidth=1.6, label=name)
        for start in starts:
            axes.axvline(start, color=GREY, linewidth=1, linestyle=":")
        axes.xaxis.set_major_locator(MaxNLocator(4))  # more would run into each other at 100,000 steps
        axes.set_xlabel("steps")
        axes.set_ylabel(label)
        if len(lines) > 1:
            axes.legend(frameon=False, fontsize=8, loc="upper left")
        return _svg(figure)


def draw_gains(gains: Mapping[str, Estimate], marked: str, label: str) -> str:
    """Draw differences with their intervals, one row for each.

    Args:
        gains: The differences, by name.
        marked: Name of the one that stands out.
        label: What the numbers are.
    """
    with mpl.rc_context(_STYLE):
        figure, axes = _wide_figure(max(3.2, 0.8 + 0.28 * len(gains)))  # as high as that of the steps beside it
        for row, (name, found) in enumerate(gains.items()):
            colour = BLUE if name == marked else GREY
            axes.plot([found.low, found.high], [row, row], color=colour, linewidth=2.5, alpha=0.6)
            axes.plot(found.value, row, "o", color=colour)
        axes.axvline(0, color=_INK, linewidth=0.8)
        axes.set_yticks(range(len(gains)), [_short(name) for name in gains])
        axes.set_ylim(len(gains) - 0.5, -0.5)
        axes.set_xlabel(label)
        return _svg(figure)


def draw_steps(lines: Mapping[str, Sequence[float]], levels: Mapping[str, float], label: str) -> str:
    """Draw numbers before an episode and after each of its steps, beside levels that take no steps.

    Args:
        lines: Numbers of each line, by its name, from step 0; five at most are drawn.
        levels: Numbers of what has no steps, by name; four at most are drawn.
        label: What the numbers are.
    """
    with mpl.rc_context(_STYLE):
        figure, axes = _wide_figure(3.2)
        for (name, values), colour in zip(lines.items(), (BLUE, RED, GREEN, "#9467bd", "#ff7f0e"), strict=False):
            axes.plot(values, "o-", color=colour, linewidth=1.6, markersize=3, label=_short(name))
        for (name, value), style in zip(levels.items(), ("--", ":", "-.", "-"), strict=False):
            axes.axhline(value, color=GREY, linestyle=style, linewidth=1.4, label=_short(name))
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
        axes.set_xlabel("steps of an episode")
        axes.set_ylabel(label)
        figure.legend(frameon=False, fontsize=8, loc="outside lower center", ncols=2)
        return _svg(figure)


def draw_spells(rewards: Float[np.ndarray, " n"], starts: Sequence[int]) -> str:
    """Draw the reward of each frame, with a line where something begins.

    Args:
        rewards: Of each frame.
        starts: Numbers of frames.
    """
    with mpl.rc_context(_STYLE):
        figure, axes = _wide_figure(2.6)
        axes.plot(rewards, color=BLUE, linewidth=1.4)
        for start in starts:
            axes.axvline(start, color=GREY, linewidth=0.7, linestyle=":")
        axes.set_xlabel("frame")
        axes.set_ylabel("reward")
        return _svg(figure)


def picture_data(picture: UInt8[np.ndarray, "h w 3"], size_px: int = _PICTURE_PX) -> str:
    """A small picture as a data address; its longer side has at most so many pixels."""
    image = Image.fromarray(picture)
    image.thumbnail((size_px, size_px))
    held = io.BytesIO()
    image.save(held, "WEBP", quality=_QUALITY)
    return f"data:image/webp;base64,{base64.b64encode(held.getvalue()).decode()}"


def _figure(panels: int) -> tuple[Figure, list[Axes]]:
    across = min(panels, 3)
    down = -(-panels // across)
    figure = Figure(figsize=(3.6 * across, 2.7 * down), layout="constrained")
    grid = list(figure.subplots(down, across, squeeze=False).flat)
    for axes in grid[panels:]:
        axes.set_visible(False)
    for axes in grid[:panels]:
        _plain(axes)
    return figure, grid[:panels]


def _wide_figure(height: float) -> tuple[Figure, Axes]:
    figure = Figure(figsize=(5.4, height), layout="constrained")
    axes = figure.add_subplot()
    _plain(axes)
    return figure, axes


def _plain(axes: Axes) -> None:
    axes.patch.set_alpha(0)
    axes.grid(color=GREY, alpha=0.25, linewidth=0.6)
    axes.set_axisbelow(True)
    axes.spines[["top", "right"]].set_visible(False)


def _short(name: str) -> str:
    return name if len(name) <= 40 else f"{name[:39]}…"


def _svg(figure: Figure) -> str:
    """The drawing alone, for a page that holds many: in the page's colours and font, and with names of its own."""
    figure.patch.set_alpha(0)
    FigureCanvasSVG(figure)
    held = io.StringIO()
    figure.savefig(held, format="svg", metadata={"Date": None, "Creator": None})
    drawing = held.getvalue()
    drawing = drawing[drawing.index("<svg") :].replace(_INK, "currentColor")
    for unwanted in _UNWANTED:
        drawing = unwanted.sub("", drawing)
    drawing = drawing.replace("<svg ", f'<svg style="max-width: {7 * figure.get_figwidth():.0f}rem" ', 1)
    digest = hashlib.sha256(drawing.encode()).hexdigest()[:8]
    return _REFERENCE.sub(rf"\g<1>\g<2>-{digest}", drawing)

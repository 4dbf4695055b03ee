"""Figures in one look, drawn into memory and saved whole."""

from pathlib import Path

from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from vlmrm.atomic import whole_file

BLUE, GREEN, GREY = "#1f77b4", "#2ca02c", "#888888"


def new_figure(*, rows: int = 1) -> tuple[Figure, list[Axes]]:
    """An empty figure with panels below each other that share their x axis.

    Works without a display and leaves matplotlib's global state alone.

    Args:
        rows: How many panels.
    """
    figure = Figure(figsize=(8.0, 1.0 + 2.6 * rows), layout="constrained")
    FigureCanvasAgg(figure)
    grid = figure.subplots(rows, 1, sharex=True, squeeze=False)
    axes = [row[0] for row in grid]
    for panel in axes:
        panel.grid(color="#dddddd", linewidth=0.6)
        panel.set_axisbelow(True)
        panel.spines[["top", "right"]].set_visible(False)
    return figure, axes


def save_figure(figure: Figure, path: Path) -> Path:
    """Write a figure as PNG; the file is whole or not there."""
    with whole_file(path) as unfinished:
        figure.savefig(unfinished, dpi=120)
    return path

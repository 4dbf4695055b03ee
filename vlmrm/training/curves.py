"""Success and reward over the steps of a run: does what the agent is paid for move with what is wanted?"""

from collections.abc import Mapping, Sequence
from pathlib import Path

from matplotlib.axes import Axes

from vlmrm.report.figures import BLUE, GREEN, GREY, new_figure, save_figure
from vlmrm.training.run.metrics import MetricsRow


def draw_curves(
    rows: Sequence[MetricsRow],
    path: Path,
    *,
    title: str = "",
    levels: Mapping[str, float] | None = None,
    compared: Sequence[MetricsRow] = (),
) -> Path:
    """Draw success (or, where there is no rule, the environment's own return) above the text reward.

    Args:
        rows: Rows of ``metrics.csv``.
        path: A PNG file.
        title: Above the figure.
        levels: Horizontal lines of the upper panel, each with its name.
        compared: Rows of the same algorithm trained on the environment's own reward.
    """
    figure, (upper, lower) = new_figure(rows=2)
    judged = any(row.eval_success is not None for row in rows)
    column = "eval_success" if judged else "eval_env_return"
    _plot(upper, rows, column, colour=GREEN, label="text reward" if compared else "evaluation")
    _plot(upper, compared, column, colour=GREY, label="environment's own reward")
    for name, level in (levels or {}).items():
        upper.axhline(level, color=GREY, linestyle=":", linewidth=1)
        upper.annotate(name, (1, level), xycoords=("axes fraction", "data"), ha="right", va="bottom", fontsize=8)
    upper.set_ylabel("success" if judged else "environment's return")
    if judged:
        upper.set_ylim(-0.03, 1.03)
    scored = any(row.train_vlm_reward is not None for row in rows)
    _plot(lower, rows, "train_vlm_reward" if scored else "train_env_reward", colour=BLUE, label="training")
    _plot(lower, rows, "eval_vlm_reward", colour=GREEN, label="evaluation")
    _plot(lower, rows, "eval_second_reward", colour=GREY, label="second reward")
    lower.set_ylabel("text reward per step" if scored else "environment's reward per step")
    lower.set_xlabel("environment steps")
    upper.set_title(title, fontsize=10, color=GREY)
    for panel in (upper, lower):
        if panel.get_legend_handles_labels()[0]:
            panel.legend(fontsize=8, loc="best", framealpha=0.85)
    return save_figure(figure, path)


def _plot(panel: Axes, rows: Sequence[MetricsRow], column: str, *, colour: str, label: str) -> None:
    points = [(row.step, value) for row in rows if (value := getattr(row, column)) is not None]
    if points:
        steps, values = zip(*points, strict=True)
        panel.plot(steps, values, color=colour, marker="o", markersize=2.5, linewidth=1.4, label=label)

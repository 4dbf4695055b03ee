"""Metrics: pure functions on arrays of scores and labels.

- `auroc`, `average_precision`, `goal_epic`, `false_positive_rate`: how well scores tell the goal from what is not.
- `estimate`, `Estimate`: any of them with a bootstrap interval.
"""

from vlmrm.metrics.labelled_scores import (
    Estimate,
    auroc,
    average_precision,
    estimate,
    false_positive_rate,
    goal_epic,
)

__all__ = ["Estimate", "auroc", "average_precision", "estimate", "false_positive_rate", "goal_epic"]

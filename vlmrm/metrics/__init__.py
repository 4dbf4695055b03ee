"""Metrics: pure functions on arrays of scores and labels.

Goal against other frames, one score and one label per frame:

- `auroc`, `average_precision`: how well scores rank goal frames above others.
- `goal_epic`: EPIC distance of a reward of states to the goal's indicator.
- `false_positive_rate`: other frames that pass where a share of the goal frames is found.
- `threshold_at_false_positives`: which threshold to choose.
- `at_threshold`, `Operating`: recall, false positives and precision of a threshold.
- `roc_curve`, `RocCurve`: recall over false positives at every threshold.
- `expected_calibration_error`, `brier_score`: how far probabilities are from what they say.
- `reliability`, `ReliabilityBin`: the share of goal frames beside the probability, bin by bin.
- `border_scores`, `Border`: how well each success bound is told while all others are met.

Intervals:

- `estimate`, `estimates`, `Estimate`: any metric, or several at once, with a bootstrap interval.
- `mean_estimate`: a mean over pictures, or of differences between pairs, by groups that count alike.
- `paired_difference`: two rewards on the same resamples.
- `share_estimate`: so many of so many, by Wilson's score.
- `interquartile_mean`, `iqm_over_seeds`: an average over training runs that outliers hardly move.

Other columns:

- `spearman`, `kendall`: correlations of ranks.
- `value_order_correlation`: whether scores rise with time within episodes, which cannot see failure.
- `episode_auroc`: success against failure of whole episodes.
- `confusion_matrix`, `diagonal_wins`, `DiagonalWins`: rewards of several goals on frames of each.
- `signal_to_offset`: how much of a reward varies with what an agent does.
- `accuracy_difference`, `flips`, `Flips`: two classifiers on the same pictures.
- `monosemanticity`, `mean_similarity`: whether latents are active on frames that look alike, and what chance gives.
- `epic`, `Transitions`, `StateActions`: EPIC distance of two rewards of transitions.
"""

from vlmrm.metrics.answers import Flips, accuracy_difference, flips
from vlmrm.metrics.border import Border, border_scores
from vlmrm.metrics.calibration import ReliabilityBin, brier_score, expected_calibration_error, reliability
from vlmrm.metrics.confusion import DiagonalWins, confusion_matrix, diagonal_wins
from vlmrm.metrics.correlations import kendall, spearman
from vlmrm.metrics.episodes import episode_auroc, value_order_correlation
from vlmrm.metrics.interquartile import interquartile_mean, iqm_over_seeds
from vlmrm.metrics.labelled_scores import (
    auroc,
    average_precision,
    estimate,
    estimates,
    goal_epic,
    paired_difference,
)
from vlmrm.metrics.monosemanticity import mean_similarity, monosemanticity
from vlmrm.metrics.offset import signal_to_offset
from vlmrm.metrics.resampling import Estimate, mean_estimate
from vlmrm.metrics.reward_distance import StateActions, Transitions, epic
from vlmrm.metrics.shares import share_estimate
from vlmrm.metrics.thresholds import (
    Operating,
    RocCurve,
    at_threshold,
    false_positive_rate,
    roc_curve,
    threshold_at_false_positives,
)

__all__ = [
    "Border",
    "DiagonalWins",
    "Estimate",
    "Flips",
    "Operating",
    "ReliabilityBin",
    "RocCurve",
    "StateActions",
    "Transitions",
    "accuracy_difference",
    "at_threshold",
    "auroc",
    "average_precision",
    "border_scores",
    "brier_score",
    "confusion_matrix",
    "diagonal_wins",
    "epic",
    "episode_auroc",
    "estimate",
    "estimates",
    "expected_calibration_error",
    "false_positive_rate",
    "flips",
    "goal_epic",
    "interquartile_mean",
    "iqm_over_seeds",
    "kendall",
    "mean_estimate",
    "mean_similarity",
    "monosemanticity",
    "paired_difference",
    "reliability",
    "roc_curve",
    "share_estimate",
    "signal_to_offset",
    "spearman",
    "threshold_at_false_positives",
    "value_order_correlation",
]

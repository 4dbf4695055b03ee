"""How far frames lie beyond a task's success bounds, in numbers that can be added up over variables."""

import numpy as np
from jaxtyping import Bool, Float

from vlmrm.data.labelled import LabelledFrames
from vlmrm.errors import SpecError
from vlmrm.tasks import SuccessRule


def beyond(labels: LabelledFrames, rule: SuccessRule, name: str) -> Float[np.ndarray, " n"]:
    """Return how far each frame lies beyond the bounds of one variable, in its own unit; 0 inside.

    Args:
        labels: What is known of the frames.
        rule: The bounds.
        name: Name of the variable.

    Raises:
        SpecError: Nothing is known of it.
    """
    if name not in labels.states:
        raise SpecError(f"nothing is known of {name}, which has success bounds.")
    low, high = rule.where[name]
    values = np.asarray(labels.states[name], dtype=float)
    return np.asarray(np.maximum(np.maximum(low - values, values - high), 0.0), dtype=float)


def scaled_distance(labels: LabelledFrames, rule: SuccessRule) -> Float[np.ndarray, " n"]:
    """Return how far each frame lies beyond all bounds: the sum over variables, each as a share of its own scale.

    A variable's scale is the width of its bounds; where one side is open, half of the range that the frames cover.

    Args:
        labels: What is known of the frames.
        rule: The bounds.

    Raises:
        SpecError: Nothing is known of a variable.

    Example:
        >>> import torch
        >>> frames = LabelledFrames(
        ...     frames=torch.zeros(2, 1, 1, 3, dtype=torch.uint8), in_goal=np.array([True, False]), names=["a", "b"],
        ...     states={"angle_deg": np.array([5.0, 32.0])},
        ... )
        >>> scaled_distance(frames, SuccessRule(where={"angle_deg": (-10, 10)}, within_last=1, at_least=1)).tolist()
        [0.0, 1.1]
    """
    total = np.zeros(len(labels))
    for name, (low, high) in rule.where.items():
        width = high - low
        distance = beyond(labels, rule, name)
        scale = width if np.isfinite(width) and width > 0 else float(np.ptp(labels.states[name])) / 2
        total += distance / (scale or 1.0)
    return total


def misses_alone(labels: LabelledFrames, rule: SuccessRule, name: str) -> Bool[np.ndarray, " n"]:
    """Return which frames miss the bounds of one variable and meet all others.

    Args:
        labels: What is known of the frames.
        rule: The bounds.
        name: Name of the variable.

    Raises:
        SpecError: Nothing is known of a variable.
    """
    others = [beyond(labels, rule, other) == 0 for other in rule.where if other != name]
    return np.asarray((beyond(labels, rule, name) > 0) & np.all([np.full(len(labels), True), *others], axis=0))

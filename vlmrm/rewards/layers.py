"""What a spec may put on top of its head, checked when the spec is made; needs no torch.

``views`` are crops of each frame, whose mean is scored. From the score of a frame to the reward of a step:
``few_shot`` corrects it by labelled frames, ``uncertainty`` takes off some of what is not sure, a ``judge`` replaces it
where it is high (both in `vlmrm.rewards.doubt`), ``scaling`` changes its scale, ``threshold`` makes 0 and 1 of it, and
``over_time`` makes rewards of steps.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from vlmrm.errors import SpecError
from vlmrm.rewards.checks import make_options, require_above_0, require_kind, require_number, require_whole


@dataclass(frozen=True, kw_only=True)
class ViewsOptions:
    """Crops of each frame whose mean is scored; `vlmrm.encoders.views` says more."""

    scales: Sequence[int | float]
    """Sides of the crops as shares of the frame's, above 0 to 1."""
    positions: str = "centre"
    """``centre``, ``corners``, or ``attention``: where the encoder looks most."""


def views_options(given: Mapping[str, Any]) -> ViewsOptions:
    """The options of ``views``, checked but for their values, which the encoder checks.

    Args:
        given: What the spec says.

    Raises:
        SpecError: There is no such option, or `scales` are missing.
    """
    options: ViewsOptions = make_options(ViewsOptions, "views", given)
    return options


@dataclass(frozen=True, kw_only=True)
class FewShotOptions:
    """Labelled frames that correct the score of the sentences; `vlmrm.rewards.few_shot` has the formulas."""

    encoder: str
    """Who embedded the frames."""
    labels: Sequence[int | float]
    """Of the frames, 0 to 1."""
    embeddings: str
    """Of the frames, one after the other: float32, little-endian, in base64."""


@dataclass(frozen=True, kw_only=True)
class GoalPicturesOptions(FewShotOptions):
    """The frames instead of the goal sentence, and those with the label 0 instead of the baseline."""


@dataclass(frozen=True, kw_only=True)
class PrototypesOptions(FewShotOptions):
    """Proto-CLIP."""

    share: int | float | None = None
    """Of the pictures, 0 to 1."""
    sharpness: int | float | None = None
    """Above 0."""


@dataclass(frozen=True, kw_only=True)
class TipAdapterOptions(FewShotOptions):
    """Tip-Adapter."""

    alpha: int | float | None = None
    """At least 0: how far frames pull the scores of those near them."""
    beta: int | float | None = None
    """Above 0; the larger, the nearer a frame must be."""


@dataclass(frozen=True, kw_only=True)
class ProKeROptions(FewShotOptions):
    """ProKeR."""

    ridge: int | float | None = None
    """The larger, the nearer the scores stay to the sentences'."""
    beta: int | float | None = None
    """Above 0; the larger, the nearer a frame must be."""
    trust: int | float | None = None
    """Share of the labels' spread that the sentences are credited with, 0 to 1."""


FEW_SHOT: Mapping[str, type[FewShotOptions]] = {
    "goal_pictures": GoalPicturesOptions,
    "prototypes": PrototypesOptions,
    "tip_adapter": TipAdapterOptions,
    "proker": ProKeROptions,
}
"""By the method that a spec gives in ``few_shot``; an option at None has the default of its function."""
COCOOP = "cocoop"


@dataclass(frozen=True, kw_only=True)
class LearnedWordsOptions:
    """CoCoOp, which keeps what it has learned in the place of the frames; `vlmrm.rewards.tuning` has the formula."""

    encoder: str
    """Whose text tower reads the words."""
    learned: str
    """Safetensors, in base64."""


def few_shot_options(given: Mapping[str, Any]) -> FewShotOptions | LearnedWordsOptions:
    """The options of ``few_shot``, checked.

    Args:
        given: What the spec says: ``method``, its options, and the frames.

    Raises:
        SpecError: There is no such method, or it has no such option, or there are no frames.
    """
    others = {key: value for key, value in given.items() if key != "method"}
    if given.get("method") == COCOOP and {"encoder", "learned"} <= given.keys():
        words: LearnedWordsOptions = make_options(LearnedWordsOptions, f"few_shot {COCOOP!r}", others)
        return words
    method = require_kind("few_shot", "method", given, {**FEW_SHOT, COCOOP: LearnedWordsOptions})
    if method == COCOOP or not {"encoder", "labels", "embeddings"} <= given.keys():
        raise SpecError(
            f"few_shot {method!r} has not been fitted: it has no frames. RewardModel.fit(frames, labels) and "
            "`vlmrm fit` make a spec that has."
        )
    options: FewShotOptions = make_options(FEW_SHOT[method], f"few_shot {method!r}", others)
    return options


@dataclass(frozen=True, kw_only=True)
class ScalingOptions:
    """``(score - subtract) / divide``, and no farther than `lowest` and `highest`."""

    subtract: int | float = 0.0
    """First."""
    divide: int | float = 1.0
    """Above 0."""
    lowest: int | float | None = None
    """None: as low as it gets."""
    highest: int | float | None = None
    """Above `lowest`. None: as high as it gets."""

    def __post_init__(self) -> None:
        require_number("subtract", self.subtract)
        require_above_0("divide", self.divide)
        for name in ("lowest", "highest"):
            if getattr(self, name) is not None:
                require_number(name, getattr(self, name))
        low = -math.inf if self.lowest is None else self.lowest
        high = math.inf if self.highest is None else self.highest
        if low >= high:
            raise SpecError(f"nothing lies between lowest={self.lowest} and highest={self.highest}.")


def scaling_options(given: Mapping[str, Any]) -> ScalingOptions:
    """The options of ``scaling``, checked.

    Args:
        given: What the spec says.

    Raises:
        SpecError: There is no such option, or a value is impossible.

    Example:
        >>> scaling_options({"divide": 0.05}).divide
        0.05
    """
    options: ScalingOptions = make_options(ScalingOptions, "scaling", given)
    return options


@dataclass(frozen=True, kw_only=True)
class TimeOptions:
    """Of a way to make rewards of steps from scores of frames."""


@dataclass(frozen=True, kw_only=True)
class DifferenceOptions(TimeOptions):
    """What a step gains has no options."""


@dataclass(frozen=True, kw_only=True)
class ShapingOptions(TimeOptions):
    """Potential-based shaping."""

    gamma: int | float
    """The agent's discount, above 0 and at most 1."""

    def __post_init__(self) -> None:
        require_above_0("gamma", self.gamma)
        if self.gamma > 1:
            raise SpecError(f"gamma is the agent's discount, above 0 and at most 1; got {self.gamma!r}.")


@dataclass(frozen=True, kw_only=True)
class WindowOptions(TimeOptions):
    """The mean of the last frames."""

    length: int
    """How many frames, at least 2."""

    def __post_init__(self) -> None:
        require_whole("length", self.length)
        if self.length < 2:
            raise SpecError(f"a window of {self.length} frame is the frame itself; give a length of at least 2.")


@dataclass(frozen=True, kw_only=True)
class ClipOptions(TimeOptions):
    """The clip that ends with the frame after the step, as a video encoder sees it."""

    every: int = 1
    """Steps from one frame of the clip to the next, at least 1."""

    def __post_init__(self) -> None:
        require_whole("every", self.every)


OVER_TIME: Mapping[str, type[TimeOptions]] = {
    "difference": DifferenceOptions,
    "shaping": ShapingOptions,
    "window": WindowOptions,
    "clip": ClipOptions,
}
"""By the kind that a spec gives in ``over_time``."""


def time_options(given: Mapping[str, Any]) -> TimeOptions:
    """The options of ``over_time``, checked.

    Args:
        given: What the spec says: ``kind``, and the options of that kind.

    Raises:
        SpecError: There is no such kind, or it has no such option or needs one, or a value is impossible.

    Example:
        >>> time_options({"kind": "shaping", "gamma": 0.99})
        ShapingOptions(gamma=0.99)
    """
    kind = require_kind("over_time", "kind", given, OVER_TIME)
    others = {key: value for key, value in given.items() if key != "kind"}
    options: TimeOptions = make_options(OVER_TIME[kind], f"over_time {kind!r}", others)
    return options

"""What each head may be told in a spec, checked when the spec is made; needs no torch.

One frozen record per head, whose fields are the keys of the spec's ``options``, and one per way to look back, whose
fields stand in ``over_time`` beside its ``kind``.
"""

import math
from collections.abc import Mapping
from dataclasses import MISSING, dataclass, fields
from typing import Any, ClassVar

from vlmrm.errors import SpecError, near_matches


@dataclass(frozen=True, kw_only=True)
class HeadOptions:
    """Of one head."""

    needs_negatives: ClassVar[bool] = False
    """Whether it compares the goal with negative sentences."""
    scores: ClassVar[tuple[float, float]] = (0.0, 1.0)
    """Between which its scores lie."""


@dataclass(frozen=True, kw_only=True)
class ProjectionOptions(HeadOptions):
    """Goal-baseline projection has `alpha` and the baseline, which are the spec's own."""

    scores: ClassVar[tuple[float, float]] = (-1.0, 1.0)


@dataclass(frozen=True, kw_only=True)
class SoftmaxOptions(HeadOptions):
    """Softmax over the goal and the negatives."""

    needs_negatives: ClassVar[bool] = True
    temperature: int | float | None = None
    """Above 0; None: the model's own, 1 over its logit scale."""

    def __post_init__(self) -> None:
        if self.temperature is not None:
            _require_above_0("temperature", self.temperature)


@dataclass(frozen=True, kw_only=True)
class ContrastOptions(HeadOptions):
    """The goal's cosine less the negatives' has none."""

    needs_negatives: ClassVar[bool] = True
    scores: ClassVar[tuple[float, float]] = (-2.0, 2.0)


@dataclass(frozen=True, kw_only=True)
class SigmoidOptions(HeadOptions):
    """Sigmoid of the scaled and shifted cosine."""

    scale: int | float | None = None
    """Above 0; None: the model's own logit scale."""
    bias: int | float | None = None
    """None: the model's own logit bias, which only the SigLIP family has."""

    def __post_init__(self) -> None:
        if self.scale is not None:
            _require_above_0("scale", self.scale)
        if self.bias is not None:
            _require_number("bias", self.bias)


@dataclass(frozen=True, kw_only=True)
class MilestonesOptions(HeadOptions):
    """Goals to be reached in turn; the spec's `threshold` is of their probability, 0.5 where it is None."""

    temperature: int | float | None = None
    """Of the softmax over milestones and negatives, above 0; None: the model's own, 1 over its logit scale."""
    hold: int = 1
    """Frames in a row that must show a milestone, at least 1."""
    share: int | float = 0.5
    """Of a milestone's worth that is paid for coming near it, at least 0 and below 1."""

    def __post_init__(self) -> None:
        if self.temperature is not None:
            _require_above_0("temperature", self.temperature)
        _require_whole("hold", self.hold)
        _require_number("share", self.share)
        if not 0 <= self.share < 1:
            raise SpecError(f"share must be at least 0 and below 1, or nothing is left for arriving; got {self.share}.")


HEADS: Mapping[str, type[HeadOptions]] = {
    "projection": ProjectionOptions,
    "softmax": SoftmaxOptions,
    "contrast": ContrastOptions,
    "sigmoid": SigmoidOptions,
    "milestones": MilestonesOptions,
}
"""By the name that a spec gives."""


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
        _require_above_0("gamma", self.gamma)
        if self.gamma > 1:
            raise SpecError(f"gamma is the agent's discount, above 0 and at most 1; got {self.gamma!r}.")


@dataclass(frozen=True, kw_only=True)
class WindowOptions(TimeOptions):
    """The mean of the last frames."""

    length: int
    """How many frames, at least 2."""

    def __post_init__(self) -> None:
        _require_whole("length", self.length)
        if self.length < 2:
            raise SpecError(f"a window of {self.length} frame is the frame itself; give a length of at least 2.")


OVER_TIME: Mapping[str, type[TimeOptions]] = {
    "difference": DifferenceOptions,
    "shaping": ShapingOptions,
    "window": WindowOptions,
}
"""By the kind that a spec gives in ``over_time``."""


def head_options(head: str, given: Mapping[str, Any]) -> HeadOptions:
    """The options of a head, checked.

    Args:
        head: Its name.
        given: What the spec says.

    Raises:
        SpecError: There is no such head, or it has no such option, or a value is impossible.

    Example:
        >>> head_options("softmax", {"temperature": 0.01})
        SoftmaxOptions(temperature=0.01)
    """
    if head not in HEADS:
        raise SpecError(f"unknown head {head!r}. Near: {near_matches(head, list(HEADS))}.")
    options: HeadOptions = _made(HEADS[head], f"head {head!r}", given)
    return options


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
    if "kind" not in given:
        raise SpecError(f"over_time needs a kind: {', '.join(OVER_TIME)}. Got {dict(given)}.")
    kind, others = given["kind"], {key: value for key, value in given.items() if key != "kind"}
    if kind not in OVER_TIME:
        raise SpecError(f"unknown kind {kind!r} in over_time. Near: {near_matches(str(kind), list(OVER_TIME))}.")
    options: TimeOptions = _made(OVER_TIME[kind], f"over_time {kind!r}", others)
    return options


def _made(record: type[Any], name: str, given: Mapping[str, Any]) -> Any:
    known = {field.name: field for field in fields(record)}
    for key in given:
        if not known:
            raise SpecError(f"{name} has no options; got {key!r}.")
        if key not in known:
            raise SpecError(f"{name} has no option {key!r}. Near: {near_matches(key, list(known))}.")
    for key, field in known.items():
        if field.default is MISSING and key not in given:
            raise SpecError(f"{name} needs {key!r}.")
    return record(**given)


def _require_number(name: str, value: Any) -> None:
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise SpecError(f"{name} must be a number; got {value!r}.")


def _require_above_0(name: str, value: Any) -> None:
    _require_number(name, value)
    if value <= 0:
        raise SpecError(f"{name} must be above 0; got {value!r}.")


def _require_whole(name: str, value: Any) -> None:
    if isinstance(value, bool) or not isinstance(value, int) or value < 1:
        raise SpecError(f"{name} must be a whole number of at least 1; got {value!r}.")

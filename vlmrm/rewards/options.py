"""What each head may be told in a spec, checked when the spec is made; needs no torch.

One frozen record per head. Its fields are the keys of the spec's ``options``.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any, ClassVar

from vlmrm.errors import SpecError, near_matches


@dataclass(frozen=True, kw_only=True)
class HeadOptions:
    """Of one head."""

    needs_negatives: ClassVar[bool] = False
    """Whether it compares the goal with negative sentences."""


@dataclass(frozen=True, kw_only=True)
class ProjectionOptions(HeadOptions):
    """Goal-baseline projection has `alpha` and the baseline, which are the spec's own."""


@dataclass(frozen=True, kw_only=True)
class SoftmaxOptions(HeadOptions):
    """Softmax over the goal and the negatives."""

    needs_negatives: ClassVar[bool] = True
    temperature: int | float | None = None
    """Above 0; None: the model's own, 1 over its logit scale."""
    threshold: int | float | None = None
    """Of the probability, 0 to 1: 1 above it, else 0. None: the probability itself."""

    def __post_init__(self) -> None:
        _require_above_0("temperature", self.temperature)
        _require_share("threshold", self.threshold)


@dataclass(frozen=True, kw_only=True)
class ContrastOptions(HeadOptions):
    """The goal's cosine less the negatives' has none."""

    needs_negatives: ClassVar[bool] = True


@dataclass(frozen=True, kw_only=True)
class SigmoidOptions(HeadOptions):
    """Sigmoid of the scaled and shifted cosine."""

    scale: int | float | None = None
    """Above 0; None: the model's own logit scale."""
    bias: int | float | None = None
    """None: the model's own logit bias, which only the SigLIP family has."""
    threshold: int | float | None = None
    """Of the probability, 0 to 1: 1 above it, else 0. None: the probability itself."""

    def __post_init__(self) -> None:
        _require_above_0("scale", self.scale)
        _require_number("bias", self.bias)
        _require_share("threshold", self.threshold)


HEADS: Mapping[str, type[HeadOptions]] = {
    "projection": ProjectionOptions,
    "softmax": SoftmaxOptions,
    "contrast": ContrastOptions,
    "sigmoid": SigmoidOptions,
}
"""By the name that a spec gives."""


def head_options(head: str, given: Mapping[str, Any]) -> HeadOptions:
    """The options of a head, checked.

    Args:
        head: Its name.
        given: What the spec says.

    Raises:
        SpecError: There is no such head, or it has no such option, or a value is impossible.

    Example:
        >>> head_options("softmax", {"temperature": 0.01})
        SoftmaxOptions(temperature=0.01, threshold=None)
    """
    if head not in HEADS:
        raise SpecError(f"unknown head {head!r}. Near: {near_matches(head, list(HEADS))}.")
    kind = HEADS[head]
    known = [field.name for field in fields(kind)]
    for key in given:
        if not known:
            raise SpecError(f"head {head!r} has no options; got {key!r}.")
        if key not in known:
            raise SpecError(f"head {head!r} has no option {key!r}. Near: {near_matches(key, known)}.")
    return kind(**given)


def _require_number(name: str, value: Any) -> None:
    if value is None:
        return
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise SpecError(f"{name} must be a number; got {value!r}.")


def _require_above_0(name: str, value: Any) -> None:
    _require_number(name, value)
    if value is not None and value <= 0:
        raise SpecError(f"{name} must be above 0; got {value!r}.")


def _require_share(name: str, value: Any) -> None:
    _require_number(name, value)
    if value is not None and not 0 <= value <= 1:
        raise SpecError(f"{name} must lie in 0 to 1, as the probability does; got {value!r}.")

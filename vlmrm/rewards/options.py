"""What each head may be told in a spec, checked when the spec is made; needs no torch.

One frozen record per head, whose fields are the keys of the spec's ``options``.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from vlmrm.errors import SpecError, near_matches
from vlmrm.rewards.checks import make_options, require_above_0, require_number, require_whole


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
            require_above_0("temperature", self.temperature)


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
            require_above_0("scale", self.scale)
        if self.bias is not None:
            require_number("bias", self.bias)


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
            require_above_0("temperature", self.temperature)
        require_whole("hold", self.hold)
        require_number("share", self.share)
        if not 0 <= self.share < 1:
            raise SpecError(f"share must be at least 0 and below 1, or nothing is left for arriving; got {self.share}.")


@dataclass(frozen=True, kw_only=True)
class AutoClipOptions(HeadOptions):
    """Prompt templates that each frame weighs anew; goal, baseline and negatives are put into all of them."""

    scores: ClassVar[tuple[float, float]] = (-1.0, 1.0)
    templates: Sequence[str]
    """Each with one "{}", where a sentence goes; at least one."""
    temperature: int | float | None = None
    """Of the softmax over goal, baseline and negatives, above 0; None: the model's own."""
    entropy_share: int | float = 0.85
    """Entropy of the templates' weights over that of equal ones: 1 weighs all alike, 0 takes the best alone."""

    def __post_init__(self) -> None:
        if self.temperature is not None:
            require_above_0("temperature", self.temperature)
        require_number("entropy_share", self.entropy_share)
        if not 0 <= self.entropy_share <= 1:
            raise SpecError(f"entropy_share must lie in 0 to 1; got {self.entropy_share!r}. The paper takes 0.85.")


@dataclass(frozen=True, kw_only=True)
class FactoredOptions(HeadOptions):
    """A goal with parts: the goal sentence names each factor in braces."""

    scores: ClassVar[tuple[float, float]] = (-1.0, 1.0)
    factors: Mapping[str, Sequence[str]]
    """The values of each factor by its name, the wanted one first."""


@dataclass(frozen=True, kw_only=True)
class EnsembleOptions(HeadOptions):
    """A weighted mean of other heads."""

    scores: ClassVar[tuple[float, float]] = (-math.inf, math.inf)
    parts: Sequence[Mapping[str, Any]]
    """Each a table with a weight and what a spec may say of its head: ``head``, ``options``, ``alpha``, ``prompts``,
    ``few_shot``, ``scaling``, ``threshold``. Sentences that a part does not give are those of the whole."""

    def __post_init__(self) -> None:
        if len(self.parts) < 2:
            raise SpecError(f"an ensemble has at least two parts; got {len(self.parts)}.")
        for part in self.parts:
            if not isinstance(part, Mapping):
                raise SpecError(f"each part of an ensemble is a table with a weight and a head; got {part!r}.")
            if "weight" not in part:
                raise SpecError(f"a part of an ensemble needs a weight; got {dict(part)}.")
            require_above_0("weight", part["weight"])
        total = math.fsum(part["weight"] for part in self.parts)
        if abs(total - 1) > 1e-6:
            raise SpecError(f"the weights of an ensemble must sum to 1; got {total:g}.")


HEADS: Mapping[str, type[HeadOptions]] = {
    "projection": ProjectionOptions,
    "softmax": SoftmaxOptions,
    "contrast": ContrastOptions,
    "sigmoid": SigmoidOptions,
    "milestones": MilestonesOptions,
    "auto_clip": AutoClipOptions,
    "factored": FactoredOptions,
    "ensemble": EnsembleOptions,
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
        SoftmaxOptions(temperature=0.01)
    """
    if head not in HEADS:
        raise SpecError(f"unknown head {head!r}. Near: {near_matches(head, list(HEADS))}.")
    options: HeadOptions = make_options(HEADS[head], f"head {head!r}", given)
    return options

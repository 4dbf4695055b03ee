"""What each tuner may be told, checked before anything is trained."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from vlmrm.errors import SpecError
from vlmrm.tables import read_table
from vlmrm.values import require_above_0, require_choice, require_number, require_whole


@dataclass(frozen=True, kw_only=True)
class TunerOptions:
    """Base class for the options of a tuner."""

    steps: int = 40
    """Number of optimiser steps, at least 1; each sees all frames."""
    learning_rate: int | float
    """Learning rate of the first step, above 0, from where it falls to 0 along a cosine."""
    drift_penalty: int | float = 0.03
    """Weight of the penalty on embedding drift, at least 0."""
    seed: int = 0
    """Random seed of what does not begin at 0."""

    def __post_init__(self) -> None:
        require_whole("steps", self.steps)
        require_above_0("learning_rate", self.learning_rate)
        require_number("drift_penalty", self.drift_penalty)
        if self.drift_penalty < 0:
            raise SpecError(
                f"drift_penalty must be at least 0; got {self.drift_penalty!r}. 0 lets embeddings move at no cost."
            )
        if isinstance(self.seed, bool) or not isinstance(self.seed, int) or self.seed < 0:
            raise SpecError(f"seed must be a whole number of at least 0; got {self.seed!r}.")


@dataclass(frozen=True, kw_only=True)
class LowRankOptions(TunerOptions):
    """Options of the method ``lora``, CLIP-LoRA."""

    learning_rate: int | float = 2e-3
    rank: int = 2
    """Rank of the change of each matrix, at least 1."""
    alpha: int | float = 1.0
    """Factor of the change, above 0: it is multiplied by alpha / rank."""

    def __post_init__(self) -> None:
        super().__post_init__()
        require_whole("rank", self.rank)
        require_above_0("alpha", self.alpha)


@dataclass(frozen=True, kw_only=True)
class SingularValuesOptions(TunerOptions):
    """Options of the method ``svd``, CLIP-SVD."""

    learning_rate: int | float = 2e-2


@dataclass(frozen=True, kw_only=True)
class ContextOptions(TunerOptions):
    """Options of the method ``coop``, CoOp."""

    learning_rate: int | float = 5e-3
    context: int = 4
    """Number of vectors that are learned, at least 1."""

    def __post_init__(self) -> None:
        super().__post_init__()
        require_whole("context", self.context)


@dataclass(frozen=True, kw_only=True)
class ConditionalOptions(ContextOptions):
    """Options of the method ``cocoop``, CoCoOp."""


TUNERS: Mapping[str, type[TunerOptions]] = {
    "svd": SingularValuesOptions,
    "lora": LowRankOptions,
    "coop": ContextOptions,
    "cocoop": ConditionalOptions,
}
"""Options by the name of the method."""


def tuner_options(method: str, given: Mapping[str, Any]) -> TunerOptions:
    """The options of a method, checked.

    Args:
        method: Its name.
        given: Its options; those left out have their defaults.

    Raises:
        SpecError: There is no such method, or it has no such option, or a value is impossible.

    Example:
        >>> tuner_options("lora", {"rank": 4}).rank
        4
    """
    require_choice("method of tuning", method, TUNERS)
    return read_table(TUNERS[method], given, where=method)


def method_of(options: TunerOptions) -> str:
    """The name of the method that these options are of.

    Example:
        >>> method_of(LowRankOptions())
        'lora'
    """
    return next(name for name, kind in TUNERS.items() if kind is type(options))

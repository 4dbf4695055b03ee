"""What each tuner may be told, checked before anything is trained; needs no torch."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from vlmrm.errors import SpecError, near_matches
from vlmrm.rewards.checks import make_options, require_above_0, require_number, require_whole


@dataclass(frozen=True, kw_only=True)
class TunerOptions:
    """Of any tuner."""

    steps: int = 40
    """Of the optimiser, at least 1; each sees all frames."""
    learning_rate: int | float
    """Above 0; of the first step, from where it falls to 0 along a cosine."""
    stay: int | float = 0.03
    """At least 0: how dearly embeddings pay for moving away from where they were."""
    seed: int = 0
    """Of what begins at random."""

    def __post_init__(self) -> None:
        require_whole("steps", self.steps)
        require_above_0("learning_rate", self.learning_rate)
        require_number("stay", self.stay)
        if self.stay < 0:
            raise SpecError(f"stay must be at least 0; got {self.stay!r}. 0 lets embeddings move at no cost.")
        if isinstance(self.seed, bool) or not isinstance(self.seed, int) or self.seed < 0:
            raise SpecError(f"seed must be a whole number of at least 0; got {self.seed!r}.")


@dataclass(frozen=True, kw_only=True)
class LowRankOptions(TunerOptions):
    """CLIP-LoRA."""

    learning_rate: int | float = 2e-3
    rank: int = 2
    """Of the change of each matrix, at least 1."""
    alpha: int | float = 1.0
    """Above 0; the change is multiplied by alpha / rank."""

    def __post_init__(self) -> None:
        super().__post_init__()
        require_whole("rank", self.rank)
        require_above_0("alpha", self.alpha)


@dataclass(frozen=True, kw_only=True)
class SingularValuesOptions(TunerOptions):
    """CLIP-SVD."""

    learning_rate: int | float = 2e-2


@dataclass(frozen=True, kw_only=True)
class ContextOptions(TunerOptions):
    """CoOp."""

    learning_rate: int | float = 5e-3
    context: int = 4
    """Vectors that are learned, at least 1."""

    def __post_init__(self) -> None:
        super().__post_init__()
        require_whole("context", self.context)


@dataclass(frozen=True, kw_only=True)
class ConditionalOptions(ContextOptions):
    """CoCoOp."""


TUNERS: Mapping[str, type[TunerOptions]] = {
    "svd": SingularValuesOptions,
    "lora": LowRankOptions,
    "coop": ContextOptions,
    "cocoop": ConditionalOptions,
}
"""By the name of the method."""


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
    if method not in TUNERS:
        raise SpecError(f"unknown method {method!r} of tuning. Near: {near_matches(method, TUNERS)}.")
    options: TunerOptions = make_options(TUNERS[method], f"tuning by {method!r}", given)
    return options


def method_of(options: TunerOptions) -> str:
    """The name of the method that these options are of.

    Example:
        >>> method_of(LowRankOptions())
        'lora'
    """
    return next(name for name, kind in TUNERS.items() if kind is type(options))

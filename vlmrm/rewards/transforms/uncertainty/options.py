"""`UncertaintyOptions`: what every kind of ``uncertainty`` has."""

from dataclasses import dataclass
from typing import ClassVar

from vlmrm.errors import SpecError
from vlmrm.rewards.transforms.options import TransformOptions
from vlmrm.values import require_number


@dataclass(frozen=True, kw_only=True)
class UncertaintyOptions(TransformOptions):
    """Base class for the options of ``uncertainty``."""

    rescales: ClassVar[bool] = True
    pairs: ClassVar[str | None] = "how unsure a score is was asked for one goal, not for each text"
    passes_gradients: ClassVar[bool] = False
    kappa: int | float = 0.0
    """Number of standard deviations that are taken off the score: above 0 pessimistic, 0 none."""

    def __post_init__(self) -> None:
        require_number("kappa", self.kappa)
        if self.kappa < 0:
            raise SpecError(
                f"kappa must be at least 0, or the reward pays for what it does not know; got {self.kappa}."
            )

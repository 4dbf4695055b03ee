"""What caption training does, as a file can say it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from vlmrm.errors import SpecError, near_matches
from vlmrm.plain_files import parse_toml, read_text
from vlmrm.rlcf.captions.advantages import CAPTION_BASELINES, NORMALISED
from vlmrm.rlcf.captions.terms import Term, read_terms
from vlmrm.rlcf.writing import Writing
from vlmrm.tables import read_table, write_table


@dataclass(frozen=True, kw_only=True)
class CaptionTraining:
    """Choices of caption training: in each update some pictures, some captions of each, and a step of AdamW.

    Raises:
        SpecError: A value is impossible, or nothing would be learned.

    Example:
        >>> terms = {"similarity": {"encoder": "tab-m"}, "repetition": {"weight": 0.2}}
        >>> CaptionTraining.from_dict({"captioner": "tab-cap", "terms": terms}).terms["repetition"].weight
        0.2
    """

    captioner: str
    """Name of the captioner that training begins with."""
    terms: Mapping[str, Term] = field(metadata={"read": read_terms})
    """What captions are rewarded for, by name; see `vlmrm.rlcf.captions.terms`."""
    updates: int = 300
    """Steps of the optimiser."""
    pictures: int = 16
    """Pictures in each update."""
    samples: int = 6
    """Captions of each, drawn by chance."""
    learning_rate: int | float = 1e-4
    """Step size of AdamW."""
    tune: str = ""
    """Beginning of the names of the parameters that learn, as ``mapper.``; empty: all."""
    baseline: str = "loo"
    """What is taken off the rewards: ``mean``, ``loo``, ``group``, ``none``, ``greedy`` or ``value``."""
    normalised: str = "before"
    """When advantages are divided by their deviation: ``before`` terms are added, ``after``, or ``no``."""
    kl: int | float = 0.05
    """Weight of the divergence from the captioner that training begins with, per token."""
    value_weight: int | float = 0.5
    """Weight of the value head's loss, for the baseline ``value``."""
    temperature: int | float = 1.0
    """Divisor of logits where words are drawn."""
    most_tokens: int = 50
    """Tokens after which a caption is cut off."""
    most_norm: int | float = 1.0
    """Length above which a gradient is made shorter."""
    check_every: int = 25
    """Updates between two looks at held-out pictures, each of which is a checkpoint."""
    falls_by: int | float = 0.03
    """Fall of the held-out judge below its best, beside a reward that rises, of which a warning is given."""
    seed: int = 0
    """Decides pictures and captions."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "terms", read_terms(self.terms))
        for name, given, known in (
            ("baseline", self.baseline, CAPTION_BASELINES),
            ("normalised", self.normalised, NORMALISED),
        ):
            if given not in known:
                raise SpecError(f"{name} is one of {known}; got {given!r}. Near: {near_matches(given, known)}.")
        for name in ("updates", "pictures", "samples", "check_every"):
            if getattr(self, name) < 1:
                raise SpecError(f"{name} is at least 1; got {getattr(self, name)}.")
        if self.baseline in ("loo", "mean", "group") and self.samples < 2:
            raise SpecError(f"the baseline {self.baseline!r} compares captions of a picture; take samples=2 or more.")
        if not self.learning_rate > 0 or self.kl < 0 or not self.most_norm > 0:
            raise SpecError("learning_rate and most_norm are above 0, kl is at least 0.")
        self.writing.arguments()  # refuses what it cannot take

    @property
    def writing(self) -> Writing:
        """How captions are drawn."""
        return Writing(count=self.samples, sampled=True, temperature=self.temperature, most_tokens=self.most_tokens)

    @classmethod
    def from_dict(cls, values: Any) -> "CaptionTraining":
        """Return the choices of a table.

        Raises:
            SpecError: A key is unknown or missing, or a value impossible.
        """
        return read_table(cls, values)

    @classmethod
    def load(cls, path: Path) -> "CaptionTraining":
        """Return the choices of a TOML file.

        Raises:
            SpecError: It cannot be read, or as `from_dict`.
        """
        try:
            return cls.from_dict(parse_toml(read_text(path)))
        except (OSError, ValueError) as error:
            raise SpecError(f"{path} cannot be read: {error}.") from error

    def to_dict(self) -> dict[str, Any]:
        """Return the choices as a table again."""
        return write_table(self)

"""What a spec may say of how far a score is to be trusted, checked when the spec is made; needs no torch.

``uncertainty`` takes some of it off a score, and ``judge`` takes the place of a score that is high.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from vlmrm.errors import SpecError, near_matches
from vlmrm.rewards.checks import make_options, require_above_0, require_number

ENSEMBLES = ("prompts", "views", "encoders")


@dataclass(frozen=True, kw_only=True)
class UncertaintyOptions:
    """How unsure a reward is of a frame."""

    kappa: int | float = 0.0
    """Standard deviations that are taken off the score: above 0 pessimistic, 0 none."""

    def __post_init__(self) -> None:
        require_number("kappa", self.kappa)


@dataclass(frozen=True, kw_only=True)
class PosteriorOptions(UncertaintyOptions):
    """As a posterior of the encoder knows it (BayesVLM), which `RewardModel.fit_uncertainty` writes."""

    file: str
    """Of safetensors."""
    sha256: str
    """Of the file."""


@dataclass(frozen=True, kw_only=True)
class DisagreementOptions(UncertaintyOptions):
    """As the members of an ensemble disagree; see `vlmrm.rewards.disagreement`."""

    ensemble: str
    """``prompts``: goal sentences, ``views``: crops of the frame, ``encoders``: those of an ensemble."""

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.ensemble not in ENSEMBLES:
            near = near_matches(str(self.ensemble), ENSEMBLES)
            raise SpecError(f"unknown ensemble {self.ensemble!r} in uncertainty. Near: {near}.")


def uncertainty_options(given: Mapping[str, Any]) -> UncertaintyOptions:
    """The options of ``uncertainty``, checked.

    Args:
        given: What the spec says.

    Raises:
        SpecError: There is no such option, there is neither a file nor an ensemble, or a value is impossible.

    Example:
        >>> uncertainty_options({"ensemble": "prompts", "kappa": 1}).kappa
        1
    """
    if not {"ensemble", "file"} & given.keys():
        raise SpecError(
            f"uncertainty needs an ensemble ({', '.join(ENSEMBLES)}), or the file that RewardModel.fit_uncertainty "
            f"writes; got {', '.join(sorted(given)) or 'nothing'}."
        )
    kind = DisagreementOptions if "ensemble" in given else PosteriorOptions
    options: UncertaintyOptions = make_options(kind, "uncertainty", given)
    return options


@dataclass(frozen=True, kw_only=True)
class JudgeOptions:
    """A generative model that is asked about frames of a high score; `vlmrm.rewards.gate` has the formula."""

    model: str
    """``OWNER/NAME`` of the Hugging Face hub, or ``local-dir:FOLDER``."""
    question: str
    """That yes or no answers."""
    above: int | float
    """Score up to which the head's own counts, and beyond which the judge is asked."""
    bonus: int | float = 1.0
    """What a judge who is sure adds to `above`, above 0."""

    def __post_init__(self) -> None:
        for name in ("model", "question"):
            if not isinstance(getattr(self, name), str) or not getattr(self, name).strip():
                raise SpecError(f"{name} of a judge is a text; got {getattr(self, name)!r}.")
        require_number("above", self.above)
        require_above_0("bonus", self.bonus)


def judge_options(given: Mapping[str, Any]) -> JudgeOptions:
    """The options of ``judge``, checked.

    Args:
        given: What the spec says.

    Raises:
        SpecError: There is no such option, one is missing, or a value is impossible.

    Example:
        >>> judge_options({"model": "a/b", "question": "Is the robot kneeling?", "above": 0.6}).bonus
        1.0
    """
    options: JudgeOptions = make_options(JudgeOptions, "judge", given)
    return options

"""Every error the package raises on purpose: what went wrong, what was given, what to do."""

import difflib
import sys
import warnings
from collections.abc import Iterable
from pathlib import Path


class VlmrmError(Exception):
    """Root of all errors of this package."""


class PromptError(VlmrmError):
    """A prompt set cannot be used as a reward."""


class SpecError(VlmrmError):
    """A reward or training specification has a missing, unknown or impossible value."""


class FrameError(VlmrmError):
    """A frame has the wrong shape, type or size, or the environment does not render one."""


class EncoderError(VlmrmError):
    """An encoder could not be loaded, or gave numbers that are no embedding."""


class UnknownModel(EncoderError):
    """No model or pretrained tag has this name."""


class OfflineError(EncoderError):
    """The weights would have to be downloaded, and no download is possible."""


class VlmrmWarning(UserWarning):
    """Root of all warnings of this package."""


class OutOfDomainWarning(VlmrmWarning):
    """A built-in model is asked about frames or words that it was not trained on."""


class InvisibleGoalWarning(VlmrmWarning):
    """A goal sentence describes nothing that a picture could show."""


class WordingWarning(VlmrmWarning):
    """A sentence is worded in a way that encoders of pictures misread: a negation, a motion or an order."""


class StillFramesWarning(VlmrmWarning):
    """All frames of several episodes are one picture."""


class ScaleWarning(VlmrmWarning):
    """The parts of an ensemble have scores of different scales."""


class UnknownTask(VlmrmError):
    """No installed package provides a task of this name."""


class PairingError(VlmrmError):
    """Two parts were combined that would give wrong rewards together."""


class RunError(VlmrmError):
    """A run directory exists already, is incomplete, or holds a damaged checkpoint."""


class MissingExtra(VlmrmError):
    """An optional dependency is needed and not installed."""


class EnvValueWarning(VlmrmWarning):
    """An environment returned a value that is not of the usual form, and it was left out."""


class SurvivalBonusWarning(VlmrmWarning):
    """Episodes end early, and the constant part of the reward pays the agent for how long they last."""


class ChangedRewardWarning(VlmrmWarning):
    """Something outside of our wrapper changes the reward that an agent is paid."""


class CaptionWarning(UserWarning):
    """Captions get worse by a judge while the reward that trains them rises."""


_INSIDE = (str(Path(__file__).parent), "<@beartype")
_CHECKER = "jaxtyping"  # and beartype: where shapes are checked, each call of ours goes through them


def warn_user(message: str, category: type[Warning]) -> None:
    """Warn at the line that called this package, however deep inside the reason was found.

    Args:
        message: What is wrong, and what to do.
        category: Class of the warning.
    """
    frame, level = sys._getframe(1), 2
    while frame.f_back is not None and _is_inside(frame.f_code.co_filename):
        frame, level = frame.f_back, level + 1
    warnings.warn(message, category, stacklevel=level)


def _is_inside(file: str) -> bool:
    return file.startswith(_INSIDE) or _CHECKER in file


def near_matches(name: str, known: Iterable[str], *, at_most: int = 5) -> str:
    """The known names nearest to a mistyped one, for an error message.

    Args:
        name: What was asked for.
        known: All names that exist.
        at_most: How many to name.

    Returns:
        Comma-separated names, the nearest first; all names where none is near and there are few.

    Example:
        >>> near_matches("cartpole/uprigt", ["cartpole/upright", "acrobot/up"])
        'cartpole/upright'
    """
    names = sorted(known)
    near = difflib.get_close_matches(name, names, n=at_most, cutoff=0.5)
    return ", ".join(near or names[:at_most]) or "(none)"

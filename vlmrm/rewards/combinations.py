"""Which parts of a spec go together."""

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from vlmrm.errors import SpecError
from vlmrm.rewards.doubt import DisagreementOptions
from vlmrm.rewards.layers import LearnedWordsOptions
from vlmrm.rewards.options import HeadOptions

if TYPE_CHECKING:
    from vlmrm.rewards.spec import RewardSpec

_ONE_SCALE = ("softmax", "sigmoid")  # probabilities, whatever the encoder


def check_combinations(spec: "RewardSpec", options: HeadOptions) -> None:
    """Refuse layers that are no layers, and those that cannot stand around this head or beside one another.

    Args:
        spec: Whose tables have been read.
        options: Of its head.

    Raises:
        SpecError: The message names the keys.
    """
    few_shot, *_ = spec.few_shot_options(), spec.scaling_options(), spec.time_options(), spec.views_options()
    spec.judge_options()
    if few_shot is not None and few_shot.encoder != spec.encoder:
        raise SpecError(
            f"few_shot was fitted with {few_shot.encoder!r}, and the reward's encoder is {spec.encoder!r}. "
            "Fit it again with the other encoder."
        )
    if isinstance(few_shot, LearnedWordsOptions) and (spec.views or spec.head != "projection"):
        raise SpecError(
            f"few_shot 'cocoop' has learned the words of a projection of whole frames; this reward has "
            f"head={spec.head!r} and views={spec.views}."
        )
    spec.parts()
    kind = (spec.over_time or {}).get("kind")
    unsure = spec.uncertainty_options()
    if isinstance(unsure, DisagreementOptions):
        _check_disagreement(spec, unsure.ensemble, kind)
    elif unsure is not None and (spec.views or kind in ("window", "clip")):
        raise SpecError("the uncertainty of several frames or crops is not known; leave out views, window and clip.")
    if spec.views is not None and kind == "clip":
        raise SpecError("clips are made of whole frames; leave out views.")
    if spec.judge is not None and (spec.uncertainty or kind in ("window", "clip")):
        raise SpecError("a judge is asked about single frames of one score; leave out uncertainty, window and clip.")
    if spec.head == "milestones":
        _check_milestones(spec)
    if spec.threshold is not None:
        _check_threshold(spec, options)


def _check_disagreement(spec: "RewardSpec", ensemble: str, kind: str | None) -> None:
    if ensemble == "prompts" and len(spec.prompts.goal) < 2:
        raise SpecError("uncertainty of the ensemble 'prompts' needs at least 2 goal sentences; say it in other words.")
    if ensemble == "prompts" and (
        (spec.few_shot or {}).get("method") == "goal_pictures" or _all_say_their_own(spec.options or {})
    ):
        raise SpecError("uncertainty of the ensemble 'prompts' is of goal sentences, which this reward does not use.")
    if ensemble == "views" and (spec.views is None or kind == "window"):
        raise SpecError("uncertainty of the ensemble 'views' needs views, and no window; see `vlmrm.encoders.views`.")
    if ensemble == "encoders" and (spec.head not in _ONE_SCALE or spec.few_shot is not None):
        has = f"head={spec.head!r}" + (" and few_shot" if spec.few_shot else "")
        raise SpecError(
            f"encoders can be compared by the scores of the heads {' and '.join(_ONE_SCALE)}, without few_shot; "
            f"cosines have another spread in each. This reward has {has}."
        )


def _all_say_their_own(options: Mapping[str, Any]) -> bool:
    """Whether every part of an ensemble of heads has prompts of its own."""
    parts = options.get("parts") or ()
    return bool(parts) and all("prompts" in part for part in parts)


def _check_milestones(spec: "RewardSpec") -> None:
    if len(spec.prompts.goal) < 2:
        raise SpecError(
            "milestones are reached one after the other, and only one was given. List at least two in goal, or use "
            "another head."
        )
    if spec.over_time is not None:
        raise SpecError("milestones look back by themselves; leave out over_time.")
    for key in ("few_shot", "uncertainty", "judge", "scaling"):
        if getattr(spec, key) is not None:
            raise SpecError(f"milestones have a probability each, which {key} cannot change; leave it out.")


def _check_threshold(spec: "RewardSpec", options: HeadOptions) -> None:
    threshold, rescaled = spec.threshold, spec.few_shot or spec.uncertainty or spec.judge or spec.scaling
    low, high = (-math.inf, math.inf) if rescaled else options.scores
    number = isinstance(threshold, int | float) and not isinstance(threshold, bool)
    if threshold is None or not number or not low <= threshold <= high:
        raise SpecError(
            f"threshold must lie in {low:g} to {high:g}, as the scores of head {spec.head!r} do; got {threshold!r}."
        )

"""`correct`: a reward fitted to labels, and judged beside the one before it on labels that were kept aside."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from jaxtyping import Float
from numpy.typing import NDArray

from vlmrm.atomic import remove_folder
from vlmrm.errors import RunError, SpecError
from vlmrm.fitting import fit, tune
from vlmrm.fitting.tuning.tuners import WRITE_A_MODEL
from vlmrm.improving.proposing import score_and_embed
from vlmrm.metrics import Estimate, auroc, average_precision, paired_difference
from vlmrm.metrics.resampling import FEWEST
from vlmrm.rewards.model import RewardModel
from vlmrm.rewards.transforms.few_shot import FEW_SHOT
from vlmrm.rewards.transforms.scaling import ScalingOptions, mean_and_spread
from vlmrm.types import Frames

_LEAST = 2  # labels of each kind: one to fit, and one to judge by


@dataclass(frozen=True, kw_only=True, eq=False)
class Labelled:
    """Frames with labels, some of which are kept aside."""

    frames: Frames
    """Frames as the reward sees them."""
    names: Sequence[str]
    """Name of each frame's file."""
    in_goal: NDArray[Any]
    """Whether each frame shows the goal: True or False."""
    kept_aside: NDArray[Any]
    """Whether each label judges the reward instead of being fitted: True or False."""

    @classmethod
    def join(cls, parts: "Sequence[Labelled]") -> "Labelled":
        """Return the frames of several rounds, one after the other.

        Args:
            parts: At least one.
        """
        return cls(
            frames=torch.cat([part.frames for part in parts]),
            names=[name for part in parts for name in part.names],
            in_goal=np.concatenate([part.in_goal for part in parts]),
            kept_aside=np.concatenate([part.kept_aside for part in parts]),
        )

    def require_both_kinds(self) -> None:
        """Refuse labels that leave nothing to fit, or nothing to judge by.

        Raises:
            SpecError: There are fewer than two labels of one kind.
        """
        goals = int(self.in_goal.sum())
        others = len(self.in_goal) - goals
        if min(goals, others) < _LEAST:
            raise SpecError(
                f"{goals} of {len(self.in_goal)} labels say that the frame shows the goal, and {others} that it does "
                f"not; a correction needs at least {_LEAST} of each, one to fit and one to judge by. Label more of the "
                "frames, or have others proposed: by more rollouts or exploit search, or from an agent that at times "
                "reaches the goal."
            )


@dataclass(frozen=True, kw_only=True)
class Judged:
    """How well a reward tells the frames whose labels were kept aside."""

    auroc: float
    """Chance that a goal frame is paid more than another one; 0.5 is chance."""
    average_precision: float
    """Precision, averaged over the recalls of all thresholds."""

    def __str__(self) -> str:
        return f"AUROC {self.auroc:.3f}, average precision {self.average_precision:.3f}"


@dataclass(frozen=True, kw_only=True)
class ScoredLabel:
    """One labelled frame of a round, with its scores."""

    frame: str
    """Name of the frame's file."""
    in_goal: bool
    """Whether it shows the goal, as labelled."""
    kept_aside: bool
    """Whether the label judged the reward instead of being fitted."""
    before: float
    """Score by the reward before the round."""
    after: float
    """Score by the corrected reward."""


@dataclass(frozen=True, kw_only=True)
class Correction:
    """What labels have made of a reward; all of its numbers are of the labels kept aside, in this round and before."""

    method: str
    """What was fitted."""
    fitted: int
    """Number of labels that were fitted."""
    fitted_goals: int
    """How many of these show the goal."""
    kept_aside: int
    """Number of labels that judge the reward."""
    kept_aside_goals: int
    """How many of these show the goal."""
    before: Judged
    """The reward that was there before the round."""
    after: Judged
    """The corrected reward."""
    gain: Estimate
    """AUROC after less AUROC before, with its 95 % interval where five labels of each kind are kept aside."""
    frames: Sequence[ScoredLabel]
    """Frames of this round."""
    labels: str = ""
    """Digest of the labels of this round and those before it. Empty: of an earlier version, which noted none."""

    @property
    def refused(self) -> bool:
        """Whether the corrected reward is worse: a lower AUROC or, of the same, a lower average precision."""
        after, before = self.after, self.before
        return (after.auroc, after.average_precision) < (before.auroc, before.average_precision)

    def require_no_worse(self, where: str) -> None:
        """Refuse a reward that is worse than the one before it.

        Args:
            where: Names the round.

        Raises:
            RunError: It is; the message has the numbers.
        """
        if self.refused:
            raise RunError(
                f"{where}: the reward got worse on the {self.kept_aside} labels kept aside, {self.kept_aside_goals} of "
                f"the goal: before {self.before}; after {self.method} {self.after}. It is refused, and nothing is "
                "trained on it. Look at the labels of the round and correct them, or choose another method; then "
                "start again, and the round is fitted anew."
            )

    def to_dict(self) -> dict[str, Any]:
        """Return plain values, for JSON."""
        return asdict(self) | {"refused": self.refused}

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> "Correction":
        """The inverse of `to_dict`.

        Raises:
            RunError: They are not of this kind.
        """
        given = {name: value for name, value in values.items() if name != "refused"}
        try:
            given |= {name: Judged(**given[name]) for name in ("before", "after")}
            gain = {name: float("nan") if value is None else value for name, value in given["gain"].items()}
            given |= {"gain": Estimate(**gain), "frames": [ScoredLabel(**row) for row in given["frames"]]}
            return cls(**given)
        except (KeyError, TypeError, AttributeError) as error:
            raise RunError(f"no correction of a reward: {type(error).__name__}: {error}") from error


def digest_of(labelled: Sequence[Labelled]) -> str:
    """Return a digest of the labels of some rounds, whichever of them are kept aside.

    Args:
        labelled: Labelled frames of each round.
    """
    said = [dict(zip(one.names, one.in_goal.tolist(), strict=True)) for one in labelled]
    return hashlib.sha256(json.dumps(said, sort_keys=True).encode()).hexdigest()[:16]


def keep_aside(in_goal: NDArray[Any], share: float, seed: int) -> NDArray[Any]:
    """Return which labels are kept aside: the share of each kind, and of two or more at least one and never all.

    Args:
        in_goal: Whether each frame shows the goal.
        share: Share of the labels of each kind.
        seed: Random seed.

    Example:
        >>> in_goal = np.array([True] * 2 + [False] * 10 + [True])
        >>> aside = keep_aside(in_goal, 0.4, seed=0)
        >>> int(aside[in_goal].sum()), int(aside[~in_goal].sum())
        (1, 4)
    """
    aside, rng = np.zeros(len(in_goal), dtype=bool), np.random.default_rng([seed, 2])
    for kind in (True, False):
        rows = rng.permutation(np.flatnonzero(in_goal == kind))
        count = min(max(round(share * len(rows)), 1), len(rows) - 1)
        aside[rows[: max(count, 0)]] = True
    return aside


def correct(
    base: RewardModel, before: RewardModel, labelled: Sequence[Labelled], *, method: str, out: Path
) -> tuple[RewardModel, Correction]:
    """Fit a reward to the labels of all rounds, and judge it beside the one before the last round.

    Args:
        base: The reward that the first round began with, which is what is corrected.
        before: The reward before the last round.
        labelled: Labelled frames of each round.
        method: A method of `fit` or of `tune`.
        out: Folder for a tuned encoder; what is there is replaced.

    Raises:
        SpecError: There are fewer than two labels of one kind, or the reward cannot be fitted by this method.
    """
    known = Labelled.join(labelled)
    known.require_both_kinds()
    if out.exists():
        remove_folder(out)
    reward = _on_scale_of(base, _fitted(base, known, method, out), known.frames)
    scores = {name: score_and_embed(one, known.frames)[0] for name, one in (("before", before), ("after", reward))}
    found = _judged(known, scores, method, newest=len(labelled[-1].names))
    return reward, replace(found, labels=digest_of(labelled))


def _fitted(base: RewardModel, known: Labelled, method: str, out: Path) -> RewardModel:
    frames = known.frames[torch.from_numpy(~known.kept_aside)]
    labels = known.in_goal[~known.kept_aside].astype(float).tolist()
    if method in FEW_SHOT:
        return fit(base, frames, labels, method=method)
    return tune(base, frames, labels, method=method, out=out if method in WRITE_A_MODEL else None)


def _on_scale_of(base: RewardModel, reward: RewardModel, frames: Frames) -> RewardModel:
    """The reward with the mean and spread that the first one has on these frames, both before they are clipped."""
    if reward.spec.options.has_parts:
        return reward
    plain, scaling = reward.with_spec(reward.spec.before("scaling")), base.spec.scaling or ScalingOptions()
    endless = replace(scaling, lowest=None, highest=None)
    if base.spec.threshold is None:
        base = base.with_spec(replace(base.spec, scaling=endless))
    else:  # its scores are 0 and 1, and the ends are those of scores before
        scaling = endless
    wanted, found = (torch.from_numpy(score_and_embed(one, frames)[0]).float() for one in (base, plain))
    try:
        (mean, spread), (mean_now, spread_now) = mean_and_spread(wanted), mean_and_spread(found)
    except SpecError:  # one of them pays all of these frames alike
        return reward
    divide = spread_now / spread
    return reward.with_spec(
        replace(plain.spec, scaling=replace(scaling, subtract=mean_now - mean * divide, divide=divide))
    )


def _judged(known: Labelled, scores: Mapping[str, Float[np.ndarray, " n"]], method: str, newest: int) -> Correction:
    aside = known.kept_aside
    in_goal = known.in_goal[aside]
    before, after = (
        Judged(auroc=auroc(column[aside], in_goal), average_precision=average_precision(column[aside], in_goal))
        for column in (scores["before"], scores["after"])
    )
    rows = range(len(known.names) - newest, len(known.names))
    return Correction(
        method=method,
        fitted=int((~aside).sum()),
        fitted_goals=int(known.in_goal[~aside].sum()),
        kept_aside=int(aside.sum()),
        kept_aside_goals=int(in_goal.sum()),
        before=before,
        after=after,
        gain=_gain(scores["after"][aside], scores["before"][aside], in_goal, after.auroc - before.auroc),
        frames=[
            ScoredLabel(
                frame=known.names[row],
                in_goal=bool(known.in_goal[row]),
                kept_aside=bool(aside[row]),
                before=float(scores["before"][row]),
                after=float(scores["after"][row]),
            )
            for row in rows
        ],
    )


def _gain(
    after: Float[np.ndarray, " n"], before: Float[np.ndarray, " n"], in_goal: NDArray[Any], value: float
) -> Estimate:
    """Without an interval where too few labels of one kind are there to draw anew."""
    if min(in_goal.sum(), (~in_goal).sum()) < FEWEST:
        return Estimate.alone(value)
    return paired_difference(auroc, after, before, in_goal)

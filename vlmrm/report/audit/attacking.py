"""What attacks on pixels have in common: whom they attack, when they succeed, and what noise of their size does.

Attacked are frames outside of the goal that the reward does not pay, each of an episode of its own where episodes are
known, so that a share of them has an interval. An attack succeeds where the frame is then paid. The control moves every
level by the whole budget, up or down by chance: what it changes is no merit of the attack.

All of them warn and none fails. A reward that withstands them hardly exists: at 2/255 plain CLIP classifies nothing
rightly any more, and one tuned against attacks about half of what it did (Schlarmann et al. 2024, arXiv 2402.12336). No
simulator draws such a picture either, and no agent moves single pixels. It matters to whoever scores
pictures that others hand in, and it says how little of what the reward reads is what a person sees.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int

from vlmrm.data.labelled import LabelledFrames
from vlmrm.errors import SpecError
from vlmrm.frames.pixel_attack import AttackOptions, noisy_pixels
from vlmrm.metrics import Estimate, share_estimate, threshold_at_false_positives
from vlmrm.report.audit.audited import Audited
from vlmrm.report.audit.estimating import highest_first
from vlmrm.report.audit.probe import WARN, Exhibit, Finding, Limits
from vlmrm.report.words import percent
from vlmrm.types import Frames

LIMITS = Limits(passes=0.1, fails=0.5, worst=WARN)
"""From 0.5 on most frames that show anything else can be made to pay."""
MEASURES = "share of unpaid frames outside of the goal that are paid with pixels moved by 2/255 (0: none)"
"""What each of them measures."""
BUDGETS = (2, 4)
"""Levels of 255 that pixels may be moved, as in FARE's tables; the first one decides."""
ATTACKED = 16
"""Frames that are attacked, at most: a reward of a large model takes a second for each."""
_PASS = 0.05  # of the other frames, as of a report
_SHOWN = 6
Attack = Callable[[Frames, AttackOptions], Frames]
"""Moves the pixels of frames within a budget."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Unpaid:
    """Frames outside of the goal that a reward does not pay."""

    labels: LabelledFrames
    """The frames, at least one."""
    scores: Float[np.ndarray, " n"]
    """What each of them scores."""
    threshold: float
    """Score above which a frame is paid."""
    whose: str
    """Where the threshold comes from."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Attempt:
    """What an attack reached within one budget."""

    budget: int
    """Levels of 255 that pixels were moved, at most."""
    pictures: Frames
    """The frames after the attack."""
    scores: Float[np.ndarray, " n"]
    """What each of them scores then."""
    paid: Estimate
    """Share of them that are paid then, with its interval."""
    way: float
    """How far they were taken on average, of the way from what other frames are paid to what goal frames are."""
    by_noise: float
    """Share of them that are paid after noise of that size."""


def unpaid_frames(audited: Audited) -> Unpaid:
    """Return some frames outside of the goal that the reward does not pay, evenly chosen.

    It pays above its own threshold; without one, above the threshold that a report would advise, which a twentieth of
    the other frames pass.

    Args:
        audited: The reward and its frames.

    Raises:
        SpecError: It pays all frames.
    """
    spec = audited.reward.spec
    if spec is not None and spec.threshold is not None:
        threshold, whose = 0.5, "the reward's own threshold"  # such a reward pays 1 or 0
    else:
        threshold = threshold_at_false_positives(audited.scores, audited.labels.in_goal, share=_PASS)
        whose = f"a threshold that {percent(_PASS)} of the others pass"
    rows = np.flatnonzero(~audited.labels.in_goal & (audited.scores <= threshold))
    if not len(rows):
        raise SpecError("every frame outside of the goal is paid already, so there is nothing left to attack.")
    rows = _evenly(_one_of_each(rows, audited.labels.groups))
    return Unpaid(labels=audited.labels.take(rows), scores=audited.scores[rows], threshold=threshold, whose=whose)


def attempts(audited: Audited, unpaid: Unpaid, attack: Attack) -> list[Attempt]:
    """Attack frames within each budget, and score them as the reward scores any frame.

    Args:
        audited: The reward.
        unpaid: The frames.
        attack: Moves their pixels.
    """
    frames, found = unpaid.labels.frames, []
    for budget in BUDGETS:
        options = AttackOptions(budget=budget, seed=audited.seed)
        pictures = attack(frames, options)
        scores = audited.score(pictures)
        noisy = audited.score(noisy_pixels(frames, options))
        paid = share_estimate(int((scores > unpaid.threshold).sum()), len(scores))
        found.append(
            Attempt(
                budget=budget,
                pictures=pictures,
                scores=scores,
                paid=paid,
                way=float((audited.share_of_goal(scores) - audited.share_of_goal(unpaid.scores)).mean()),
                by_noise=float((noisy > unpaid.threshold).mean()),
            )
        )
    return found


def find_attacked(audited: Audited, attack: Attack, *, how: str) -> Finding:
    """Attack a reward and say what came of it.

    Args:
        audited: The reward and its frames.
        attack: Moves pixels of frames.
        how: What the attack does, as the rest of a sentence about pixels that are moved.
    """
    unpaid = unpaid_frames(audited)
    found = attempts(audited, unpaid, attack)
    first = found[0]
    each = "; ".join(
        f"by {one.budget}/255 {percent(one.paid.value)}, with {percent(one.way)} of the way to goal frames on average, "
        f"and {percent(one.by_noise)} with noise of that size"
        for one in found
    )
    says = (
        f"Pixels moved {how} make a share of {first.paid} of {len(unpaid.labels)} other frames pass {unpaid.whose} "
        f"({each})."
    )
    return Finding.judged(LIMITS, first.paid, says, exhibits=_exhibits(unpaid, first))


def _exhibits(unpaid: Unpaid, attempt: Attempt) -> list[Exhibit]:
    return [
        Exhibit(
            text=f"{unpaid.labels.names[row]}, pixels moved by {attempt.budget}/255",
            says=f"not the goal: {unpaid.scores[row]:.3f} before, {attempt.scores[row]:.3f} now; paid above "
            f"{unpaid.threshold:.3f}",
            picture=attempt.pictures[row].numpy(),
        )
        for row in highest_first(attempt.scores, attempt.scores > unpaid.threshold, _SHOWN)
    ]


def _one_of_each(rows: Int[np.ndarray, " n"], groups: Sequence[str]) -> Int[np.ndarray, " k"]:
    """The first of some frames of each group; all of them where nothing is known of groups."""
    if not groups:
        return rows
    _, first = np.unique([groups[row] for row in rows], return_index=True)
    return rows[np.sort(first)]


def _evenly(rows: Int[np.ndarray, " n"]) -> Int[np.ndarray, " k"]:
    return rows[np.unique(np.linspace(0, len(rows) - 1, ATTACKED).astype(int))] if len(rows) > ATTACKED else rows

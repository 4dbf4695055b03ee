"""Does the reward hold the border of the goal? Each success bound, on the frames that miss it alone and by least.

AUROC over all frames is easy to make high with frames that miss widely. An agent that learns comes to miss one bound
alone, and a reward that is flat there pays it for never finishing, however well it rises on the way.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool

from vlmrm.metrics import Estimate, auroc
from vlmrm.report.audit.audited import Audited
from vlmrm.report.audit.beyond_bounds import beyond, misses_alone
from vlmrm.report.audit.estimating import estimate_on, highest_first
from vlmrm.report.audit.needs import BOUNDS
from vlmrm.report.audit.probe import WARN, Exhibit, Finding, Limits, Probe
from vlmrm.report.words import percent

LIMITS = Limits(passes=0.85, fails=0.65)
"""A humanoid paid by a reward with 0.64 on frames around the bound of its lean came to rest two degrees beyond it. That
was measured on both sides of the bound, and is only near to what is measured here; 0.85 was settled with it."""
_LEAST_MARGIN = 0.05
"""Of the reward's span, between the goal and its nearest misses: below it an agent feels no difference in a noisy
return."""
_FEWEST, _NEAREST, _SHOWN = 8, 0.1, 6


@dataclass(frozen=True, kw_only=True, eq=False)
class _Edge:
    """One bound, and what the reward does there."""

    variable: str
    near: Bool[np.ndarray, " n"]
    auroc: Estimate
    margin: float


def _run(audited: Audited) -> Finding:
    near = {name: _nearest_misses(audited, name) for name in audited.bounds.where}
    tried = [_edge(audited, name, rows) for name, rows in near.items() if rows.sum() >= _FEWEST]
    untried = [name for name, rows in near.items() if rows.sum() < _FEWEST]
    if not tried:
        return Finding.left_out(f"fewer than {_FEWEST} frames miss one bound alone, of {', '.join(untried)}.")
    worst = min(tried, key=lambda edge: edge.auroc.value)
    least = min(tried, key=lambda edge: edge.margin)
    says = "; ".join(
        f"{edge.variable}: {edge.auroc}, margin {percent(max(edge.margin, 0.0))} of the span" for edge in tried
    )
    says = f"Goal frames against the nearest tenth of those that miss one bound alone: {says}."
    if untried:
        says += f" Not tried, as too few frames miss it alone: {', '.join(untried)}."
    verdict = LIMITS.verdict(worst.auroc)
    exhibits = [
        Exhibit(
            text=audited.labels.names[row],
            says=f"misses {worst.variable} alone, paid {audited.scores[row]:.3f}; the median goal frame "
            f"{audited.goal_median:.3f}",
            picture=audited.labels.frames[row].numpy(),
        )
        for row in highest_first(audited.scores, worst.near, _SHOWN)
    ]
    if verdict == "pass" and least.margin < _LEAST_MARGIN:
        verdict, says = WARN, f"{says} The margin at {least.variable} is small."
    return Finding(verdict=verdict, says=says, effect=worst.auroc, exhibits=exhibits)


def _nearest_misses(audited: Audited, name: str) -> Bool[np.ndarray, " n"]:
    """The tenth that misses a bound by least, or the nearest few."""
    rows = misses_alone(audited.labels, audited.bounds, name)
    if rows.sum() < _FEWEST:
        return rows
    distances = beyond(audited.labels, audited.bounds, name)
    share = max(_NEAREST, _FEWEST / int(rows.sum()))
    return np.asarray(rows & (distances <= np.quantile(distances[rows], share)))


def _edge(audited: Audited, name: str, near: Bool[np.ndarray, " n"]) -> _Edge:
    which = np.flatnonzero(near | audited.labels.in_goal)
    margin = audited.goal_median - float(np.median(audited.scores[near]))
    return _Edge(
        variable=name,
        near=near,
        auroc=estimate_on(auroc, audited.scores[which], audited.labels.take(which)),
        margin=margin / (float(np.ptp(audited.scores)) or 1.0),
    )


PROBE = Probe(
    name="borders",
    family="goal",
    question="Does it tell the goal from what only just misses it?",
    measures="AUROC of goal frames against the nearest misses of one bound (0.5: chance; of several, the worst)",
    limits=LIMITS,
    needs=(BOUNDS,),
    run=_run,
)
"""The border of each success bound."""

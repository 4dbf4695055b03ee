"""Of two states, does the reward prefer the one nearer to the goal? Pairs outside of the goal, by how much they differ.

How near a state is, is the distance to the success bounds, not the return of a good policy: where the way to the goal
leads away from it first, as up a mountain, a good reward need not follow it. So this never fails.
"""

from itertools import pairwise

import numpy as np

from vlmrm.report.audit.audited import Audited
from vlmrm.report.audit.beyond_bounds import scaled_distance
from vlmrm.report.audit.estimating import estimate_pairs, preferred
from vlmrm.report.audit.needs import BOUNDS
from vlmrm.report.audit.probe import WARN, Finding, Limits, Probe

LIMITS = Limits(passes=0.7, fails=0.5, worst=WARN)
"""Chance is 0.5: from there on the reward does not lead to the goal."""
_PAIRS, _FEWEST = 4_000, 20


def _run(audited: Audited) -> Finding:
    distance = scaled_distance(audited.labels, audited.bounds)
    others = np.flatnonzero(~audited.labels.in_goal)
    rng = np.random.default_rng(audited.seed)
    if len(others) < _FEWEST:
        return Finding.left_out(f"{len(others)} frames are outside of the goal, and pairs need {_FEWEST}.")
    first, second = rng.choice(others, (2, _PAIRS))
    differ = distance[first] - distance[second]
    first, second = first[differ != 0], second[differ != 0]
    if not len(first):
        return Finding.left_out("all frames outside of the goal are as far from it, or nobody knows how far.")
    apart = np.abs(differ[differ != 0])
    nearer = np.where(distance[first] < distance[second], first, second)
    farther = np.where(distance[first] < distance[second], second, first)
    right = preferred(audited.scores[nearer], audited.scores[farther])
    ends = np.quantile(apart, [0, 1 / 3, 2 / 3, 1])
    by_size = [right[(apart >= low) & (apart <= high)].mean() for low, high in pairwise(ends)]
    little = apart <= ends[1]
    effect = estimate_pairs(right[little], (nearer[little], farther[little]), audited.labels, seed=audited.seed)
    says = (
        f"Of pairs outside of the goal that differ little, the reward prefers the one nearer to the goal in {effect}; "
        f"by thirds of the difference it is right in {', '.join(f'{share:.2f}' for share in by_size)}."
    )
    return Finding.judged(LIMITS, effect, says)


PROBE = Probe(
    name="nearer_pairs",
    family="goal",
    question="Of two states that differ little, does it prefer the one nearer to the goal?",
    measures="share of pairs outside of the goal that differ least where the nearer one is paid more (0.5: chance)",
    limits=LIMITS,
    needs=(BOUNDS,),
    run=_run,
)
"""Pairs by their distance to the goal."""

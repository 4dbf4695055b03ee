"""Which frames does the encoder hardly tell apart, although the simulator does? Clear misses that look like the goal.

MMVP (Tong et al. 2024, arXiv 2401.06209) takes pairs with a cosine of at least 0.95. No sentence will part what looks
alike to the encoder; a camera, or another encoder, may.
"""

import numpy as np
import torch
from torch.nn.functional import normalize

from vlmrm.report.audit.audited import Audited
from vlmrm.report.audit.beyond_bounds import scaled_distance
from vlmrm.report.audit.estimating import estimate_on, other_mean
from vlmrm.report.audit.needs import BOUNDS, EMBEDDINGS
from vlmrm.report.audit.probe import FAIL, WARN, Exhibit, Finding, Limits, Probe
from vlmrm.report.words import percent

LIMITS = Limits(passes=0.05, fails=0.5, only="where the reward does not tell the pairs either")
"""From 0.5 on most clear misses have a goal frame that looks like them."""
_ALIKE, _CLEAR, _FEWEST, _STILL_TOLD, _SHOWN = 0.95, 0.5, 8, 0.9, 6


def _run(audited: Audited) -> Finding:
    labels = audited.labels
    misses = np.flatnonzero(~labels.in_goal & (scaled_distance(audited.labels, audited.bounds) >= _CLEAR))
    goals = np.flatnonzero(labels.in_goal)
    if len(misses) < _FEWEST:
        return Finding.left_out(
            f"{len(misses)} frames miss the goal by half of the width of a bound or more, and this needs {_FEWEST}."
        )
    rows = normalize(audited.seen.embeddings.float(), dim=1)
    cosines, nearest = (rows[torch.from_numpy(misses)] @ rows[torch.from_numpy(goals)].T).max(dim=1)
    alike = cosines.numpy() >= _ALIKE
    beside = goals[nearest.numpy()]
    both = labels.take(np.concatenate([goals, misses]))
    effect = estimate_on(other_mean, np.concatenate([np.zeros(len(goals)), alike.astype(float)]), both)
    told = float((audited.scores[beside] > audited.scores[misses])[alike].mean()) if alike.any() else 1.0
    says = f"Of {len(misses):,} clear misses a share of {effect} has a goal frame with a cosine of at least {_ALIKE:g}"
    says += f"; in {percent(told)} of these pairs the goal frame is paid more." if alike.any() else "."
    order = np.argsort(-np.where(alike, cosines.numpy(), -1.0), kind="stable")[: min(_SHOWN, int(alike.sum()))]
    exhibits = [
        Exhibit(
            text=f"{labels.names[misses[k]]} | {labels.names[beside[k]]}",
            says=f"a miss, paid {audited.scores[misses[k]]:.3f}, and a goal, paid {audited.scores[beside[k]]:.3f}; "
            f"cosine {cosines[k]:.3f}",
            picture=np.concatenate([labels.frames[misses[k]].numpy(), labels.frames[beside[k]].numpy()], axis=1),
        )
        for k in order
    ]
    return Finding.judged(LIMITS, effect, says, exhibits=exhibits, worst=WARN if told >= _STILL_TOLD else FAIL)


PROBE = Probe(
    name="alike_pairs",
    family="pictures",
    question="Can its encoder see the difference between the goal and clear misses?",
    measures="share of clear misses that look like a goal frame to the encoder, cosine of at least 0.95 (0: none)",
    limits=LIMITS,
    needs=(BOUNDS, EMBEDDINGS),
    run=_run,
)
"""Pairs that look alike to the encoder."""

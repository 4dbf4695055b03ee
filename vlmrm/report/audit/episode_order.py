"""Does the order of an episode matter, as it should? Episodes reversed, shuffled, and walked back to their start.

ViSTa (arXiv 2411.13211) asks the same of videos. A reward of single frames pays the same in any order by construction,
and one that smooths them nearly so: these are asked of rewards that pay for a change and nothing for staying.
"""

from collections.abc import Callable, Sequence

import numpy as np
from jaxtyping import Int

from vlmrm.metrics import Estimate, mean_estimate, share_estimate
from vlmrm.report.audit.audited import Audited
from vlmrm.report.audit.beyond_bounds import scaled_distance
from vlmrm.report.audit.estimating import preferred
from vlmrm.report.audit.needs import LOOKS_BACK, TASK
from vlmrm.report.audit.paying import steps_paid
from vlmrm.report.audit.probe import Finding, Limits, Need, Probe

LIMITS = Limits(passes=0.8, fails=0.5)
"""Chance is 0.5."""
LOOP_LIMITS = Limits(passes=0.1, fails=0.5)
"""From 0.5 on each further time there and back earns half of what the way there earns, again and again."""
_FEWEST_STEPS, _STAYS, _STILL_PAID = 4, 20, 0.1
_ROUNDING = 1e-6  # of what an episode is paid


_Rows = Int[np.ndarray, " t"]


def _approaches(audited: Audited) -> Sequence[_Rows]:
    """Played episodes, turned round where they lead away from the goal; those that do neither are left out."""
    played, rule = audited.played, audited.rule
    if rule is None:
        return []
    distance = scaled_distance(played.labels, rule)
    found = []
    for rows in played.episodes.values():
        middle = len(rows) // 2
        if len(rows) < _FEWEST_STEPS:
            continue
        first, last = float(distance[rows[:middle]].mean()), float(distance[rows[-middle:]].mean())
        if first != last:
            found.append(rows if last < first else rows[::-1].copy())
    return found


def _paid(audited: Audited, rows: _Rows) -> float:
    """What an episode of these frames is paid in all."""
    return float(steps_paid(audited, audited.played.seen, rows).sum())


def _lacks_change(audited: Audited) -> str | None:
    """Stays in the worst frame, goes to the best one, and stays there: only the way may be paid."""
    why = LOOKS_BACK.lacking(audited) or TASK.lacking(audited)
    if why is not None:
        return why
    scores = audited.played.scores
    worst, best = int(scores.argmin()), int(scores.argmax())
    paid = steps_paid(audited, audited.played.seen, np.repeat([worst, best], _STAYS))
    way, stayed = float(np.abs(paid).max()), abs(float(paid[-1]) - float(paid[_STAYS - 2]))
    if way > 0 and stayed <= _STILL_PAID * way:
        return None
    return "the reward pays for staying in a frame, so that what an episode is paid hardly depends on its order."


PAYS_FOR_CHANGE = Need(name="a reward of changes", lacking=_lacks_change)
"""A reward that looks back, and pays for coming from one frame to another."""


def _run_reversed(audited: Audited) -> Finding:
    return _compare(audited, lambda rows: rows[::-1].copy(), "backwards")


def _run_shuffled(audited: Audited) -> Finding:
    rng = np.random.default_rng(audited.seed)
    return _compare(audited, rng.permutation, "in random order")


def _compare(audited: Audited, reorder: Callable[[_Rows], _Rows], how: str) -> Finding:
    if audited.has_milestones:
        return Finding.left_out(
            "the way leads through milestones, which may lie farther from the goal than where an episode begins."
        )
    approaches = _approaches(audited)
    if not approaches:
        return Finding.left_out("no random episode comes nearer to the goal, or nobody knows how far from it it is.")
    rows = [[_paid(audited, one), _paid(audited, reorder(one)), _paid_still(audited, one)] for one in approaches]
    paid = np.array([row for row in rows if np.ptp(row) > _ROUNDING])
    if not len(paid):
        return Finding.left_out(
            f"all {len(rows)} random episodes that come nearer to the goal are paid as much as standing still, in "
            "either order: they do not come near enough to earn anything."
        )
    paid = np.where(np.abs(paid - paid[:, :1]) <= _ROUNDING, paid[:, :1], paid)  # ties, in spite of rounding
    more = preferred(paid[:, 0], paid[:, 1])
    effect = share_estimate(float(more.sum()), len(more))
    alike = int((more == 0.5).sum())
    says = (
        f"{int((more == 1).sum())} of {len(more)} episodes that come nearer to the goal are paid more than the same "
        f"frames {how}{f', and {alike} the same' if alike else ''} ({effect})."
    )
    return Finding.judged(LIMITS, effect, says)


def _paid_still(audited: Audited, rows: _Rows) -> float:
    """What standing still at the beginning of an episode is paid, for as long as it lasts."""
    return _paid(audited, np.repeat(rows[:1], len(rows)))


def _run_loop(audited: Audited) -> Finding:
    approaches = _approaches(audited)
    earned = []
    for one in approaches:
        there = _paid(audited, one) - _paid_still(audited, one)
        once = np.concatenate([one, one[-2::-1]])
        twice = np.concatenate([once, once[1:]])
        first, both = (_paid(audited, lap) - _paid_still(audited, lap) for lap in (once, twice))
        if there > _ROUNDING:
            earned.append((both - first) / there)
    if not earned:
        return Finding.left_out("no random episode is paid more for coming nearer to the goal than for standing still.")
    effect = mean_estimate(earned) if len(earned) > 1 else Estimate.alone(earned[0])
    says = (
        f"Going nearer to the goal and back for a second time earns {effect} of what going there earned, beyond "
        f"standing still, in {len(earned)} episodes."
    )
    return Finding.judged(LOOP_LIMITS, effect, says)


REVERSED = Probe(
    name="reversed",
    family="time",
    question="Does it pay more for coming nearer to the goal than for the same backwards?",
    measures="share of episodes that come nearer to the goal and are paid more than backwards (0.5: chance)",
    limits=LIMITS,
    needs=(PAYS_FOR_CHANGE,),
    run=_run_reversed,
)
"""Episodes backwards."""
SHUFFLED = Probe(
    name="shuffled",
    family="time",
    question="Does it pay more for coming nearer to the goal than for the same frames in random order?",
    measures="share of episodes that come nearer to the goal and are paid more than shuffled (0.5: chance)",
    limits=LIMITS,
    needs=(PAYS_FOR_CHANGE,),
    run=_run_shuffled,
)
"""Episodes in random order."""
LOOP = Probe(
    name="loops",
    family="time",
    question="Does going there and back once more earn nothing?",
    measures="pay of a second way there and back as a share of the first way there, beyond standing still (0: none)",
    limits=LOOP_LIMITS,
    needs=(PAYS_FOR_CHANGE,),
    run=_run_loop,
)
"""Ways that end where they began."""

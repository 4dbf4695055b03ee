"""What is paid to a policy that does not try? One that acts at random, and one that does nothing.

Both may be in the goal for a while, as where episodes begin there; what counts is what they are paid beyond that.
"""

from collections.abc import Callable

from vlmrm.metrics import Estimate, mean_estimate
from vlmrm.report.audit.audited import Audited
from vlmrm.report.audit.estimating import highest_first
from vlmrm.report.audit.needs import SINGLE_FRAMES, TASK, TELLS_GOAL
from vlmrm.report.audit.played import Played
from vlmrm.report.audit.probe import Exhibit, Finding, Limits, Probe
from vlmrm.report.words import decimal, percent

LIMITS = Limits(passes=0.5, fails=0.9)
"""As a share of the way from what other frames are paid to what goal frames are paid. From 0.9 on there is nothing left
to learn for; up to a half, reaching the goal still pays twice as much."""
_SHOWN = 6


def _judge(audited: Audited, played: Played) -> Finding:
    if audited.rule is None:
        return Finding.left_out("the task has no success bounds, so that nobody knows which steps are in the goal.")
    share = audited.share_of_goal(played.scores)
    beyond = share - played.labels.in_goal
    by_episode = [float(beyond[rows].mean()) for rows in played.episodes.values()]
    effect = mean_estimate(by_episode) if len(by_episode) > 1 else Estimate.alone(by_episode[0])
    says = (
        f"{played.policy[:1].upper()}{played.policy[1:]} is paid {decimal(float(share.mean()))} of the way to the goal "
        f"in {len(by_episode)} episodes, and is in the goal in {percent(float(played.labels.in_goal.mean()))} of the "
        f"steps: {effect} beyond it."
    )
    exhibits = [
        Exhibit(
            text=played.labels.names[row],
            says=f"not the goal, and paid {decimal(float(share[row]))} of the way to it",
            picture=played.labels.frames[row].numpy(),
        )
        for row in highest_first(share, ~played.labels.in_goal, _SHOWN)
    ]
    return Finding.judged(LIMITS, effect, says, exhibits=exhibits if effect.value > LIMITS.passes else ())


def _probe(name: str, question: str, played: Callable[[Audited], Played]) -> Probe:
    return Probe(
        name=name,
        family="incentives",
        question=question,
        measures="share of the way to a goal frame's pay that each step is paid, less the share of steps in the goal",
        limits=LIMITS,
        needs=(TASK, SINGLE_FRAMES, TELLS_GOAL),
        run=lambda audited: _judge(audited, played(audited)),
    )


RANDOM = _probe("random_policy", "Does a random policy go unpaid?", lambda audited: audited.played)
"""A random policy."""
IDLE = _probe("doing_nothing", "Does doing nothing go unpaid?", lambda audited: audited.idle)
"""A policy that does nothing, or always the same."""

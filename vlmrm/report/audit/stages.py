"""Are stages that were left out, exchanged or gone through again paid less? Of rewards with milestones.

ViSTa (arXiv 2411.13211) asks video models the same: whether they tell a sequence of tasks from one with a step missing
or in another order. Each stage is shown by frames that the reward itself takes for it most.
"""

from collections.abc import Iterator

import numpy as np
from jaxtyping import Float, Int

from vlmrm.metrics import share_estimate
from vlmrm.report.audit.audited import Audited
from vlmrm.report.audit.paying import steps_paid
from vlmrm.report.audit.probe import Exhibit, Finding, Limits, Need, Probe
from vlmrm.report.words import decimal, percent

LIMITS = Limits(passes=0.9, fails=0.5)
"""At a half, whether a stage is missing decides no more than a coin."""
_TIMES, _STAYS = 5, 20  # frames that show each stage; steps for which one is shown, more than any milestone is held
_ROUNDING = 1e-6
_LEFT_OUT, _EXCHANGED, _REPEATED = "a stage left out", "two exchanged", "one gone through again"
"""Kinds of other episodes; the last may be paid as much as the right one, and the others less."""
_NAME = "milestone "  # of the columns that a reward with milestones explains itself by


def _stages(audited: Audited) -> Float[np.ndarray, "n k"]:
    """Probability of each milestone in each frame."""
    columns = audited.reward.explain(audited.seen)
    found = [column.detach().double().cpu().numpy() for name, column in columns.items() if name.startswith(_NAME)]
    return np.stack(found, axis=1) if found else np.zeros((len(audited.labels), 0))


def _lacks_milestones(audited: Audited) -> str | None:
    if _stages(audited).shape[1] > 1:
        return None
    return "the reward has no milestones, so that there are no stages to leave out."


def _run(audited: Audited) -> Finding:
    stages = _stages(audited)
    order = np.argsort(-stages, axis=0, kind="stable")[:_TIMES]  # frames that show each stage most
    nothing = int(stages.max(axis=1).argmin())
    right: dict[str, dict[str, list[bool]]] = {}  # kind, name, frames
    wholes = []
    for shown in order:
        whole = _paid(audited, nothing, shown)
        wholes.append(whole)
        for kind, name, others in _broken(shown):
            paid = _paid(audited, nothing, others)
            most = whole + _ROUNDING if kind == _REPEATED else whole - _ROUNDING
            right.setdefault(kind, {}).setdefault(name, []).append(paid <= most)
    if max(wholes) <= _ROUNDING:
        return Finding.left_out("all stages in their order are paid nothing: perhaps these frames do not show them.")
    shares = {kind: np.mean(list(by_name.values()), axis=0) for kind, by_name in right.items()}  # of each row of frames
    worst = min(shares, key=lambda kind: float(shares[kind].mean()))
    effect = share_estimate(float(shares[worst].sum()), len(order))  # its orders are of the same frames: one trial
    each = ", ".join(f"{percent(float(share.mean()))} with {kind}" for kind, share in shares.items())
    says = (
        f"All {stages.shape[1]} stages in their order are paid {decimal(float(np.mean(wholes)))}, and other episodes "
        f"of the same frames as they should be: {each}. The worst decides ({effect}, of {len(order)} rows of frames)."
    )
    trials = {name: held for by_name in right.values() for name, held in by_name.items()}
    wrong = {name: 1 - float(np.mean(held)) for name, held in trials.items() if not all(held)}
    exhibits = [
        Exhibit(text=name, says=f"paid too much in {percent(share)} of the episodes")
        for name, share in sorted(wrong.items(), key=lambda one: -one[1])
    ]
    return Finding.judged(LIMITS, effect, says, exhibits=exhibits)


def _broken(shown: Int[np.ndarray, " k"]) -> Iterator[tuple[str, str, Int[np.ndarray, " j"]]]:
    """Other sequences, each with its kind and its name."""
    for k in range(len(shown)):
        yield _LEFT_OUT, f"without stage {k + 1}", np.delete(shown, k)
        if k:
            exchanged = shown.copy()
            exchanged[[k - 1, k]] = shown[[k, k - 1]]
            yield _EXCHANGED, f"stage {k + 1} before stage {k}", exchanged
            yield _REPEATED, f"back to stage {k} after stage {k + 1}", np.insert(shown, k + 1, shown[[k - 1, k]])


def _paid(audited: Audited, nothing: int, shown: Int[np.ndarray, " k"]) -> float:
    """What an episode that begins with nothing and shows one frame after the other is paid in all."""
    rows = np.concatenate([[nothing], np.repeat(shown, _STAYS)])
    return float(steps_paid(audited, audited.seen, rows).sum())


PROBE = Probe(
    name="stages",
    family="time",
    question="Does it pay less for stages left out or in another order, and nothing more for a stage twice?",
    measures="share of episodes with a stage missing, exchanged or repeated, whichever has the lowest, that are "
    "paid as they should be",
    limits=LIMITS,
    needs=(Need(name="milestones", lacking=_lacks_milestones),),
    run=_run,
)
"""Stages left out, exchanged and repeated."""

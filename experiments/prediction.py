#!/usr/bin/env python
"""Does an audit say beforehand whether a reward will train an agent?

    python experiments/prediction.py             # trains what is missing, audits every reward, writes the page
    python experiments/prediction.py --jobs 0    # only audits and the page, of the runs that are there

One score of an audit is chosen on 12 trained runs and then tested on 24 others, whose rewards it has not seen: other
tasks, sentences, models and heads, good and bad on purpose. What is to be predicted is the mean success over a run's
evaluations, judged by the simulator. Killed or stopped, the same command goes on where it was. Results go to
experiments/results/prediction.{md,json,png}.
"""

import json
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
import tyro
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from prediction_rewards import CHOSEN_ON, KEPT_RUNS, TESTED_ON, Subject
from shipped import fingerprint
from training_runs import carry_out_all, numbers_of, write_page

from vlmrm.atomic import write_json
from vlmrm.data import frames_of_task
from vlmrm.metrics import auroc, spearman
from vlmrm.report.audit import PROBES as REGISTERED
from vlmrm.report.audit import audit
from vlmrm.tasks import find_task

RESULTS = Path(__file__).resolve().parent / "results"
FRAMES, RESAMPLES = 600, 2_000
PROBES = ("tells_goal", "borders", "nearer_pairs", "false_alarms", "random_policy")
PASSES = REGISTERED.named("tells_goal").limits.passes  # an AUROC
AIM = 0.83  # of the largest rank correlation that ties allow


@dataclass(frozen=True, kw_only=True)
class Args:
    """What is done."""

    jobs: int = 1
    """Runs at a time, one core each; 0: train nothing."""


def effect(found: Mapping[str, Any], name: str) -> float:
    """Of a probe, and chance where it could measure nothing."""
    value = found["effects"].get(name)
    return 0.5 if value is None else float(value)


SCORES: Mapping[str, Callable[[Mapping[str, Any]], float]] = {
    "AUROC of goal frames (`tells_goal`)": lambda found: effect(found, "tells_goal"),
    "AUROC at the worst border (`borders`)": lambda found: effect(found, "borders"),
    "right order of pairs (`nearer_pairs`)": lambda found: effect(found, "nearer_pairs"),
    "the lower one of `tells_goal` and `nearer_pairs`": lambda found: min(
        effect(found, "tells_goal"), effect(found, "nearer_pairs")
    ),
    "the lowest of the three": lambda found: min(
        effect(found, name) for name in ("tells_goal", "borders", "nearer_pairs")
    ),
    "their mean": lambda found: float(
        np.mean([effect(found, name) for name in ("tells_goal", "borders", "nearer_pairs")])
    ),
}
"""What an audit could be summed up to; the first of the best is taken."""


def audited(subject: Subject, kept: Mapping[str, Any]) -> dict[str, Any]:
    """Effects of the probes on the reward of one run; kept where it was audited before with the same weights."""
    spec = subject.spec()
    made_with = {"spec": spec.hash(), "weights": fingerprint(spec.encoder), "frames": FRAMES, "probes": list(PROBES)}
    before = kept.get(subject.name, {})
    if before.get("made_with") == made_with:
        return before
    begun = time.monotonic()
    found = audit(spec, frames_of_task(find_task(subject.task), FRAMES), probes=PROBES)
    effects = {}
    for name in PROBES:
        measured = found.finding(name).effect
        effects[name] = None if measured is None else measured.value
    print(f"{subject.name}: {effects} in {time.monotonic() - begun:.0f} s", flush=True)
    return {"made_with": made_with, "effects": effects}


def success_of(subject: Subject) -> float | None:
    """Mean success over the evaluations of the run. None: it has not finished."""
    summary = subject.run().summary()
    curve = (summary or {}).get("curve")
    return float(np.mean([success for _, success in curve])) if curve else None


def largest(outcomes: Sequence[float]) -> float:
    """The rank correlation of a score without ties that orders the runs as well as can be."""
    order = np.argsort(np.argsort(np.asarray(outcomes), kind="stable"))
    return spearman(order, outcomes)


def told_apart(outcomes: Any, reached: Any) -> float:
    """The rank correlation of a score that tells who reaches half of the target, and nothing else: mean of many."""
    rng = np.random.default_rng(0)
    return float(np.mean([spearman(reached + 0.5 * rng.random(len(reached)), outcomes) for _ in range(RESAMPLES)]))


def interval(measure: Callable[[Any, Any], float], scores: Any, outcomes: Any) -> tuple[float, float]:
    """Where 95 % of the resamples of runs lie; those without any spread are left out."""
    rng, found = np.random.default_rng(0), []
    for _ in range(RESAMPLES):
        rows = rng.integers(len(scores), size=len(scores))
        if np.ptp(outcomes[rows]) > 0 and np.ptp(scores[rows]) > 0:
            found.append(measure(scores[rows], outcomes[rows]))
    low, high = np.quantile(found, [0.025, 0.975])
    return float(low), float(high)


def judged(scores: Any, outcomes: Any, reached: Any) -> dict[str, Any]:
    """How well scores order runs."""
    if len(outcomes) < 3 or np.ptp(outcomes) == 0:
        return {"runs": len(outcomes), "says": "no spread"}
    most = largest(outcomes)
    rank = spearman(scores, outcomes)
    found = {"runs": len(outcomes), "rank": rank, "largest": most, "share": rank / most}
    found["rank_interval"] = interval(spearman, scores, outcomes)
    if 0 < reached.sum() < len(reached):
        found["auroc"] = auroc(scores, reached)
    return found


def said(found: Mapping[str, Any]) -> str:
    """In words."""
    if "says" in found:
        return f"{found['says']} ({found['runs']} runs)"
    low, high = found["rank_interval"]
    area = f"; AUROC for half of the target {found['auroc']:.2f}" if "auroc" in found else ""
    return (
        f"rank correlation {found['rank']:.2f} [{low:.2f}, {high:.2f}], {found['share']:.2f} of the largest that ties "
        f"allow ({found['largest']:.2f}){area}; {found['runs']} runs"
    )


def draw(subjects: Sequence[Subject], values: Mapping[str, tuple[float, float]], says: str, path: Path) -> None:
    """Success over the score, one point a run."""
    figure = Figure(figsize=(5.6, 4.0), layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.subplots()
    for part, colour, label in ((CHOSEN_ON, "#888888", "chosen on"), (TESTED_ON, "#1f77b4", "tested on")):
        points = [values[subject.name] for subject in part if subject.name in values]
        if points:
            axes.scatter(*zip(*points, strict=True), color=colour, label=f"{label} ({len(points)})", alpha=0.8, s=28)
    axes.set_xlabel(says.replace("`", ""))
    axes.set_ylabel("mean success over the evaluations of a run")
    axes.grid(color="#e5e5e5", linewidth=0.6)
    axes.spines[["top", "right"]].set_visible(False)
    axes.legend(frameon=False, loc="upper left")
    figure.savefig(path, dpi=120)


def write_results(found: Mapping[str, Any]) -> None:
    """Choose on the first runs, test on the others, and say so."""
    outcomes = {subject.name: success_of(subject) for subject in (*CHOSEN_ON, *TESTED_ON)}
    parts = {}
    for name, part in (("chosen", CHOSEN_ON), ("tested", TESTED_ON)):
        there = [one for one in part if outcomes[one.name] is not None and one.name in found]
        y = np.array([outcomes[one.name] for one in there], dtype=float)
        parts[name] = (there, y, y >= 0.5 * np.array([one.target for one in there]))
    there, y, reached = parts["chosen"]
    ranked = {
        says: judged(np.array([score(found[one.name]) for one in there]), y, reached) for says, score in SCORES.items()
    }
    chosen = max(ranked, key=lambda says: (round(ranked[says].get("share", -1), 3), ranked[says].get("auroc", 0)))
    score = SCORES[chosen]
    tested, outcome, hit = parts["tested"]
    values = np.array([score(found[one.name]) for one in tested])
    passed = np.array([effect(found[one.name], "tells_goal") >= PASSES for one in tested])
    verdict = judged(values, outcome, hit)
    good = judged(values[hit], outcome[hit], hit[hit])
    reached_aim = "reached" if verdict.get("share", 0) >= AIM else "not reached"
    lines = [
        "# Does an audit predict training?",
        "",
        "Made by `python experiments/prediction.py`. What is predicted is the mean success over a run's evaluations,",
        f"by the simulator. The score was chosen on {len(there)} runs and tested on {len(tested)} others.",
        "",
        f"**Chosen: {chosen}.** On the other runs: {said(verdict)}. Aim: {AIM} of the largest ({reached_aim}).",
        "",
        f"A score that tells the {hit.sum()} runs that reach half of their target from the others, and no more, has",
        f"a rank correlation of {told_apart(outcome, hit):.2f}; what is above that is the order among the good ones.",
        f"Among them: {said(good)}.",
        "",
        f"`tells_goal` passes from {PASSES} on: of the {passed.sum()} tested runs where it does,",
        f"{hit[passed].sum()} reach half of their target, and of the {(~passed).sum()} others {hit[~passed].sum()}.",
        "",
    ]
    for task in dict.fromkeys(one.task for one in tested):
        rows = np.array([one.task == task for one in tested])
        if rows.sum() > 2:
            lines.append(f"Within `{task}`: {said(judged(values[rows], outcome[rows], hit[rows]))}.")
    lines += ["", "![success over the score](prediction.png)", ""]
    lines += ["What else was looked at on the runs to choose on:", ""]
    lines += [f"- {says}: {said(one)}" for says, one in ranked.items()]
    lines += ["", "| run | reward | for | " + " | ".join(f"`{name}`" for name in PROBES) + " | score | mean success |"]
    lines += ["|" + "---|" * (5 + len(PROBES))]
    for part, what in ((CHOSEN_ON, "choosing"), (TESTED_ON, "testing")):
        for one in part:
            if one.name not in found:
                continue
            effects = [found[one.name]["effects"].get(name) for name in PROBES]
            cells = [one.task, one.says, what, *("-" if value is None else f"{value:.2f}" for value in effects)]
            cells += [f"{score(found[one.name]):.2f}"]
            cells += ["not run yet" if outcomes[one.name] is None else f"{outcomes[one.name]:.2f}"]
            lines.append("| " + " | ".join(cells) + " |")
    numbers = {"audits": found, "success": outcomes, "chosen": chosen, "tested": verdict, "choosing": ranked}
    points = {one.name: (score(found[one.name]), outcomes[one.name]) for one in (*there, *tested)}
    draw((*CHOSEN_ON, *TESTED_ON), points, chosen, RESULTS / "prediction.png")
    write_page(lines, numbers, RESULTS / "prediction")
    write_json(KEPT_RUNS, numbers_of([one.run() for one in TESTED_ON if one.ours]))
    print("\n".join(lines))


def main(args: Args) -> None:
    """Train, audit, write."""
    torch.set_num_threads(1)
    path = RESULTS / "prediction.json"
    try:
        carry_out_all([subject.run() for subject in TESTED_ON if subject.ours], args.jobs)
    finally:
        kept = json.loads(path.read_text())["audits"] if path.is_file() else {}
        found = {subject.name: audited(subject, kept) for subject in (*CHOSEN_ON, *TESTED_ON)}
        write_results(found)


if __name__ == "__main__":
    main(tyro.cli(Args, description=__doc__))

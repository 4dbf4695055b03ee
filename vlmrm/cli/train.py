"""``vlmrm train``: from sentences to a trained agent."""

import sys
from collections.abc import Mapping
from itertools import zip_longest
from typing import Any

from vlmrm.cli.arguments import Train
from vlmrm.cli.table import format_table
from vlmrm.errors import SpecError
from vlmrm.training.episodes import Evaluation
from vlmrm.training.outcome import Summary
from vlmrm.training.progress import Progress
from vlmrm.training.runner import TrainingStopped, resume, train


def run(given: Train) -> int:
    """Train, and print the results.

    Raises:
        SpecError: If options are given beside ``--resume``.
    """
    progress = Progress(sys.stderr)
    changed = given.config.changed()
    if given.resume is not None and changed:
        raise SpecError(
            f"--resume takes everything from the run's config.json; drop {', '.join(changed)}, or start a new run."
        )
    try:
        if given.resume is None:
            summary = train(given.config, progress=progress)
        else:
            summary = resume(given.resume, progress=progress)
    except TrainingStopped as stopped:
        print(f"vlmrm: {stopped}", file=sys.stderr)
        return 130
    print(format_results(summary))
    return 0


def format_results(summary: Summary) -> str:
    """The table at the end of a run, and the paths of what it wrote."""
    judged = summary.trained.success is not None
    what = "success" if judged else "env return"
    rows = [
        ["random policy", *_cells(summary.random), "", ""],
        [_trained_on(summary), *_cells(summary.trained), _best(summary.best), _steps(summary.steps_to_success)],
    ]
    if summary.env_reward is not None:
        rows.append(
            [
                f"{summary.algorithm} on the environment's own reward",
                *_cells(summary.env_reward),
                _best(summary.env_reward_best),
                _steps(summary.env_reward_steps_to_success),
            ]
        )
    header = ["policy", what, "episodes", "best in training", f"steps to {summary.success_target:.0%}"]
    if not judged:
        header, rows = header[:-1], [row[:-1] for row in rows]
    scores = [evaluation.vlm_reward for evaluation in (summary.random, summary.trained)]
    if not judged and None not in scores:
        header.insert(2, "text reward per step")
        for row, score in zip_longest(rows, scores):  # the comparison has none
            row.insert(2, "" if score is None else f"{score:.3f}")
    speed = f"{summary.steps:,} steps in {summary.time_s:,.0f} s with evaluations"
    if summary.steps_per_s is not None:
        speed += f", {summary.steps_per_s:,.0f} steps/s in training"
    if summary.frames_per_s is not None:
        speed += f", {summary.frames_per_s:,.0f} frames/s in scoring"
    width = max(len(kind) for kind in summary.files)
    files = "\n".join(f"  {kind:<{width}}  {path}" for kind, path in summary.files.items())
    return f"\n{summary.task}\n\n{format_table(header, rows)}\n\n{speed}\n\n{files}"


def _trained_on(summary: Summary) -> str:
    source = "the environment's own reward" if summary.reward == "env" else f"the reward of {summary.reward}"
    return f"{summary.algorithm} on {source}"


def _cells(evaluation: Evaluation) -> list[str]:
    if not evaluation.episodes:
        return ["not evaluated", "0"]
    if evaluation.success is None:
        return [_return(evaluation.env_return), str(evaluation.episodes)]
    return [f"{evaluation.success:.0%}", str(evaluation.episodes)]


def _return(mean: float | None) -> str:
    return "not a number" if mean is None else f"{mean:.1f}"


def _best(best: Mapping[str, Any] | None) -> str:
    if best is None:
        return ""
    value = _return(best["env_return"]) if best["success"] is None else f"{best['success']:.0%}"
    return f"{value} at {best['step']:,}"


def _steps(step: int | None) -> str:
    return "never" if step is None else f"{step:,}"

"""``vlmrm train``: from sentences to a trained agent."""

import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from tyro.conf import arg

from vlmrm.cli.table import format_table
from vlmrm.errors import SpecError
from vlmrm.training.config import TrainConfig
from vlmrm.training.progress import Progress

if TYPE_CHECKING:
    from vlmrm.training.episodes import Evaluation
    from vlmrm.training.outcome import Summary


@dataclass(frozen=True, kw_only=True)
class Train:
    """Train an agent from sentences.

        vlmrm train cartpole/upright
        vlmrm train --env LunarLander-v3 --goal "a lander standing between two flags" --baseline "a lander in space"
        vlmrm train --resume runs/FOLDER

    Ctrl-C stores everything and says how to go on.
    """

    config: Annotated[TrainConfig, arg(name="")] = field(default_factory=TrainConfig)
    """What to train, and how."""
    resume: Annotated[Path | None, arg(metavar="FOLDER", help_behavior_hint="")] = None
    """Go on with a run that was stopped or killed; takes everything from its config.json."""

    def run(self) -> int:
        """Train, and print the results."""
        from vlmrm.training.runner import TrainingStopped, resume, train  # loads torch

        progress = Progress(sys.stderr)
        try:
            if self.resume is None:
                summary = train(self.config, progress=progress)
            else:
                self._require_no_options()
                summary = resume(self.resume, progress=progress)
        except TrainingStopped as stopped:
            print(f"vlmrm: {stopped}", file=sys.stderr)  # noqa: T201
            return 130
        print(format_results(summary))  # noqa: T201
        return 0

    def _require_no_options(self) -> None:
        changed = self.config.changed()
        if changed:
            raise SpecError(
                f"--resume takes everything from the run's config.json; drop {', '.join(changed)}, or start a new run."
            )


def format_results(summary: "Summary") -> str:
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
    speed = f"{summary.steps:,} steps in {summary.time_s:,.0f} s with evaluations"
    if summary.steps_per_s is not None:
        speed += f", {summary.steps_per_s:,.0f} steps/s in training"
    if summary.frames_per_s is not None:
        speed += f", {summary.frames_per_s:,.0f} frames/s in scoring"
    width = max(len(kind) for kind in summary.files)
    files = "\n".join(f"  {kind:<{width}}  {path}" for kind, path in summary.files.items())
    return f"\n{summary.task}\n\n{format_table(header, rows)}\n\n{speed}\n\n{files}"


def _trained_on(summary: "Summary") -> str:
    source = "the environment's own reward" if summary.reward == "env" else f"text, scored by {summary.reward}"
    return f"{summary.algorithm} on {source}"


def _cells(evaluation: "Evaluation") -> list[str]:
    if evaluation.success is None:
        return [f"{evaluation.env_return:.1f}", str(evaluation.episodes)]
    return [f"{evaluation.success:.0%}", str(evaluation.episodes)]


def _best(best: Mapping[str, Any] | None) -> str:
    if best is None:
        return ""
    value = f"{best['env_return']:.1f}" if best["success"] is None else f"{best['success']:.0%}"
    return f"{value} at {best['step']:,}"


def _steps(step: int | None) -> str:
    return "never" if step is None else f"{step:,}"

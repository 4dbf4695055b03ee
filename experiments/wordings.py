#!/usr/bin/env python
"""How well do the built-in models take a goal in other words, and do sentences about nothing in the scene stay flat?

    python experiments/wordings.py

Each goal of `wordings.toml` stands in the place of a task's own; the rest of its reward stays. A wording is taken if
the reward tells the goal from the rest of the task's labelled frames (AUROC) and is highest inside the goal. A nonsense
sentence is flat if its AUROC is near a half, or its rewards spread far less than the task's own. Results go to
experiments/results/wordings.md.
"""

import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import tyro
from jaxtyping import Bool, Float
from vlmrm_envs.labelled import labelled_frames

from vlmrm.encoders import list_models, load_encoder
from vlmrm.metrics.labelled_scores import auroc
from vlmrm.rewards.heads.projection import embed, project, unit_mean
from vlmrm.tasks import Task, find_task

HERE = Path(__file__).parent
LEAST_AUROC, NONSENSE, FLAT = 0.9, (0.3, 0.7), 0.2
AIMS = {"sim-m": 0.9, "sim-s": 0.8}
UNPOSED = ("reacher/bottom", "reacher/top", "reacher/touch")
"""Tasks with neither poses nor a state variable, whose frames cannot be made and labelled."""


@dataclass(frozen=True, kw_only=True)
class Args:
    """Wordings and nonsense, by model and task."""

    models: tuple[str, ...] = ("sim-s", "sim-m", "sim-xs")
    """Encoders; each is asked for the tasks whose scenes it knows."""
    frames: int = 400
    """Labelled frames of each task."""
    out: Path = HERE / "results"
    """Folder of the page."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Found:
    """What a model makes of the wordings of one task."""

    task: str
    """Name of the task."""
    aurocs: Float[np.ndarray, " w"]
    """AUROC of each wording."""
    peaks: Bool[np.ndarray, " w"]
    """Whether the highest reward of each wording is inside the goal."""
    nonsense: Float[np.ndarray, " s"]
    """AUROC of each nonsense sentence."""
    spreads: Float[np.ndarray, " s"]
    """Spread of the rewards of each nonsense sentence, in parts of the spread of the task's own goal."""

    @property
    def taken(self) -> Bool[np.ndarray, " w"]:
        """Which wordings are taken for the goal."""
        return (self.aurocs >= LEAST_AUROC) & self.peaks

    @property
    def flat(self) -> Bool[np.ndarray, " s"]:
        """Which nonsense sentences say nothing."""
        low, high = NONSENSE
        return ((self.nonsense >= low) & (self.nonsense <= high)) | (self.spreads <= FLAT)


def knows(model: str, task: Task) -> bool:
    """Whether the task is one of the scenes that the model was trained on: all draw with MuJoCo but `sim-s`'s."""
    return model != "sim-s" or task.reward.encoder == "sim-s"


def measure(model: str, task: Task, said: Mapping[str, Any], nonsense: Sequence[str], count: int) -> Found:
    """Score the task's labelled frames by each sentence in the place of its goal."""
    encoder = load_encoder(model, device="cpu")
    drawn = labelled_frames(task, count, seed=1, size_px=encoder.size_px)
    frames, prompts = encoder.embed_frames(drawn.frames), task.reward.require_prompts()
    baseline = unit_mean(embed(encoder, prompts.baseline)) if prompts.baseline else None

    def scores(goal: Sequence[str]) -> np.ndarray:
        return project(frames, unit_mean(embed(encoder, goal)), baseline, task.reward.alpha).numpy()

    own = scores(prompts.goal)
    worded, strange = ([scores([goal]) for goal in goals] for goals in (said["goal"], nonsense))
    return Found(
        task=task.name,
        aurocs=np.array([auroc(one, drawn.in_goal) for one in worded]),
        peaks=np.array([bool(drawn.in_goal[one.argmax()]) for one in worded]),
        nonsense=np.array([auroc(one, drawn.in_goal) for one in strange]),
        spreads=np.array([one.std() / own.std() for one in strange]),
    )


def page(found: Mapping[str, Sequence[Found]], fingerprints: Mapping[str, str], frames: int) -> str:
    """Return the results as Markdown."""
    lines = [
        "# Goals in other words, and sentences about nothing",
        "",
        f"Made by `python experiments/wordings.py` from {frames} labelled frames a task and the sentences of",
        "`experiments/wordings.toml`, whose author had not seen the training sentences. A wording is taken if its",
        f"reward has an AUROC of at least {LEAST_AUROC} and its highest value inside the goal. A nonsense sentence",
        f"is flat if its AUROC lies in {NONSENSE[0]} to {NONSENSE[1]}, or its rewards spread at most {FLAT} as far as",
        f"the task's own. Without {', '.join(UNPOSED)}, whose states cannot be placed.",
    ]
    for model, results in found.items():
        taken = float(np.mean(np.concatenate([one.taken for one in results])))
        flat = float(np.mean(np.concatenate([one.flat for one in results])))
        aim = f" (aim {AIMS[model]:.0%})" if model in AIMS else ""
        lines += [
            "",
            f"## {model}, fingerprint {fingerprints[model]}",
            "",
            f"{taken:.0%} of the wordings are taken{aim}; {flat:.0%} of the nonsense is flat (aim 100%).",
            "",
            "| task | taken | AUROC: lowest, median | peak inside | nonsense flat | its AUROC: lowest, highest |",
            "|---|---|---|---|---|---|",
            *(
                f"| `{one.task}` | {one.taken.sum()} of {len(one.taken)} | {one.aurocs.min():.2f}, "
                f"{np.median(one.aurocs):.2f} | {one.peaks.sum()} of {len(one.peaks)} | {one.flat.sum()} of "
                f"{len(one.flat)} | {one.nonsense.min():.2f}, {one.nonsense.max():.2f} |"
                for one in results
            ),
        ]
    return "\n".join(lines) + "\n"


def main(args: Args) -> None:
    """Measure all models and write the page."""
    table = tomllib.loads((HERE / "wordings.toml").read_text(encoding="utf-8"))
    known, fingerprints = {card.name for card in list_models()}, {}
    found: dict[str, list[Found]] = {}
    for model in args.models:
        if model not in known:
            raise SystemExit(f"there is no built-in model {model}; they are {', '.join(sorted(known))}.")
        fingerprints[model] = load_encoder(model, device="cpu").fingerprint
        found[model] = []
        for name, said in table["wordings"].items():
            task = find_task(name)
            if knows(model, task) and name not in UNPOSED:
                found[model].append(measure(model, task, said, table["nonsense"], args.frames))
                one = found[model][-1]
                print(f"{model} {name}: {one.taken.sum()} of {len(one.taken)} taken, {one.flat.sum()} flat", flush=True)
    (args.out / "wordings.md").write_text(page(found, fingerprints, args.frames), encoding="utf-8")


if __name__ == "__main__":
    main(tyro.cli(Args))

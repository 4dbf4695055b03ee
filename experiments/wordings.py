#!/usr/bin/env python
"""How well do the built-in models take a goal in other words, and do sentences about nothing in the scene stay flat?

    python experiments/wordings.py

Each goal of `wordings.toml` stands in the place of a task's own; the rest of its reward stays. A wording is taken if
the reward tells the goal from the rest of the task's labelled frames (AUROC) and is highest inside the goal. A nonsense
sentence is flat if its AUROC is near a half, or its rewards spread far less than the task's own. Results go to
experiments/results/wordings.json and wordings.md; models that are not measured anew keep theirs.
"""

import json
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import tyro
from jaxtyping import Bool, Float
from vlmrm_envs.labelled import labelled_frames
from vlmrm_envs.scenes import find_scene

from vlmrm.atomic import whole_file, write_json
from vlmrm.encoders import list_models, load_encoder
from vlmrm.metrics.labelled_scores import auroc
from vlmrm.rewards.heads.projection import embed, project, unit_mean
from vlmrm.tasks import Task, find_task

HERE = Path(__file__).parent
LEAST_AUROC, NONSENSE, FLAT = 0.9, (0.3, 0.7), 0.2
AIMS = {"sim-m": 0.9, "sim-s": 0.8}


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

    @classmethod
    def of(cls, values: Mapping[str, Any]) -> "Found":
        """Read what `asdict` gave."""
        return cls(task=values["task"], **{name: np.array(values[name]) for name in values if name != "task"})

    def asdict(self) -> dict[str, Any]:
        """Return plain values."""
        return {"task": self.task} | {
            "aurocs": self.aurocs.tolist(),
            "peaks": self.peaks.tolist(),
            "nonsense": self.nonsense.tolist(),
            "spreads": self.spreads.tolist(),
        }

    @property
    def flat(self) -> Bool[np.ndarray, " s"]:
        """Which nonsense sentences say nothing."""
        low, high = NONSENSE
        return ((self.nonsense >= low) & (self.nonsense <= high)) | (self.spreads <= FLAT)


@dataclass(frozen=True, kw_only=True, eq=False)
class Measured:
    """What one model makes of all wordings."""

    fingerprint: str
    """Fingerprint of the model's weights."""
    frames: int
    """Labelled frames of each task."""
    tasks: tuple[Found, ...]
    """Results by task."""

    @property
    def share_taken(self) -> float:
        """Share of the pairs of task and wording that are taken."""
        return float(np.mean(np.concatenate([one.taken for one in self.tasks])))

    @property
    def share_flat(self) -> float:
        """Share of the pairs of task and nonsense sentence that are flat."""
        return float(np.mean(np.concatenate([one.flat for one in self.tasks])))


def knows(model: str, task: Task) -> bool:
    """Whether the task is of a scene that the model was trained on; of one that is not built in, nothing is known."""
    known = {card.name: card.knows for card in list_models()}.get(model)
    return known is None or find_scene(task.name.split("/")[0]).title in known


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


def read(folder: Path) -> dict[str, Measured]:
    """Read the results of all models that were measured."""
    file = folder / "wordings.json"
    kept = json.loads(file.read_text(encoding="utf-8")) if file.is_file() else {}
    return {
        model: Measured(
            fingerprint=of["fingerprint"], frames=of["frames"], tasks=tuple(Found.of(one) for one in of["tasks"])
        )
        for model, of in kept.items()
    }


def write(found: Mapping[str, Measured], folder: Path) -> None:
    """Write the results and their page."""
    values = {
        model: {
            "fingerprint": of.fingerprint,
            "frames": of.frames,
            "tasks": [one.asdict() for one in of.tasks],
        }
        for model, of in found.items()
    }
    write_json(folder / "wordings.json", values)
    with whole_file(folder / "wordings.md") as file:
        file.write_text(page(found), encoding="utf-8")


def table(tasks: Sequence[Found]) -> list[str]:
    """Return the results of one model as a table."""
    return [
        "| task | taken | AUROC: lowest, median | peak inside | nonsense flat | its AUROC: lowest, highest |",
        "|---|---|---|---|---|---|",
        *(
            f"| `{one.task}` | {one.taken.sum()} of {len(one.taken)} | {one.aurocs.min():.2f}, "
            f"{np.median(one.aurocs):.2f} | {one.peaks.sum()} of {len(one.peaks)} | {one.flat.sum()} of "
            f"{len(one.flat)} | {one.nonsense.min():.2f}, {one.nonsense.max():.2f} |"
            for one in tasks
        ),
    ]


def page(found: Mapping[str, Measured]) -> str:
    """Return the results as Markdown."""
    lines = [
        "# Goals in other words, and sentences about nothing",
        "",
        "Made by `python experiments/wordings.py` from labelled frames of each task and the sentences of",
        "`experiments/wordings.toml`, whose author had not seen the training sentences; none of them is one, in other",
        "articles, order or endings either. A wording is taken if its reward has an AUROC of at least",
        f"{LEAST_AUROC} and its highest value inside the goal. A nonsense sentence is flat if its AUROC lies in",
        f"{NONSENSE[0]} to {NONSENSE[1]}, or its rewards spread at most {FLAT} as far as the task's own.",
    ]
    for model, of in found.items():
        aim = f" (aim {AIMS[model]:.0%})" if model in AIMS else ""
        lines += [
            "",
            f"## {model}, fingerprint {of.fingerprint}",
            "",
            f"{of.share_taken:.0%} of the wordings are taken{aim}; "
            f"{of.share_flat:.0%} of the nonsense is flat (aim 100%).",
            f"{of.frames} frames a task.",
            "",
            *table(of.tasks),
        ]
    return "\n".join(lines) + "\n"


def main(args: Args) -> None:
    """Measure models and write the page."""
    said = tomllib.loads((HERE / "wordings.toml").read_text(encoding="utf-8"))
    known, found = {card.name for card in list_models()}, read(args.out)
    for model in args.models:
        if model not in known:
            raise SystemExit(f"there is no built-in model {model}; they are {', '.join(sorted(known))}.")
        tasks = []
        for name, wordings in said["wordings"].items():
            task = find_task(name)
            if knows(model, task):
                one = measure(model, task, wordings, said["nonsense"], args.frames)
                tasks.append(one)
                print(f"{model} {name}: {one.taken.sum()} of {len(one.taken)} taken, {one.flat.sum()} flat", flush=True)
        fingerprint = load_encoder(model, device="cpu").fingerprint
        found[model] = Measured(fingerprint=fingerprint, frames=args.frames, tasks=tuple(tasks))
        write(found, args.out)


if __name__ == "__main__":
    main(tyro.cli(Args))

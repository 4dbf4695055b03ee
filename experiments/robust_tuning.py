#!/usr/bin/env python
"""Does an encoder that was tuned against attacks bear them? `vlmrm.fitting.tune_robust` on a small built-in model.

    python experiments/robust_tuning.py

The model is tuned on random states of its scenes, without labels and sentences. Then the rewards of some tasks of the
catalogue, none of whose frames or prompts took part, are attacked with either encoder, as the audit's `pixel_attack`
does. Each reward has a threshold of its own, which a twentieth of the other frames pass. Results go to
experiments/results/robust_tuning.md, and the tuned model to a folder beside the drawn frames.
"""

import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from textwrap import fill
from typing import Any

import numpy as np
import torch
import tyro
from torch import Tensor
from vlmrm_envs.scenes import SCENES, find_scene
from vlmrm_envs.scenes.scene import random_pictures

from vlmrm.atomic import whole_file
from vlmrm.data.labelled import LabelledFrames
from vlmrm.data.task_frames import TaskStates
from vlmrm.encoders import load_encoder
from vlmrm.fitting import RobustOptions, tune_robust
from vlmrm.frames.pixel_attack import attack_pixels
from vlmrm.metrics import Estimate, auroc, share_estimate
from vlmrm.plain_files import read_json
from vlmrm.report.audit.attacking import BUDGETS, Attempt, attempts, unpaid_frames
from vlmrm.report.audit.audited import gather
from vlmrm.report.evaluation import source_of
from vlmrm.report.pixel_gradients import score_of_levels
from vlmrm.report.scorers import Encoders, scorer_of
from vlmrm.tasks import find_task

TASKS = (
    "cartpole/upright",
    "mountain_car/flag",
    "pendulum/upright",
    "acrobot/up",
    "hopper/stand",
    "half_cheetah/on_its_back",
    "ant/flipped",
    "humanoid/kneeling",
)
_LEGEND = (
    "AUROC of clean frames, and the share of unpaid frames outside of the goal that are paid with their pixels moved "
    "by 2/255 and 4/255 to raise the score (20 steps), as the audit's `pixel_attack` measures it. `way`: how far the "
    "attack takes them on average, as a share of the way to goal frames. `noise`: paid after noise of that size. Each "
    "cell is as shipped → tuned."
)


@dataclass(frozen=True, kw_only=True)
class Args:
    """An encoder as it is shipped, and tuned against attacks."""

    model: str = "sim-xs"
    """The encoder."""
    frames: int = 120
    """Random states of each scene to tune on."""
    states: int = 240
    """States of each task to measure on."""
    steps: int = 300
    """Steps of tuning."""
    budget: int = 4
    """Levels of 255 that pixels are moved in tuning."""
    learning_rate: float = 1e-3
    """Learning rate of the first step."""
    work: Path = Path("cache") / "robust"
    """Folder of the tuned model; it is tuned anew unless it is there."""
    out: Path = Path(__file__).parent / "results"
    """Folder of the page."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Row:
    """What one encoder made of one task."""

    auroc: float
    """Of clean frames."""
    attacked: Sequence[Attempt]
    """By budget."""


def shown(args: Args) -> Tensor:
    """Random states of all scenes, scene after scene."""
    preprocessing, seed = load_encoder(args.model).preprocessing, 31
    drawn = [
        random_pictures(find_scene(scene), args.frames, seed=seed, preprocessing=preprocessing)[0] for scene in SCENES
    ]
    return torch.from_numpy(np.concatenate(drawn))


def tuned_folder(args: Args) -> Path:
    """The tuned model's folder, which is made unless it is there."""
    folder = args.work / f"{args.model}-{args.budget}-{args.steps}"
    if not folder.is_dir():
        folder.parent.mkdir(parents=True, exist_ok=True)
        frames, started = shown(args), time.time()
        options = RobustOptions(budget=args.budget, steps=args.steps, attack_steps=6, learning_rate=args.learning_rate)
        tune_robust(load_encoder(args.model, device="cpu"), frames, options=options, out=folder)
        print(f"tuned on {len(frames)} frames in {(time.time() - started) / 60:.1f} min", flush=True)
    return folder.resolve()


def frames_of(task: str, args: Args) -> LabelledFrames:
    """Frames of a task at the encoder's size, drawn once for both encoders."""
    source = TaskStates(task=find_task(task), n=args.states, seed=7)
    return LabelledFrames.join(list(source.batches(load_encoder(args.model).preprocessing)))


def measure(task: str, frames: LabelledFrames, encoder: str) -> Row:
    """Attack the task's own sentences, read by an encoder."""
    reward: Any = find_task(task).reward
    audited = gather(scorer_of(replace(reward, encoder=encoder), Encoders()), source_of(frames))
    score = score_of_levels(audited.reward)
    found = attempts(audited, unpaid_frames(audited), lambda given, options: attack_pixels(given, score, options))
    return Row(auroc=auroc(audited.scores, audited.labels.in_goal), attacked=found)


def all_paid(rows: Sequence[Row], number: int) -> Estimate:
    """The share of all frames that are paid after an attack of a budget."""
    given = [row.attacked[number] for row in rows]
    count = sum(len(one.scores) for one in given)
    return share_estimate(sum(round(one.paid.value * len(one.scores)) for one in given), count)


def page(args: Args, rows: dict[str, tuple[Row, Row]], folder: Path) -> str:
    """The table and how it came about."""
    record = read_json(folder / "tuning.json")
    moved, options = record["moved"], record["options"]
    weights = [load_encoder(name).fingerprint for name in (args.model, f"local-dir:{folder}")]
    made = (
        f"Made by `python experiments/robust_tuning.py`: `{args.model}` as it is shipped (weights `{weights[0]}`), and "
        f"tuned by `vlmrm.fitting.tune_robust`, which is FARE (weights `{weights[1]}`), in {options['steps']} steps of "
        f"{options['batch']} frames out of {record['frames']:,} random states of its scenes, with pixels moved by "
        f"{options['budget']}/255 in {options['attack_steps']} steps and a learning rate of "
        f"{options['learning_rate']:g}. No task's sentence, frame or label took part. The attacks of training move "
        f"embeddings of unit length by a squared distance of {moved['before']:.3f} as shipped, and of "
        f"{moved['after']:.3f} tuned."
    )
    lines = [
        "# An encoder tuned against attacks on pixels",
        "",
        fill(made, 118),
        "",
        fill(_LEGEND, 118),
        "",
        "| task | AUROC | paid, 2/255 | paid, 4/255 | way, 2/255 | way, 4/255 | noise, 4/255 |",
        "|---|---|---|---|---|---|---|",
        *(table_row(task, pair) for task, pair in rows.items()),
        "",
        "Of all these frames together, with 95 % intervals:",
        "",
    ]
    shipped, tuned = zip(*rows.values(), strict=True)
    for number, budget in enumerate(BUDGETS):
        lines.append(
            f"- {budget}/255: {all_paid(shipped, number)} are paid as shipped, {all_paid(tuned, number)} tuned."
        )
    means = [float(np.mean([row.auroc for row in part])) for part in (shipped, tuned)]
    return "\n".join([*lines, f"- Mean AUROC of clean frames: {means[0]:.3f} as shipped, {means[1]:.3f} tuned.", ""])


def table_row(task: str, pair: tuple[Row, Row]) -> str:
    """A row of the table: each cell is as shipped → tuned."""
    cells = [" → ".join(f"{row.auroc:.3f}" for row in pair)]
    cells += [" → ".join(f"{row.attacked[k].paid.value:.0%}" for row in pair) for k in range(len(BUDGETS))]
    cells += [" → ".join(f"{row.attacked[k].way:.2f}" for row in pair) for k in range(len(BUDGETS))]
    cells += [" → ".join(f"{row.attacked[-1].by_noise:.0%}" for row in pair)]
    return f"| `{task}` | " + " | ".join(cells) + " |"


def main(args: Args) -> None:
    """Tune, attack, write the page."""
    folder = tuned_folder(args)
    rows = {}
    for task in TASKS:
        frames = frames_of(task, args)
        rows[task] = (measure(task, frames, args.model), measure(task, frames, f"local-dir:{folder}"))
        for row in rows[task]:
            print(task, f"{row.auroc:.3f}", [(one.paid.value, round(one.way, 3)) for one in row.attacked], flush=True)
    with whole_file(args.out / "robust_tuning.md") as unfinished:
        unfinished.write_text(page(args, rows, folder), encoding="utf-8")


if __name__ == "__main__":
    main(tyro.cli(Args, description=__doc__))

#!/usr/bin/env python
"""Is the verdict of a report right? Rewards made good and bad on purpose, judged by `vlmrm.report.evaluate`.

    python experiments/verdicts.py             # the 40 rewards that the rule was not settled on
    python experiments/verdicts.py --settling  # the 20 that it was settled on

What is true of each reward is fixed by how it was made: a task's own sentence is good; the same with noise as large as
what tells goal frames from others is weak; everything else is useless. The 20 and the 40 are of other tasks and of
other frames. Results go to experiments/results/verdicts{,_settling}.{md,json}.
"""

import hashlib
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
import tyro
from shipped import fingerprint

from vlmrm.atomic import whole_file
from vlmrm.data import LabelledFrames, TaskStates
from vlmrm.prompts import PromptSet
from vlmrm.report import evaluate
from vlmrm.report.scorers import AnyReward
from vlmrm.report.verdict import best_control
from vlmrm.rewards import FunctionReward, RewardModel
from vlmrm.tasks import find_task

RESULTS = Path(__file__).resolve().parent / "results"
FRAMES = 500
SETTLING = (  # task, and the goal of a task of the same scene that is another state
    ("mountain_car/flag", "mountain_car/far_left"),
    ("humanoid/splits", "humanoid/arms_raised"),
    ("inverted_pendulum/upright", None),
)
LEFT_OUT = [(task, "constant") for task, _ in SETTLING] + [("inverted_pendulum/upright", "upside down")]  # 20 are left
TRYING = (
    ("cartpole/upright", "cartpole/hanging"),
    ("pendulum/hanging", "pendulum/upright"),
    ("half_cheetah/on_its_back", None),
    ("hopper/stand", None),
    ("humanoid/kneeling", "humanoid/arms_raised"),
)
GOOD, WEAK, USELESS = "good", "weak", "useless"
ELSEWHERE = ("a lighthouse above the cliffs", "a coast")  # no scene of ours


@dataclass(frozen=True, kw_only=True)
class Made:
    """A reward made on purpose."""

    task: str
    kind: str
    truth: str
    reward: AnyReward


def rewards_of(task: str, other: str | None) -> Iterator[Made]:
    """Eight rewards of one task; what they need to know of scores is taken from frames that are not judged on."""
    spec = replace(find_task(task).reward, scaling=None)
    right = RewardModel.from_spec(spec)
    known = LabelledFrames.join(list(TaskStates(task=find_task(task), n=200, seed=99).batches(right.capture)))
    scores = right.score(known.frames).numpy()
    rest = scores[~known.in_goal]
    apart = float(np.median(scores[known.in_goal]) - np.median(rest))

    def of(kind: str, truth: str, reward: AnyReward) -> Made:
        return Made(task=task, kind=kind, truth=truth, reward=reward)

    yield of("right", GOOD, spec)
    yield of("noisy", WEAK, changed(right, "noisy", lambda score, frames: score + apart * noise(frames)))
    yield of("wrong sentence", USELESS, replace(spec, prompts=wrong_sentence(spec.require_prompts(), other)))
    yield of("wrong scene", USELESS, replace(spec, prompts=PromptSet(*ELSEWHERE)))
    yield of("upside down", USELESS, changed(right, "upside down", lambda score, frames: -score))
    yield of("constant", USELESS, changed(right, "constant", lambda score, frames: torch.full_like(score, 0.5)))
    yield of("saturated", USELESS, replace(spec, scaling={"highest": float(np.quantile(rest, 0.2))}))
    yield of("fires everywhere", USELESS, replace(spec, threshold=float(np.quantile(scores, 0.02))))


def wrong_sentence(prompts: PromptSet, other: str | None) -> PromptSet:
    """The goal of another task of the scene; where there is none, the plain scene as the goal."""
    if other is None:
        return PromptSet(prompts.baseline, "an empty room")
    return PromptSet(find_task(other).reward.require_prompts().goal, prompts.baseline)


def changed(reward: RewardModel, name: str, change: Callable[[torch.Tensor, torch.Tensor], torch.Tensor]) -> Any:
    """A reward made of another one's scores."""
    return FunctionReward(lambda frames: change(reward.score(frames), frames), name=name)


def noise(frames: torch.Tensor) -> torch.Tensor:
    """A normal number for each frame, the same each time that it is seen."""
    digests = (hashlib.sha256(frame.numpy().tobytes()).digest()[:8] for frame in frames)
    return torch.tensor([np.random.default_rng(int.from_bytes(digest)).normal() for digest in digests]).float()


def judge_all(tasks: tuple[tuple[str, str | None], ...], seed: int) -> list[dict[str, Any]]:
    """One row per reward."""
    rows = []
    for task, other in tasks:
        made = list(rewards_of(task, other))
        source = TaskStates(task=find_task(task), n=FRAMES, seed=seed)
        report = evaluate({one.kind: one.reward for one in made}, source)
        found = {entry.name: entry for entry in report.entries}
        for one in made:
            entry = found[one.kind]
            measures, control = entry.evidence.measures, best_control(entry.evidence.measures)
            rows.append(
                {
                    "task": task,
                    "kind": one.kind,
                    "truth": one.truth,
                    "verdict": entry.verdict.word,
                    "auroc": measures.auroc.value,
                    "false_positives": measures.false_positives.value,
                    "control": None if control is None else control.auroc.value,
                    "reasons": list(entry.verdict.reasons),
                }
            )
            print(task, one.kind, one.truth, entry.verdict.word, measures.auroc, *entry.verdict.reasons, flush=True)
    return rows


def write_results(rows: list[dict[str, Any]], stem: Path, *, settling: bool) -> None:
    """The table, and how often the verdict agrees with the truth."""
    right = sum(row["verdict"] == row["truth"] for row in rows)
    flattered = sum(row["truth"] == USELESS and row["verdict"] == GOOD for row in rows)
    option = " --settling" if settling else ""
    weights = ", ".join(sorted({f"{name} {fingerprint(name)}" for name in ("sim-s", "sim-m")}))
    lines = [
        f"# Verdicts on rewards made on purpose{', on which the rule was settled' if settling else ''}",
        "",
        f"Made by `python experiments/verdicts.py{option}` with {weights}; {FRAMES} frames a task.",
        f"**The verdict agrees with the truth in {right} of {len(rows)}; {flattered} useless ones are called good.**",
        "What is true of each is fixed by how it was made: see the script.",
        "After the 40 had been seen, the rule was changed once: it asks for groups of frames, a number that",
        "`verdicts_groups.md` settles on the 20. States made on purpose, as these are, are not counted by groups.",
        "",
        "| task | reward | truth | verdict | AUROC | false positives at 90 % recall | best control |",
        "|---|---|---|---|---|---|---|",
    ]
    for row in rows:
        verdict = row["verdict"] if row["verdict"] == row["truth"] else f"**{row['verdict']}**"
        control = "-" if row["control"] is None else f"{row['control']:.3f}"
        numbers = f"{row['auroc']:.3f} | {row['false_positives']:.3f} | {control}"
        lines.append(f"| {row['task']} | {row['kind']} | {row['truth']} | {verdict} | {numbers} |")
    with whole_file(stem.with_suffix(".md")) as file:
        file.write_text("\n".join(lines) + "\n")
    with whole_file(stem.with_suffix(".json")) as file:
        file.write_text(json.dumps(rows, indent=1) + "\n")
    print("\n".join(lines[3:5]))


def main(settling: bool = False) -> None:
    """Judge the rewards and write the table.

    Args:
        settling: The rewards that the rule was settled on, instead of those that it is tried on.
    """
    rows = judge_all(SETTLING if settling else TRYING, seed=7 if settling else 0)
    if settling:
        rows = [row for row in rows if (row["task"], row["kind"]) not in LEFT_OUT]
    write_results(rows, RESULTS / ("verdicts_settling" if settling else "verdicts"), settling=settling)


if __name__ == "__main__":
    tyro.cli(main, description=__doc__)

#!/usr/bin/env python
"""Rewards that are corrected by labels while an agent trains on them: a pendulum, and the kneeling humanoid.

    python experiments/improving.py                    # both loops, and what the same steps bring without labels
    python experiments/improving.py --loops pendulum   # one of them (some 10 minutes on two cores)

The pendulum's reward has a sentence that is true at the wrong place; the humanoid's is the one that kneeling.py
trains, and the loop goes on from the agent that it has there (run `kneeling.py --ways h_soft_side --seeds 0` first).
Labels are of the tasks' own success bounds, in the place of a person. Beside each loop stands an agent that trains as
many steps on the reward as it was. Killed or stopped, the same command goes on where it was. Results go to
experiments/results/improving.md, and the loops' own pages beside it.
"""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import tyro
from kneeling import Args as KneelingArgs
from kneeling import run_of
from training_run import Run
from training_runs import carry_out_all, percent

from vlmrm.atomic import whole_file, write_json

HERE = Path(__file__).resolve().parent
RUNS, RESULTS = HERE.parent / "runs" / "improving", HERE / "results"


@dataclass(frozen=True, kw_only=True)
class Loop:
    """A loop, and the training beside it."""

    says: str
    """What is corrected, for the page."""
    task: str
    """As `vlmrm improve` takes it."""
    reward: Path
    """The reward as it is at first."""
    rounds: int
    """Of labels."""
    labels: int
    """Of each round."""
    steps: int
    """Of each round's training."""
    eval_every: int
    """Steps between two evaluations."""
    start_from: Path | None = None
    """Run whose agent it begins with."""
    options: Sequence[str] = ()
    """More of both command lines."""

    @property
    def training(self) -> list[str]:
        """What both command lines have in common."""
        start = ["--start-from", str(self.start_from)] if self.start_from else []
        return ["--reward", str(self.reward), *start, *self.options]

    def beside(self, name: str) -> Run:
        """The training for as many steps on the reward as it was."""
        return Run(
            root=RUNS, name=f"{name}-without", task=self.task, kind="without", seed=0, target=0.9,
            options=[*self.training, "--steps", str(self.rounds * self.steps)], eval_every=self.eval_every,
        )  # fmt: skip


def loops() -> dict[str, Loop]:
    """Both, by name."""
    kneeling = run_of("h_soft_side", 0, KneelingArgs().steps)
    seen = list(kneeling.options)
    for name in ("--steps", "--reward"):
        del seen[seen.index(name) : seen.index(name) + 2]
    return {
        "pendulum": Loop(
            says="a pendulum that shall stand upright, and is paid for “a pendulum pointing to the right”",
            task="pendulum/upright", reward=HERE / "improving" / "right.toml",
            rounds=2, labels=40, steps=10_000, eval_every=1_000,
        ),
        "kneeling": Loop(
            says="the kneeling humanoid, from the agent of [kneeling.md](kneeling.md), seed 0",
            task="humanoid/kneeling", reward=kneeling.root / "rewards" / "h_soft_side.json",
            rounds=1, labels=60, steps=30_000, eval_every=10_000, start_from=kneeling.folder,
            options=seen,
        ),
    }  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class Args:
    """What is carried out."""

    loops: tuple[str, ...] = ("pendulum", "kneeling")
    """By name; pages of others stay as they are."""


def carry_out(name: str, loop: Loop) -> None:
    """The loop and the training beside it, at once; each goes on where it was, and a refused round is a result too."""
    with ThreadPoolExecutor(2) as pool:
        begun = [pool.submit(improve, name, loop), pool.submit(carry_out_all, [loop.beside(name)], 1)]
    for one in begun:
        one.result()  # raises what was raised there


def improve(name: str, loop: Loop) -> None:
    """The loop, as a user begins it and goes on with it."""
    RUNS.mkdir(parents=True, exist_ok=True)
    command = [str(Path(sys.executable).parent / "vlmrm"), "improve", loop.task, *loop.training]
    command += ["--steps", str(loop.steps), "--eval-every", str(loop.eval_every), "--eval-episodes", "20"]
    command += ["--final-episodes", "100", "--no-videos", "--labels", str(loop.labels), "--rounds", str(loop.rounds)]
    command += ["--labelled-by", "oracle", "--out", str(RUNS / name)]
    with (RUNS / f"{name}.log").open("a") as lines:
        done = subprocess.run(command, stdout=lines, stderr=lines, env=os.environ | {"OMP_NUM_THREADS": "1"})
    print(f"{name}: {'done' if not done.returncode else f'ended with {done.returncode}, see {lines.name}'}", flush=True)


def keep(name: str, loop: Loop) -> None:
    """Copy the page and the numbers of a loop, and those of the training beside it, next to the results."""
    folder = RUNS / name
    if not (folder / "improve.json").is_file():
        return
    found = json.loads((folder / "improve.json").read_text())
    if (summary := loop.beside(name).summary()) is not None:
        found["without_labels"] = summary["trained"]
    write_json(RESULTS / f"improve_{name}.json", found)
    with whole_file(RESULTS / f"improve_{name}.html") as aside:
        shutil.copyfile(folder / "improve.html", aside)


def page(found: dict[str, dict[str, Any]]) -> list[str]:
    """Markdown."""
    lines = [
        "# Rewards corrected by labels",
        "",
        "Made by `python experiments/improving.py`, the humanoid's with `sim-h`'s first weights. Success is of 100",
        "episodes, by the simulator. Labels are of the task's own success bounds, which a user does not have: a",
        "person labels there.",
        "AUROC and average precision are of the labels kept aside, of this round and of those before.",
    ]
    for name, loop in loops().items():
        if name not in found:
            continue
        numbers = found[name]
        before = numbers["before"]
        without = numbers.get("without_labels", {}).get("success")
        total = loop.rounds * loop.steps
        lines += [
            "",
            f"## {loop.says[0].upper()}{loop.says[1:]}",
            "",
            f"{numbers['headline']} [The loop's own page](improve_{name}.html) shows every frame.",
            "",
            "| | labels | of the goal | AUROC before | after | average precision before | after | **success** |",
            "|---|---|---|---|---|---|---|---|",
            f"| {before['policy']} | | | | | | | {percent((before['evaluation'] or {}).get('success'))} |",
            f"| {total:,} steps without labels | | | | | | | {percent(without)} |",
        ]
        lines += [row(one, loop) for one in numbers["rounds"]]
    return lines


def row(one: dict[str, Any], loop: Loop) -> str:
    """Of a round."""
    judged, trained = one["correction"] or {}, one["trained"] or {}
    frames = judged.get("frames", [])
    cells = [f"round {one['round']}, {loop.steps:,} steps", str(len(frames))]
    cells.append(str(sum(frame["in_goal"] for frame in frames)))
    for name in ("auroc", "average_precision"):
        cells += [f"{judged[when][name]:.3f}" if judged else "-" for when in ("before", "after")]
    cells.append("refused" if judged.get("refused") else f"**{percent(trained.get('success'))}**")
    return "| " + " | ".join(cells) + " |"


def main(args: Args) -> None:
    """Carry out the loops and write the results."""
    for name in args.loops:
        loop = loops()[name]
        try:
            carry_out(name, loop)
        finally:
            keep(name, loop)
    paths = {name: RESULTS / f"improve_{name}.json" for name in loops()}
    found = {name: json.loads(path.read_text()) for name, path in paths.items() if path.is_file()}
    lines = page(found)
    with whole_file(RESULTS / "improving.md") as aside:
        aside.write_text("\n".join(lines) + "\n")
    print("\n".join(lines))


if __name__ == "__main__":
    main(tyro.cli(Args, description=__doc__))

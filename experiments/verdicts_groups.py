#!/usr/bin/env python
"""How many videos does a verdict need? The 20 rewards of `verdicts.py --settling`, judged on few videos of each kind.

    python experiments/verdicts_groups.py

A video shows neighbours that are nearly one picture. So a draw takes as many goal states and as many others as there
are videos, each as often as gives 20 frames a side, the state its group, and judges them by the rule without a least
number of groups. With few videos chance alone ranks them rightly, and every resample agrees. The number below which
nothing is called good is the smallest at which fewer than 1 in 10 of the weak rewards are called good, and at which
chance puts all goal videos first in fewer than 1 of 100 draws. Results go to experiments/results/verdicts_groups.md.
"""

from collections import Counter
from math import comb
from pathlib import Path
from unittest import mock

import numpy as np
import torch
import tyro
from verdicts import FRAMES, GOOD, LEFT_OUT, RESULTS, SETTLING, USELESS, rewards_of

from vlmrm.data import LabelledFrames, TaskStates
from vlmrm.report import Report, evaluate, measures, verdict
from vlmrm.report.report import Entry
from vlmrm.tasks import find_task

SIDE = 20
"""Frames on a side, the fewest with which a reward is called good."""
RESAMPLES = 100


def judge_videos(report: Report, entry: Entry, videos: int, rng: np.random.Generator) -> str:
    """The verdict on one draw of videos."""
    in_goal = report.scored.labels.in_goal
    sides = [rng.choice(np.flatnonzero(part), videos, replace=False) for part in (in_goal, ~in_goal)]
    rows = np.repeat(np.concatenate(sides), -(-SIDE // videos))
    shown = LabelledFrames(
        frames=torch.empty(len(rows), 0, 0, 3, dtype=torch.uint8),
        in_goal=in_goal[rows],
        names=[str(row) for row in rows],
        groups=[str(row) for row in rows],
    )
    controls = {name: scores[rows] for name, scores in report.scored.controls[entry.name].items()}
    found = measures.measure(report.scored.scores[entry.name][rows], shown, controls=controls, rule=None)
    near = entry.evidence.nearness
    with mock.patch.object(verdict, "FEW_GROUPS", 0):
        return verdict.judge(found, about=None if near is None else near.share).word


def main(draws: int = 100, most: int = 8) -> None:
    """Judge the rewards on 2 to so many videos a side, and write the table.

    Args:
        draws: How often to draw the videos of each reward.
        most: The most videos a side.
    """
    called: Counter[tuple[int, str, str]] = Counter()
    rng = np.random.default_rng(0)
    for task, other in SETTLING:
        made = {one.kind: one for one in rewards_of(task, other) if (task, one.kind) not in LEFT_OUT}
        source = TaskStates(task=find_task(task), n=FRAMES, seed=7)
        report = evaluate({kind: one.reward for kind, one in made.items()}, source)
        for entry in report.entries:
            for videos in range(2, most + 1):
                words = [judge_videos(report, entry, videos, rng) for _ in range(draws)]
                called.update((videos, made[entry.name].truth, word) for word in words)
    write_results(called, most, draws)


def write_results(called: Counter[tuple[int, str, str]], most: int, draws: int) -> None:
    """The table, a row for each number of videos."""
    lines = [
        "# Verdicts on few videos",
        "",
        f"Made by `python experiments/verdicts_groups.py`: the 20 settling rewards, {draws} draws of each.",
        "Every video is one state, shown often, with no least number of groups in the rule.",
        "",
        "| videos a side | useless called good | weak called good | good called good | good called useless |",
        "|---|---|---|---|---|",
    ]
    for videos in range(2, most + 1):
        cells = []
        for truth, word in ((USELESS, GOOD), ("weak", GOOD), (GOOD, GOOD), (GOOD, USELESS)):
            whole = sum(n for (number, true, _), n in called.items() if (number, true) == (videos, truth))
            cells.append(f"{100 * called[videos, truth, word] / whole:.1f} %")
        lines.append(f"| {videos} | {' | '.join(cells)} |")
    least = verdict.FEW_GROUPS
    chance = comb(2 * least, least)
    lines += [
        "",
        f"**The rule asks for {least} on either side**: the smallest number at which fewer than 1 in 10 of the weak",
        f"rewards are called good, and at which chance puts all goal videos first in 1 of {chance} draws,",
        "fewer than 1 in 100. The useless ones have controls, which few videos rank as well by chance: so they",
        "are not called good, and neither is what is right. A verdict of uselessness is then as unsure.",
    ]
    Path(RESULTS / "verdicts_groups.md").write_text("\n".join(lines) + "\n")
    print("\n".join(lines))


if __name__ == "__main__":
    with mock.patch.object(measures, "RESAMPLES", RESAMPLES):
        tyro.cli(main, description=__doc__)

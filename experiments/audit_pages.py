#!/usr/bin/env python
"""Audits rewards that are good and bad, makes pages of them, and says how long that takes.

    python experiments/audit_pages.py          (about 10 minutes on 2 cores)

The good one is a task's own reward; the bad one has a sentence that is true of all of its pictures. A classic task and
a pose of the humanoid, whose audits are to take less than 3 and 10 minutes on 2 quiet cores, drawing included; of the
pose also the reward of two cameras and eleven sentences that a humanoid has learnt to kneel from. Pages of the humanoid
go to ``experiments/results/audit_{good,bad,taught}.html``, their numbers beside them as JSON; verdicts and seconds of
all go to ``audit_pages.md``. The picture needs Debian's chromium; without it the one there stays.
"""

import time
from collections import Counter
from dataclasses import dataclass, replace
from pathlib import Path

import torch
from kneeling_ways import WAYS
from report_pages import RESULTS, picture

from vlmrm import PromptSet
from vlmrm.atomic import whole_file
from vlmrm.cli.frame_progress import frame_progress
from vlmrm.data import frames_of_task
from vlmrm.report.audit import Audit, audit
from vlmrm.rewards import RewardSpec
from vlmrm.tasks import Task, find_task

THREADS, FRAMES = 2, 600
MINUTES = {"cartpole/upright": 3, "humanoid/kneeling": 10}
TRUE_OF_ALL = {
    "cartpole/upright": PromptSet("a pole and a cart", "a cart"),
    "humanoid/kneeling": PromptSet("a humanoid robot", "a robot"),
}
"""Sentences that no picture of the task contradicts."""
SHOWN = "humanoid/kneeling"
TAUGHT = WAYS["h_eleven_both"]


@dataclass(frozen=True, kw_only=True, eq=False)
class Timed:
    """An audit, and how long it took."""

    task: str
    """Whose states are the frames."""
    which: str
    """``good``, ``bad`` or ``taught``."""
    found: Audit
    """What was found."""
    seconds: float
    """From the start to the written page, drawing included."""


def rewards_of(name: str) -> dict[str, tuple[Task, RewardSpec]]:
    """The task's own reward, one of a sentence that is always true, and the one that has taught, each with its task."""
    task = find_task(name)
    plain = RewardSpec(encoder=task.reward.encoder, prompts=TRUE_OF_ALL[name], alpha=task.reward.alpha)
    found = {"good": (task, task.reward), "bad": (task, replace(plain, resize_mode=task.reward.resize_mode))}
    return found | ({"taught": (TAUGHT.task(), TAUGHT.spec())} if name == SHOWN else {})


def audited(task: Task, which: str, spec: RewardSpec) -> Timed:
    """Audit once, and keep the page of the task that is shown."""
    begun = time.perf_counter()
    show = frame_progress(f"{task.name}, {which}", what="probes")
    found = audit(spec, frames_of_task(task, FRAMES), progress=show)
    if task.name == SHOWN:
        found.save(RESULTS / f"audit_{which}.html")
    return Timed(task=task.name, which=which, found=found, seconds=time.perf_counter() - begun)


def row(one: Timed) -> str:
    """A line of the table."""
    said = Counter(answered.finding.verdict for answered in one.found.answered)
    counts = " | ".join(str(said[verdict]) for verdict in ("fail", "warn", "pass", "left out"))
    failed = ", ".join(a.probe.name for a in one.found.answered if a.finding.verdict == "fail")
    aim = "reached" if one.seconds < 60 * MINUTES[one.task] else "not reached"
    return f"| {one.task} | {one.which} | {counts} | {failed} | {one.seconds:.0f} s ({aim}) |"


def write(done: list[Timed]) -> None:
    """The table."""
    text = "\n".join([_HEAD, *map(row, done), ""])
    with whole_file(RESULTS / "audit_pages.md") as aside:
        aside.write_text(text, encoding="utf-8")
    print(text)


_HEAD = f"""# Audits of a good and of a bad reward

Made by `python experiments/audit_pages.py` with today's built-in models, {FRAMES} drawn states of each task, {THREADS}
threads. Good: the task's own reward; bad: a sentence that is true of all of its pictures; taught: the reward that a
humanoid has learnt to kneel from ([{TAUGHT.says}](kneeling.md)).
Seconds hold all, the drawing of states among it; aims are 3 minutes for a classic task and 10 for a pose of the
humanoid.
Pages of the humanoid: [good](audit_good.html), [bad](audit_bad.html), [taught](audit_taught.html).

| task | reward | fail | warn | pass | left out | what failed | took |
|---|---|---|---|---|---|---|---|"""


def main() -> None:
    """Audit all of them, and draw the top of the bad one's page."""
    torch.set_num_threads(THREADS)
    write([audited(task, which, spec) for name in MINUTES for which, (task, spec) in rewards_of(name).items()])
    picture(Path(RESULTS / "audit_bad.html"), RESULTS / "audit_bad.png")


if __name__ == "__main__":
    main()

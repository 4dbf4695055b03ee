#!/usr/bin/env python
"""What fools the rewards that ship: an audit of every task, with few states.

    python experiments/audit_tasks.py                       # every task, some 40 minutes on one core
    python experiments/audit_tasks.py --tasks hopper/stand  # some of them; the others keep their numbers

Each task's own reward, on 150 drawn states. Pages and numbers of each stay in runs/audit_tasks/, and what is there of
today's weights is not made again. Results go to experiments/results/audit_tasks.md.
"""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import tyro
from shipped import fingerprint
from vlmrm_envs import tasks

from vlmrm.atomic import whole_file
from vlmrm.data import frames_of_task
from vlmrm.report.audit import audit

HERE = Path(__file__).resolve().parent
RUNS, RESULTS = HERE.parent / "runs" / "audit_tasks", HERE / "results"
STATES = 150
_VERDICTS = ("fail", "warn", "pass", "left out")


@dataclass(frozen=True, kw_only=True)
class Args:
    """What is audited."""

    tasks: tuple[str, ...] = tuple(sorted(tasks()))
    """Names of tasks."""


def numbers_of(name: str) -> dict[str, Any] | None:
    """What an audit with today's weights has found; None: there is none."""
    path = RUNS / f"{name.replace('/', '_')}.json"
    found = json.loads(path.read_text()) if path.is_file() else None
    return found if found is not None and found["fingerprint"] == fingerprint(tasks()[name].reward.encoder) else None


def row(name: str, found: dict[str, Any]) -> str:
    """Of the table."""
    verdicts = [probe["verdict"] for probe in found["probes"]]
    failed = ", ".join(f"`{probe['name']}`" for probe in found["probes"] if probe["verdict"] == "fail")
    counts = " | ".join(str(verdicts.count(verdict)) for verdict in _VERDICTS)
    return f"| {name} | {tasks()[name].reward.encoder} | {counts} | {failed} |"


def page() -> list[str]:
    """Markdown of all that is there."""
    known = {name: found for name in sorted(tasks()) if (found := numbers_of(name)) is not None}
    lines = [
        "# Audits of every task",
        "",
        f"Made by `python experiments/audit_tasks.py` with today's built-in models: each task's own reward on {STATES}",
        "drawn states, four times fewer than `vlmrm audit` takes, so that intervals are wide and more is left out.",
        "",
        "| task | model | " + " | ".join(_VERDICTS) + " | what failed |",
        "|" + "---|" * 7,
        *(row(name, found) for name, found in known.items()),
    ]
    for name, found in known.items():
        failed = [probe for probe in found["probes"] if probe["verdict"] == "fail"]
        lines += ["", f"{name}:", ""] if failed else []
        lines += [f"- `{probe['name']}`: {probe['says']}" for probe in failed]
    return lines


def main(args: Args) -> None:
    """Audit what is lacking, and write the page."""
    RUNS.mkdir(parents=True, exist_ok=True)
    try:
        for name in [name for name in args.tasks if numbers_of(name) is None]:
            task = tasks()[name]
            found = audit(task.reward, frames_of_task(task, STATES))
            found.save(RUNS / f"{name.replace('/', '_')}.html")
            print(f"{name}: {found.headline}", flush=True)
    finally:
        with whole_file(RESULTS / "audit_tasks.md") as aside:
            aside.write_text("\n".join(page()) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main(tyro.cli(Args, description=__doc__))

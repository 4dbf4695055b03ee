#!/usr/bin/env python
"""Do the sentence and the camera found on 60 labelled frames beat the shipped ones on frames that no search has seen?

    python experiments/search.py

Three tasks: `humanoid/arms_crossed`, and one of each of the two other MuJoCo scenes with the lowest AUROC of a shipped
reward on 200 frames, chosen before they were searched here (`reacher/touch` 0.88, `ant/flipped` 0.96). For each, on one
draw of 60 labelled states: the sentence from the task's camera, the camera with the shipped sentence, and the camera
with the shipped sentence or the one found; judged on 1,500 states of another seed. The sentences tried are those of
`vlmrm.search`'s tables and a few written from the task's description alone. Then the sentence again, on other draws of
60, and for the crossed arms on frames from 25 cameras and looks. What was changed after a look at results is on the
page. Results go to experiments/results/search.{md,json}.
"""

import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
import tyro
import vlmrm_envs as envs
from shipped import fingerprint
from vlmrm_envs.mujoco_pictures import random_look
from vlmrm_envs.scenes.humanoid import random_camera

from vlmrm.atomic import whole_file, write_json
from vlmrm.data import GivenFrames, LabelledFrames, TaskStates
from vlmrm.metrics import Estimate, auroc, paired_difference
from vlmrm.rewards import RewardModel
from vlmrm.search import CameraSearch, LabelledParts, PromptSearch, SearchResult, search_camera, search_prompts
from vlmrm.search.split import FAR, read_source
from vlmrm.tasks import Task

RESULTS = Path(__file__).resolve().parent / "results"
SENTENCES: Mapping[str, Sequence[str]] = {
    "humanoid/arms_crossed": (
        "a humanoid robot standing with bent elbows and crossed arms before its chest",
        "a humanoid robot with its arms folded before its chest",
        "a standing robot with each hand on the other side of its chest",
        "a humanoid robot whose forearms cross in front of its chest",
        "a robot standing upright with folded arms",
        "a humanoid robot with bent elbows and its hands on opposite sides",
    ),
    "reacher/touch": (
        "a two-link arm with its fingertip at the ball",
        "the fingertip of the arm on the red ball",
        "the tip of a robot arm and a red ball in the same place",
        "a robot arm whose fingertip covers the red ball",
        "a robot arm that has reached the red ball",
        "the red ball at the end of a robot arm",
    ),
    "ant/flipped": (
        "a four-legged robot lying on its back",
        "a four-legged robot upside down with its legs in the air",
        "a four-legged body turned over",
        "a robot with four legs that has tipped over onto its back",
        "an overturned four-legged robot",
    ),
}
"""Written from each task's description."""
VIEWS, SEARCH_VIEWS = 25, 6  # cameras and looks of the frames to judge on, and of those to search on


@dataclass(frozen=True, kw_only=True)
class Args:
    """What is measured."""

    frames: int = 60
    """Labelled frames to search on."""
    held_out: int = 1_500
    """Frames to judge on."""
    views: int = 80
    """Cameras to try."""
    draws: int = 5
    """Draws of labelled frames for the search of sentences; the first is that of the main table."""
    seed: int = 11
    """Random seed of the first draw."""
    out: Path = RESULTS
    """Folder of the results."""


def by_frames(result: SearchResult, held_out: Any) -> Estimate:
    """The gain with an interval over single frames, drawn anew from each camera where there are several."""
    scores = []
    for one in (result.best, result.shipped):
        source = replace(held_out, task=replace(held_out.task, camera=one.camera)) if one.camera else held_out
        reward = RewardModel.from_spec(one.spec)
        read = read_source(source, reward)
        scores.append(reward.score(read.features).numpy())
    return paired_difference(auroc, scores[0], scores[1], read.in_goal, resamples=1_000)


def one_row(task: str, what: str, result: SearchResult, held_out: Any) -> dict[str, Any]:
    """Numbers of one search."""
    best, shipped = result.best, result.shipped
    print(f"{task}, {what}: {result.headline} {result.warning}", flush=True)
    return {
        "task": task,
        "what": what,
        "winner": best.name,
        "goal": list(best.spec.require_prompts().goal),
        "spec": best.spec.to_dict(),
        "camera": None if best.camera is None else best.camera.to_dict(),
        "shipped": asdict(shipped.held_out or _unknown()),
        "found": asdict(best.held_out or _unknown()),
        "gain": asdict(best.gain or _unknown()),
        "gain by frames": asdict(by_frames(result, held_out)),
        "on the search part": [shipped.search.auroc, best.search.auroc],
        "tried": len(result.ranked),
        "labels": list(result.searched),
        "remarks": list(result.remarks),
    }


def _unknown() -> Estimate:
    return Estimate(value=float("nan"), low=float("nan"), high=float("nan"))


def in_memory(source: TaskStates, reward: RewardModel) -> GivenFrames:
    """Frames at the size that a model sees, so that several searches need not draw them again."""
    return GivenFrames(frames=LabelledFrames.join(list(source.batches(reward.capture))), task=source.task)


def search_task(name: str, args: Args) -> list[dict[str, Any]]:
    """All searches of one task."""
    task = envs.task(name)
    reward = RewardModel.from_spec(task.reward)
    options = PromptSearch(sentences=SENTENCES[name])
    held_out = in_memory(TaskStates(task=task, n=args.held_out, seed=args.seed + FAR), reward)
    rows: list[dict[str, Any]] = []
    found = None
    for draw in range(args.draws):
        source = TaskStates(task=task, n=args.frames, seed=args.seed + draw)
        result = search_prompts(reward, LabelledParts(search=source, held_out=held_out), options=options)
        rows.append(one_row(name, "sentence" if draw == 0 else f"sentence, draw {draw + 1}", result, held_out))
        found = found or result.best.spec
    if found is None:
        raise SystemExit("at least one draw is needed: --draws 1.")
    views = CameraSearch(frames=args.frames, held_out=args.held_out, views=args.views, seed=args.seed)
    drawn = TaskStates(task=task, n=args.held_out, seed=args.seed + FAR)
    rows.append(one_row(name, "camera", search_camera(task, options=views), drawn))
    both = {"shipped sentence": task.reward, "found sentence": found}
    rows.append(one_row(name, "sentence and camera", search_camera(task, rewards=both, options=views), drawn))
    return rows


def many_views(task: Task, size_px: int, count: int, *, views: int, seed: int) -> LabelledFrames:
    """Frames from other cameras, in other colours and light; a view is a group."""
    rng = np.random.default_rng(seed)
    parts = []
    for view in range(views):
        look, camera = random_look(rng)[0], random_camera(rng)
        seen = replace(task, env_kwargs={**task.env_kwargs, "look": look}, camera=camera)
        drawn = envs.labelled_frames(seen, count // views, seed=seed + view, size_px=size_px)
        parts.append(replace(drawn, groups=[f"view {view}"] * len(drawn)))
    return LabelledFrames.join(parts)


def search_many_views(name: str, args: Args) -> dict[str, Any]:
    """A sentence, searched and judged on frames from many cameras, no camera on both sides."""
    task = envs.task(name)
    reward = RewardModel.from_spec(task.reward)
    size_px = reward.encoder.size_px
    first = many_views(task, size_px, args.frames, views=SEARCH_VIEWS, seed=args.seed + 2 * FAR)
    second = many_views(task, size_px, args.held_out, views=VIEWS, seed=args.seed + 3 * FAR)
    parts = LabelledParts(search=GivenFrames(frames=first, task=task), held_out=GivenFrames(frames=second, task=task))
    result = search_prompts(reward, parts, options=PromptSearch(sentences=SENTENCES[name]))
    return one_row(name, f"sentence, {VIEWS} cameras and looks", result, parts.held_out)


def interval(estimate: Mapping[str, float], sign: str = "") -> str:
    """A number with its interval."""
    return f"{estimate['value']:{sign}.3f} [{estimate['low']:{sign}.3f}, {estimate['high']:{sign}.3f}]"


def write_page(rows: Sequence[Mapping[str, Any]], args: Args, *, minutes: float) -> None:
    """The tables, and what they say."""
    main_rows = [row for row in rows if "draw" not in row["what"]]
    both = [row for row in rows if row["what"] == "sentence and camera"]
    groups, frames = (
        [f"`{row['task']}`" for row in both if row[gain]["low"] > 0] for gain in ("gain", "gain by frames")
    )
    lines = [
        "# Searching for a sentence and a camera",
        "",
        f"Made by `python experiments/search.py` with sim-m {fingerprint('sim-m')}; {args.frames} labelled frames to "
        f"search on, {args.held_out:,} of another seed to judge on; AUROC with 95 % intervals; {minutes:.0f} minutes "
        "of a busy core.",
        "",
        f"**Over whole groups of frames, as reports take intervals, the sentence and the camera found beat the shipped "
        f"ones with an interval above 0 on {len(groups)} of {len(both)} tasks ({', '.join(groups) or 'none'}); over "
        f"single frames on {len(frames)} ({', '.join(frames) or 'none'}).** The interval over single frames was added "
        "when the one over groups had been seen, so it is no test that was settled beforehand.",
        "",
        "| task | searched | tried | shipped | found | gain, interval over groups | over frames | "
        "on the frames searched: shipped, found |",
        "|---|---|---|---|---|---|---|---|",
        *(_line(row) for row in main_rows),
        "",
        "What was found:",
        "",
        *(f"- `{row['task']}`, {row['what']}: {_found(row)}" for row in main_rows),
        "",
        f"## The sentence again, on other draws of {args.frames} frames",
        "",
        "| task | gains on the held-out frames, draw by draw, intervals over frames |",
        "|---|---|",
        *(_draws(name, rows) for name in SENTENCES),
        "",
        "## What the numbers say",
        "",
        *(f"- {note}" for note in NOTES),
    ]
    with whole_file(args.out / "search.md") as file:
        file.write_text("\n".join(lines).rstrip() + "\n", encoding="utf-8")


NOTES: Sequence[str] = (
    "`ant/flipped`: of the sentence, it is the alpha that helps. On 300 other states the shipped sentence with "
    "alpha 0 instead of 0.5 has 1.000 too: on the line from its baseline, an ant that walks, a tilt of 130 "
    "degrees is as near to the goal as many that are one. The mistakes of the shipped reward are nearly all "
    "states tilted 120 to 135 degrees, in 2 of the 24 parts of the sweep that count as groups; a resample of "
    "whole parts without these finds no difference, hence the 0 at the end of the interval over groups. The parts "
    "cover the sweep and are no draw from others, which speaks for the interval over frames. States of a sweep "
    "lie evenly, so the five draws are nearly one. The cameras found look down more steeply than any that sim-m "
    "was trained on: most of their frames are outside of what it knows (the joint one: 82 %), so the sentence "
    "alone is what to take.",
    "`humanoid/arms_crossed`: nothing that was found is better, and the sentence with the camera is worse. From "
    "the task's own camera the shipped sentence reaches 0.991 (0.94, as other pages have it, is on frames from "
    "many cameras and looks: the last row), which leaves little to gain, and 60 frames cannot tell what is left: "
    "the view found reaches 1.000 on them and 0.988 on the others.",
    "`reacher/touch`: nothing that was found is better, and the sentence is worse in three of five draws. 11 to "
    "19 of the 60 frames show the goal, and the winner of several hundred sentences owes 0.03 to 0.09 of its "
    "AUROC to them. The held-out frames say so, and the message of the search is to keep the shipped sentence.",
    "Alphas, rivals as negatives, averages of sentences, the camera alone and with either sentence were all searched.",
    "The rule that chooses the winner was settled after a trial on `reacher/touch` (another seed) had shown the "
    "overfitting, on 16 draws of 6 other tasks, by the mean gain on held-out frames: the best AUROC +0.0063, the "
    "widest margin +0.0037, the best lower bound of the gain +0.0066, the shipped reward unless the gain is sure "
    "+0.0039, the mean of the most sentences within one standard error of the best +0.0074. These lie within "
    "chance of one another, and on the tasks of this page the last did not prevent the losses above; keeping the "
    "shipped reward unless the gain is sure never lost on those 16 draws, and found less.",
    "After a first run, which was stopped before its last two searches, the tables were mended, which had made “a "
    "humanoid figure arm” of a robot arm, and everything was run again. The first run said the same of each task: "
    "sentence and camera -0.006 on `humanoid/arms_crossed` and -0.049 on `reacher/touch`, the sentence of "
    "`ant/flipped` +0.038.",
)
"""What the numbers mean."""


def _line(row: Mapping[str, Any]) -> str:
    before, after = row["on the search part"]
    gains = (row["gain"], row["gain by frames"])
    said = " | ".join(f"**{interval(gain, '+')}**" if gain["low"] > 0 else interval(gain, "+") for gain in gains)
    numbers = f"{interval(row['shipped'])} | {interval(row['found'])} | {said} | {before:.3f}, {after:.3f}"
    return f"| {row['task']} | {row['what']} | {row['tried']} | {numbers} |"


def _found(row: Mapping[str, Any]) -> str:
    goal = row["goal"]
    said = f"{len(goal)} sentences, the first " if len(goal) > 1 else ""
    head = row["spec"].get("head", "projection")
    camera = row["camera"]
    seen = "" if camera is None else "; camera " + ", ".join(f"{key} {value}" for key, value in camera.items())
    return f"{said}“{goal[0]}” (head {head}, alpha {row['spec'].get('alpha', 0.5):g}){seen}"


def _draws(name: str, rows: Sequence[Mapping[str, Any]]) -> str:
    of_task = [row for row in rows if row["task"] == name]
    gains = [row["gain by frames"] for row in of_task if row["what"] == "sentence" or "draw" in row["what"]]
    return f"| {name} | {'; '.join(interval(gain, '+') for gain in gains)} |"


def main(args: Args) -> None:
    """Search all tasks, and write the page."""
    torch.set_num_threads(1)
    started = time.monotonic()
    rows = [row for name in SENTENCES for row in search_task(name, args)]
    rows.append(search_many_views("humanoid/arms_crossed", args))
    settings = {name: value for name, value in asdict(args).items() if name != "out"}  # no place of this machine
    write_json(args.out / "search.json", {"args": settings, "rows": rows})
    write_page(rows, args, minutes=(time.monotonic() - started) / 60)


if __name__ == "__main__":
    main(tyro.cli(Args))

"""Tables of experiments/heads.py."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from heads_encoders import FRAMES, SIZE_PX
from heads_tuning import DRAWS, TESTED, TOO_LITTLE
from heads_uncertainty import ASKED
from shipped import fingerprints_in, stale_note
from training_run import Run
from training_runs import numbers_of, percent, steps

from vlmrm.atomic import whole_file

MOST_MS, TASKS_TO_REACH = 50, 6
EARLIER = (
    "All but the agents was measured on other weights of the encoder, or other poses, than today's; not yet anew.",
    "The agents' rewards were fitted on angles evenly spaced, where today one is drawn in each part of the range.",
)
Numbers = dict[str, Any]


def heads_table(poses: Numbers) -> list[str]:
    """One line a head: means over the poses, and the worst pose."""
    lines = [
        "| head | AUROC | worst pose | false positives at 90 % recall | worst pose | ms for 1,000 frames |",
        "|---|---|---|---|---|---|",
    ]
    for head in next(iter(poses.values())):
        rows = [pose[head] for pose in poses.values()]
        auroc, wrong = ([row[key] for row in rows] for key in ("auroc", "false_positives"))
        cells = [f"{np.mean(auroc):.3f}", f"{min(auroc):.3f}", f"{np.mean(wrong):.1%}", f"{max(wrong):.1%}"]
        lines.append(f"| {head} | {' | '.join(cells)} | {np.mean([row['ms_per_1000'] for row in rows]):.2f} |")
    return lines


def few_shot_table(shots: Numbers) -> list[str]:
    """One line a pose: mean AUROC over the supports."""
    methods = list(next(iter(shots.values())))
    lines = ["| pose | " + " | ".join(methods) + " |", "|---|" + "---|" * len(methods)]
    for task, found in shots.items():
        cells = [f"{np.mean(found[method]):.3f}" for method in methods]
        lines.append(f"| {task.split('/')[1]} | {' | '.join(cells)} |")
    means = [f"{np.mean([np.mean(found[method]) for found in shots.values()]):.4f}" for method in methods]
    return [*lines, "| **mean** | " + " | ".join(means) + " |", better_row(shots, methods)]


def better_row(shots: Numbers, methods: Sequence[str]) -> str:
    """On how many poses each method's mean is above the sentence's, and on how many by two standard errors."""
    cells = ["-"]
    for method in methods[1:]:
        gains = [np.subtract(found[method], found["sentence"]) for found in shots.values()]
        sure = [np.mean(gain) > 2 * np.std(gain, ddof=1) / np.sqrt(len(gain)) for gain in gains]
        cells.append(f"{sum(np.mean(gain) > 0 for gain in gains)} ({sum(sure)})")
    return "| better than the sentence, of 8 (by two standard errors) | " + " | ".join(cells) + " |"


def tuning_table(tuning: Numbers, said: str) -> list[str]:
    """One line a pose: mean AUROC over the supports."""
    rows = {task.split("/")[1]: found[said] for task, found in tuning.items() if said in found}
    methods = list(next(iter(rows.values())))
    lines = ["| pose | " + " | ".join(methods) + " |", "|---|" + "---|" * len(methods)]
    for pose, found in rows.items():
        lines.append(f"| {pose} | " + " | ".join(f"{np.mean(found[method]):.3f}" for method in methods) + " |")
    means = [f"{np.mean([np.mean(found[method]) for found in rows.values()]):.3f}" for method in methods]
    return [*lines, "| **mean** | " + " | ".join(means) + " |"]


def seen_table(found: Numbers) -> list[str]:
    """One line a way to look, one column a pose."""
    poses = list(next(iter(found.values())))
    lines = ["| | " + " | ".join(poses) + " | mean |", "|---|" + "---|" * (len(poses) + 1)]
    for way, row in found.items():
        cells = [f"{row[pose]:.3f}" for pose in poses]
        lines.append(f"| {way} | {' | '.join(cells)} | {np.mean(list(row.values())):.3f} |")
    return lines


def milestones_table(found: Numbers) -> list[str]:
    """One line a reward."""
    lines = ["| reward | right order is paid most | right order | best of the five others |", "|---|---|---|---|"]
    for name, row in found.items():
        share = f"{row['right_order_wins']:.0%} of episodes"
        lines.append(f"| {name} | {share} | {row['right_order']:.3f} | {row['best_other_order']:.3f} |")
    return lines


def uncertainty_table(found: Numbers) -> list[str]:
    """One line a shift, three columns for each kind of frames that it was fitted on."""
    heads = [f"AUROC, {name} | paid well | kappa 2" for name in found]
    lines = ["| frames | " + " | ".join(heads) + " |", "|---|" + "---|" * 3 * len(heads)]
    for shift in next(iter(found.values())):
        rows = [rows[shift] for rows in found.values()]
        cells = [f"{row['auroc']:.2f} | " + " | ".join(f"{share:.0%}" for share in row["paid_well"]) for row in rows]
        lines.append(f"| {shift} | {' | '.join(cells)} |")
    return lines


def disagreement_table(found: Numbers) -> list[str]:
    """One line a shift, one column an ensemble."""
    lines = ["| frames | " + " | ".join(found) + " |", "|---|" + "---|" * len(found)]
    for shift in next(iter(found.values())):
        lines.append(f"| {shift} | " + " | ".join(f"{row[shift]:.2f}" for row in found.values()) + " |")
    return lines


def times_table(times: Numbers) -> list[str]:
    """The slowest first."""
    ordered = sorted(times.items(), key=lambda row: -row[1])
    return ["| head | ms |", "|---|---|", *(f"| {name} | {ms:.2f} |" for name, ms in ordered)]


def cartpole_table(runs: Sequence[Run], found: Numbers) -> list[str]:
    """One line a reward."""
    lines = ["| reward | random policy | success of 100 | first at 95 |", "|---|---|---|---|"]
    for run in runs:
        result = found.get(run.name)
        if result is None:
            lines.append(f"| {run.kind} | not run yet | | |")
            continue
        success = [percent(result[who]["success"]) for who in ("random", "trained")]
        at = f"{steps(result['steps_to_success'])} of {result['steps']:,}"
        lines.append(f"| {run.kind} | {success[0]} | **{success[1]}** | {at} |")
    return lines


def write_report(numbers: Numbers, runs: Sequence[Run], folder: Path) -> None:
    """The page and the numbers."""
    total = numbers["ms_for_1024_of_width_512"]["all together"]
    earlier = json.loads((folder / "heads.json").read_text()) if (folder / "heads.json").is_file() else {}
    agents = earlier.get("cartpole", {}) | numbers_of(runs)  # the folders of runs are not kept
    lines = [
        "# Heads side by side",
        "",
        *([*EARLIER, ""] if stale_note(fingerprints_in(numbers)) else []),
        f"Made by `python experiments/heads.py` with `{numbers['encoder']}`, {numbers['frames']:,} held-out frames of",
        "each of the eight humanoid poses (new cameras, colours and joint angles; look-alikes among the others). Means",
        "over the poses. Negatives are the other seven goal sentences.",
        "",
        *heads_table(numbers["poses"]),
        "",
        "`sigmoid` ranks as the cosine does, from which it is made; the built-in models have no bias, so -5 was given.",
        "",
        "## A handful of pictures",
        "",
        "3 frames of success and 3 of failure, 50 random draws; AUROC on half of the other frames, mean over draws.",
        f"`sentence` is the cosine with the goal. Goal: better than it on at least {TASKS_TO_REACH} of 8. The last",
        "column has no labels: the other half is a bank, in which the sentences find 8 frames of each kind. Standard",
        "errors are over the draws, on the same frames.",
        "",
        *few_shot_table(numbers["few_shot"]),
        "",
        "## Tuned on a handful of pictures",
        "",
        f"Again 3 and 3, {DRAWS} random draws, {TESTED} other frames, alpha 0.5. First with each pose's",
        "own sentences, which leave little to gain:",
        "",
        *tuning_table(numbers["tuning"], "own"),
        "",
        f'Then, for four upright poses, with "{TOO_LITTLE.goal[0]}" and "{TOO_LITTLE.baseline[0]}", which say',
        "too little:",
        "",
        *tuning_table(numbers["tuning"], "too_little"),
        "",
        "## Crops, and several encoders",
        "",
        f"Cosine with the goal, AUROC on {FRAMES} held-out frames of three poses, drawn at {SIZE_PX} px, so that crops",
        "show more and do not only enlarge. The encoders of an ensemble are of unlike strength here.",
        "",
        *seen_table(numbers["seen_otherwise"]),
        "",
        "## Milestones",
        "",
        "Episodes of three poses (standing up, kneeling, lotus), four frames each, in all six orders; every episode",
        "opens with the same frame. A mean of all frames is the control: it cannot tell orders apart.",
        "",
        *milestones_table(numbers["milestones"]),
        "",
        "## Uncertainty",
        "",
        "`humanoid/kneeling`, cosine with the goal, fitted on every other frame; the rest against the same frames",
        f"made strange and against other environments. AUROC of the deviation; goal: at least {ASKED}. Paid well:",
        "above the median of the frames as they are, without and with two deviations taken off.",
        "",
        *uncertainty_table(numbers["uncertainty"]),
        "",
        "The same AUROC of the deviation by which an ensemble disagrees, of three wordings of the goal or of crops at",
        "three scales, on the task's own camera. It says how much hangs on a choice, not how strange a frame is.",
        "",
        *disagreement_table(numbers["disagreement"]),
        "",
        "## Time",
        "",
        f"All on the same 1,024 embeddings of width 512: {total:.1f} ms (goal: under {MOST_MS}), median of 20 rounds.",
        "",
        *times_table(numbers["ms_for_1024_of_width_512"]),
        "",
        "## Agents",
        "",
        "`cartpole/upright` with `sim-s` and the task's own algorithm and settings, seed 0; success is judged on the",
        "simulator's state. All but the binary reward were standardized on 200 frames of every angle.",
        "",
        *cartpole_table(runs, agents),
        "",
    ]
    folder.mkdir(parents=True, exist_ok=True)
    with whole_file(folder / "heads.json") as file:
        file.write_text(json.dumps(numbers | {"cartpole": agents}, indent=1) + "\n")
    with whole_file(folder / "heads.md") as file:
        file.write_text("\n".join(lines))

"""Tables and figure of experiments/humanoid_rewards.py."""

from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from shipped import fingerprints_in, stale_note

GOAL, GOAL_LOOK_ALIKES, TASKS_TO_REACH = 0.95, 0.85, 6
HELD_OUT, FAST, FULL = "held out", "quality fast", "quality full"
ABLATION = ("plain, default camera", "plain, paper camera", "textured, default camera", "textured, paper camera")
Numbers = dict[str, Any]


def at_alpha(rows: list[Numbers], alpha: float = 0.0) -> Numbers:
    """The row of one alpha."""
    return next(row for row in rows if row["alpha"] == alpha)


def shown(estimate: Numbers) -> str:
    """A number with its interval."""
    return f"{estimate['value']:.3f} ({estimate['low']:.3f}-{estimate['high']:.3f})"


def mean(model: Numbers, condition: str, metric: str, alpha: float = 0.0) -> float:
    """Over the tasks."""
    return float(np.mean([at_alpha(task[condition], alpha)[metric]["value"] for task in model["tasks"].values()]))


def pose_table(model: Numbers) -> list[str]:
    """One line a task: how well goal frames are told from others, and what must fail."""
    lines = [
        "| task | AUROC | goal against look-alikes | average precision | EPIC distance "
        "| random weights | wrong sentence | other poses' sentences |",
        "|---|" + "---|" * 7,
    ]
    for name, task in model["tasks"].items():
        row = at_alpha(task[HELD_OUT])
        controls = [at_alpha(task[key])["auroc"]["value"] for key in ("random weights", "wrong sentence")]
        others = task["other poses' sentences"]
        cells = [shown(row[key]) for key in ("auroc", "auroc_look_alikes", "average_precision", "epic")]
        cells += [f"{value:.2f}" for value in controls] + [f"{np.mean(others):.2f} (at most {max(others):.2f})"]
        lines.append(f"| {name.split('/')[1]} | " + " | ".join(cells) + " |")
    return lines


def reached(model: Numbers) -> str:
    """The two goals."""
    rows = [at_alpha(task[HELD_OUT]) for task in model["tasks"].values()]
    overall = sum(row["auroc"]["value"] >= GOAL for row in rows)
    near = sum(row["auroc_look_alikes"]["value"] >= GOAL_LOOK_ALIKES for row in rows)
    return (
        f"AUROC of at least {GOAL} on {overall} of {len(rows)} tasks (goal: {TASKS_TO_REACH}); goal against "
        f"look-alikes of at least {GOAL_LOOK_ALIKES} on {near} of {len(rows)}."
    )


def ablation_table(models: Numbers) -> list[str]:
    """Mean AUROC and EPIC over the tasks, by look and camera."""
    lines = ["| model | " + " | ".join(ABLATION) + " |", "|---|" + "---|" * len(ABLATION)]
    for name, model in models.items():
        cells = [f"{mean(model, c, 'auroc'):.3f} / {mean(model, c, 'epic'):.3f}" for c in ABLATION]
        lines.append(f"| {name} | " + " | ".join(cells) + " |")
    return lines


def alpha_table(models: Numbers, alphas: list[float]) -> list[str]:
    """Mean EPIC distance and AUROC over the tasks, by alpha, on the held-out frames."""
    lines = [
        "| model | vision parameters | " + " | ".join(f"alpha {alpha:g}" for alpha in alphas) + " |",
        "|---|---|" + "---|" * len(alphas),
    ]
    for name, model in models.items():
        cells = [f"{mean(model, HELD_OUT, 'epic', a):.3f} / {mean(model, HELD_OUT, 'auroc', a):.3f}" for a in alphas]
        lines.append(f"| {name} | {model['vision_parameters']:,} | " + " | ".join(cells) + " |")
    return lines


def trained_first(given: list[str]) -> list[str]:
    """How the models came about that are not shipped."""
    folders = [Path(name.removeprefix("local-dir:")) for name in given if name.startswith("local-dir:")]
    return [f"`{f.name}`: `python scripts/train_builtin.py {f.name} --out {f.parent}`." for f in folders]


def size_verdict(models: Numbers, alphas: list[float]) -> str:
    """Whether larger is better, and which alpha is best, beside what the paper found."""
    by_size = sorted(models.values(), key=lambda model: model["vision_parameters"])
    ordered = [
        all(mean(a, HELD_OUT, "epic", alpha) > mean(b, HELD_OUT, "epic", alpha) for a, b in pairwise(by_size))
        for alpha in alphas
    ]
    best = {name: min(alphas, key=lambda alpha: mean(model, HELD_OUT, "epic", alpha)) for name, model in models.items()}
    paper = "as in the paper" if all(ordered) else "unlike in the paper, where it is at all"
    larger = f"Larger is better at {sum(ordered)} of {len(ordered)} alphas, {paper}. " if len(models) > 1 else ""
    chosen = ", ".join(f"{alpha:g} ({name})" for name, alpha in best.items())
    return f"{larger}The alpha of the lowest EPIC distance: {chosen}; the paper's CLIP is best between 0 and 1."


def ablation_verdict(models: Numbers) -> str:
    """Whether the textured look and the paper's camera are better, beside what the paper found."""
    plain, plain_camera, textured, both = ABLATION
    found = [
        all(mean(model, worse, "auroc") < mean(model, better, "auroc") for model in models.values())
        for worse, better in ((plain, textured), (plain_camera, both), (plain, plain_camera), (textured, both))
    ]
    if all(found):
        return "In every model textures are better, and so is the paper's camera: the paper's order."
    return f"Of textures and the camera, each with the other and without, {sum(found)} of 4 are better in every model."


def quality_table(model: Numbers) -> list[str]:
    """What drawing without shadows, reflections and antialiasing does to the reward."""
    lines = ["| task | rank correlation of the rewards | AUROC, fast | AUROC, full |", "|---|---|---|---|"]
    for name, task in model["tasks"].items():
        fast, full = (at_alpha(task[key])["auroc"]["value"] for key in (FAST, FULL))
        correlation = task["rank correlation of fast and full"]
        lines.append(f"| {name.split('/')[1]} | {correlation:.3f} | {fast:.3f} | {full:.3f} |")
    return lines


def draw(numbers: Numbers, path: Path) -> None:
    """AUROC by task, EPIC by alpha and model, AUROC by look and camera."""
    models, alphas = numbers["models"], numbers["alphas"]
    figure = Figure(figsize=(14, 4.4), layout="constrained")
    FigureCanvasAgg(figure)
    by_task, by_alpha, by_look = figure.subplots(1, 3, width_ratios=[1.5, 1, 1])
    largest = models[list(models)[-1]]
    names = [name.split("/")[1].replace("_", " ") for name in largest["tasks"]]
    for offset, (key, label, colour) in enumerate(
        (
            (HELD_OUT, "its sentence", "#1f77b4"),
            ("wrong sentence", "wrong sentence", "#d62728"),
            ("random weights", "random weights", "#ff7f0e"),
        )
    ):
        rows = [at_alpha(task[key])["auroc"] for task in largest["tasks"].values()]
        values = np.array([row["value"] for row in rows])
        reach = np.abs(np.array([[row["low"], row["high"]] for row in rows]).T - values)
        at = np.arange(len(names)) + 0.2 * (offset - 1)
        by_task.errorbar(at, values, yerr=reach, fmt="o", markersize=4, color=colour, label=label, linewidth=1)
    by_task.axhline(GOAL, color="black", linestyle=":", linewidth=0.8)
    by_task.axhline(0.5, color="#aaaaaa", linewidth=0.8)
    by_task.set_xticks(range(len(names)), names, rotation=30, ha="right", fontsize=8)
    by_task.set_ylabel("AUROC on held-out frames")
    by_task.set_title(f"{list(models)[-1]}: does the reward know the pose?", fontsize=10)
    by_task.legend(fontsize=8, frameon=False, loc="best")
    for name, model in models.items():
        label = f"{name}, {model['vision_parameters'] / 1e6:.2f} M"
        by_alpha.plot(alphas, [mean(model, HELD_OUT, "epic", alpha) for alpha in alphas], "o-", label=label)
        by_look.plot(range(len(ABLATION)), [mean(model, key, "auroc") for key in ABLATION], "o-", label=name)
    by_alpha.set_xlabel("alpha")
    by_alpha.set_title("EPIC distance, mean of the tasks (0 is best)", fontsize=10)
    by_alpha.legend(fontsize=8, frameon=False)
    by_look.set_xticks(range(len(ABLATION)), [key.replace(", ", ",\n") for key in ABLATION], fontsize=8)
    by_look.set_title("AUROC by look and camera, mean of the tasks", fontsize=10)
    for axes in (by_task, by_alpha, by_look):
        axes.grid(color="#e5e5e5", linewidth=0.6)
        axes.spines[["top", "right"]].set_visible(False)
    figure.savefig(path, dpi=110)


def write_report(numbers: Numbers, out: Path) -> None:
    """Write the Markdown page and the figure."""
    models = numbers["models"]
    largest = list(models)[-1]
    lines = [
        "# Pose rewards of the humanoid",
        "",
        *stale_note(fingerprints_in(numbers)),
        f"Made by `python experiments/humanoid_rewards.py --models {' '.join(numbers['given'])} "
        f"--frames {numbers['frames']}`:",
        f"{numbers['frames']:,} labelled frames of each task and condition, the tasks' own prompts,",
        "labels by the simulator's joints; 95 % intervals from 300 bootstrap resamples, of whole views where there are",
        "several. Alpha 0 unless said otherwise.",
        *trained_first(numbers["given"]),
        "",
        f"## {largest}, held-out cameras, colours and joint angles",
        "",
        "New draws from the ranges of training: 25 pairs of a camera and colours, and poses, none of them seen before.",
        reached(models[largest]),
        "The three controls are AUROCs on the same frames: the same architecture with random weights, a sentence about",
        "another scene, and the sentences of the seven other poses (mean, and the worst of them).",
        "",
        *pose_table(models[largest]),
        "",
        "![figure](humanoid_rewards.png)",
        "",
        "## Model size and alpha",
        "",
        "EPIC distance / AUROC on the held-out frames, mean of the eight tasks.",
        "",
        *alpha_table(models, numbers["alphas"]),
        "",
        size_verdict(models, numbers["alphas"]),
        "",
        "## Look and camera",
        "",
        "AUROC / EPIC distance, mean of the eight tasks. Rocamonde et al. 2024 trained agents to kneel in the first,",
        "with other textures, and in the last of these pictures: 36, 91 and 100 % succeeded. Unlike their CLIP, these",
        "models have seen all four in training, the textured look and the paper's camera most often.",
        "",
        *ablation_table(models),
        "",
        ablation_verdict(models),
        "",
        f"## What quality `fast` does to the reward of {largest}",
        "",
        f"The same {numbers['frames_by_quality']} states drawn twice, textured, from the paper's camera: with shadows,",
        "reflections and antialiasing, and without.",
        "",
        *quality_table(models[largest]),
    ]
    (out / "humanoid_rewards.md").write_text("\n".join(lines) + "\n")
    draw(numbers, out / "humanoid_rewards.png")
    print("\n".join(lines))

#!/usr/bin/env python
"""What does a reward know of a kneeling humanoid that leans? Three rewards over the lean, camera by camera.

    python experiments/humanoid_lean.py

The humanoid is put on both knees, with its torso leant by -60 (backwards) to 60 degrees: forwards it bends at the hips,
backwards as far as its hips go and then at the knees. Its arms are drawn anew 24 times, and it faces +x, where it
stands when an episode begins, or up to 20 degrees aside. Each state is drawn by the paper's camera and by two that
stand elsewhere, and scored by the task's sentence, by the same less "lying on its back", and by the same less "bending
forwards on its knees" too (humanoid_kneel_side.toml). Where a curve stays up outside of what the task allows, an agent
is paid for a lean. Results go to experiments/results/humanoid_lean.{md,json,png}.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
import vlmrm_envs as envs
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from numpy.typing import NDArray
from shipped import fingerprint
from vlmrm_envs.scenes.humanoid.poses import ARMS
from vlmrm_envs.scenes.humanoid.put import place

from vlmrm import PromptSet, RewardModel, RewardSpec
from vlmrm.tasks import Task
from vlmrm.wrappers.make_env import MakeEnv

HERE = Path(__file__).resolve().parent
RESULTS = HERE / "results"
TASK, MODEL = "humanoid/kneeling", "sim-m"
CAMERAS = {"the paper's, in front": 180.0, "between the two": 135.0, "from the side": 90.0}  # azimuth, degrees
COLOURS = ("#1f77b4", "#9467bd", "#2ca02c")
LEANS = np.arange(-60.0, 61.0, 2.5)  # degrees
SHOWN = (-60.0, -40.0, -20.0, 0.0, 20.0, 40.0, 60.0)
BEYOND = 10.0  # degrees, outside of the bounds: the next lean to a bound differs from an allowed one by a hair
HIPS_BACK = 20.0  # degrees, as far as the model's hips go
DRAWS = 24

Curve = NDArray[np.floating]  # a mean reward for each lean


@dataclass(frozen=True, kw_only=True, eq=False)
class Seen:
    """One camera's pictures of all leans."""

    frames: NDArray[np.uint8]
    """By lean and draw."""
    accepted: NDArray[np.bool_]
    """What the task's bounds say of each lean, in most draws: at a bound itself rounding decides."""


def kneeling() -> Task:
    """The task, rewarded by the model that the first tries were trained on."""
    task = envs.task(TASK)
    return replace(task, reward=replace(task.reward, encoder=MODEL))


def kneel(inner: Any, lean_deg: float, rng: np.random.Generator) -> None:
    """On both knees, shins on the floor, the torso leant; positive leans forwards."""
    hips, knees = min(-lean_deg, HIPS_BACK), 90 + max(-lean_deg - HIPS_BACK, 0)
    angles = {name: rng.uniform(*limits) for name, limits in ARMS["loose"].items()}
    angles |= {f"{side}_hip_y": hips for side in ("left", "right")}
    angles |= {f"{side}_knee": -knees for side in ("left", "right")}
    radians = {name: float(np.radians(angle)) for name, angle in angles.items()}
    place(inner.model, inner.data, radians, turned_deg=(rng.uniform(-20, 20), lean_deg, 0))


def look(task: Task, reward: RewardModel, azimuth_deg: float) -> Seen:
    """Put it into every lean and draw it, at the encoder's size."""
    assert task.camera is not None
    assert task.success is not None
    at = replace(task, camera=replace(task.camera, azimuth_deg=azimuth_deg))
    env = MakeEnv(task=at, pictures=True, preprocessing=reward.capture)()
    try:
        env.reset(seed=0)
        inner: Any = env.unwrapped
        frames, accepted = [], []
        for lean in LEANS:
            for draw in range(DRAWS):
                kneel(inner, float(lean), np.random.default_rng(draw))
                frames.append(np.asarray(env.render()).copy())
                accepted.append(task.success.holds(inner.state_variables()))
    finally:
        env.close()
    by_lean = (len(LEANS), DRAWS)
    return Seen(
        frames=np.stack(frames).reshape(*by_lean, *frames[0].shape),
        accepted=np.array(accepted).reshape(by_lean).mean(axis=1) > 0.5,
    )


def over_lean(reward: RewardModel, frames: NDArray[np.uint8]) -> Curve:
    """The mean reward of each lean."""
    scores = reward.score(torch.from_numpy(frames.reshape(-1, *frames.shape[2:])))
    return scores.numpy().reshape(frames.shape[:2]).mean(axis=1)


def paid_outside(curve: Curve, accepted: NDArray[np.bool_]) -> dict[str, float]:
    """The highest reward of a lean well outside of what the task allows, over the highest of one that it allows."""
    allowed, best = LEANS[accepted], float(curve[accepted].max())
    return {
        side: float(curve[where].max()) / best
        for side, where in (
            ("backwards", allowed.min() - BEYOND >= LEANS),
            ("forwards", allowed.max() + BEYOND <= LEANS),
        )
    }


def draw(seen: Sequence[Seen], curves: Mapping[str, Sequence[Curve]], path: Path) -> None:
    """The curves, one panel a reward, and below them what the cameras see."""
    figure = Figure(figsize=(11.4, 8.2), layout="constrained")
    FigureCanvasAgg(figure)
    above, below = figure.subfigures(2, 1, height_ratios=[1.1, 1])
    allowed = LEANS[seen[0].accepted]
    for axes, (title, by_camera) in zip(above.subplots(1, len(curves), sharey=True), curves.items(), strict=True):
        axes.axvspan(allowed.min(), allowed.max(), color="#f0f0f0")
        axes.text(0, 0.02, "the task allows these", ha="center", color="#777777", transform=axes.get_xaxis_transform())
        for name, colour, curve in zip(CAMERAS, COLOURS, by_camera, strict=True):
            axes.plot(LEANS, curve, color=colour, linewidth=1.6, label=name)
        axes.set_title(title.replace(" less ", "\nless ").replace(" and ", "\nand "), fontsize=10)
        axes.set_xlabel("lean of the torso (degrees; negative: backwards)")
        axes.set_xlim(LEANS[0], LEANS[-1])
        axes.spines[["top", "right"]].set_visible(False)
    above.axes[0].set_ylabel(f"reward, mean of {DRAWS} draws")
    above.legend(*above.axes[0].get_legend_handles_labels(), loc="outside lower center", ncols=3, frameon=False)
    grid = below.subplots(len(seen), len(SHOWN))
    for row, name, colour, part in zip(grid, CAMERAS, COLOURS, seen, strict=True):
        row[0].set_ylabel(name.replace(", ", ",\n"), color=colour, fontsize=8)
        for cell, lean in zip(row, SHOWN, strict=True):
            cell.imshow(part.frames[lean == LEANS][0, 0])
            cell.set(xticks=[], yticks=[])
            cell.spines[:].set_color(colour)
            if part is seen[-1]:
                cell.set_xlabel(f"{lean:g}°")
    figure.savefig(path, dpi=110)


def table(seen: Sequence[Seen], by_camera: Sequence[Curve]) -> list[str]:
    """Of one reward."""
    lines = [
        "| camera | azimuth | " + " | ".join(f"{lean:g}°" for lean in SHOWN) + " | highest at | backwards | forwards |",
        "|" + "---|" * (5 + len(SHOWN)),
    ]
    for (name, azimuth), part, curve in zip(CAMERAS.items(), seen, by_camera, strict=True):
        outside = paid_outside(curve, part.accepted)
        cells = [name, f"{azimuth:g}°", *(f"{curve[lean == LEANS][0]:.2f}" for lean in SHOWN)]
        cells += [f"{LEANS[curve.argmax()]:g}°", f"{outside['backwards']:.0%}", f"{outside['forwards']:.0%}"]
        lines.append("| " + " | ".join(cells) + " |")
    return lines


def short(sentence: str) -> str:
    """Without its subject."""
    return sentence.replace("a humanoid robot", "…")


def main() -> None:
    """Draw, score, write."""
    task, side = kneeling(), RewardSpec.load(HERE / "humanoid_kneel_side.toml")
    reward = RewardModel.from_spec(task.reward)
    seen = [look(task, reward, azimuth) for azimuth in CAMERAS.values()]
    back, forwards = side.prompts.negatives
    one = replace(side, prompts=PromptSet(side.prompts.goal, negatives=(back,)))
    titles = {
        f'"{task.reward.prompts.goal[0]}"': reward,
        f'"… kneeling" less "{short(back)}"': reward.with_spec(one),
        f'"… kneeling" less "{short(back)}" and "{short(forwards)}"': reward.with_spec(side),
    }
    curves = {title: [over_lean(model, part.frames) for part in seen] for title, model in titles.items()}
    allowed = LEANS[seen[0].accepted]
    lines = [
        "# A humanoid that kneels and leans, camera by camera",
        "",
        f"Made by `python experiments/humanoid_lean.py`: rewards by `{task.reward.encoder}` on both knees, torso leant",
        f"backwards (negative) or forwards, mean of {DRAWS} draws of arms and direction. The task allows leans of",
        f"{allowed.min():g}° to {allowed.max():g}°. The last columns: the highest reward of a lean at least",
        f"{BEYOND:g}° outside of that, as a share of the highest within.",
    ]
    for title, by_camera in curves.items():
        lines += ["", f"## {title}", "", *table(seen, by_camera)]
    lines += ["", "![reward over lean](humanoid_lean.png)"]
    numbers = {
        title: dict(zip(CAMERAS, (curve.round(4).tolist() for curve in by_camera), strict=True))
        for title, by_camera in curves.items()
    }
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / "humanoid_lean.md").write_text("\n".join(lines) + "\n")
    whole = {
        "encoder": task.reward.encoder,
        "fingerprint": fingerprint(task.reward.encoder),
        "leans_deg": LEANS.tolist(),
        "rewards": numbers,
    }
    (RESULTS / "humanoid_lean.json").write_text(json.dumps(whole) + "\n")
    draw(seen, curves, RESULTS / "humanoid_lean.png")
    print("\n".join(lines))


if __name__ == "__main__":
    main()

#!/usr/bin/env python
"""What do the humanoid's oracles accept? Every goal pose and look-alike, drawn, with the verdict of the joints.

    python experiments/humanoid_oracles.py

For each of the eight tasks the poses of the library that are goals as a rule, those that look like them, and random
heaps of limbs are drawn 100 times each and judged by the task's bounds; one of each is in the picture, framed green
where it is accepted and red where not. Look at it before you trust a number: a seat that hovers, or arms that go
through each other, are seen at once and in no table. Results go to experiments/results/humanoid_oracles.{md,png}.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np
import vlmrm_envs as envs
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from numpy.typing import NDArray
from vlmrm_envs.scenes.humanoid.poses import GOALS, LOOK_ALIKES, POSES
from vlmrm_envs.scenes.humanoid.put import put, put_random

from vlmrm.rendering import Camera
from vlmrm.wrappers import RenderMujoco

RESULTS = Path(__file__).resolve().parent / "results"
DRAWS, SIZE_PX, ACROSS = 100, 150, 10
HEAP = "heap"
COLOURS = {True: "#2ca02c", False: "#d62728"}


@dataclass(frozen=True, kw_only=True, eq=False)
class Judged:
    """One pose of one task."""

    kind: str
    """``goal``, ``look-alike`` or ``heap``."""
    pose: str
    accepted: float
    """Share of the draws."""
    picture: NDArray[np.uint8]
    """Of the last draw."""
    in_goal: bool
    """Whether that one was accepted."""


def judge(env: RenderMujoco, goal: str, kind: str, pose: str) -> Judged:
    """Draw a pose again and again and ask the oracle."""
    success, inner = envs.task(f"humanoid/{goal}").success, env.unwrapped
    assert success is not None
    rng, verdicts = np.random.default_rng([ord(letter) for letter in pose]), []
    for _ in range(DRAWS):
        if pose == HEAP:
            put_random(inner.model, inner.data, rng)
        else:
            put(inner.model, inner.data, POSES[pose], rng)
        verdicts.append(success.holds(inner.state_variables()))
    face_the_camera(inner)
    return Judged(
        kind=kind,
        pose=pose,
        accepted=float(np.mean(verdicts)),
        picture=np.asarray(env.render()).copy(),
        in_goal=verdicts[-1],
    )


def face_the_camera(inner: Any) -> None:
    """Turn the body about the vertical so that it faces +x; nothing that the oracles look at depends on it."""
    import mujoco

    torso = inner.data.body("torso").xmat.reshape(3, 3)
    yaw = float(np.arctan2(torso[1, 0], torso[0, 0]))
    back, turned = np.array([np.cos(-yaw / 2), 0.0, 0.0, np.sin(-yaw / 2)]), np.zeros(4)
    mujoco.mju_mulQuat(turned, back, inner.data.qpos[3:7])
    inner.data.qpos[3:7] = turned
    mujoco.mj_forward(inner.model, inner.data)


def judge_all() -> dict[str, list[Judged]]:
    """By task."""
    camera = Camera(lookat_m=(0, 0, 0.85), distance_m=2.9, azimuth_deg=140, elevation_deg=-12)
    made = gym.make("vlmrm_envs:vlmrm/Humanoid-v0", render_mode="rgb_array")
    env = RenderMujoco(made, camera, quality="fast", size_px=SIZE_PX)
    env.reset(seed=0)
    found = {}
    for goal in GOALS:
        asked = [("goal", pose) for pose in GOALS[goal]] + [("look-alike", pose) for pose in LOOK_ALIKES[goal]]
        found[goal] = [judge(env, goal, kind, pose) for kind, pose in [*asked, ("heap", HEAP)]]
    env.close()
    return found


def draw(found: dict[str, list[Judged]], path: Path) -> None:
    """One block of pictures a task."""
    rows = {goal: -(-len(poses) // ACROSS) for goal, poses in found.items()}
    figure = Figure(figsize=(1.3 * ACROSS, 1.7 * sum(rows.values()) + 0.3 * len(rows)), layout="constrained")
    FigureCanvasAgg(figure)
    blocks = figure.subfigures(len(found), 1, height_ratios=[rows[goal] + 0.15 for goal in found])
    for block, (goal, poses) in zip(blocks, found.items(), strict=True):
        block.suptitle(
            f'{goal}: "{envs.task(f"humanoid/{goal}").reward.prompts.goal[0]}"', fontsize=9, x=0.01, ha="left"
        )
        cells = block.subplots(rows[goal], ACROSS, squeeze=False).ravel()
        for cell in cells[len(poses) :]:
            cell.set_visible(False)
        for cell, judged in zip(cells, poses, strict=False):
            cell.imshow(judged.picture)
            cell.set(xticks=[], yticks=[])
            cell.spines[:].set(color=COLOURS[judged.in_goal], linewidth=2.5)
            cell.set_xlabel(f"{judged.pose} {judged.accepted:.0%}".replace(", ", ",\n"), fontsize=6.5)
    figure.savefig(path, dpi=100)


def page(found: dict[str, list[Judged]]) -> list[str]:
    """Title, tables and picture."""
    lines = [
        "# What the humanoid's oracles accept",
        "",
        f"Made by `python experiments/humanoid_oracles.py`: each pose is drawn {DRAWS} times from its ranges and",
        "judged by the task's bounds on joints, heights and contacts. Framed green: accepted; red: rejected.",
        "",
        "![every goal pose and look-alike, with the verdict](humanoid_oracles.png)",
        "",
        "| task | goal poses, accepted | look-alikes, accepted | heaps |",
        "|---|---|---|---|",
    ]
    for goal, poses in found.items():
        cells = [
            ", ".join(
                f"{judged.pose} {judged.accepted:.0%}" if kind != HEAP else f"{judged.accepted:.0%}"
                for judged in poses
                if judged.kind == kind
            )
            for kind in ("goal", "look-alike", HEAP)
        ]
        lines.append(f"| `{goal}` | " + " | ".join(cells) + " |")
    return lines


def main() -> None:
    """Judge, draw, write."""
    found = judge_all()
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / "humanoid_oracles.md").write_text("\n".join(page(found)) + "\n")
    draw(found, RESULTS / "humanoid_oracles.png")
    print("\n".join(page(found)))


if __name__ == "__main__":
    main()

#!/usr/bin/env python
"""How much faster is a `fast` MuJoCo picture, and what changes in it?

    python experiments/rendering_speed.py
    python experiments/rendering_speed.py --rounds 2 --frames 3 --out /tmp

In one process, in turns: Gymnasium's own viewer as it comes, at the same size; `RenderMujoco` in quality ``full``; and
in quality ``fast``. Each round draws some frames of a moving body with each of them; the ratio is the median over the
rounds. Results go to experiments/results/rendering_speed.{md,json,png}.
"""

import json
import os
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median
from typing import Any

import gymnasium as gym
import numpy as np
import tyro
from PIL import Image

from vlmrm.rendering import Camera
from vlmrm.training.run.versions import environment_versions
from vlmrm.wrappers import CaptureFrame, RenderMujoco

GOAL = 8.0  # times the frames per second of Gymnasium's own viewer, for the humanoid
SCENES: dict[str, tuple[str, str, dict[str, Any]]] = {  # ours, what Gymnasium calls the same, arguments of ours
    "Humanoid, plain": ("vlmrm_envs:vlmrm/Humanoid-v0", "Humanoid-v5", {"look": "plain"}),
    "Humanoid, textured": ("vlmrm_envs:vlmrm/Humanoid-v0", "Humanoid-v5", {"look": "textured"}),
    "Hopper, textured": ("vlmrm_envs:vlmrm/Hopper-v0", "Hopper-v5", {"look": "textured"}),
    "HalfCheetah, textured": ("vlmrm_envs:vlmrm/HalfCheetah-v0", "HalfCheetah-v5", {"look": "textured"}),
    "Ant, textured": ("vlmrm_envs:vlmrm/Ant-v0", "Ant-v5", {"look": "textured"}),
}


@dataclass(frozen=True, kw_only=True)
class Args:
    """Milliseconds per frame, and how far the pictures are apart."""

    rounds: int = 5
    """How often each of the three takes its turn."""
    frames: int = 20
    """Of one turn."""
    size_px: int = 224
    """Side of the picture."""
    out: Path = Path(__file__).resolve().parent / "results"
    """Folder of the results."""


@dataclass(frozen=True, kw_only=True)
class Result:
    """Of one scene."""

    gymnasium_ms: float
    """Median milliseconds of a frame of Gymnasium's viewer."""
    full_ms: float
    """Of ours, as the XML says."""
    fast_ms: float
    """Of ours, without shadows, reflections and antialiasing."""
    faster: float
    """Gymnasium's over fast, the median of the rounds."""
    difference: float
    """Mean absolute difference of a full and a fast picture, of 255."""


def frame_makers(scene: str, size_px: int) -> dict[str, tuple[gym.Env[Any, Any], Callable[[], np.ndarray]]]:
    """An environment and a function that draws it, for each way of drawing."""
    ours, theirs, options = SCENES[scene]
    own = CaptureFrame(gym.make(theirs, render_mode="rgb_array", width=size_px, height=size_px))
    made: dict[str, tuple[gym.Env[Any, Any], Callable[[], np.ndarray]]] = {"gymnasium": (own, own._frame)}
    for quality in ("full", "fast"):
        env = gym.make(ours, render_mode="rgb_array", **options)
        drawn = RenderMujoco(env, Camera(name="track"), quality=quality, size_px=size_px)
        made[quality] = (drawn, drawn.render)
    for env, draw in made.values():
        env.reset(seed=0)
        env.action_space.seed(0)
        draw()
    return made


def ms_per_frame(env: gym.Env[Any, Any], draw: Callable[[], np.ndarray], frames: int) -> float:
    """Of drawing alone; the body moves in between."""
    seconds = 0.0
    for _ in range(frames):
        env.unwrapped.step(env.action_space.sample())
        start = time.perf_counter()
        draw()
        seconds += time.perf_counter() - start
    return 1000 * seconds / frames


def measure(scene: str, args: Args) -> tuple[Result, np.ndarray]:
    """Take turns; then one state drawn in both qualities, side by side."""
    made = frame_makers(scene, args.size_px)
    rounds = [
        {name: ms_per_frame(env, draw, args.frames) for name, (env, draw) in made.items()} for _ in range(args.rounds)
    ]
    pictures = []
    for name in ("full", "fast"):
        env, draw = made[name]
        env.reset(seed=1)
        pictures.append(draw())
    for env, _ in made.values():
        env.close()
    full, fast = (picture.astype(int) for picture in pictures)
    result = Result(
        gymnasium_ms=median(r["gymnasium"] for r in rounds),
        full_ms=median(r["full"] for r in rounds),
        fast_ms=median(r["fast"] for r in rounds),
        faster=median(r["gymnasium"] / r["fast"] for r in rounds),
        difference=float(np.abs(full - fast).mean()),
    )
    return result, np.concatenate(pictures, axis=1)


def report(results: dict[str, Result], args: Args, load: float) -> str:
    """The page."""
    humanoid = min(result.faster for scene, result in results.items() if scene.startswith("Humanoid"))
    verdict = "reached" if humanoid >= GOAL else "missed"
    lines = [
        "# What a fast picture saves",
        "",
        f"Made by `python experiments/rendering_speed.py`: {args.size_px} x {args.size_px} px, {args.rounds} rounds of",
        f"{args.frames} frames each, in turns in one process; medians.",
        "",
        f"The humanoid's fast frame is **{humanoid:.1f}x** faster than Gymnasium's own. Goal {GOAL:g}x: {verdict}.",
        "",
        "| scene | Gymnasium's viewer, ms | full, ms | fast, ms | faster | full and fast apart, of 255 |",
        "|---|---|---|---|---|---|",
    ]
    for scene, r in results.items():
        cells = [f"{r.gymnasium_ms:.1f}", f"{r.full_ms:.1f}", f"{r.fast_ms:.1f}", f"{r.faster:.1f}x"]
        lines.append("| " + " | ".join([scene, *cells, f"{r.difference:.1f}"]) + " |")
    lines += [
        "",
        f"{os.cpu_count()} cores, no GPU used; {load:.1f} running processes (mean of the minute before).",
        "",
        "![full and fast, side by side](rendering_speed.png)",
    ]
    return "\n".join(lines) + "\n"


def main(args: Args) -> None:
    """Measure and write the results."""
    load, results, pictures = os.getloadavg()[0], {}, []
    for scene in SCENES:
        results[scene], picture = measure(scene, args)
        pictures.append(picture)
        print(f"{scene}: {results[scene].faster:.1f}x", flush=True)
    args.out.mkdir(parents=True, exist_ok=True)
    (args.out / "rendering_speed.md").write_text(report(results, args, load))
    numbers = {scene: asdict(result) for scene, result in results.items()}
    (args.out / "rendering_speed.json").write_text(
        json.dumps({"scenes": numbers, "load_before": load, "versions": environment_versions()}, indent=1) + "\n"
    )
    Image.fromarray(np.concatenate(pictures[1:], axis=1)).save(args.out / "rendering_speed.png")
    print(report(results, args, load))


if __name__ == "__main__":
    main(tyro.cli(Args, description=__doc__))

"""The agent that a run keeps as its best, judged on the simulator, and how far an unfinished run came."""

import json
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import vlmrm_envs as envs
from training_run import Run
from training_runs import write_gif

from vlmrm.report.video import write_video
from vlmrm.training.acting import Policy
from vlmrm.training.episodes import evaluate
from vlmrm.training.playing import film_of_run
from vlmrm.training.run.directory import RunDirectory
from vlmrm.training.run_parts import load_agent
from vlmrm.wrappers.make_env import MakeEnv

FINAL_SEED, EPISODES = 20_000, 100
LOOKED_AT_SEED, LOOKED_AT = 1_000, 20  # episodes whose joints are looked at


def with_chosen(run: Run) -> dict[str, Any] | None:
    """Its summary, and as ``chosen`` what the best agent does, beside the last one; None: nothing is there."""
    summary = run.summary()
    if summary is None or "chosen" in summary or not (run.folder / "checkpoints").is_dir():
        return summary
    task, agent = envs.task(run.task), load_agent(run.folder, best=True)
    records = evaluate(agent, MakeEnv(task=task, pictures=False), episodes=EPISODES, seed=FINAL_SEED)
    found = {
        "step": summary["best"]["step"],
        "success": sum(bool(record.success) for record in records) / len(records),
        "steps_in_goal": sum(record.env_return for record in records) / len(records),
        "bounds": bounds_met_by(agent, run.task),
    }
    return summary | {"chosen": found}


def stopped(run: Run) -> dict[str, Any] | None:
    """How far a run came that has not finished, with its evaluations; None: it has, or was not begun."""
    if run.summary() is not None or not (run.folder / "config.json").is_file():
        return None
    rows = [row for row in RunDirectory(run.folder).metrics.read() if row.eval_success is not None]
    return {"step": rows[-1].step, "successes": [row.eval_success for row in rows]} if rows else None


def finished_and_stopped(runs: list[Run], path: Path) -> tuple[dict[str, Any], dict[str, Any]]:
    """Numbers of the runs that have finished and of those that have not, by name, with those of a page before.

    Args:
        runs: Those that may have changed.
        path: The page's numbers; the unfinished ones stand there as ``stopped``.
    """
    before = json.loads(path.read_text()) if path.is_file() else {}
    unfinished = before.pop("stopped", {}) | {run.name: far for run in runs if (far := stopped(run)) is not None}
    kept = before | {run.name: found for run in runs if (found := with_chosen(run)) is not None}
    return kept, {name: far for name, far in unfinished.items() if name not in kept}


def bounds_met_by(agent: Policy, name: str) -> dict[str, dict[str, float]]:
    """How often an agent meets each success bound of a task in the second half of its episodes."""
    task = envs.task(name)
    env, states = MakeEnv(task=task, pictures=False)(), []
    try:
        for episode in range(LOOKED_AT):
            obs, info = env.reset(seed=LOOKED_AT_SEED + episode)
            for step in range(task.episode_steps):
                obs, _, _, _, info = env.step(agent.predict(obs, deterministic=True)[0])
                states += [info["state"]] if step >= task.episode_steps // 2 else []
    finally:
        env.close()
    found = {}
    for variable, (low, high) in task.success.where.items():
        values = np.array([state[variable] for state in states])
        held = float(((low <= values) & (values <= high)).mean())
        found[variable] = {"low": low, "high": high, "median": float(np.median(values)), "held": held}
    return found


def bounds_table(bounds: dict[str, dict[str, float]]) -> list[str]:
    """One line a bound."""
    return [
        "| state | must lie in | median | does, share of steps |",
        "|---|---|---|---|",
        *(
            f"| `{name}` | {bound['low']:g} to {bound['high']:g} | {bound['median']:.2f} | {bound['held']:.0%} |"
            for name, bound in bounds.items()
        ),
    ]


def draw_gif(run: Run, path: Path) -> None:
    """An episode of the chosen agent, small."""
    with TemporaryDirectory() as folder:
        film = write_video(film_of_run(run.folder, seed=FINAL_SEED, best=True), Path(folder) / "film.mp4")
        write_gif(film, path, width_px=240, every=2, ms_a_frame=80)

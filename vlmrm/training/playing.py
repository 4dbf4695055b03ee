"""`play_run`: a trained agent at work, as a video or in a window."""

from dataclasses import dataclass
from pathlib import Path

from vlmrm.report.video import Episode, write_video
from vlmrm.rewards.model import RewardModel
from vlmrm.training.episodes import play
from vlmrm.training.plan import Plan
from vlmrm.training.record import record_episode
from vlmrm.training.run.directory import RunDirectory
from vlmrm.training.run_parts import load_agent
from vlmrm.wrappers.make_env import MakeEnv


@dataclass(frozen=True, kw_only=True)
class Played:
    """What an agent did in one episode."""

    seed: int
    """Seed of the environment."""
    steps: int
    """Number of steps."""
    env_return: float
    """Sum of the environment's own rewards."""
    in_goal: int | None
    """Steps inside the task's success bounds. None: the task has none."""
    video: Path | None
    """Where the video is. None: a window showed the episode."""


def play_run(run: str | Path, *, seed: int = 0, best: bool = False, out: Path | None = None) -> Played:
    """Record an episode of a run's agent, with the environment's own reward below it.

    Args:
        run: The run's folder.
        seed: Seed of the environment.
        best: The agent that the run kept as the best (`EvaluationOptions.best_by`) instead of the last one.
        out: An mp4 file. None: ``play-SEED.mp4`` in the run's folder.

    Raises:
        RunError: There is no such run, or no checkpoint of it can be read.
        FrameError: The environment does not draw.
    """
    agent, plan = load_agent(run, best=best), _plan(run)
    drawn = MakeEnv(task=plan.task, pictures=True)
    episode = record_episode(agent, drawn, seed=seed, reward=None, title=f"{plan.task.name}, environment's own")
    path = write_video(episode, out or Path(run) / f"play-{seed}.mp4")
    return Played(
        seed=seed,
        steps=len(episode.frames),
        env_return=sum(episode.rewards),
        in_goal=sum(episode.in_goal) if episode.in_goal else None,
        video=path,
    )


def film_of_run(run: str | Path, *, seed: int = 0, best: bool = False) -> Episode:
    """Return an episode of a run's agent with the reward that it was trained on.

    Args:
        run: The run's folder.
        seed: Seed of the environment.
        best: As in `play_run`.

    Raises:
        RunError: As in `play_run`.
        FrameError: The environment does not draw.
    """
    agent, plan = load_agent(run, best=best), _plan(run)
    reward = None if plan.spec is None else RewardModel.from_spec(plan.spec)
    paid_by = "the environment itself" if reward is None else f"the reward of {plan.task.name}"
    return record_episode(agent, MakeEnv(task=plan.task, pictures=True), seed=seed, reward=reward, title=paid_by)


def watch_run(run: str | Path, *, seed: int = 0, best: bool = False) -> Played:
    """Show an episode of a run's agent in the environment's own window.

    Args:
        run: The run's folder.
        seed: Seed of the environment.
        best: As in `play_run`.

    Raises:
        RunError: As in `play_run`.
        FrameError: The environment has no window.
    """
    agent, plan = load_agent(run, best=best), _plan(run)
    env = MakeEnv(task=plan.task, pictures=False, window=True)()
    try:
        _, *infos = play(agent, env, seed=seed)
    finally:
        env.close()
    goal = [info["in_goal"] for info in infos if "in_goal" in info]
    return Played(
        seed=seed,
        steps=len(infos),
        env_return=sum(info["env_reward"] for info in infos),
        in_goal=sum(goal) if goal else None,
        video=None,
    )


def _plan(run: str | Path) -> Plan:
    directory = RunDirectory(Path(run))
    return Plan.from_dict(RunDirectory.read_json(directory.config), directory.path)

"""`Measures`: what a run finds out before, while and after it trains."""

from dataclasses import replace
from pathlib import Path

from vlmrm.report.landscape import draw_landscape, measure_landscape
from vlmrm.report.video import write_video
from vlmrm.rewards.protocols import FrameReward
from vlmrm.training.acting import Policy, RandomPolicy
from vlmrm.training.curves import draw_curves
from vlmrm.training.episodes import Evaluation, evaluate, mean_of
from vlmrm.training.outcome import Summary, median_of, steps_to_success
from vlmrm.training.progress import Progress
from vlmrm.training.record import record_episode
from vlmrm.training.run.directory import RunDirectory
from vlmrm.training.run_parts import Parts
from vlmrm.wrappers.make_env import MakeEnv

_EVAL_SEED, _FINAL_SEED = 10_000, 20_000  # far from the training seeds, and the same for every run


class Measures:
    """Evaluations, videos and figures of one run.

    Args:
        parts: What the run works with.
        run: Where it is written.
        progress: Told what cannot be done.
    """

    def __init__(self, parts: Parts, run: RunDirectory, progress: Progress) -> None:
        self._parts, self._run, self._progress = parts, run, progress
        self._plan, self._judged, self._reward = parts.plan, parts.plan.config.evaluation, parts.reward
        self._blind = MakeEnv(task=self._plan.task, pictures=False)
        self._drawn = MakeEnv(task=self._plan.task, pictures=True)
        self._limits: tuple[float, float] | None = None
        self.label = f"{self._plan.task.name} on {_kind_of(self._reward)}"
        """Names the run on the terminal."""

    def before(self) -> Evaluation:
        """The random policy, its video, and the landscape of the reward."""
        self._draw_landscape()
        policy = RandomPolicy(self._parts.agent.action_space, seed=_FINAL_SEED)
        records = evaluate(policy, self._blind, episodes=self._judged.final_episodes, seed=_FINAL_SEED)
        self._record(policy, self._run.before, "random actions")
        return mean_of(records)

    def evaluate(self) -> Evaluation:
        """The agent as it is: most episodes without pictures, some drawn and scored."""
        agent, drawn = self._parts.agent, self._judged.drawn if self._reward else 0
        records = []
        if drawn and self._reward is not None:
            make_env = replace(self._drawn, preprocessing=self._reward.capture)
            records += evaluate(agent, make_env, episodes=drawn, seed=_EVAL_SEED, reward=self._reward)
        if self._judged.episodes > drawn:
            rest = self._judged.episodes - drawn
            records += evaluate(agent, self._blind, episodes=rest, seed=_EVAL_SEED + drawn)
        return mean_of(records)

    def after(self) -> Evaluation:
        """The trained agent and its video."""
        agent = self._parts.agent
        records = evaluate(agent, self._blind, episodes=self._judged.final_episodes, seed=_FINAL_SEED)
        self._record(agent, self._run.after, f"after {agent.num_timesteps:,} steps")
        return mean_of(records)

    def summary(self, random: Evaluation, trained: Evaluation, compared: Summary | None) -> Summary:
        """Draw the curves and put everything together.

        Args:
            random: Evaluation that `before` returned.
            trained: Evaluation that `after` returned.
            compared: The run on the environment's own reward.
        """
        rows = self._run.metrics.read()
        compared_rows = RunDirectory(self._run.comparison).metrics.read() if compared else []
        levels = {} if random.success is None else {"random policy": random.success}
        draw_curves(rows, self._run.curves, title=self.label, levels=levels, compared=compared_rows)
        return Summary(
            run=self._run.path,
            task=self._plan.task.name,
            reward="env" if self._reward is None else self._reward.name,
            algorithm=self._plan.algorithm.name,
            seed=self._plan.config.train.seed,
            steps=self._parts.agent.num_timesteps,
            time_s=rows[-1].time_s if rows else 0.0,
            steps_per_s=median_of(rows, "steps_per_s"),
            frames_per_s=median_of(rows, "frames_per_s"),
            random=random,
            trained=trained,
            env_reward=None if compared is None else compared.trained,
            success_target=self._judged.success_target,
            steps_to_success=steps_to_success(rows, self._judged.success_target),
            env_reward_steps_to_success=None if compared is None else compared.steps_to_success,
            best=self._run.read_best(),
            env_reward_best=None if compared is None else compared.best,
            files=self._run.files(),
        )

    def _draw_landscape(self) -> None:
        """Also sets the axis of the videos' reward curve, so that both have the same."""
        task, reward = self._plan.task, self._reward
        if reward is None:
            return
        if task.sweep is None:
            self._progress.note(f"no reward landscape: {task.name} names no state variable to sweep.")
            return
        env = replace(self._drawn, preprocessing=reward.capture)()  # as training draws
        try:
            landscape = measure_landscape(env, reward, task.sweep, rule=task.success)
        finally:
            env.close()
        chosen = landscape.alphas[0] if reward.spec is None else reward.spec.alpha
        draw_landscape(landscape, self._run.landscape, title=_title(reward), chosen=chosen)
        row = landscape.rewards[landscape.alphas.index(chosen)]
        self._limits = (float(row.min()), float(row.max()))

    def _record(self, policy: Policy, path: Path, title: str) -> None:
        if not self._plan.config.output.videos or path.exists():
            return
        episode = record_episode(policy, self._drawn, seed=_FINAL_SEED, reward=self._reward, title=title)
        looks_back = self._reward is not None and self._reward.spec is not None and self._reward.spec.over_time
        write_video(episode, path, limits=None if looks_back else self._limits)  # which are those of single frames


def _kind_of(reward: FrameReward | None) -> str:
    if reward is None:
        return "the environment's own reward"
    return f"the function {reward.name}" if reward.spec is None else "text reward"


def _title(reward: FrameReward) -> str:
    if reward.spec is None:
        return reward.name
    goal = reward.spec.require_prompts().goal
    more = f" (+{len(goal) - 1})" if len(goal) > 1 else ""
    return f'{reward.spec.encoder}: "{goal[0]}"{more}'

"""`Measures`: what a run finds out before, while and after it trains."""

from dataclasses import replace
from pathlib import Path
from typing import Any

from vlmrm.report.landscape import draw_landscape, measure_landscape
from vlmrm.report.video import write_video
from vlmrm.rewards.protocols import FrameReward
from vlmrm.training.acting import Policy, RandomPolicy
from vlmrm.training.budget import video_steps
from vlmrm.training.curves import draw_curves
from vlmrm.training.episodes import EpisodeRecord, Evaluation, evaluate, mean_of
from vlmrm.training.outcome import Summary, median_of, steps_to_success
from vlmrm.training.progress import Progress
from vlmrm.training.record import record_episode
from vlmrm.training.run.directory import RunDirectory
from vlmrm.training.run_parts import Parts
from vlmrm.training.stop import StopSignal
from vlmrm.training.watch import PartingWatch
from vlmrm.wrappers.drawn_for import drawn_for
from vlmrm.wrappers.make_env import MakeEnv

_EVAL_SEED, _FINAL_SEED = 10_000, 20_000  # far from the training seeds, and the same for every run


class Measures:
    """Evaluations, videos and figures of one run.

    Args:
        parts: What the run works with.
        run: Where it is written.
        progress: Told how far it is, and what cannot be done.
        stop: Ends an evaluation at once when somebody asks to stop, as `StopNow`.
    """

    def __init__(self, parts: Parts, run: RunDirectory, progress: Progress, stop: StopSignal) -> None:
        self._parts, self._run, self._progress, self._stop = parts, run, progress, stop
        self._plan, self._judged, self._reward = parts.plan, parts.plan.config.evaluation, parts.reward
        self._blind = MakeEnv(task=self._plan.task, pictures=False)
        self._drawn = MakeEnv(task=self._plan.task, pictures=True)
        self._limits: tuple[float, float] | None = None
        self._watch = PartingWatch(run, self._record_parting)
        self.label = f"{self._plan.task.name} on {_kind_of(self._reward)}"
        """Names the run on the terminal."""

    def before(self) -> Evaluation:
        """The random policy, its video, and the landscape of the reward."""
        with self._stop.at_once():
            self._draw_landscape()
            policy = RandomPolicy(self._parts.agent.action_space, seed=_FINAL_SEED)
            records = self._final_episodes(policy, "random policy")
            self._record(policy, self._run.before, "random actions")
        return mean_of(records)

    def evaluate(self) -> Evaluation | None:
        """The agent as it is: most episodes without pictures, some drawn and scored; None: none were asked for."""
        episodes, what = self._judged.episodes or 0, f"evaluation at step {self._parts.agent.num_timesteps:,}"
        drawn = self._judged.drawn if self._reward else 0
        with self._stop.at_once():
            records = self._episodes(self._parts.agent, drawn, _EVAL_SEED, f"{what}, drawn", self._reward)
            records += self._episodes(self._parts.agent, episodes - drawn, _EVAL_SEED + drawn, what)
            second = self._second_reward(drawn, what)
        return replace(mean_of(records), second_reward=second) if records else None

    def _second_reward(self, drawn: int, what: str) -> float | None:
        """The same episodes once more, in pictures as the second reward reads them."""
        if self._parts.second is None or not drawn:
            return None
        agent, second = self._parts.agent, self._parts.second
        return mean_of(self._episodes(agent, drawn, _EVAL_SEED, f"{what}, second reward", second)).vlm_reward

    def watch(self) -> str | None:
        """What to tell of text reward and success that part at the newest evaluation; None: nothing new.

        Raises:
            StopNow: If somebody asked to stop.
        """
        return self._watch.look()

    def after(self) -> Evaluation:
        """The trained agent and its video."""
        agent = self._parts.agent
        with self._stop.at_once():
            records = self._final_episodes(agent, "last evaluation")
            self._record(agent, self._run.after, f"after {agent.num_timesteps:,} steps")
        return mean_of(records)

    def _final_episodes(self, policy: Policy, what: str) -> list[EpisodeRecord]:
        """Without pictures where success is judged; else some are scored, as nothing else says what was learnt."""
        episodes, unjudged = self._judged.final_episodes or 0, self._plan.task.success is None
        drawn = min(self._judged.drawn, episodes) if self._reward and unjudged else 0
        records = self._episodes(policy, drawn, _FINAL_SEED, f"{what}, drawn", self._reward)
        return records + self._episodes(policy, episodes - drawn, _FINAL_SEED + drawn, what)

    def _episodes(
        self, policy: Policy, episodes: int, seed: int, what: str, reward: FrameReward | None = None
    ) -> list[EpisodeRecord]:
        """Run episodes, drawn where a reward scores them, and show how far they are."""
        if episodes < 1:
            return []
        make_env = self._blind if reward is None else self._drawn_for(reward)
        most = episodes * (self._plan.task.episode_steps or 1)
        return evaluate(
            policy,
            make_env,
            episodes=episodes,
            seed=seed,
            reward=reward,
            on_step=lambda done: self._progress.working(f"{what}: {done:,} of up to {most:,} steps"),
        )

    def _drawn_for(self, reward: FrameReward) -> MakeEnv:
        task = drawn_for(self._plan.task, reward)
        return replace(self._drawn, task=task, preprocessing=reward.capture)

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
            success_target=self._judged.success_target,
            steps_to_success=steps_to_success(rows, self._judged.success_target),
            best=self._run.read_best(),
            files=self._run.files(),
            **_on_own_reward(compared),
        )

    def _draw_landscape(self) -> None:
        """Also sets the axis of the videos' reward curve, so that both have the same."""
        task, reward = self._plan.task, self._reward
        if reward is None:
            return
        if task.sweep is None:
            self._progress.note(f"no reward landscape: {task.name} names no state variable to sweep.")
            return
        env = self._drawn_for(reward)()  # as training draws
        try:
            landscape = measure_landscape(env, reward, task.sweep, rule=task.success)
        finally:
            env.close()
        chosen = landscape.alphas[0] if reward.spec is None else reward.spec.alpha
        draw_landscape(landscape, self._run.landscape, title=_title(reward), chosen=chosen)
        row = landscape.rewards[landscape.alphas.index(chosen)]
        self._limits = (float(row.min()), float(row.max()))

    def _record_parting(self, path: Path) -> None:
        agent = self._parts.agent
        with self._stop.at_once():
            self._record(agent, path, f"step {agent.num_timesteps:,}")

    def _record(self, policy: Policy, path: Path, title: str) -> None:
        if not self._plan.config.output.videos or path.exists():
            return
        longest = video_steps(self._plan.config.train.steps or 1, self._plan.task.episode_steps or 1)
        episode = record_episode(
            policy, self._drawn, seed=_FINAL_SEED, reward=self._reward, title=title, longest=longest
        )
        looks_back = self._reward is not None and self._reward.spec is not None and self._reward.spec.over_time
        write_video(episode, path, limits=None if looks_back else self._limits)  # which are those of single frames


def _on_own_reward(compared: Summary | None) -> dict[str, Any]:
    """What a summary says of the run on the environment's own reward; nothing where there was none."""
    if compared is None:
        return {}
    return {
        "env_reward": compared.trained,
        "env_reward_steps_to_success": compared.steps_to_success,
        "env_reward_best": compared.best,
    }


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

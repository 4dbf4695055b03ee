"""`RunMonitor`: evaluates, writes down, stores and shows a run while the agent trains."""

import math
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import asdict, fields
from typing import Any

import numpy as np
from stable_baselines3.common.base_class import BaseAlgorithm
from stable_baselines3.common.callbacks import BaseCallback

from vlmrm.agents.relabel import RelabelCallback
from vlmrm.training.episodes import Evaluation
from vlmrm.training.evaluation import Measures
from vlmrm.training.plan import Plan
from vlmrm.training.progress import Progress
from vlmrm.training.rollout_stats import RolloutStats
from vlmrm.training.run.checkpoint import save_best, save_checkpoint
from vlmrm.training.run.directory import RunDirectory
from vlmrm.training.run.metrics import MetricsRow
from vlmrm.training.stop import StopNow, StopSignal

_ROWS_PER_EVALUATION = 4


class RunMonitor(BaseCallback):
    """Works between two rollouts, when the agent has learnt from all it has stored.

    Comes after `RelabelCallback` in the list of callbacks.

    Args:
        plan: What the run does.
        run: Where it is written.
        measures: Evaluates the agent as it is, and tells where its reward and its success part.
        stop: Asked at every step.
        progress: Shows how far the run is.
        relabel: Callback that gives text rewards. None: the environment's own are trained on.
    """

    def __init__(
        self,
        plan: Plan,
        run: RunDirectory,
        *,
        measures: Measures,
        stop: StopSignal,
        progress: Progress,
        relabel: RelabelCallback | None = None,
    ) -> None:
        super().__init__()
        self.stopped = False
        """Whether training ended early because somebody asked."""
        self._run, self._measures, self._stop, self._progress = run, measures, stop, progress
        self._stats = RolloutStats(relabel)
        eval_every = plan.config.evaluation.every or 1
        self._best_by = plan.config.evaluation.best_by
        self._every = {
            "eval": eval_every,
            "row": max(eval_every // _ROWS_PER_EVALUATION, 1),
            "checkpoint": plan.config.output.checkpoint_every or eval_every,
        }
        self._next = dict.fromkeys(self._every, 0)
        rows = run.metrics.read()
        self._time_before_s = rows[-1].time_s if rows else 0.0
        self._started = time.monotonic()
        self._rollout_start = 0
        self._frames_per_s: float | None = None

    def _on_training_start(self) -> None:
        self._started = time.monotonic()
        self._stats.restart()
        rows = self._run.metrics.read()
        if not rows and self.num_timesteps == 0:
            return
        self._done("checkpoint", self.num_timesteps)  # resumed from one, which may be of step 0
        for what, steps in (
            ("row", [row.step for row in rows]),
            ("eval", [row.step for row in rows if row.eval_env_return is not None]),
        ):
            self._done(what, max(steps, default=-self._every[what]))

    def _on_rollout_start(self) -> None:
        step = self._rollout_start = self.model.num_timesteps
        if step >= self._next["eval"]:
            with suppress(StopNow):  # the next step ends the training
                self.write_row(evaluated=True)
        elif step >= self._next["row"]:
            self.write_row(evaluated=False)
        if step >= self._next["checkpoint"]:
            save_checkpoint(self.model, self._run.checkpoints)
            self._done("checkpoint", step)

    def _on_step(self) -> bool:
        self._stats.add_step(self.locals["rewards"])
        self._progress.update(self.num_timesteps)
        self.stopped = self._stop.requested
        return not self.stopped

    def _on_rollout_end(self) -> None:
        self._stats.end_rollout()
        self._frames_per_s = self.logger.name_to_value.get("time/frames_per_s", self._frames_per_s)

    def write_row(self, *, evaluated: bool) -> None:
        """Add a row to ``metrics.csv`` and TensorBoard, and keep the agent if it is the best so far.

        Args:
            evaluated: Whether to evaluate the agent for it.
        """
        step, values = self.model.num_timesteps, self._stats.means()
        if self._frames_per_s is not None:
            values["frames_per_s"] = round(self._frames_per_s, 1)
        if self.model.ep_success_buffer:
            values["train_success"] = float(np.mean(self.model.ep_success_buffer))
        evaluation = self._measures.evaluate() if evaluated else None
        if evaluated:
            self._done("eval", step)
        if evaluation is not None:
            values |= _columns(evaluation)
            self._keep_best(evaluation)
        self._done("row", step)
        time_s = round(self._time_before_s + time.monotonic() - self._started, 2)
        row = MetricsRow(step=step, time_s=time_s, **values)
        self._run.metrics.add(row)
        if evaluation is not None:
            self._tell_partings()
        self._publish(row)
        self._stats.restart()

    def write_last_row(self, agent: BaseAlgorithm) -> None:
        """Evaluate an agent at the end of training, unless that was done before the run was resumed.

        Args:
            agent: Agent of Stable-Baselines3, trained or loaded.
        """
        self.init_callback(agent)
        if all(row.step != agent.num_timesteps for row in self._run.metrics.read()):
            self.write_row(evaluated=True)

    def rewind_to_stored(self) -> None:
        """After an early stop: count only the steps that the agent has stored.

        The last step was taken and not stored; a rollout of an on-policy algorithm that is not complete is lost.
        """
        if getattr(self.model, "replay_buffer", None) is None:
            self.model.num_timesteps = self._rollout_start
        else:
            self.model.num_timesteps -= self.model.n_envs

    def _keep_best(self, evaluation: Evaluation) -> None:
        best, found = self._run.read_best(), asdict(evaluation)
        if best is None or _merit(found, self._best_by) > _merit(best, self._best_by):
            save_best(self.model, self._run.checkpoints)
            kept = {name: found[name] for name in ("success", "env_return", "vlm_return")}
            self._run.write_best(self.model.num_timesteps, kept)

    def _done(self, what: str, step: int) -> None:
        self._next[what] = (step // self._every[what] + 1) * self._every[what]

    def _tell_partings(self) -> None:
        said = self._measures.watch()
        if said is not None:
            self._progress.note(said)
            self.logger.record("watch/parting", said)

    def _publish(self, row: MetricsRow) -> None:
        for entry in fields(row):
            value = getattr(row, entry.name)
            if value is not None and entry.name != "step":
                self.logger.record(entry.name.replace("_", "/", 1), value)
        self.logger.dump(row.step)
        reward = row.train_env_reward if row.train_vlm_reward is None else row.train_vlm_reward
        facts = {
            "speed": "" if row.frames_per_s is None else f"{row.frames_per_s:,.0f} frames/s",
            "reward": "" if reward is None else f"reward {reward:.3f}",
            "success": "" if row.eval_success is None else f"success {row.eval_success:.0%}",
        }
        self._progress.update(row.step, facts)


def _merit(found: Mapping[str, Any], best_by: str) -> tuple[float, float]:
    """By success and then the environment's own return the text reward has no say, unless it is asked to choose."""
    first, second = ("vlm_return", "success") if best_by == "vlm_return" else ("success", "env_return")
    values = [found.get(name) for name in (first, second)]
    leading, following = (-math.inf if value is None else value for value in values)
    return leading, following


def _columns(evaluation: Evaluation) -> dict[str, float]:
    found: dict[str, Any] = {
        "eval_success": evaluation.success,
        "eval_vlm_reward": evaluation.vlm_reward,
        "eval_second_reward": evaluation.second_reward,
        "eval_env_return": evaluation.env_return,
        "eval_episode_steps": evaluation.steps,
    }
    return {name: value for name, value in found.items() if value is not None}

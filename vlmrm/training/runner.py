"""`train` and `resume`: one run from its plan to its summary."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import torch
from stable_baselines3.common.logger import KVWriter, Logger, TensorBoardOutputFormat
from torch.utils.tensorboard.writer import SummaryWriter

from vlmrm.atomic import write_json
from vlmrm.errors import VlmrmError
from vlmrm.rewards.protocols import FrameReward
from vlmrm.training.audit_at_hand import audit_note, keep_audit, require_audit
from vlmrm.training.budget import cost_note
from vlmrm.training.config import TrainConfig
from vlmrm.training.evaluation import Measures
from vlmrm.training.monitor import RunMonitor
from vlmrm.training.outcome import Summary
from vlmrm.training.plan import Plan, comparison_config, make_plan
from vlmrm.training.progress import Progress
from vlmrm.training.rollouts import rollout_steps
from vlmrm.training.run.agent_state import start_new_episode
from vlmrm.training.run.checkpoint import load_newest, save_checkpoint
from vlmrm.training.run.directory import RunDirectory
from vlmrm.training.run_parts import Parts, build_parts, reseed
from vlmrm.training.start_from import start_from_run
from vlmrm.training.stop import StopNow, StopSignal
from vlmrm.training.threads import cpu_threads, crowding_note


class TrainingStopped(VlmrmError):
    """Somebody asked a run to stop; it can be resumed."""


def train(config: TrainConfig, *, reward: FrameReward | None = None, progress: Progress | None = None) -> Summary:
    """Carry out a run from its start.

    Args:
        config: What to train.
        reward: A model of the configuration's reward that is loaded already, or a `FunctionReward` in the place of
            sentences, whose name the run notes.
        progress: Shows how far it is; None: nothing is shown.

    Returns:
        The results, as they are in the run's ``summary.json``.

    Raises:
        RunError: The run's folder exists and is not empty, or the agent of the run to start from does not fit.
        TrainingStopped: Ctrl-C was pressed; everything is stored, and `resume` goes on.
        VlmrmError: The configuration cannot work; nothing has been written then.
    """
    if reward is not None and reward.spec is None:
        config = replace(config, reward=config.reward.of_function(reward.name))
    plan, shown = make_plan(config), progress or Progress()
    require_audit(config.reward.audit)
    RunDirectory.require_free(plan.out)
    with cpu_threads(plan.config.machine.threads), _parts(plan, reward) as parts:
        start_from_run(parts.agent, plan)
        run = RunDirectory.create(plan.out)
        write_json(run.config, plan.copied_to(run.path).to_dict())
        not_of_this_run = keep_audit(parts, run)
        if not_of_this_run is not None:
            shown.note(not_of_this_run)
        return _carry_out(parts, run, shown)


def resume(path: str | Path, *, reward: FrameReward | None = None, progress: Progress | None = None) -> Summary:
    """Carry on a run that was stopped, killed or has crashed, from its newest undamaged checkpoint.

    Rows of ``metrics.csv`` after the checkpoint are dropped, since their steps are taken again. A run that is
    complete is left as it is.

    Args:
        path: The run's folder.
        reward: A model of the run's reward that is loaded already; needed where a function rewards.
        progress: Shows how far it is; None: nothing is shown.

    Returns:
        The results, as they are in the run's ``summary.json``.

    Raises:
        RunError: There is no run in the folder, all of its checkpoints are damaged, or its encoder is another one now.
        TrainingStopped: Ctrl-C was pressed; everything is stored, and `resume` goes on.
    """
    run, shown = RunDirectory.open(Path(path)), progress or Progress()
    if run.summary.exists():
        shown.note(f"{path} is complete.")
        return Summary.from_dict(run.read_json(run.summary))
    plan = Plan.from_dict(run.read_json(run.config), run.path)
    with cpu_threads(plan.config.machine.threads), _parts(plan, reward) as parts:
        checkpoint, faults = load_newest(parts.agent, run.checkpoints)
        for fault in faults:
            shown.note(f"{fault} The checkpoint before it is used.")
        if checkpoint is None:
            start_from_run(parts.agent, plan)
        start_new_episode(parts.agent)
        step = parts.agent.num_timesteps
        reseed(parts, step)
        run.metrics.keep_until(step if checkpoint else -1)
        shown.note(f"going on from step {step:,} of {plan.config.train.steps:,}.")
        return _carry_out(parts, run, shown)


@contextmanager
def _parts(plan: Plan, reward: FrameReward | None) -> Iterator[Parts]:
    """The parts of a run; its environments are closed at the end."""
    parts = build_parts(plan, reward)
    try:
        yield parts
    finally:
        parts.venv.close()


def _carry_out(parts: Parts, run: RunDirectory, progress: Progress) -> Summary:
    """Measure, train, measure again; the same for a new run and a resumed one."""
    fingerprint = None if parts.reward is None else parts.reward.fingerprint
    second = parts.second_identity
    run.versions.require_same_encoder(fingerprint, second=second)
    runtime = None if parts.runtime is None else parts.runtime.to_dict()
    run.versions.note(parts.agent.num_timesteps, fingerprint, runtime, second=second)
    progress.note(f"writing to {run.path}")
    if (failed := audit_note(run)) is not None:
        progress.warn(failed)
    if (crowded := crowding_note(torch.get_num_threads())) is not None:
        progress.note(crowded)
    config = parts.plan.config
    length = parts.plan.task.episode_steps or 1
    progress.note(
        cost_note(config.evaluation, steps=config.train.steps or 1, episode_steps=length, videos=config.output.videos)
    )
    with StopSignal() as stop:
        measures = Measures(parts, run, progress, stop)
        try:
            random = measures.before()
            _learn(parts, run, measures, progress, stop)
            trained = measures.after()
        except StopNow as stopped:
            progress.end()
            said = _how_to_resume(run, f"stopped at step {parts.agent.num_timesteps:,}.")
            raise TrainingStopped(said) from stopped
    if config.output.export_sb3:
        parts.agent.save(run.sb3_zip)
    compared = _compare(parts.plan, run, progress)
    summary = measures.summary(random, trained, compared)
    summary.save(run.summary)
    return summary


def _learn(parts: Parts, run: RunDirectory, measures: Measures, progress: Progress, stop: StopSignal) -> None:
    """Train for as many whole rollouts as fit into the steps.

    Raises:
        StopNow: If somebody asked to stop; everything is stored then.
    """
    agent, train = parts.agent, parts.plan.config.train
    steps = train.steps or 0
    rollout = rollout_steps(parts.plan.algorithm, train.hyperparameters, train.num_envs or 1) or 1
    rest = max(steps - agent.num_timesteps, 0) // rollout * rollout
    agent.set_logger(_logger(run, agent.num_timesteps) if parts.plan.config.output.tensorboard else Logger(None, []))
    with cpu_threads(None):
        monitor = RunMonitor(parts.plan, run, measures=measures, stop=stop, progress=progress, relabel=parts.relabel)
        progress.note(f"training {measures.label} with {parts.plan.algorithm.name}")
        starts = getattr(agent, "learning_starts", 0)
        if starts >= steps:
            progress.note(f"the agent will learn nothing: learning_starts={starts:,}, and there are {steps:,} steps.")
        if agent.num_timesteps + rest < steps:
            progress.note(f"{agent.num_timesteps + rest:,} of {steps:,} steps are trained: rollouts have {rollout:,}.")
        progress.begin(total_steps=agent.num_timesteps + rest, from_step=agent.num_timesteps)
        try:
            if rest:  # Stable-Baselines3 adds the steps so far
                agent.learn(rest, callback=[*parts.callbacks, monitor], reset_num_timesteps=False)
                if monitor.stopped:
                    monitor.rewind_to_stored()
                save_checkpoint(agent, run.checkpoints)
            if monitor.stopped:
                raise StopNow
            monitor.write_last_row(agent)
        finally:
            progress.end()
            agent.logger.close()


def _compare(plan: Plan, run: RunDirectory, progress: Progress) -> Summary | None:
    """The same on the environment's own reward, in a folder inside the run's."""
    if not plan.config.train.compare_env_reward:
        return None
    config = comparison_config(plan.config, run.comparison)
    try:
        if run.comparison.is_dir() and RunDirectory(run.comparison).config.is_file():
            return resume(run.comparison, progress=progress)
        return train(config, progress=progress)
    except TrainingStopped as stopped:
        raise TrainingStopped(
            _how_to_resume(run, "stopped while training on the environment's own reward.")
        ) from stopped


def _how_to_resume(run: RunDirectory, what: str) -> str:
    return f"{what} Everything is stored; go on with: vlmrm train --resume {run.path}"


def _logger(run: RunDirectory, step: int) -> Logger:
    writers: list[KVWriter] = [_TensorBoard(str(run.tensorboard), step)]
    return Logger(str(run.tensorboard), writers)


class _TensorBoard(TensorBoardOutputFormat):
    """Hides what an earlier part of the run wrote about steps that are taken again."""

    def __init__(self, folder: str, step: int) -> None:
        self.writer = SummaryWriter(log_dir=folder, purge_step=step + 1 if step else None)
        self._is_closed = False

"""Rewards beside a task as a training has them: with its cameras and its quality of pictures, and frames to match."""

from collections.abc import Iterable
from dataclasses import fields, is_dataclass, replace
from typing import cast

from vlmrm.data.labelled import FrameSource, SeveralSources
from vlmrm.errors import SpecError
from vlmrm.report.scorers import Scorer, SentenceScorer
from vlmrm.rewards.protocols import FrameReward
from vlmrm.tasks import Task
from vlmrm.wrappers.drawn_for import drawn_for


def placed(scorer: Scorer, task: Task | None) -> Scorer:
    """Return what scores frames, completed by a task: a spec that says nothing of cameras averages the task's.

    Args:
        scorer: Scores frames.
        task: The task whose frames they are. None: none, and all stays as it is.

    Raises:
        SpecError: The reward joins cameras that the task does not have.
    """
    if task is None or not isinstance(scorer, SentenceScorer):
        return scorer
    return replace(scorer, asked=scorer.asked.with_spec(task.with_reward(scorer.asked.spec).reward))


def source_for(rewards: Iterable[FrameReward | None], source: FrameSource) -> FrameSource:
    """Return a source whose task draws its frames as rewards read them.

    Args:
        rewards: What scores the frames. None: something that has its scores from elsewhere.
        source: The frames.

    Raises:
        SpecError: Two rewards read pictures of other cameras or of another quality, so no frames suit both; or one
            joins cameras that the task does not have.
        PairingError: The task shows several cameras, and a reward reads one picture.
    """
    task = source.task
    said = [reward for reward in rewards if reward is not None and reward.spec is not None]
    if task is None or not said:
        return source
    drawn = [drawn_for(task, reward) for reward in said]
    first = drawn[0]
    for reward, other in zip(said, drawn, strict=True):
        if (list(other.drawn_cameras), other.render_quality) != (list(first.drawn_cameras), first.render_quality):
            raise SpecError(
                f"{said[0].name} is for {_pictures(first)} and {reward.name} for {_pictures(other)}, so the same "
                f"frames of {task.name} cannot be shown to both. Judge each by itself."
            )
    return _with_task(source, first)


def _with_task(source: FrameSource, task: Task) -> FrameSource:
    """The same frames, drawn by another task; a source that has its task from elsewhere draws as it does."""
    if isinstance(source, SeveralSources):
        return SeveralSources(sources=[_with_task(one, task) for one in source.sources])
    if not is_dataclass(source) or "task" not in {entry.name for entry in fields(source)}:
        return source
    return cast(FrameSource, replace(source, task=task))


def _pictures(task: Task) -> str:
    cameras = f" from {', '.join(task.drawn_cameras)}" if task.drawn_cameras else ""
    return f"pictures of quality {task.render_quality or 'as the environment draws'}{cameras}"

"""Whether a reward takes one goal of a scene for another: the sentence of each goal on frames of each goal."""

import warnings
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Float

from vlmrm.data.labelled import LabelledFrames
from vlmrm.data.task_frames import TaskStates
from vlmrm.errors import VlmrmError
from vlmrm.frames.preprocessing import Preprocessing
from vlmrm.metrics import confusion_matrix, diagonal_wins
from vlmrm.report.scorers import Scorer
from vlmrm.tasks import Task, all_tasks

_DRAWN, _ENOUGH, _FEWEST = 240, 12, 5  # states of each goal's task at most, and those in the goal
_SEED = 30_000  # other states than those that the reward is judged on


@dataclass(frozen=True, kw_only=True, eq=False)
class SceneGoals:
    """The rewards of a scene's goals on frames of each goal, by one model and one form of reward."""

    names: Sequence[str]
    """Names of the goals' tasks, the one that is reported first."""
    frames: Sequence[int]
    """Number of frames in each goal."""
    matrix: Float[np.ndarray, "k k"]
    """Mean z-score by each goal's reward (rows) of the frames in each goal (columns)."""
    right: float
    """Share of the rewards that are highest on frames of their own goal."""

    @property
    def mistaken_for(self) -> str | None:
        """The goal whose frames the reported reward pays most. None: its own."""
        column = int(self.matrix[0].argmax())
        return None if column == 0 else self.names[column]


def compare_goals(scorer: Scorer, task: Task) -> SceneGoals | None:
    """Score frames in each goal of a scene by the sentences of each, in the form of one reward.

    Args:
        scorer: The reward of the task. Those of the other goals are the same with other sentences.
        task: The task, whose camera is looked through.

    Returns:
        None where the scene has no other goal whose states are drawn on purpose, or the reward takes no other sentence.
    """
    scene = [other for name, other in sorted(all_tasks().items()) if _is_beside(other, task)]
    named = {task.name: scorer}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of words that a model does not know, once for each goal
        for other in scene:
            try:
                named[other.name] = scorer.with_prompts(other.reward.require_prompts())
            except VlmrmError:
                continue  # a head that compares wants negatives, which not every task has
        if len(named) < 2:
            return None
        shown: dict[str, LabelledFrames] = {}
        for one in (task, *(other for other in scene if other.name in named)):
            try:
                frames = _in_goal(
                    replace(
                        one,
                        camera=task.camera,
                        cameras=task.drawn_cameras,
                        render_quality=task.render_quality,
                    ),
                    scorer.capture,
                )
            except VlmrmError:
                continue  # a goal of somebody else's whose states cannot be drawn is no reason to report nothing
            if len(frames) >= _FEWEST:
                shown[one.name] = frames
        if len(shown) < 2 or task.name not in shown:
            return None
        joined = LabelledFrames.join(list(shown.values()))
        seen = scorer.read(joined.frames)
        scores = np.stack([named[name].columns(joined, seen)["score"] for name in shown])
    counts = [len(frames) for frames in shown.values()]
    matrix = confusion_matrix(scores, np.repeat(np.arange(len(counts)), counts))
    return SceneGoals(names=list(shown), frames=counts, matrix=matrix, right=diagonal_wins(matrix).rows)


def _is_beside(other: Task, task: Task) -> bool:
    return other.env_id == task.env_id and other.name != task.name and other.states is not None


def _in_goal(task: Task, capture: Preprocessing | None) -> LabelledFrames:
    parts: list[LabelledFrames] = []
    for batch in TaskStates(task=task, n=_DRAWN, seed=_SEED).batches(capture):
        parts.append(batch.take(np.flatnonzero(batch.in_goal)))
        if sum(map(len, parts)) >= _ENOUGH:
            break
    return LabelledFrames.join(parts)

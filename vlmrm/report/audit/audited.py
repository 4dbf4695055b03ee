"""`Audited`: a reward and labelled frames, each embedded once, as every probe is given them."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from jaxtyping import Float, Int

from vlmrm.data.labelled import FrameSource, LabelledFrames
from vlmrm.errors import FrameError, SpecError, VlmrmError
from vlmrm.frames.side_by_side import cut_apart, put_together
from vlmrm.report.audit.climbed import Climbed, climb
from vlmrm.report.audit.played import Played, play, same_action
from vlmrm.report.scorers import Scorer
from vlmrm.rewards.features import FrameFeatures
from vlmrm.rewards.over_time.milestones import MilestonesOptions
from vlmrm.rewards.protocols import FrameReward
from vlmrm.tasks import SuccessRule, Task
from vlmrm.types import Frames

MOST = 1_000
"""Frames of each label that are kept; of more, every second, fourth and so on."""
SOME = 40
"""Frames of each label whose pictures a probe changes."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Audited:
    """A reward with labelled frames; what several probes need is made once, when the first of them asks."""

    scorer: Scorer
    """The reward, as reports ask it."""
    reward: FrameReward
    """The reward itself."""
    labels: LabelledFrames
    """Frames as the reward's model sees them, with all that is known of each."""
    seen: FrameFeatures
    """What the reward read in each frame."""
    scores: Float[np.ndarray, " n"]
    """Score of each frame by itself."""
    task: Task | None
    """The task that the frames are of. None: they come from files."""
    seed: int = 0
    """Decides what probes draw."""

    @property
    def rule(self) -> SuccessRule | None:
        """Bounds on the state. None: there is no task, or it has none."""
        return None if self.task is None else self.task.success

    @property
    def bounds(self) -> SuccessRule:
        """Bounds on the state; SpecError where there are none."""
        if self.rule is None:
            raise SpecError("there is no task with success bounds, so nobody knows how far a frame is from the goal.")
        return self.rule

    @property
    def goals(self) -> tuple[str, ...]:
        """Sentences that the reward wants, of milestones the last one; empty: it has none."""
        spec = self.reward.spec
        if spec is None or spec.prompts is None:
            return ()
        return spec.prompts.goal[-1:] if self.has_milestones else spec.prompts.goal

    @property
    def has_milestones(self) -> bool:
        """Whether its sentences are wanted one after the other."""
        spec = self.reward.spec
        return spec is not None and isinstance(spec.over_time, MilestonesOptions)

    @property
    def sentences(self) -> tuple[str, ...]:
        """All sentences of the reward; empty: it has none."""
        spec = self.reward.spec
        if spec is None or spec.prompts is None:
            return ()
        return (*spec.prompts.goal, *spec.prompts.baseline, *spec.prompts.negatives)

    @property
    def pictures_in_frame(self) -> int:
        """Number of cameras whose pictures lie side by side in a frame."""
        return 1 if self.reward.spec is None else self.reward.spec.pictures_in_frame

    @property
    def other_median(self) -> float:
        """Median score of the frames outside of the goal."""
        return float(np.median(self.scores[~self.labels.in_goal]))

    @property
    def goal_median(self) -> float:
        """Median score of the frames in the goal."""
        return float(np.median(self.scores[self.labels.in_goal]))

    def share_of_goal(self, scores: Float[np.ndarray, "..."]) -> Float[np.ndarray, "..."]:
        """Return how far scores are from what other frames are paid, at 0, to what goal frames are paid, at 1.

        Args:
            scores: Scores of any pictures.

        Raises:
            SpecError: Goal frames are not paid more than others, so that there is no such way.
        """
        apart = self.goal_median - self.other_median
        if not apart > 0:
            raise SpecError(
                "goal frames are not paid more than others, so nothing can be said to be paid nearly as much as they."
            )
        share: Float[np.ndarray, ...] = (scores - self.other_median) / apart
        return share

    def score(self, frames: Frames) -> Float[np.ndarray, " n"]:
        """Return the score of each of some pictures, by itself.

        Args:
            frames: Pictures of the size of the labelled ones.

        Raises:
            FrameError: The reward, a function of somebody's own, does not take these pictures.
        """
        return self.score_seen(self.read(frames))

    def changed(self, change: Callable[[Frames], Frames], frames: Frames) -> Frames:
        """Return frames with each picture in them changed by itself, where those of several cameras lie side by side.

        Args:
            change: Makes other pictures of some.
            frames: Some of the labelled ones.
        """
        found: Frames = put_together([change(pictures) for pictures in cut_apart(frames, self.pictures_in_frame)])
        return found

    def read(self, frames: Frames) -> FrameFeatures:
        """Return what the reward reads in some pictures; FrameError as in `score`."""
        try:
            return self.reward.read(frames)
        except VlmrmError:
            raise
        except Exception as error:  # a function of somebody's own may refuse pictures that no camera took
            raise FrameError(f"{self.reward.name} does not take such pictures: {error}") from error

    def score_seen(self, seen: FrameFeatures) -> Float[np.ndarray, " n"]:
        """Return the score of each frame, by itself.

        Args:
            seen: What `read` returned for the frames.
        """
        found: Float[np.ndarray, " n"] = self.reward.explain(seen)["score"].detach().double().cpu().numpy()
        return found

    def of_texts(self, texts: Sequence[str]) -> Float[np.ndarray, "n k"]:
        """Return the score of every labelled frame with every text in the goal's place.

        Args:
            texts: At least one sentence.

        Raises:
            SpecError: The reward cannot score pairs of a frame and a text.
        """
        return self.scorer.score_texts(self.seen, texts)

    @cached_property
    def some(self) -> Int[np.ndarray, " k"]:
        """Numbers of some frames of each label, evenly chosen, whose pictures probes change."""
        return np.sort(np.concatenate([_evenly(np.flatnonzero(self.labels.in_goal == one)) for one in (True, False)]))

    @cached_property
    def played(self) -> Played:
        """Episodes of a random policy, scored.

        Raises:
            SpecError: There is no task to play.
        """
        return play(self.scorer, self.require_task(), seed=self.seed + 20_000)

    @cached_property
    def idle(self) -> Played:
        """Episodes of a policy that does nothing, or always the same, scored.

        Raises:
            SpecError: There is no task to play, or nobody knows which action does nothing.
        """
        task, seed = self.require_task(), self.seed + 20_000
        return play(self.scorer, task, seed=seed, policy=same_action, name="a policy that does nothing")

    @cached_property
    def climbed(self) -> Climbed:
        """What climbs of the reward over the states of the task's simulator found.

        Raises:
            SpecError: There is no task, or its simulator cannot be searched.
        """
        return climb(self.reward, self.require_task(), seed=self.seed)

    def require_task(self) -> Task:
        """Return the task that the frames are of; SpecError where they come from files."""
        if self.task is None:
            raise SpecError("the frames come from files, so there is no task to play.")
        return self.task


def gather(scorer: Scorer, source: FrameSource, *, seed: int = 0) -> Audited:
    """Read and score the frames of a source, each once.

    Args:
        scorer: The reward.
        source: Labelled frames; of many, `MOST` of each label are kept.
        seed: Decides what probes draw.

    Raises:
        SpecError: The reward is a table of scores, which knows no other picture, or all labels are the same.
        FrameError: A frame cannot be read, or there is none.
    """
    reward = scorer.reward
    if reward is None:
        raise SpecError(
            f"{scorer.name} is a table of scores, and an audit asks about pictures and sentences that are not in it. "
            "Give the reward itself, or a function of frames."
        )
    labels = _kept(source, scorer)
    if labels.in_goal.all() or not labels.in_goal.any():
        what = "outside of the goal" if labels.in_goal.all() else "in the goal"
        raise SpecError(f"{source.name} has no frame {what} among {len(labels)}, so nothing can be told apart.")
    seen = reward.read(labels.frames)
    scores = reward.explain(seen)["score"].detach().double().cpu().numpy()
    for shared in (scores, labels.in_goal, *labels.states.values()):  # what one probe changed, all others would read
        shared.setflags(write=False)
    return Audited(scorer=scorer, reward=reward, labels=labels, seen=seen, scores=scores, task=source.task, seed=seed)


def _kept(source: FrameSource, scorer: Scorer) -> LabelledFrames:
    """All frames, or of many every second, fourth and so on of each label, as the reward's model sees them."""
    kept: dict[bool, list[LabelledFrames]] = {True: [], False: []}
    every, gone_by = {True: 1, False: 1}, {True: 0, False: 0}
    for batch in source.batches(scorer.capture if source.draws else None):
        small = batch if scorer.capture is None else replace(batch, frames=scorer.capture.resize(batch.frames))
        for label, parts in kept.items():
            rows = np.flatnonzero(batch.in_goal == label)
            numbers = gone_by[label] + np.arange(len(rows))
            gone_by[label] += len(rows)
            parts.append(small.take(rows[numbers % every[label] == 0]))
            while sum(map(len, parts)) > MOST:
                joined = LabelledFrames.join(parts)
                parts[:] = [joined.take(np.arange(0, len(joined), 2))]
                every[label] *= 2
    found = [part for parts in kept.values() for part in parts if len(part)]
    if not found:
        raise FrameError(f"{source.name} holds no frame.")
    whole = LabelledFrames.join(found)
    return replace(whole, states=dict(sorted(whole.states.items())))


def _evenly(rows: Int[np.ndarray, " n"]) -> Int[np.ndarray, " k"]:
    return rows[np.unique(np.linspace(0, len(rows) - 1, SOME).astype(int))] if len(rows) > SOME else rows

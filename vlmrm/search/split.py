"""Labels in two parts: one to search on, the other to judge what was found."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Bool, Int
from numpy.typing import NDArray

from vlmrm.data import FrameSource, TaskStates, frames_of_task
from vlmrm.errors import FrameError, SpecError
from vlmrm.report.placing import source_for
from vlmrm.report.scoring import Progress
from vlmrm.rewards.features import FrameFeatures
from vlmrm.rewards.protocols import FrameReward
from vlmrm.tasks import Task
from vlmrm.values import require_share, require_whole

FEWEST = 10
"""Frames on either side of the goal that a search needs."""
FAR = 10_000
"""Between the seeds of two draws, since those of episodes follow one another."""
DRAWN_AGAIN = "Both parts are draws of the same kinds of states; only the draws are different."
"""What limits the numbers of two draws of a task."""
_BOTH_SIDES = (
    "Some groups have frames in both parts: there are too few groups to share them out. The held-out numbers flatter "
    "what was found."
)
_NO_GROUPS = (
    "Nothing is known of which frames share an episode, a video or a view, so that neighbours may be in both parts and "
    "the held-out numbers may flatter what was found."
)


@dataclass(frozen=True, kw_only=True, eq=False)
class ReadFrames:
    """Labelled frames as one model reads them."""

    features: FrameFeatures
    """What the model made of the frames."""
    in_goal: Bool[np.ndarray, " n"]
    """Whether each frame shows the goal."""
    groups: Sequence[str] = ()
    """Episode, video or view of each frame; empty: unknown."""

    def __len__(self) -> int:
        return len(self.in_goal)

    def take(self, rows: Bool[np.ndarray, " n"] | Int[np.ndarray, " k"]) -> "ReadFrames":
        """Return some of the frames.

        Args:
            rows: Indices, or a mask.
        """
        which = np.arange(len(self))[rows]
        groups = [self.groups[row] for row in which] if self.groups else ()
        return ReadFrames(features=self.features[which.tolist()], in_goal=self.in_goal[which], groups=groups)

    @property
    def for_intervals(self) -> Sequence[str] | None:
        """Groups for a bootstrap. None: there are not two of them."""
        return self.groups if len(set(self.groups)) > 1 else None


@dataclass(frozen=True, kw_only=True, eq=False)
class ReadParts:
    """Both parts of the labels, as one model reads them."""

    search: ReadFrames
    """Frames to search on."""
    held_out: ReadFrames
    """Frames that no choice looks at."""
    remarks: Sequence[str] = ()
    """What limits the numbers."""


@dataclass(frozen=True, kw_only=True)
class LabelledParts:
    """Labelled frames to search on, and others to judge on.

    Example:
        >>> from vlmrm.tasks import find_task
        >>> parts = LabelledParts.of_task(find_task("pendulum/upright"), 200, held_out=400)
        >>> parts.search.count, parts.held_out.count
        (200, 400)
    """

    search: FrameSource
    """Frames to search on; with no others, all there are."""
    held_out: FrameSource | None = None
    """Frames to judge on. None: a part of `search` is held out, whole groups where there are enough of them."""
    share: float = 0.5
    """Share of the frames to search on, where they are split."""
    seed: int = 0
    """Random seed of the split."""

    def __post_init__(self) -> None:
        require_share("share", self.share)
        require_whole("seed", self.seed, at_least=0)

    @classmethod
    def of_task(cls, task: Task, n: int = 60, *, held_out: int = 1_000, seed: int = 0) -> "LabelledParts":
        """Return two draws of a task's states.

        Args:
            task: The task.
            n: Number of frames to search on.
            held_out: Number of frames to judge on.
            seed: Random seed of the first draw; that of the second follows, far enough for episodes.

        Raises:
            SpecError: If the task has no success bounds.
        """
        first, second = frames_of_task(task, n, seed=seed), frames_of_task(task, held_out, seed=seed + FAR)
        return cls(search=first, held_out=second)

    def read(self, reward: FrameReward, progress: Progress | None = None) -> ReadParts:
        """Read both parts with the model of a reward.

        Args:
            reward: What reads the frames.
            progress: Told how many frames of a source have been read.

        Raises:
            SpecError: If there are fewer than `FEWEST` frames on a side of the goal to search on, or none to judge on.
            FrameError: If a frame cannot be read.
        """
        first = read_source(self.search, reward, progress)
        if self.held_out is None:
            chosen, together = split_rows(first.in_goal, first.groups, share=self.share, seed=self.seed)
            remark = _NO_GROUPS if len(set(first.groups)) < 2 else "" if together else _BOTH_SIDES
            searched, rest, remarks = first.take(chosen), first.take(~chosen), [remark] if remark else []
            require_enough(searched, rest, self.search.name)
        else:
            require_enough(first, None, self.search.name)  # before many more are read
            searched, rest, remarks = first, read_source(self.held_out, reward, progress), _drawn_again(self.search)
            require_enough(searched, rest, self.search.name)
        return ReadParts(search=searched, held_out=rest, remarks=remarks)


def _drawn_again(source: FrameSource) -> list[str]:
    if not isinstance(source, TaskStates):
        return []
    return [DRAWN_AGAIN]


def read_source(source: FrameSource, reward: FrameReward, progress: Progress | None = None) -> ReadFrames:
    """Read all frames of a source; only their features stay in memory.

    Args:
        source: The labelled frames. Those of a task are drawn by the cameras and in the quality that the reward names.
        reward: What reads them.
        progress: Told how many frames have been read.

    Raises:
        SpecError: If the reward joins cameras that the task does not have.
        PairingError: If the task shows several cameras, and the reward reads one picture.
        FrameError: If there is no frame, or one cannot be read.
    """
    source = source_for([reward], source)
    features, labels, groups = [], [], []
    done = 0
    for batch in source.batches(reward.capture):
        features.append(reward.read(batch.frames))
        labels.append(batch.in_goal)
        groups.append(batch.groups)
        done += len(batch)
        if progress is not None:
            progress(done, source.count)
    if not labels:
        raise FrameError(f"{source.name} holds no frame.")
    known = all(len(part) for part in groups)
    return ReadFrames(
        features=FrameFeatures.join(features),
        in_goal=np.concatenate(labels),
        groups=[name for part in groups for name in part] if known else (),
    )


def split_rows(
    in_goal: NDArray[np.bool_], groups: Sequence[str], *, share: float = 0.5, seed: int = 0
) -> tuple[Bool[np.ndarray, " n"], bool]:
    """Choose frames to search on, with as many of each label as their share.

    Args:
        in_goal: Whether each frame shows the goal.
        groups: Group of each frame; empty: unknown.
        share: Share of the frames to choose.
        seed: Random seed.

    Returns:
        Which frames are chosen, and whether groups stay whole: they do unless a part would then lack a label.

    Example:
        >>> chosen, whole = split_rows(np.array([True, False] * 4), list("aabbccdd"), share=0.5)
        >>> chosen[::2].tolist() == chosen[1::2].tolist(), int(chosen.sum()), whole
        (True, 4, True)
    """
    rng = np.random.default_rng(seed)
    if len(set(groups)) > 1:
        chosen = _whole_groups(in_goal, groups, share, rng)
        wanted = [min(FEWEST, int(side.sum() * share)) for side in (in_goal, ~in_goal)]
        enough = all((chosen & side).sum() >= few for side, few in zip((in_goal, ~in_goal), wanted, strict=True))
        if enough and all((~chosen & side).any() for side in (in_goal, ~in_goal)):
            return chosen, True
    chosen = np.zeros(len(in_goal), dtype=bool)
    for side in (in_goal, ~in_goal):
        rows = rng.permutation(np.flatnonzero(side))
        chosen[rows[: round(len(rows) * share)]] = True
    return chosen, False


def _whole_groups(
    in_goal: NDArray[np.bool_], groups: Sequence[str], share: float, rng: np.random.Generator
) -> Bool[np.ndarray, " n"]:
    """Groups one by one, the largest first, each to the part whose labels it brings nearer to their share."""
    names, which = np.unique(np.asarray(groups), return_inverse=True)
    counts = np.stack([np.bincount(which[side], minlength=len(names)) for side in (in_goal, ~in_goal)], axis=1)
    totals = np.maximum(counts.sum(axis=0), 1)
    order = rng.permutation(len(names))
    order = order[np.argsort(-counts[order].sum(axis=1), kind="stable")]
    taken, left = np.zeros(2), np.zeros(2)
    picked = np.zeros(len(names), dtype=bool)
    for group in order:
        here, there = (_farther(has, counts[group], totals, of) for has, of in ((taken, share), (left, 1 - share)))
        picked[group] = here <= there
        (taken if picked[group] else left)[:] += counts[group]
    return picked[which]


def _farther(has: Any, more: Any, totals: Any, share: float) -> float:
    """How much farther from its share of each label a part is with some more frames."""
    before, after = has / totals - share, (has + more) / totals - share
    return float(np.square(after).sum() - np.square(before).sum())


def require_enough(search: ReadFrames, held_out: ReadFrames | None, name: str) -> None:
    """Refuse labels that nothing can be searched or judged on.

    Args:
        search: Frames to search on.
        held_out: Frames to judge on. None: they have not been read yet.
        name: What the frames are of, for messages.

    Raises:
        SpecError: If a side of the goal has fewer than `FEWEST` frames to search on, or none to judge on.
    """
    for side, where in ((True, "in"), (False, "outside of")):
        found = int((search.in_goal == side).sum())
        if found < FEWEST:
            raise SpecError(
                f"a search needs at least {FEWEST} frames in the goal and {FEWEST} outside of it; {name} has {found} "
                f"{where} the goal to search on, of {len(search)}. Give more labelled frames."
            )
        if held_out is not None and not (held_out.in_goal == side).any():
            raise SpecError(
                f"no held-out frame of {name} is {where} the goal, so nothing that is found can be judged. Hold more "
                "frames out."
            )

"""`LabelledFrames`, frames with what is known of each, and `FrameSource`, whatever gives them batch by batch."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol, runtime_checkable

import numpy as np
import torch
from jaxtyping import Int
from numpy.typing import NDArray

from vlmrm.errors import FrameError
from vlmrm.frames.preprocessing import Preprocessing
from vlmrm.tasks import Task
from vlmrm.types import Frames


@dataclass(frozen=True, kw_only=True, eq=False)
class LabelledFrames:
    """Frames of one size, each with a label and whatever else is known of it.

    Raises:
        FrameError: The labels are not one True or False per frame, or something else is not one per frame.

    Example:
        >>> frames = torch.zeros(2, 8, 8, 3, dtype=torch.uint8)
        >>> shown = LabelledFrames(frames=frames, in_goal=np.array([True, False]), names=["a.png", "b.png"])
        >>> len(shown), shown.states
        (2, {})
    """

    frames: Frames
    """Pictures of one size, uint8 RGB."""
    in_goal: NDArray[Any]
    """Whether each frame shows the goal, by the simulator or by a person: True or False, one per frame."""
    names: Sequence[str]
    """What to call each frame: its file, or what was drawn."""
    groups: Sequence[str] = ()
    """Episode, video or view of each frame. Frames of one group tell less than as many independent ones. Empty: nothing
    is known of what frames share."""
    steps: NDArray[Any] | None = None
    """Place of each frame in its episode, from 0. None: the frames are in no order."""
    states: Mapping[str, NDArray[Any]] = field(default_factory=dict)
    """Variables of the simulator's state, by name. Empty: nothing is known of it."""
    kinds: Sequence[str] = ()
    """What each state was made as, such as ``look-alike``. Empty: nobody made it on purpose."""
    env_rewards: NDArray[Any] | None = None
    """The environment's own reward of the step that led to each frame. None: it is not known."""
    terminated: NDArray[Any] | None = None
    """Whether the environment ended the episode at this frame, other than by a time limit. None: nothing is known of
    ends."""

    def __post_init__(self) -> None:
        n = len(self.frames)
        if self.in_goal.dtype != bool:
            raise FrameError(f"in_goal is one True or False per frame; got {self.in_goal.dtype}. Threshold it first.")
        columns: dict[str, Any] = {"in_goal": self.in_goal, "names": self.names, **self.states}
        columns |= {"groups": self.groups, "kinds": self.kinds, "steps": self.steps}
        columns |= {"env_rewards": self.env_rewards, "terminated": self.terminated}
        for name, column in columns.items():
            if column is not None and len(column) != n and not (name in ("groups", "kinds") and not len(column)):
                raise FrameError(f"{name} is one value per frame; got {len(column)} for {n} frames.")

    def __len__(self) -> int:
        return len(self.frames)

    def take(self, rows: Int[np.ndarray, " k"]) -> "LabelledFrames":
        """Return some of the frames.

        Args:
            rows: Indices, in the order wanted.
        """
        return LabelledFrames(
            frames=self.frames[torch.from_numpy(rows)],
            in_goal=self.in_goal[rows],
            names=[self.names[row] for row in rows],
            groups=[self.groups[row] for row in rows] if self.groups else (),
            steps=None if self.steps is None else self.steps[rows],
            states={name: values[rows] for name, values in self.states.items()},
            kinds=[self.kinds[row] for row in rows] if self.kinds else (),
            env_rewards=None if self.env_rewards is None else self.env_rewards[rows],
            terminated=None if self.terminated is None else self.terminated[rows],
        )

    @classmethod
    def join(cls, parts: Sequence["LabelledFrames"]) -> "LabelledFrames":
        """Return the frames of several, one after the other, with what is known of all of them.

        Args:
            parts: At least one; all of one size.

        Raises:
            FrameError: Their sizes differ.
        """
        sizes = {tuple(part.frames.shape[1:]): part.names[0] for part in parts if len(part)}
        if len(sizes) > 1:
            said = ", ".join(f"{name} {shape[0]}x{shape[1]}" for shape, name in sizes.items())
            raise FrameError(f"frames of several sizes cannot be taken together: {said}. Resize them to one.")
        known = [name for name in parts[0].states if all(name in part.states for part in parts)]
        return cls(
            frames=torch.cat([part.frames for part in parts]),
            in_goal=np.concatenate([part.in_goal for part in parts]),
            names=[name for part in parts for name in part.names],
            groups=_all_or_none([part.groups for part in parts]),
            steps=_join([part.steps for part in parts]),
            states={name: np.concatenate([part.states[name] for part in parts]) for name in known},
            kinds=_all_or_none([part.kinds for part in parts]),
            env_rewards=_join([part.env_rewards for part in parts]),
            terminated=_join([part.terminated for part in parts]),
        )


def _all_or_none(columns: Sequence[Sequence[str]]) -> list[str]:
    return [text for column in columns for text in column] if all(map(len, columns)) else []


def _join(columns: Sequence[NDArray[Any] | None]) -> NDArray[Any] | None:
    known = [column for column in columns if column is not None]
    return np.concatenate(known) if len(known) == len(columns) else None


@runtime_checkable
class FrameSource(Protocol):
    """Labelled frames, batch by batch, as often as they are asked for: only one batch need be in memory."""

    @property
    def name(self) -> str:
        """What reports call it: the task, or the folder."""

    @property
    def about(self) -> str:
        """One sentence for reports: what the frames are, and who labelled them."""

    @property
    def task(self) -> Task | None:
        """The task that they are of. None: they come from files."""

    @property
    def count(self) -> int | None:
        """Number of frames. None: it is not known before all have been read."""

    @property
    def draws(self) -> bool:
        """Whether the preprocessing decides the pictures, so that each encoder needs its own pass."""

    def batches(self, preprocessing: Preprocessing | None = None) -> Iterator[LabelledFrames]:
        """Yield the frames in the same order each time.

        Args:
            preprocessing: That of the encoder that will see them, for sources that draw; files are given as they are.
                None: at full size.

        Raises:
            FrameError: A frame or a label is missing or cannot be read; the message names it.
        """
        ...


@runtime_checkable
class LabelledBeforehand(Protocol):
    """A source that knows its labels without looking at a frame, so that labels of one kind are refused at once."""

    @property
    def count(self) -> int:
        """Number of frames."""

    @property
    def goals(self) -> int:
        """Number of frames in the goal."""


@dataclass(frozen=True, kw_only=True, eq=False)
class GivenFrames:
    """Frames that are in memory already, as a source."""

    frames: LabelledFrames
    """Frames with their labels."""
    name: str = "frames"
    """What reports call them."""
    about: str = "Labelled frames from memory."
    """One sentence for reports."""
    task: Task | None = None
    """The task that they are of, if they are of one."""
    draws = False

    @property
    def count(self) -> int:
        """Number of frames."""
        return len(self.frames)

    @property
    def goals(self) -> int:
        """Number of frames in the goal."""
        return int(self.frames.in_goal.sum())

    def batches(self, preprocessing: Preprocessing | None = None) -> Iterator[LabelledFrames]:
        """Yield all frames at once.

        Args:
            preprocessing: Not used: the frames are what they are.
        """
        yield self.frames


@dataclass(frozen=True, kw_only=True)
class SeveralSources:
    """Several sources of one task as one, one after the other."""

    sources: Sequence[FrameSource]
    """Sources to join, at least one; all of them draw, or none does."""

    @property
    def name(self) -> str:
        """What reports call it."""
        return self.sources[0].name

    @property
    def about(self) -> str:
        """What the frames are."""
        return " ".join(source.about for source in self.sources)

    @property
    def task(self) -> Task | None:
        """The task of the first."""
        return self.sources[0].task

    @property
    def count(self) -> int | None:
        """Number of frames. None: of one of them it is not known."""
        counts = [source.count for source in self.sources]
        return None if None in counts else sum(count or 0 for count in counts)

    @property
    def draws(self) -> bool:
        """Whether the preprocessing decides the pictures."""
        return any(source.draws for source in self.sources)

    def batches(self, preprocessing: Preprocessing | None = None) -> Iterator[LabelledFrames]:
        """Yield the frames of each source.

        Args:
            preprocessing: That of the encoder that will see them.
        """
        for source in self.sources:
            yield from source.batches(preprocessing)

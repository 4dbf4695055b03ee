"""`EpisodeFrames`: the frames of recorded episodes, such as those of a Minari dataset."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Bool

from vlmrm.data.frame_files import frames_at_once
from vlmrm.data.labelled import LabelledFrames
from vlmrm.errors import FrameError, near_matches
from vlmrm.frames import as_frames
from vlmrm.frames.preprocessing import Preprocessing


@dataclass(frozen=True, kw_only=True, eq=False)
class EpisodeFrames:
    """The frames of recorded episodes, each labelled by a function of its episode.

    An episode is an object or a mapping that has ``observations`` with one frame more than it has steps, and perhaps an
    ``id``; without one it is called by its number. Nothing but the frames of one episode need be in memory.

    Raises:
        FrameError: If the episodes can be gone through only once.

    Example:
        >>> fell = {"observations": np.zeros((3, 4, 4, 3), np.uint8), "infos": {"success": [False, False, True]}}
        >>> source = EpisodeFrames(episodes=[fell], in_goal=lambda episode: episode["infos"]["success"])
        >>> [(batch.names[2], batch.in_goal.tolist()) for batch in source.batches()]
        [('episode 0, step 2', [False, False, True])]
    """

    episodes: Any
    """Episodes that can be gone through again and again: a list, or an object with ``iterate_episodes``, as a Minari
    dataset is."""
    in_goal: Callable[[Any], Any]
    """Tells of an episode whether each of its frames, the first one included, shows the goal."""
    frames: str = ""
    """Key of the frames where observations are a mapping, such as ``pixels``. Empty: observations are frames."""
    name: str = "episodes"
    """What reports call them."""
    labelled_by: str = "a function of the episode"
    """Who or what labelled them, for reports."""
    task = None
    draws = False
    count = None

    def __post_init__(self) -> None:
        if isinstance(self.episodes, Iterator):
            raise FrameError(
                "episodes are gone through more than once, and these can be only once. Give list(episodes)."
            )

    @property
    def about(self) -> str:
        """What the frames are, and who labelled them."""
        return f"Frames of {self.name}, labelled by {self.labelled_by}."

    def batches(self, preprocessing: Preprocessing | None = None) -> Iterator[LabelledFrames]:
        """Yield the frames of one episode after the other.

        Args:
            preprocessing: Not used: frames are given as they are.

        Raises:
            FrameError: If an episode has no frames or no label for each of them, or two have one id.
        """
        seen: set[str] = set()
        episodes = self.episodes.iterate_episodes() if hasattr(self.episodes, "iterate_episodes") else self.episodes
        for number, episode in enumerate(episodes):
            name = f"episode {_part(episode, 'id', number)}"
            if name in seen:
                raise FrameError(f"two episodes are called {name!r}. Give each an id of its own.")
            seen.add(name)
            yield from self._batches_of(episode, name)

    def _batches_of(self, episode: Any, name: str) -> Iterator[LabelledFrames]:
        pictures = self._pictures(episode, name)
        labels = self._labels(episode, name, len(pictures))
        at_once = frames_at_once(np.asarray(pictures[0]).nbytes)
        for first in range(0, len(pictures), at_once):
            steps = np.arange(first, min(first + at_once, len(pictures)))
            try:
                frames = as_frames([np.array(picture) for picture in pictures[first : first + at_once]])
            except FrameError as error:
                raise FrameError(f"{name}: {error}") from error
            yield LabelledFrames(
                frames=frames,
                in_goal=labels[steps],
                names=[f"{name}, step {step}" for step in steps],
                groups=[name] * len(steps),
                steps=steps,
            )

    def _pictures(self, episode: Any, name: str) -> Any:
        observations = _part(episode, "observations")
        if self.frames and isinstance(observations, Mapping):
            if self.frames not in observations:
                near = near_matches(self.frames, map(str, observations))
                raise FrameError(f"{name} has no observations {self.frames!r}. Near: {near}.")
            observations = observations[self.frames]
        elif isinstance(observations, Mapping):
            keys = ", ".join(map(str, observations))
            raise FrameError(f'{name} has observations of several kinds: {keys}. Name that of the frames: frames="…".')
        if observations is None or not len(observations):
            raise FrameError(f"{name} has no observations. Record episodes with their frames.")
        return observations

    def _labels(self, episode: Any, name: str, count: int) -> Bool[np.ndarray, " n"]:
        labels = np.asarray(self.in_goal(episode))
        if labels.dtype != bool or labels.shape != (count,):
            raise FrameError(
                f"in_goal must give one True or False for each of the {count} frames of {name}, of which the first is "
                f"that of the reset; got {labels.dtype} of shape {labels.shape}."
            )
        return labels


def _part(episode: Any, name: str, usual: Any = None) -> Any:
    """A part of an episode, which is a mapping or an object."""
    return episode.get(name, usual) if isinstance(episode, Mapping) else getattr(episode, name, usual)

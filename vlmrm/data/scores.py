"""`Scores`: scores that something else gave frames, found by the names of the frames or by episode and step."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import PurePath
from typing import TypeAlias

import numpy as np
from jaxtyping import Float

from vlmrm.data.labelled import LabelledFrames
from vlmrm.data.named import named
from vlmrm.errors import FrameError

Key: TypeAlias = str | tuple[str, int]
"""Name of a frame, or its episode and step."""
_EPISODE = "episode "


@dataclass(frozen=True, kw_only=True)
class Scores:
    """Scores of frames.

    A frame has the score of its name. Where no score has just that name, it has the only one whose name is the end of
    the frame's name or ends with it, folder by folder: ``001.png`` or ``data/up/001.png`` for ``up/001.png``. Scores of
    episodes and steps are found by the group and the step of a frame; ``3`` is the group ``episode 3`` as well.
    """

    name: str
    """What reports call them."""
    by_key: Mapping[Key, float]
    """Score of each frame, by its name or by its episode and step."""
    _given_to: dict[Key, str] = field(default_factory=dict, init=False, repr=False, compare=False)
    """Name of the frame that has had each score, so that no score is given to two frames."""

    def of(self, frames: LabelledFrames) -> Float[np.ndarray, " n"]:
        """Return the score of each frame.

        Args:
            frames: Some frames, or some of them in several calls.

        Raises:
            FrameError: If a frame has no score, several scores could be meant, or a score could be meant for two
                frames.
        """
        keys = [self._by_name(name) for name in frames.names] if self._of_names else self._by_step(frames)
        missing = [name for name, key in zip(frames.names, keys, strict=True) if key is None]
        if missing:
            there = named([str(key) for key in self.by_key], at_most=2)
            raise FrameError(
                f"{self.name} has no score of {len(missing)} of {len(frames)} frames: {named(missing)}. It has "
                f"those of {there}."
            )
        found = [key for key in keys if key is not None]
        if len(set(found)) < len(found):
            twice = [name for name, key in zip(frames.names, found, strict=True) if found.count(key) > 1]
            raise FrameError(
                f"{self.name} has one score for {named(twice)}. Give frames and scores names of their own."
            )
        for key, name in zip(found, frames.names, strict=True):
            other = self._given_to.setdefault(key, name)
            if not _ends_alike(other, name):
                raise FrameError(
                    f"{self.name} has one score for {other} and {name}. Name the scores with their folders."
                )
        return np.array([self.by_key[key] for key in found], dtype=float)

    @property
    def _of_names(self) -> bool:
        return isinstance(next(iter(self.by_key), ""), str)

    @cached_property
    def _by_last_part(self) -> dict[str, list[str]]:
        found: dict[str, list[str]] = {}
        for key in self.by_key:
            if isinstance(key, str):
                found.setdefault(PurePath(key).name, []).append(key)
        return found

    def _by_name(self, name: str) -> Key | None:
        if name in self.by_key:
            return name
        alike = [key for key in self._by_last_part.get(PurePath(name).name, ()) if _ends_alike(name, key)]
        if len(alike) > 1:
            raise FrameError(f"{self.name} has several scores that could be those of {name}: {named(alike)}.")
        return alike[0] if alike else None

    def _by_step(self, frames: LabelledFrames) -> list[Key | None]:
        if frames.steps is None or not len(frames.groups):
            raise FrameError(
                f"{self.name} has scores by episode and step, which are not known of these frames. Write scores with "
                "the column frame."
            )
        keys: list[Key | None] = []
        for group, step in zip(frames.groups, frames.steps.tolist(), strict=True):
            likely = [(group, step), (group.removeprefix(_EPISODE), step), (_EPISODE + group, step)]
            keys.append(next((key for key in likely if key in self.by_key), None))
        return keys


def _ends_alike(name: str, other: str) -> bool:
    """Whether one name is the end of the other, folder by folder."""
    parts = reversed(PurePath(name).parts), reversed(PurePath(other).parts)
    return all(mine == its for mine, its in zip(*parts, strict=False))

"""Cameras around a camera: a grid of angles, and random steps from the best so far."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from vlmrm.errors import SpecError
from vlmrm.rendering import Camera
from vlmrm.values import require_whole

_STEEPEST_DEG = 90
_STEP_DEG = (25.0, 10.0)  # of azimuth and elevation, in the first generation
_STEP_DISTANCE = 0.12  # as a share
_SHRINK = 0.6  # of the steps, from one generation to the next


@dataclass(frozen=True, kw_only=True)
class CameraSearch:
    """Which views are tried, and on how many states."""

    azimuths_deg: Sequence[int | float] = (-90.0, -60.0, -30.0, 0.0, 30.0, 60.0, 90.0, 180.0)
    """Azimuths of the grid, from those of the camera that the search begins with."""
    elevations_deg: Sequence[int | float] = (-20.0, -10.0, 0.0, 10.0)
    """Elevations of the grid, in the same way."""
    distances: tuple[int | float, int | float] = (0.7, 1.4)
    """Nearest and farthest distance, as shares of the first camera's."""
    aim: float = 0.08
    """How far the point in the middle may be moved along each axis, as a share of the distance."""
    views: int = 80
    """Number of views in all, those of the grid first."""
    generation: int = 8
    """Number of views around the same best ones."""
    frames: int = 60
    """Number of labelled states to search on; each view draws them anew, at 5 to 20 ms a picture."""
    pairs: int = 0
    """How many of the best views are also tried together with every other view, by the mean and by the lowest of both
    scores. 0: none."""
    finalists: int = 0
    """How many of the best views are compared once more on `final_frames` other states. 0: none."""
    final_frames: int = 240
    """Number of these states."""
    held_out: int = 1_000
    """Number of states to judge the best on, and the first camera."""
    seed: int = 0
    """Random seed of states and steps."""

    def __post_init__(self) -> None:
        for name in ("views", "generation", "frames", "final_frames", "held_out"):
            require_whole(name, getattr(self, name), at_least=1)
        require_whole("pairs", self.pairs, at_least=0)
        require_whole("seed", self.seed, at_least=0)
        low, high = self.distances
        if not 0 < low <= high or not self.azimuths_deg or not self.elevations_deg:
            raise SpecError(
                f"distances are shares above 0, the nearest first, and the grid needs angles; got {self.distances}, "
                f"{tuple(self.azimuths_deg)} and {tuple(self.elevations_deg)}."
            )


def grid_around(start: Camera, options: CameraSearch) -> list[Camera]:
    """Return the cameras of the grid, the first one first.

    Args:
        start: A free camera.
        options: Angles of the grid.

    Example:
        >>> small = CameraSearch(azimuths_deg=[0, 90], elevations_deg=[0])
        >>> [camera.azimuth_deg for camera in grid_around(Camera(track="torso", distance_m=3, azimuth_deg=100), small)]
        [100, -170]
    """
    turned = [
        replace(
            start,
            azimuth_deg=_round_trip(start.azimuth_deg + azimuth),
            elevation_deg=_level(start.elevation_deg + elevation),
        )
        for elevation in options.elevations_deg
        for azimuth in options.azimuths_deg
    ]
    others = [camera for camera in dict.fromkeys(turned) if not _same_view(camera, start)]
    order = np.random.default_rng(options.seed).permutation(len(others))
    return [start, *(others[place] for place in order)][: options.views]


def _same_view(one: Camera, other: Camera) -> bool:
    turn = _round_trip(one.azimuth_deg - other.azimuth_deg)
    return turn == 0 and one.elevation_deg == other.elevation_deg


def steps_from(
    parents: Sequence[Camera], start: Camera, options: CameraSearch, *, generation: int, count: int
) -> Iterator[Camera]:
    """Yield cameras at random steps from the best so far.

    Args:
        parents: The best so far.
        start: The camera that the search began with; distance and aim stay near its own.
        options: How far they may go.
        generation: Number of this generation, from 0; steps become smaller.
        count: Number of cameras.
    """
    rng = np.random.default_rng([options.seed, generation])
    scale = _SHRINK**generation
    first = float(start.distance_m or 0)
    for place in range(count):
        parent = parents[place % len(parents)]
        azimuth, elevation, stretch = (rng.normal(size=3) * (*_STEP_DEG, _STEP_DISTANCE) * scale).tolist()
        low, high = (share * first for share in options.distances)
        yield replace(
            parent,
            azimuth_deg=round(_round_trip(parent.azimuth_deg + azimuth), 1),
            elevation_deg=round(_level(parent.elevation_deg + elevation), 1),
            distance_m=round(float(np.clip((parent.distance_m or 0) * np.exp(stretch), low, high)), 3),
            lookat_m=_aimed(parent, start, options.aim * first, rng.normal(size=3) * scale / 2),
        )


def _aimed(parent: Camera, start: Camera, most_m: float, step: Any) -> Sequence[float] | None:
    """The point in the middle, moved but near the first one; None where a body is followed."""
    if parent.lookat_m is None or start.lookat_m is None:
        return None
    moved = np.asarray(parent.lookat_m) + np.asarray(step) * most_m
    near = np.clip(moved, np.asarray(start.lookat_m) - most_m, np.asarray(start.lookat_m) + most_m)
    return tuple(round(float(value), 3) for value in near)


def _round_trip(angle_deg: int | float) -> int | float:
    """The same direction, -180 to below 180."""
    return (angle_deg + 180) % 360 - 180


def _level(elevation_deg: int | float) -> int | float:
    return min(max(elevation_deg, -_STEEPEST_DEG), _STEEPEST_DEG)

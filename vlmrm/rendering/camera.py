"""How a simulator's picture is taken: `Camera` and `RenderQuality`, as records that a task and a spec can hold."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from enum import StrEnum
from typing import Any

from vlmrm.errors import SpecError, near_matches
from vlmrm.tables import join, read_table
from vlmrm.values import is_number, plain_number

_AZIMUTH_DEG, _ELEVATION_DEG = 90.0, 0.0


class RenderQuality(StrEnum):
    """What a MuJoCo picture is drawn with. The picture changes, and the reward with it, so a spec records it.

    Example:
        >>> RenderQuality.named("fast")
        <RenderQuality.FAST: 'fast'>
    """

    FULL = "full"
    """Everything that the model's XML asks for: shadows, reflections, antialiasing."""
    FAST = "fast"
    """Without these three: about ten times as many frames a second on a CPU."""

    @classmethod
    def named(cls, name: str) -> "RenderQuality":
        """The quality of this name.

        Raises:
            SpecError: There is none.
        """
        try:
            return cls(name)
        except ValueError as error:
            raise SpecError(f"unknown render quality {name!r}. Known: {', '.join(cls)}.") from error


@dataclass(frozen=True, kw_only=True)
class Camera:
    """Where a MuJoCo picture is taken from: a camera of the XML by its name, or a free one.

    A free camera looks at `lookat_m`, or at the body named in `track`, from `distance_m` away.

    Raises:
        SpecError: It is neither of the two or both, or a number is impossible.

    Example:
        >>> camera = Camera(lookat_m=(0, 0, 1), distance_m=3.5, azimuth_deg=180)
        >>> [round(value, 3) for value in camera.direction()]
        [-1.0, 0.0, 0.0]
    """

    name: str | None = None
    """Name of a camera in the XML; then nothing else is given."""
    lookat_m: Sequence[int | float] | None = None
    """The point in the middle of the picture."""
    track: str | None = None
    """The body in the middle of the picture, wherever it goes."""
    distance_m: int | float | None = None
    """From there to the lens."""
    azimuth_deg: int | float = _AZIMUTH_DEG
    """The direction it looks in, around the vertical axis: 0 along +x, 90 along +y."""
    elevation_deg: int | float = _ELEVATION_DEG
    """How far up it looks; negative: down."""

    def __post_init__(self) -> None:
        self._keep_plain_numbers()
        if sum(value is not None for value in (self.name, self.lookat_m, self.track)) != 1:
            raise SpecError(f"a camera has a name, looks at a point or tracks a body, one of the three; got {self}.")
        for what, value in (("name", self.name), ("track", self.track)):
            if value is not None and not isinstance(value, str):
                raise SpecError(f"{what} of a camera is a name, in quotes; got {value!r}.")
        if self.name is not None:
            if self.distance_m is not None or (self.azimuth_deg, self.elevation_deg) != (_AZIMUTH_DEG, _ELEVATION_DEG):
                raise SpecError(f"the camera {self.name!r} of the XML stands where it stands; say nothing else of it.")
            return
        point = None if self.lookat_m is None else _as_point(self.lookat_m)
        given = (*(point or ()), self.distance_m, self.azimuth_deg, self.elevation_deg)
        if not all(is_number(value) for value in given if value is not None):
            raise SpecError(f"the numbers of a camera must be numbers, and finite; got {self}.")
        if self.distance_m is None or self.distance_m <= 0:
            raise SpecError(f"a free camera needs a distance_m above 0; got {self.distance_m!r}.")
        if point is not None:
            object.__setattr__(self, "lookat_m", tuple(map(float, point)))
        if not -90 <= self.elevation_deg <= 90:
            raise SpecError(f"elevation_deg must lie in -90 to 90; got {self.elevation_deg!r}.")

    def _keep_plain_numbers(self) -> None:
        for name in ("distance_m", "azimuth_deg", "elevation_deg"):
            object.__setattr__(self, name, plain_number(getattr(self, name)))

    def direction(self) -> tuple[float, float, float]:
        """The unit vector along which a free camera looks."""
        azimuth, elevation = math.radians(self.azimuth_deg), math.radians(self.elevation_deg)
        level = math.cos(elevation)
        return level * math.cos(azimuth), level * math.sin(azimuth), math.sin(elevation)

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> "Camera":
        """From plain values, as TOML holds them.

        Raises:
            SpecError: A key is unknown or a value impossible.
        """
        known = [entry.name for entry in fields(cls)]
        for key in values:
            if key not in known:
                raise SpecError(f"unknown key {key!r} of a camera. Near: {near_matches(key, known)}.")
        return cls(**values)

    def to_dict(self) -> dict[str, Any]:
        """As plain values; what was not said is left out."""
        plain = {key: value for key, value in asdict(self).items() if value is not None}
        return {"name": self.name} if self.name is not None else plain


def read_cameras(values: Any, path: str = "cameras") -> dict[str, Camera]:
    """Return named cameras, whose pictures of one moment lie side by side.

    Args:
        values: Cameras by name, in the order of their pictures: each a `Camera`, its table, or the name of one of the
            XML.
        path: Path of the table, for messages.

    Raises:
        SpecError: If there is no name, or one of them is not a camera.

    Example:
        >>> named = read_cameras({"front": {"track": "torso", "distance_m": 3}, "side": "side"})
        >>> named["side"]
        Camera(name='side', lookat_m=None, track=None, distance_m=None, azimuth_deg=90.0, elevation_deg=0.0)
    """
    if not isinstance(values, Mapping) or not all(isinstance(name, str) and name.strip() for name in values):
        raise SpecError(
            f'{path} are cameras by name, as in {{"front": Camera(...), "side": Camera(...)}}; got {values!r}.'
        )
    return {
        name: Camera(name=camera) if isinstance(camera, str) else read_table(Camera, camera, where=join(path, name))
        for name, camera in values.items()
    }


def _as_point(value: Any) -> tuple[Any, Any, Any]:
    try:
        x, y, z = value
    except (TypeError, ValueError) as error:
        raise SpecError(f"lookat_m is a point x, y, z; got {value!r}.") from error
    return x, y, z

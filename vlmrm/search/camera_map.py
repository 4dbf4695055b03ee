"""A picture of a search for a camera: AUROC over azimuth and elevation, and how a camera is written in a task."""

from pathlib import Path
from typing import Any

from vlmrm.errors import SpecError
from vlmrm.rendering import Camera
from vlmrm.report.figures import new_figure, save_figure
from vlmrm.search.found import SearchResult


def draw_camera_map(result: SearchResult, path: str | Path) -> Path:
    """Draw every view that was tried as a dot, coloured by its AUROC on the frames to search on.

    Args:
        result: What `search_camera` returned.
        path: A PNG file.

    Raises:
        SpecError: If it was no search for a camera.
    """
    views = [(one.camera, one.search.auroc) for one in reversed(result.ranked) if one.camera is not None]
    best, first = result.best.views, result.shipped.views
    if not views or not best or not first:
        raise SpecError(f"a map of cameras is drawn of a search for a camera; this one was for a {result.what}.")
    figure, (panel,) = new_figure()
    dots = panel.scatter(
        [camera.azimuth_deg for camera, _ in views],
        [camera.elevation_deg for camera, _ in views],
        c=[value for _, value in views],
        s=70,
        cmap="viridis",
        edgecolors="white",
        linewidths=0.4,
    )
    for cameras, label, marker in ((first, "shipped", "s"), (best, "best", "o")):
        shape: dict[str, Any] = {
            "marker": marker,
            "s": 180,
            "facecolors": "none",
            "edgecolors": "black",
            "linewidths": 1.4,
        }
        angles = zip(*((camera.azimuth_deg, camera.elevation_deg) for camera in cameras), strict=True)
        panel.scatter(*angles, label=label, **shape)
    panel.set_xlabel("azimuth (deg)")
    panel.set_ylabel("elevation (deg)")
    panel.legend(loc="upper right", frameon=True)
    figure.colorbar(dots, ax=panel, label=f"AUROC, {sum(result.searched)} states")
    return save_figure(figure, Path(path))


def camera_toml(camera: Camera, table: str = "camera") -> str:
    """Return a camera as a table of a task file.

    Args:
        camera: Any camera.
        table: Name of the table: ``camera``, or ``cameras.NAME`` of several.

    Example:
        >>> print(camera_toml(Camera(track="torso", distance_m=3, azimuth_deg=90, elevation_deg=-30)))
        [camera]
        track = "torso"
        distance_m = 3
        azimuth_deg = 90
        elevation_deg = -30
    """
    said = ((key, list(value) if isinstance(value, tuple) else value) for key, value in camera.to_dict().items())
    lines = (f'{key} = "{value}"' if isinstance(value, str) else f"{key} = {value}" for key, value in said)
    return "\n".join([f"[{table}]", *lines])
